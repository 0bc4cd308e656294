import { ApiError } from "../frame/errors.ts";
import type { Json, Shape } from "../frame/fields.ts";
import { utc } from "../frame/time.ts";
import type { World } from "../frame/world.ts";

/** https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies */
export interface AlertPolicy extends Json {
  name: string;
  displayName: string;
  enabled: boolean;
  conditions: Json[];
}

/** https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alerts */
export interface Alert {
  name: string;
  state: "OPEN" | "CLOSED";
  openTime: string;
  closeTime?: string;
  policy: { name: string; displayName: string; userLabels?: Record<string, string>; severity?: string };
}

const CONDITION: Shape = {
  name: "output",
  displayName: "string",
  conditionThreshold: "json",
  conditionAbsent: "json",
  conditionMatchedLog: "json",
  conditionMonitoringQueryLanguage: "json",
  conditionPrometheusQueryLanguage: "json",
  conditionSql: "json",
};

export const ALERT_POLICY: Shape = {
  name: "output",
  displayName: "string",
  documentation: "json",
  userLabels: "map",
  conditions: { many: CONDITION },
  combiner: "string",
  enabled: "boolean",
  validity: "output",
  notificationChannels: "strings",
  creationRecord: "output",
  mutationRecord: "output",
  alertStrategy: "json",
  severity: "string",
};

const COMBINERS = ["AND", "OR", "AND_WITH_MATCHING_RESOURCE"];
const MOST_CONDITIONS = 6;

/** Policies, which are only kept, and their alerts, which are opened and closed by hand. */
export class AlertPolicies {
  readonly #world: World;
  readonly policies = new Map<string, AlertPolicy>();
  readonly alerts = new Map<string, Alert>();

  constructor(world: World) {
    this.#world = world;
  }

  create(project: string, body: Json, principal: string): AlertPolicy {
    const conditions = (body.conditions ?? []) as Json[];
    if (typeof body.displayName !== "string" || body.displayName === "")
      throw invalid("alert_policy.display_name", "must have a value");
    if (!COMBINERS.includes(String(body.combiner))) throw invalid("alert_policy.combiner", "must be specified");
    if (conditions.length < 1 || conditions.length > MOST_CONDITIONS)
      throw invalid("alert_policy.conditions", `must have at least 1 and at most ${MOST_CONDITIONS} elements`);
    const name = `projects/${project}/alertPolicies/${this.#world.ids.numeric()}`;
    const record = { mutateTime: utc(this.#world.clock.now()), mutatedBy: principal };
    const policy: AlertPolicy = {
      ...body,
      name,
      displayName: body.displayName,
      enabled: body.enabled !== false,
      conditions: conditions.map((condition) => ({
        ...condition,
        name: `${name}/conditions/${this.#world.ids.numeric()}`,
      })),
      creationRecord: record,
      mutationRecord: record,
    };
    this.policies.set(name, policy);
    this.#world.changed();
    return policy;
  }

  get(name: string): AlertPolicy {
    const policy = this.policies.get(name);
    if (!policy) throw new ApiError(404, `No alert policy found with name '${name}'.`);
    return policy;
  }

  /** Its open alerts end with it. */
  delete(name: string): void {
    this.get(name);
    for (const alert of this.alerts.values())
      if (alert.policy.name === name && alert.state === "OPEN") this.close(alert.name);
    this.policies.delete(name);
    this.#world.changed();
  }

  /** By the policy's name or by what people call it. One that is switched off opens none. */
  open(project: string, wanted: string): Alert {
    const policy = [...this.policies.values()].find(
      ({ name, displayName }) => name === wanted || (displayName === wanted && name.startsWith(`projects/${project}/`)),
    );
    if (!policy) throw new ApiError(404, `there is no alert policy "${wanted}"`);
    if (!policy.enabled) throw new ApiError(400, `the alert policy "${wanted}" is switched off and opens no alert`);
    const owner = /^projects\/[^/]+/.exec(policy.name)?.[0] ?? "";
    const alert: Alert = {
      name: `${owner}/alerts/0.${this.#world.ids.numeric()}`,
      state: "OPEN",
      openTime: utc(this.#world.clock.now()),
      policy: {
        name: policy.name,
        displayName: policy.displayName,
        ...(policy.userLabels !== undefined && { userLabels: policy.userLabels as Record<string, string> }),
        ...(typeof policy.severity === "string" && { severity: policy.severity }),
      },
    };
    this.alerts.set(alert.name, alert);
    this.#world.changed();
    return alert;
  }

  alert(name: string): Alert {
    const alert = this.alerts.get(name);
    if (!alert) throw new ApiError(404, `No alert found with name '${name}'.`);
    return alert;
  }

  close(name: string): Alert {
    const alert = this.alert(name);
    if (alert.state === "CLOSED") return alert;
    const closed: Alert = { ...alert, state: "CLOSED", closeTime: utc(this.#world.clock.now()) };
    this.alerts.set(name, closed);
    this.#world.changed();
    return closed;
  }
}

function invalid(field: string, what: string): ApiError {
  return new ApiError(400, `Field ${field} had an invalid value: ${what}.`);
}
