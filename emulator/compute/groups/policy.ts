import type { ApiError } from "../../frame/errors.ts";
import { errors } from "../errors.ts";
import { isObject, type Json } from "../schema/check.ts";
import type { FixedOrPercent, StoredPolicy, StoredVersion } from "./model.ts";

/** What the rules of an update policy look at. */
export interface Frame {
  regional: boolean;
  zones: number;
  targetSize: number;
}

const AT = "resource.updatePolicy";

export function oneOf<T extends string>(value: unknown, allowed: readonly T[], fallback: T, field: string): T {
  if (value === undefined || value === null) return fallback;
  const found = allowed.find((word) => word === value);
  if (!found) throw errors.value(field, value, `Must be one of [${allowed.join(", ")}].`);
  return found;
}

/** `calculated` is output only and ignored: gcloud sends back what it read. */
export function fixedOrPercent(value: unknown, field: string): FixedOrPercent | undefined {
  if (!isObject(value)) return undefined;
  const { fixed, percent } = value;
  const given = (n: unknown) => n !== undefined && n !== null;
  if (given(fixed) && given(percent)) throw errors.value(field, value, "Only one of fixed and percent can be set.");
  if (given(fixed)) {
    if (Number(fixed) < 0) throw errors.value(`${field}.fixed`, fixed, "Must be greater than or equal to 0.");
    return { fixed: Number(fixed) };
  }
  if (!given(percent)) return undefined;
  if (Number(percent) < 0 || Number(percent) > 100)
    throw errors.value(`${field}.percent`, percent, "Must be between 0 and 100, inclusive.");
  return { percent: Number(percent) };
}

const UPDATE_ACTIONS = ["NONE", "REFRESH", "RESTART", "REPLACE"] as const;

/** Reads an update policy and fills in its defaults: surge and unavailable are one for each zone of the group. */
export function parsePolicy(body: Json, frame: Frame): StoredPolicy {
  const each = { fixed: frame.zones };
  const redistribution = body.instanceRedistributionType;
  const policy: StoredPolicy = {
    type: oneOf(body.type, ["PROACTIVE", "OPPORTUNISTIC"], "OPPORTUNISTIC", `${AT}.type`),
    minimalAction: oneOf(body.minimalAction, UPDATE_ACTIONS, "REPLACE", `${AT}.minimalAction`),
    maxSurge: fixedOrPercent(body.maxSurge, `${AT}.maxSurge`) ?? each,
    maxUnavailable: fixedOrPercent(body.maxUnavailable, `${AT}.maxUnavailable`) ?? each,
    replacementMethod: oneOf(
      body.replacementMethod,
      ["SUBSTITUTE", "RECREATE"],
      "SUBSTITUTE",
      `${AT}.replacementMethod`,
    ),
    ...(body.mostDisruptiveAllowedAction !== undefined && {
      mostDisruptiveAllowedAction: oneOf(
        body.mostDisruptiveAllowedAction,
        UPDATE_ACTIONS,
        "REPLACE",
        `${AT}.mostDisruptiveAllowedAction`,
      ),
    }),
    ...((frame.regional || redistribution !== undefined) && {
      instanceRedistributionType: oneOf(
        redistribution,
        ["PROACTIVE", "NONE"],
        "PROACTIVE",
        `${AT}.instanceRedistributionType`,
      ),
    }),
  };
  const wrong = ruleBroken(policy, frame);
  if (wrong) throw wrong;
  return policy;
}

const isZero = (value: FixedOrPercent) => (value.percent ?? value.fixed ?? 0) === 0;

/** The documented rules; the texts of the first two and the zone rule are the service's own (public threads). */
export function ruleBroken(policy: StoredPolicy, frame: Frame): ApiError | undefined {
  const { maxSurge, maxUnavailable, minimalAction, mostDisruptiveAllowedAction: most } = policy;
  if (policy.replacementMethod === "RECREATE" && !isZero(maxSurge))
    return errors.value(
      `${AT}.maxSurge`,
      maxSurge,
      "maxSurge must be equal to 0 when replacement method is set to RECREATE",
    );
  for (const [name, value] of [
    ["maxSurge", maxSurge],
    ["maxUnavailable", maxUnavailable],
  ] as const) {
    if (frame.regional && value.fixed !== undefined && value.fixed !== 0 && value.fixed < frame.zones)
      return errors.value(
        `${AT}.${name}.fixed`,
        value.fixed,
        `Fixed updatePolicy.${name} for regional managed instance group has to be either 0 or at least equal to the number of zones.`,
      );
    if (value.percent !== undefined && frame.targetSize < 10)
      return errors.value(
        `${AT}.${name}.percent`,
        value.percent,
        `Percent updatePolicy.${name} can be used only for managed instance groups with at least 10 instances.`,
      );
  }
  if (isZero(maxSurge) && isZero(maxUnavailable))
    return errors.value(
      `${AT}.maxUnavailable`,
      maxUnavailable,
      "Either maxSurge or maxUnavailable must be greater than 0.",
    );
  if (most && UPDATE_ACTIONS.indexOf(minimalAction) > UPDATE_ACTIONS.indexOf(most))
    return errors.value(
      `${AT}.mostDisruptiveAllowedAction`,
      most,
      "mostDisruptiveAllowedAction must not be less disruptive than minimalAction.",
    );
  return undefined;
}

/** Reads `versions`; exactly one has no target size, names differ, and no more than two are kept by an update. */
export function parseVersions(value: unknown, find: (template: string, field: string) => string): StoredVersion[] {
  const bodies = Array.isArray(value) ? value.filter(isObject) : [];
  if (bodies.length === 0)
    throw errors.value("resource.instanceTemplate", "", "An instance template must be specified.");
  const versions = bodies.map((body, i): StoredVersion => {
    const at = `resource.versions[${i}]`;
    if (typeof body.instanceTemplate !== "string" || body.instanceTemplate === "")
      throw errors.value(`${at}.instanceTemplate`, body.instanceTemplate, "An instance template must be specified.");
    const targetSize = fixedOrPercent(body.targetSize, `${at}.targetSize`);
    return {
      template: find(body.instanceTemplate, `${at}.instanceTemplate`),
      ...(typeof body.name === "string" && body.name !== "" && { name: body.name }),
      ...(targetSize && { targetSize }),
    };
  });
  const open = versions.filter((version) => !version.targetSize).length;
  if (open !== 1)
    throw errors.value("resource.versions", bodies, "Exactly one version must leave its target size unset.");
  if (versions.length > 2) throw errors.value("resource.versions", bodies, "At most two versions are supported.");
  const [a, b] = versions;
  // Two without a name are told apart by their templates.
  if (a && b && a.name === b.name && (a.name !== undefined || a.template === b.template))
    throw errors.value("resource.versions", bodies, "Versions must have unique names.");
  return versions;
}
