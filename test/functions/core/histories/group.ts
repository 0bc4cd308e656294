import type { Behaviours } from "../../../../emulator/compute/behaviours.ts";
import { calculate } from "../../../../emulator/compute/groups/goal.ts";
import type { StoredPolicy, StoredVersion } from "../../../../emulator/compute/groups/model.ts";
import { parsePolicy, parseVersions } from "../../../../emulator/compute/groups/policy.ts";
import { decide } from "../../../../emulator/compute/updater/decide.ts";
import {
  type Action,
  type GroupGoal,
  isAvailable,
  leaving,
  settled,
  type Target,
  type VersionGoal,
} from "../../../../emulator/compute/updater/values.ts";
import type { ErrorView, GroupView } from "../../../../functions/core/observation.ts";
import type { AutoscalerMode } from "../../../../functions/core/rolloutrecord.ts";
import { lastSegment } from "../../../../functions/core/wanted.ts";
import type { ManagerVersion, UpdatePolicy } from "../../../../wire/compute.d.ts";
import type { Draws } from "./draws.ts";
import { dueAt, forget, type Machine, type Nature, type Refusal } from "./machines.ts";

export interface GroupPlan {
  name: string;
  /** A zone, or a region of three. */
  location: string;
  regional: boolean;
  size: number;
  wave: number;
  checked: boolean;
  /** Failed machines are made again. */
  repairs: boolean;
  autoscaler: AutoscalerMode | null;
  /** Replacements keep their names. */
  inPlace: boolean;
  /** The group's own policy, as its owner wrote it. */
  own: "opportunistic" | "proactive" | "percent";
}

/** What the world around a group decides. */
export interface Surroundings {
  now(): number;
  draws: Draws;
  behaviours: Behaviours;
  /** A fingerprint is a hash of what a group holds: it comes back when the group is again what it was (docs/verified.md). */
  hashed: boolean;
  nature(template: string): Nature;
  /** Why no machine of this template can be made in this zone now. */
  refuses(group: ModelGroup, zone: string, template: string): Refusal | undefined;
  id(): string;
  report(machine: Machine): void;
  ticked(group: ModelGroup, actions: Action[], before: Counted): void;
}

/** What the promises are about, before a tick of the updater and after it. */
export interface Counted {
  machines: number;
  available: number;
}

const HEALING_DELAY_MS = 120_000;

/** One managed instance group: the emulator's own updater, over machines that boot, report and die as drawn. */
export class ModelGroup {
  readonly key: string;
  readonly plan: GroupPlan;
  readonly machines = new Map<string, Machine>();
  targetSize: number;
  versions: StoredVersion[];
  policy: StoredPolicy;
  autoscaler: { name: string; mode: AutoscalerMode } | undefined;
  /** The mode its owner gave it. */
  ownMode: AutoscalerMode | undefined;
  errors: ErrorView[] = [];
  /** A person is making it smaller in this very moment. */
  shrunk = false;
  /** Changes with everything that is changed here, the size included. */
  revision = 0;
  /** Before the first change of the mode that no look has seen. */
  #unseen: { mode: AutoscalerMode; own: AutoscalerMode | undefined } | undefined;
  readonly #world: Surroundings;
  #names = 0;
  #nextDue = Number.POSITIVE_INFINITY;

  constructor(plan: GroupPlan, template: string, world: Surroundings) {
    this.plan = plan;
    this.key = `${plan.location}/${plan.name}`;
    this.#world = world;
    this.targetSize = plan.size;
    this.versions = [{ template }];
    this.policy = parsePolicy({ ...ownPolicy(plan) }, this.frame());
    if (plan.autoscaler) this.autoscaler = { name: plan.name, mode: plan.autoscaler };
    this.ownMode = plan.autoscaler ?? undefined;
    for (let i = 0; i < plan.size; i++) {
      const machine = this.#add({ template, name: "" }, this.#emptiestZone());
      const id = world.id();
      Object.assign(machine, { id, status: "RUNNING", action: "NONE", everHealthy: true, runningSince: 0 });
      machine.health = plan.checked ? "HEALTHY" : "UNKNOWN";
      delete machine.attemptAt;
    }
  }

  get zones(): string[] {
    const { location, regional } = this.plan;
    return regional ? ["a", "b", "c"].map((letter) => `${location}-${letter}`) : [location];
  }

  get fingerprint(): string {
    const { key, revision, versions, policy, targetSize } = this;
    return `${key}#${this.#world.hashed ? JSON.stringify([versions, policy, targetSize]) : revision}`;
  }

  frame() {
    return { regional: this.plan.regional, zones: this.zones.length, targetSize: this.targetSize };
  }

  /** Throws what Compute answers to a change it does not take. */
  patch(versions: ManagerVersion[], updatePolicy: UpdatePolicy): void {
    const parsed = parseVersions(versions, lastSegment);
    this.policy = parsePolicy({ ...updatePolicy }, this.frame());
    this.versions = parsed;
    this.revision++;
    this.update();
  }

  /** A person makes it so large. */
  resize(size: number): void {
    this.shrunk = size < this.targetSize;
    this.#setSize(size);
    this.shrunk = false;
  }

  /** The autoscaler wants so many; its mode says whether it may. */
  scale(wanted: number): void {
    const mode = this.autoscaler?.mode ?? "OFF";
    if (mode === "ON") this.#setSize(wanted);
    else if (mode !== "OFF") this.#setSize(Math.max(wanted, this.targetSize));
  }

  #setSize(size: number): void {
    if (size === this.targetSize) return;
    this.targetSize = size;
    this.revision++;
    this.update();
  }

  setMode(mode: AutoscalerMode): void {
    if (this.autoscaler) this.autoscaler = { ...this.autoscaler, mode };
  }

  /** What is so already when the next look comes was not changed for anybody who looks: nobody can tell whose it is. */
  ownerSets(mode: AutoscalerMode): void {
    if (!this.autoscaler || this.autoscaler.mode === mode) return;
    this.#unseen ??= { mode: this.autoscaler.mode, own: this.ownMode };
    this.setMode(mode);
    this.ownMode = this.#unseen.mode === mode ? this.#unseen.own : mode;
  }

  goal(): GroupGoal {
    const { behaviours } = this.#world;
    const { policy, targetSize, plan } = this;
    return {
      targetSize,
      versions: this.#versionGoals(),
      proactive: policy.type === "PROACTIVE",
      minimalAction: policy.minimalAction,
      mostDisruptiveAllowedAction: policy.mostDisruptiveAllowedAction ?? "REPLACE",
      surge: calculate(policy.maxSurge, targetSize, behaviours.surgeRounding),
      unavailable: calculate(policy.maxUnavailable, targetSize, behaviours.unavailableRounding),
      inPlace: policy.replacementMethod === "RECREATE",
      checked: plan.checked,
      initialDelayMs: HEALING_DELAY_MS,
      repairs: plan.repairs,
      updateOnRepair: false,
      scaleIn: behaviours.scaleIn,
      keepsSurge: behaviours.pausedSurge === "kept",
      zones: this.zones,
      redistributes: plan.regional,
    };
  }

  #versionGoals(): VersionGoal[] {
    let rest = this.targetSize;
    const sizes = this.versions.map(({ targetSize }) => {
      if (!targetSize) return undefined;
      const size = Math.min(rest, calculate(targetSize, this.targetSize, this.#world.behaviours.versionRounding));
      rest -= size;
      return size;
    });
    return this.versions.map(({ template, name = "" }, i) => ({
      template,
      name,
      size: sizes[i] ?? rest,
      explicit: sizes[i] !== undefined,
    }));
  }

  counted(): Counted {
    const goal = { checked: this.plan.checked };
    let available = 0;
    for (const machine of this.machines.values()) if (isAvailable(goal, machine)) available++;
    return { machines: this.machines.size, available };
  }

  /** Machines of a template that are there or being made. */
  count(template: string): number {
    let count = 0;
    for (const machine of this.machines.values()) if (machine.template === template && !leaving(machine)) count++;
    return count;
  }

  get nextDue(): number {
    return this.#nextDue;
  }

  /** Everything that is due by now happens; the updater then decides. */
  wake(): void {
    const now = this.#world.now();
    if (this.#nextDue > now) return;
    for (const machine of [...this.machines.values()]) if (dueAt(machine) <= now) this.#happen(machine, now);
    this.update();
  }

  #happen(machine: Machine, now: number): void {
    if (machine.goneAt !== undefined && machine.goneAt <= now) this.#gone(machine);
    if (machine.attemptAt !== undefined && machine.attemptAt <= now) this.#attempt(machine, now);
    if (machine.runsAt !== undefined && machine.runsAt <= now) this.#runs(machine, now);
    if (machine.reportsAt !== undefined && machine.reportsAt <= now) {
      delete machine.reportsAt;
      this.#world.report(machine);
    }
    if (machine.healthAt !== undefined && machine.healthAt <= now) this.#probed(machine, now);
  }

  #gone(machine: Machine): void {
    const { action } = machine;
    forget(machine);
    if (action === "RECREATING") machine.attemptAt = this.#world.now();
    else this.machines.delete(machine.name);
  }

  #attempt(machine: Machine, now: number): void {
    delete machine.attemptAt;
    const refusal = this.#world.refuses(this, machine.zone, machine.template);
    if (refusal) {
      machine.errors = [refusal];
      const at = new Date(now).toISOString();
      this.errors = [...this.errors.slice(-19), { ...refusal, template: machine.template, machine: machine.name, at }];
      machine.attempts++;
      machine.attemptAt = now + 10_000 * Math.min(10, 2 ** (machine.attempts - 1));
      return;
    }
    machine.id = this.#world.id();
    machine.status = "STAGING";
    machine.runsAt = now + this.#world.draws.seconds(2, 40);
  }

  #runs(machine: Machine, now: number): void {
    delete machine.runsAt;
    machine.status = "RUNNING";
    machine.runningSince = now;
    machine.errors = [];
    machine.attempts = 0;
    const { draws } = this.#world;
    const nature = this.#world.nature(machine.template);
    if (nature !== "silent") machine.reportsAt = now + draws.seconds(0, 15);
    if (leaving(machine)) return;
    if (!this.plan.checked) machine.action = "NONE";
    else {
      machine.action = "VERIFYING";
      machine.nextHealth = nature === "unhealthy" ? "UNHEALTHY" : "HEALTHY";
      machine.healthAt = now + draws.seconds(1, 10);
    }
  }

  #probed(machine: Machine, now: number): void {
    delete machine.healthAt;
    machine.health = machine.nextHealth ?? "UNKNOWN";
    delete machine.nextHealth;
    if (machine.health === "HEALTHY") {
      machine.everHealthy = true;
      if (machine.action === "VERIFYING") machine.action = "NONE";
      if (this.#world.nature(machine.template) === "dying") {
        machine.nextHealth = "UNHEALTHY";
        machine.healthAt = now + 5_000;
      }
    } else if (this.#world.nature(machine.template) === "unhealthy") {
      // The healing waits for the initial delay; probes go on.
      machine.nextHealth = "UNHEALTHY";
      machine.healthAt = now + HEALING_DELAY_MS;
    }
  }

  /** The updater decides until it has nothing more to do now. */
  update(): void {
    const needed = (from: string, to: string) => (from === to ? "NONE" : "REPLACE");
    const now = this.#world.now();
    for (let round = 0; round < 40; round++) {
      const before = this.counted();
      const actions = decide(this.goal(), [...this.machines.values()], needed, now);
      for (const action of actions) this.#carryOut(action);
      if (actions.length > 0) this.#world.ticked(this, actions, before);
      const due = [...this.machines.values()].filter((machine) => dueAt(machine) <= now);
      for (const machine of due) this.#happen(machine, now);
      if (actions.length === 0 && due.length === 0) break;
    }
    this.#nextDue = Number.POSITIVE_INFINITY;
    for (const machine of this.machines.values()) this.#nextDue = Math.min(this.#nextDue, dueAt(machine));
  }

  #carryOut(action: Action): void {
    const now = this.#world.now();
    if (action.do === "create") {
      this.#add(action.target, this.#emptiestZone()).attemptAt = now;
      return;
    }
    const machine = this.machines.get(action.member);
    if (!machine) return;
    if (action.do === "delete") {
      machine.action = "DELETING";
      this.#takeDown(machine, now);
    } else if (action.do === "recreate") {
      if (!settled(machine) && machine.action !== "CREATING") return;
      machine.action = "RECREATING";
      machine.template = action.target.template;
      machine.version = action.target.name;
      machine.everHealthy = false;
      machine.health = "UNKNOWN";
      this.#takeDown(machine, now);
    } else {
      machine.template = action.target.template;
      machine.version = action.target.name;
      // One that is still to be made is tried at once.
      if (machine.attemptAt !== undefined) machine.attemptAt = now;
    }
  }

  #takeDown(machine: Machine, now: number): void {
    for (const field of ["attemptAt", "runsAt", "reportsAt", "healthAt", "nextHealth"] as const) delete machine[field];
    if (machine.status !== undefined) machine.status = "STOPPING";
    machine.goneAt = now + (machine.id === undefined ? 0 : this.#world.draws.seconds(1, 12));
  }

  #add({ template, name: version }: Target, zone: string): Machine {
    const name = `${this.plan.name}-${++this.#names}`;
    const machine: Machine = {
      name,
      zone,
      createdAt: this.#world.now(),
      action: "CREATING",
      template,
      version,
      health: "UNKNOWN",
      everHealthy: false,
      errors: [],
      attempts: 0,
    };
    this.machines.set(name, machine);
    return machine;
  }

  #emptiestZone(): string {
    const { zones } = this;
    if (zones.length === 1) return zones[0] ?? "";
    const sizes = new Map(zones.map((zone) => [zone, 0]));
    for (const { zone } of this.machines.values()) sizes.set(zone, (sizes.get(zone) ?? 0) + 1);
    return [...sizes].sort(([, a], [, b]) => a - b)[0]?.[0] ?? "";
  }

  /** Taken away by Compute itself; the group finds it lost. Returns the machine's id. */
  interrupt(index: number): string | undefined {
    const machine = [...this.machines.values()].filter(({ status }) => status === "RUNNING")[index];
    if (!machine || leaving(machine)) return undefined;
    const { id } = machine;
    for (const field of ["runsAt", "reportsAt", "healthAt", "nextHealth"] as const) delete machine[field];
    machine.status = "TERMINATED";
    machine.health = "UNKNOWN";
    machine.everHealthy = false;
    this.update();
    return id;
  }

  /** Somebody deletes it. */
  kill(index: number): void {
    const machine = [...this.machines.values()].filter(({ status }) => status === "RUNNING")[index];
    if (!machine || !settled(machine)) return;
    forget(machine);
    machine.action = "NONE";
    this.update();
  }

  /** A person has what is lost made again, where the group does not do so by itself. */
  mend(): void {
    for (const machine of this.machines.values()) {
      const lost = machine.status === undefined || machine.status === "TERMINATED";
      if (!settled(machine) || !lost) continue;
      machine.action = "RECREATING";
      this.#takeDown(machine, this.#world.now());
    }
    this.update();
  }

  view(whole: boolean): GroupView {
    const { plan } = this;
    if (whole) this.#unseen = undefined;
    return {
      fingerprint: this.fingerprint,
      targetSize: this.targetSize,
      versions: this.versions.map(({ template, name, targetSize }) => ({
        instanceTemplate: `projects/acme-prod/global/instanceTemplates/${template}`,
        ...(name !== undefined && { name }),
        ...(targetSize && { targetSize: { ...targetSize, calculated: 0 } }),
      })),
      updatePolicy: structuredClone(this.policy),
      stateful: false,
      zones: this.zones.length,
      ...(this.autoscaler && { autoscaler: { ...this.autoscaler } }),
      checked: plan.checked,
      machines: whole ? [...this.machines.values()].map((machine) => viewOf(machine, plan.checked)) : [],
      errors: whole ? this.errors : [],
    };
  }
}

function viewOf(machine: Machine, checked: boolean): GroupView["machines"][number] {
  const { name, id, status, action, template, health, errors } = machine;
  return {
    name,
    ...(id !== undefined && { id }),
    ...(status !== undefined && { status }),
    action,
    template,
    ...(checked && status !== undefined && { health }),
    errors,
  };
}

function ownPolicy({ own, inPlace, regional, size }: GroupPlan): UpdatePolicy {
  const each = { fixed: regional ? 3 : 1 };
  const share = own === "percent" && size >= 10 ? { percent: 20 } : each;
  return {
    type: own === "proactive" ? "PROACTIVE" : "OPPORTUNISTIC",
    minimalAction: "REPLACE",
    maxSurge: inPlace ? { fixed: 0 } : share,
    maxUnavailable: inPlace ? share : own === "percent" && size >= 10 ? { percent: 10 } : { fixed: 0 },
    replacementMethod: inPlace ? "RECREATE" : "SUBSTITUTE",
  };
}
