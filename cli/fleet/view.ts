import { readBell } from "../../functions/controller/bell.ts";
import type { Busy } from "../../functions/controller/busy.ts";
import type { Cloud } from "../../functions/controller/cloud.ts";
import { stepsOf } from "../../functions/core/assess.ts";
import { instant } from "../../functions/core/instants.ts";
import { groupKey, type Policy, stepName } from "../../functions/core/policy.ts";
import type { FleetRecord, Rollout } from "../../functions/core/record.ts";
import { short } from "../../functions/core/release.ts";
import { lastSegment } from "../../functions/core/wanted.ts";
import { isFailure } from "../../functions/google/failure.ts";

/** What `moult status FLEET` shows; also its JSON. */
export interface FleetView {
  fleet: string;
  mode: string | null;
  stable: { image: string; release: string; since: string; adopted: boolean } | null;
  candidate: { image: string; release: string; since: string } | null;
  rollout: RolloutView | null;
  last: FleetRecord["last"];
  groups: GroupStatus[];
  quarantine: FleetRecord["quarantine"];
  hold: FleetRecord["hold"];
  reasons: FleetRecord["reasons"];
  lastLook: string | null;
  nextLook: string | null;
  /** Google is busy or away: since how many looks, and until when the fleet is left alone. Null when it is not. */
  busy: { tries: number; until: string; why: string } | null;
}

export interface RolloutView {
  id: string;
  kind: Rollout["kind"];
  from: string;
  to: string;
  release: string;
  phase: Rollout["phase"];
  since: string;
  startedAt: string;
  deadline: string | null;
  wave: number;
  steps: { name: string; state: "passed" | "current" | "ahead" }[];
}

export interface MachineStatus {
  name: string;
  id: string | null;
  /** The image's name where moult knows the template, else the template's. */
  runs: string;
  status: string | null;
  action: string;
  health: string | null;
}

export interface GroupStatus {
  key: string;
  targetSize: number;
  stable: boolean;
  machines: MachineStatus[];
  problem?: string;
}

export function viewOf(record: FleetRecord, groups: GroupStatus[], busy?: Busy): FleetView {
  const { policy, stable, candidate, active } = record;
  return {
    fleet: record.fleet,
    mode: policy?.mode ?? null,
    stable: stable && {
      image: stable.release.image.name,
      release: short(stable.release.digest),
      since: stable.since,
      adopted: stable.adopted,
    },
    candidate: candidate && {
      image: candidate.release.image.name,
      release: short(candidate.release.digest),
      since: candidate.since,
    },
    rollout: active ? rolloutView(active, active.policy) : null,
    last: record.last,
    groups,
    quarantine: record.quarantine,
    hold: record.hold,
    reasons: record.reasons,
    lastLook: record.lastLook,
    nextLook: record.nextLook,
    busy: busy ? { ...busy, until: instant(busy.until) } : null,
  };
}

function rolloutView(rollout: Rollout, policy: Policy): RolloutView {
  const steps = stepsOf(rollout, policy);
  const finalBake = rollout.phase === "final-bake" || rollout.phase === "finishing";
  return {
    id: rollout.id,
    kind: rollout.kind,
    from: rollout.from.release.image.name,
    to: rollout.to.image.name,
    release: short(rollout.to.digest),
    phase: rollout.phase,
    since: rollout.since,
    startedAt: rollout.startedAt,
    deadline: rollout.deadline,
    wave: rollout.wave + 1,
    steps: [
      ...steps.map((step, i) => ({
        name: stepName(step),
        state: (i < rollout.step || finalBake ? "passed" : i === rollout.step ? "current" : "ahead") as "passed",
      })),
      { name: "final bake", state: finalBake ? "current" : "ahead" },
    ],
  };
}

/** Reads the fleet's groups as they are now. What cannot be read is said and does not spoil the rest. */
export async function readGroups(cloud: Cloud, record: FleetRecord): Promise<GroupStatus[]> {
  const { policy } = record;
  if (!policy) return [];
  const compute = cloud.compute(policy.project);
  return Promise.all(
    policy.groups.map(async (ref): Promise<GroupStatus> => {
      const key = groupKey(ref);
      try {
        const [group, machines] = await Promise.all([compute.group(ref), compute.managedInstances(ref)]);
        if (!group) return { key, targetSize: 0, stable: false, machines: [], problem: "there is no such group" };
        return {
          key,
          targetSize: group.targetSize,
          stable: group.status.isStable,
          machines: machines.map((machine) => ({
            name: machine.name,
            id: machine.id ?? null,
            runs: runsOf(record, key, lastSegment(machine.version?.instanceTemplate ?? "")),
            status: machine.instanceStatus ?? null,
            action: machine.currentAction,
            health: machine.instanceHealth?.[0]?.detailedHealthState ?? null,
          })),
        };
      } catch (problem) {
        if (!isFailure(problem)) throw problem;
        const why = problem.kind === "missing" ? "there is no such group" : problem.message;
        return { key, targetSize: 0, stable: false, machines: [], problem: why };
      }
    }),
  );
}

function runsOf(record: FleetRecord, key: string, template: string): string {
  if (template === "") return "leaving";
  if (record.active?.groups[key]?.template === template) return record.active.to.image.name;
  const known = [record.stable, record.active?.from, ...record.previous].find((stable) =>
    stable?.versions[key]?.some(({ instanceTemplate }) => lastSegment(instanceTemplate ?? "") === template),
  );
  return known?.release.image.name ?? template;
}

/** Why nothing is looked at for the moment, if Google is busy or away. */
export async function readBusy(cloud: Cloud, fleet: string): Promise<Busy | undefined> {
  const { busy } = (await readBell(cloud, fleet)).bell;
  return busy && busy.until > cloud.time.now() ? busy : undefined;
}
