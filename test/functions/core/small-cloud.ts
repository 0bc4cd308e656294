import { createHash } from "node:crypto";
import type { Context } from "../../../functions/core/context.ts";
import { type Decision, decide } from "../../../functions/core/decide.ts";
import type { Effect } from "../../../functions/core/effects.ts";
import { readPolicy } from "../../../functions/core/fleetfile/read.ts";
import { openGates } from "../../../functions/core/gates.ts";
import { instant } from "../../../functions/core/instants.ts";
import type {
  BudgetView,
  Command,
  GateAnswer,
  GroupView,
  MachineView,
  Observation,
  ReportView,
} from "../../../functions/core/observation.ts";
import type { Policy } from "../../../functions/core/policy.ts";
import { emptyRecord, type FleetRecord, type UnusableVersion } from "../../../functions/core/record.ts";
import { lastSegment, ownedText } from "../../../functions/core/wanted.ts";
import type { Image, InstanceProperties } from "../../../wire/compute.d.ts";

export const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

export const places = {
  reportsBucket: "acme-moult-reports",
  reportsTopic: "projects/acme-prod/topics/moult-reports",
  configBucket: "acme-moult-config",
};

export function policyOf(more: Record<string, unknown> = {}): Policy {
  const read = readPolicy({
    fleet: "web",
    project: "acme-prod",
    groups: [{ zone: "us-central1-a", name: "web", base: "web-base" }],
    follows: { family: "web" },
    steps: [{ canary: 1, bake: "60s" }, { share: "100%" }],
    finalBake: "60s",
    limits: { progress: "5m" },
    replace: { above: 3, missing: 0 },
    ...more,
  });
  if ("findings" in read) throw new Error(JSON.stringify(read.findings));
  return read.policy;
}

export function imageOf(name: string, id: string, more: Partial<Image> = {}): Image {
  return {
    id,
    name,
    family: "web",
    status: "READY",
    creationTimestamp: "2026-01-01T00:00:00.000Z",
    selfLink: `projects/acme-prod/global/images/${name}`,
    ...more,
  };
}

export const baseProperties: InstanceProperties = {
  machineType: "e2-small",
  labels: { kind: "web" },
  disks: [
    {
      boot: true,
      autoDelete: true,
      initializeParams: { sourceImage: "projects/acme-prod/global/images/web-1", diskSizeGb: "10" },
    },
  ],
  metadata: { items: [{ key: "enable-guest-attributes", value: "TRUE" }] },
};

/** How the machines of an image behave. */
export interface Behaviour {
  report?: "ready" | "failed" | "none";
  health?: "HEALTHY" | "UNHEALTHY";
  /** Cannot be made: this error, for ever. */
  error?: string;
}

/**
 * One fleet of one zonal group, in memory, with the least of an updater: enough to drive `decide` through whole rollouts
 * without I/O. The real updater's emulation is not shared with it.
 */
export class SmallCloud {
  now = Date.UTC(2026, 10, 20, 12);
  record: FleetRecord = emptyRecord("web");
  head: Image = imageOf("web-1", "1001");
  unready: Image[] = [];
  commit: string | null = null;
  /** Versions that releases name and that are not enabled. */
  unusable: UnusableVersion[] = [];
  commands: Command[] = [];
  secrets: Observation["inputs"] extends infer I ? (I extends { secrets: infer S } ? S : never) : never = {};
  templates = new Map<string, InstanceProperties>([["web-base", baseProperties]]);
  behaviours = new Map<string, Behaviour>();
  reports: (ReportView & { release: string })[] = [];
  group: GroupView;
  /** Most machines of each template that ever were there at once. */
  most = new Map<string, number>();
  decisions: Decision[] = [];
  /** Effects that are lost, as if the process had died after saving. */
  lose: (effect: Effect) => boolean = () => false;
  /** Somebody else holds the names of moult's templates. */
  different = () => false;
  /** What the gates say when they are asked. */
  answer: GateAnswer = { answer: "pass", text: "all is well" };
  budget: BudgetView = { leases: [], begun: [] };
  /** What Compute itself took away, by id. */
  readonly interrupted: Record<string, string> = {};
  /** Machines are made at one update and run at the next. */
  slow = false;
  /** Fingerprints are a hash of what the group holds, so that one comes back when the group becomes what it was. */
  hashed = false;
  /** Templates that somebody deleted: a change that names one is refused. */
  deleted = new Set<string>();
  /** What the group's base is made of now. */
  base = baseProperties;
  /** What Compute said to the last change it refused. */
  #refusal: string | undefined;
  #machines = 0;
  #orders = 0;

  constructor(size = 6) {
    this.group = {
      fingerprint: "f0",
      targetSize: size,
      versions: [{ instanceTemplate: "projects/acme-prod/global/instanceTemplates/web-base" }],
      updatePolicy: {
        type: "OPPORTUNISTIC",
        minimalAction: "REPLACE",
        maxSurge: { fixed: 1 },
        maxUnavailable: { fixed: 0 },
      },
      stateful: false,
      zones: 1,
      checked: true,
      machines: [],
      errors: [],
    };
    for (let i = 0; i < size; i++) this.#make("web-base");
  }

  command(command: Record<string, unknown>): void {
    const name = `commands/web/${String(++this.#orders).padStart(6, "0")}`;
    this.commands.push({ name, by: "ada", at: instant(this.now), ...command } as Command);
  }

  observe(): Observation {
    const active = this.record.active;
    const untouched = !active || Object.values(active.groups).every(({ intent }) => !intent);
    const refused = this.#refusal ?? active?.refusal;
    const read =
      untouched || refused !== undefined || this.now - Date.parse(this.record.inputsRead ?? "1970-01-01") > 60_000;
    return {
      at: instant(this.now),
      commands: this.commands,
      groups: { "us-central1-a/web": active ? this.group : { ...this.group, machines: [], errors: [] } },
      gates: Object.fromEntries((active ? openGates(active) : []).map(({ key }) => [key, this.answer])),
      ...((active?.policy ?? this.record.policy)?.budget && { budget: this.budget }),
      reports: active?.reports ? this.reports.filter(({ release }) => release === active.to.digest) : [],
      interrupted: this.interrupted,
      ...(this.#refusal !== undefined && { refusal: this.#refusal }),
      templates:
        refused === undefined && active?.phase !== "prepared"
          ? {}
          : Object.fromEntries([
              ...[...this.deleted].map((name) => [name, "absent"]),
              ...Object.values(active?.groups ?? {}).map(({ template }) => [
                template,
                this.different() ? "different" : this.templates.has(template) ? "same" : "absent",
              ]),
            ]),
      ...(read && {
        inputs: {
          image: this.head,
          unready: this.unready,
          configCommit: this.commit,
          secrets: this.secrets,
          unusable: this.unusable,
          bases: { "us-central1-a/web": this.base },
          running: { "us-central1-a/web": imageOf("web-1", "1001") },
        },
      }),
    };
  }

  /** One look, as reconcile does it: decide, save, act. Returns whether something was done. */
  look(): boolean {
    const context: Context = { now: instant(this.now), sha256, places };
    const decision = decide(this.record, this.observe(), context);
    this.decisions.push(decision);
    this.record = JSON.parse(JSON.stringify(decision.record));
    this.#refusal = undefined;
    for (const effect of decision.effects) if (!this.lose(effect)) this.#perform(effect);
    return decision.effects.length > 0;
  }

  /** Looks until nothing is to be done, moves the machines, and lets `ms` pass. */
  step(ms = 3000): void {
    for (let i = 0; i < 12 && this.look(); i++);
    this.update();
    this.now += ms;
  }

  /** Steps until the condition holds; fails after `limit` steps, saying why the fleet waits. */
  until(condition: () => boolean, limit = 400): void {
    for (let i = 0; i < limit; i++) {
      if (condition()) return;
      this.step();
    }
    throw new Error(`it never came to that; the fleet says: ${this.record.reasons.map(({ text }) => text).join("; ")}`);
  }

  count(template: (name: string) => boolean): number {
    return this.group.machines.filter((machine) => template(machine.template)).length;
  }

  templateOf(image: string): string {
    for (const [name, properties] of this.templates)
      if (properties.disks?.[0]?.initializeParams?.sourceImage?.endsWith(`/${image}`)) return name;
    return "none";
  }

  #perform(effect: Effect): void {
    if (effect.kind === "insert-template") {
      this.templates.set(effect.name, effect.properties);
      this.deleted.delete(effect.name);
    }
    if (effect.kind === "delete-command") this.commands = this.commands.filter(({ name }) => name !== effect.name);
    if (effect.kind === "patch-autoscaler" && this.group.autoscaler)
      this.group = { ...this.group, autoscaler: { ...this.group.autoscaler, mode: effect.mode } };
    if (effect.kind === "lease") {
      const { rollout, machines, begun, until } = effect;
      const others = this.budget.leases.filter((lease) => lease.rollout !== rollout);
      this.budget = {
        leases: machines > 0 ? [...others, { fleet: "web", rollout, machines, until }] : others,
        begun:
          begun > 0
            ? [...this.budget.begun, { fleet: "web", machines: begun, at: instant(this.now) }]
            : this.budget.begun,
      };
    }
    if (effect.kind === "patch-group") {
      if (effect.fingerprint !== this.group.fingerprint) return;
      const gone = effect.versions.map(({ instanceTemplate = "" }) => lastSegment(instanceTemplate));
      const name = gone.find((one) => this.deleted.has(one));
      if (name !== undefined) {
        this.#refusal = `the resource 'global/instanceTemplates/${name}' was not found`;
        return;
      }
      this.#become({ versions: effect.versions, updatePolicy: effect.updatePolicy }, "+");
    }
  }

  #become(more: Partial<GroupView>, mark: string): void {
    const group = { ...this.group, ...more };
    const fingerprint = this.hashed ? sha256(ownedText(group)) : `${this.group.fingerprint}${mark}`;
    this.group = { ...group, fingerprint };
  }

  /** Somebody else's hand. */
  change(more: Partial<GroupView>): void {
    this.#become(more, "!");
  }

  /** A person deletes a template that no group uses. */
  deleteTemplate(name: string): void {
    this.templates.delete(name);
    this.deleted.add(name);
  }

  /** The effects of a look once more, as a sleeper would do them that has not asked whether they are still its own. */
  late(decision: Decision | undefined = this.decisions.at(-1)): void {
    for (const effect of decision?.effects ?? []) this.#perform(effect);
  }

  /** A machine is gone, as one that was preempted; the group makes another. */
  kill(index: number): void {
    this.group = { ...this.group, machines: this.group.machines.filter((_, i) => i !== index) };
  }

  #make(template: string): void {
    const name = `web-${++this.#machines}`;
    this.group.machines.push({ name, action: "CREATING", template, errors: [] });
    if (!this.slow) this.#boot();
  }

  /** Whatever was made comes up, as its image makes it. */
  #boot(): void {
    for (const machine of this.group.machines.filter(({ id }) => id === undefined)) this.#start(machine);
  }

  #start(machine: MachineView): void {
    const properties = this.templates.get(machine.template);
    const image = lastSegment(properties?.disks?.[0]?.initializeParams?.sourceImage ?? "");
    const { report = "ready", health = "HEALTHY", error } = this.behaviours.get(image) ?? {};
    machine.errors = error ? [{ code: error, message: "it says no" }] : [];
    if (error) return;
    const id = `9${machine.name.slice("web-".length)}`;
    Object.assign(machine, { id, action: "NONE", status: "RUNNING", health });
    const release = properties?.metadata?.items?.find(({ key }) => key === "moult-release")?.value;
    if (release && report !== "none") {
      const said =
        report === "ready"
          ? { reason: "ready", message: "ready" }
          : { reason: "not-ready", message: "the application does not answer" };
      this.reports.push({
        release: JSON.parse(release).release,
        instanceId: id,
        instanceName: machine.name,
        verdict: report,
        ...said,
      });
    }
  }

  /** Brings the group a little nearer to its versions: makes within the surge, deletes what available machines allow. */
  update(): void {
    this.#boot();
    const { versions, targetSize, updatePolicy, machines } = this.group;
    const open = versions.find(({ targetSize }) => !targetSize);
    const wanted = new Map<string, number>();
    let left = targetSize;
    for (const version of versions.filter((version) => version !== open)) {
      const count = Math.min(left, version.targetSize?.fixed ?? 0);
      wanted.set(lastSegment(version.instanceTemplate ?? ""), count);
      left -= count;
    }
    if (open) wanted.set(lastSegment(open.instanceTemplate ?? ""), left);
    const surge = updatePolicy.maxSurge?.fixed ?? 0;
    const missing = updatePolicy.maxUnavailable?.fixed ?? 0;
    const isFine = ({ status, health }: MachineView) => status === "RUNNING" && health === "HEALTHY";
    const available = () => this.group.machines.filter(isFine).length;
    const isSuperfluous = ({ template }: MachineView) =>
      this.count((name) => name === template) > (wanted.get(template) ?? 0);
    const remove = (machine: MachineView) => {
      this.group.machines = this.group.machines.filter((other) => other !== machine);
    };
    // Sizes are followed whatever the update policy says.
    for (const [template, count] of wanted)
      while (this.count((name) => name === template) < count && this.group.machines.length < targetSize)
        this.#make(template);
    if (updatePolicy.type !== "PROACTIVE") {
      const worst = [...machines].sort((a, b) => Number(isFine(a)) - Number(isFine(b)));
      for (const machine of worst)
        if (this.group.machines.length > targetSize && isSuperfluous(machine)) remove(machine);
    }
    if (updatePolicy.type === "PROACTIVE") {
      for (const [template, count] of wanted) {
        while (this.count((name) => name === template) < count && this.group.machines.length < targetSize + surge)
          this.#make(template);
      }
      for (const machine of [...machines])
        if (isSuperfluous(machine) && (!isFine(machine) || available() > targetSize - missing)) remove(machine);
    }
    for (const { template } of this.group.machines)
      this.most.set(
        template,
        Math.max(
          this.most.get(template) ?? 0,
          this.count((name) => name === template),
        ),
      );
  }
}
