import { readBell } from "../../functions/controller/bell.ts";
import type { Busy } from "../../functions/controller/busy.ts";
import type { Cloud } from "../../functions/controller/cloud.ts";
import { readAutoscaler } from "../../functions/controller/groups.ts";
import { stepsOf } from "../../functions/core/assess.ts";
import { changesBetween } from "../../functions/core/changes.ts";
import { askedGates } from "../../functions/core/gates.ts";
import { instant, later } from "../../functions/core/instants.ts";
import { asksFor, groupKey, type Policy, stepName } from "../../functions/core/policy.ts";
import type { FleetRecord } from "../../functions/core/record.ts";
import { type Release, short } from "../../functions/core/release.ts";
import type { GateVerdict, Rollout } from "../../functions/core/rolloutrecord.ts";
import { lastSegment } from "../../functions/core/wanted.ts";
import { isOpen, nextOpening, windowText } from "../../functions/core/windows.ts";
import { isFailure } from "../../functions/google/failure.ts";
import { autoscalerName } from "../../functions/google/groups.ts";

/** What `moult status FLEET` shows; also its JSON. */
export interface FleetView {
  fleet: string;
  mode: string | null;
  stable: (ReleaseView & { adopted: boolean }) | null;
  candidate: ReleaseView | null;
  /** Waits for the rollout under way to end. */
  pending: ReleaseView | null;
  approved: { release: string; by: string; at: string; urgent: boolean } | null;
  /** As the fleet file says it; `next` is null while they are open, or where there are none. */
  windows: { windows: string[]; open: boolean; next: string | null };
  budget: { name: string; machines: number | null; perHour: number | null } | null;
  /** What fleets that follow this one may take: newest first. */
  published: { image: string; since: string; until: string | null; withdrawn: boolean }[];
  rollout: RolloutView | null;
  last: FleetRecord["last"];
  groups: GroupStatus[];
  quarantine: FleetRecord["quarantine"];
  hold: FleetRecord["hold"];
  /** Commands of the last day that could not be done, newest first. */
  refused: FleetRecord["refused"];
  reasons: FleetRecord["reasons"];
  lastLook: string | null;
  nextLook: string | null;
  /** Google is busy or away: since how many looks, and until when the fleet is left alone. Null when it is not. */
  busy: { tries: number; until: string; why: string } | null;
}

export interface ReleaseView {
  image: string;
  release: string;
  configCommit: string | null;
  /** Manifest's name → full name of the version. */
  secrets: Record<string, string>;
  since: string;
}

export interface RolloutView {
  id: string;
  kind: Rollout["kind"];
  from: string;
  to: string;
  release: string;
  /** What the release changes, as people read it. */
  changes: string[];
  phase: Rollout["phase"];
  since: string;
  startedAt: string;
  deadline: string | null;
  wave: number;
  waves: number;
  urgent: boolean;
  /** The stable release was itself not well when it began. */
  forwardFix: Rollout["forwardFix"];
  /** When the bake under way ends, if health holds. */
  bakeEnds: string | null;
  /** A pause of moult's own is put back then. */
  pausedUntil: string | null;
  /** Why it is paused or being put back. */
  verdict: Rollout["verdict"];
  /** Of the step at hand; `answer` is null before a gate is asked. */
  gates: { key: string; answer: GateVerdict["answer"] | null; text: string }[];
  /** Machines that failed, and why. */
  failed: Record<string, string>;
  steps: { name: string; state: "passed" | "current" | "ahead" }[];
}

export interface MachineStatus {
  name: string;
  id: string | null;
  /** The image's name where moult knows the template, with the release where a rollout keeps the image; else the template's. */
  runs: string;
  status: string | null;
  action: string;
  health: string | null;
  /** Of the release that is being rolled out. */
  fresh: boolean;
}

export interface GroupStatus {
  key: string;
  targetSize: number;
  stable: boolean;
  /** Its autoscaler's mode now; null: it has none, or it could not be read. `own` is what a rollout found and puts back. */
  autoscaler: { mode: string; own: string | null } | null;
  machines: MachineStatus[];
  problem?: string;
}

/** @param now an instant, for what opens and closes. */
export function viewOf(record: FleetRecord, groups: GroupStatus[], busy?: Busy, now?: string): FleetView {
  const { policy, stable, candidate, active, pending, approved } = record;
  const windows = (active?.policy ?? policy)?.windows ?? [];
  const at = now ?? record.lastLook ?? instant(0);
  const open = isOpen(windows, at);
  return {
    fleet: record.fleet,
    mode: policy?.mode ?? null,
    stable: stable && { ...releaseView(stable), adopted: stable.adopted },
    candidate: candidate && releaseView(candidate),
    pending: pending && releaseView(pending),
    approved: approved && { ...approved, release: short(approved.release) },
    windows: { windows: windows.map(windowText), open, next: open ? null : nextOpening(windows, at) },
    budget: policy?.budget ?? null,
    published: record.published.map(({ image, since, until = null, withdrawn = false }) => ({
      image: image.name,
      since,
      until,
      withdrawn,
    })),
    rollout: active ? rolloutView(active, active.policy) : null,
    last: record.last,
    groups,
    quarantine: record.quarantine,
    hold: record.hold,
    refused: record.refused,
    reasons: record.reasons,
    lastLook: record.lastLook,
    nextLook: record.nextLook,
    busy: busy ? { ...busy, until: instant(busy.until) } : null,
  };
}

function releaseView({ release, since }: { release: Release; since: string }): ReleaseView {
  const { image, digest, configCommit, secrets } = release;
  return { image: image.name, release: short(digest), configCommit, secrets, since };
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
    changes: changesBetween(rollout.from.release, rollout.to).map(({ text }) => text),
    phase: rollout.phase,
    since: rollout.since,
    startedAt: rollout.startedAt,
    deadline: rollout.deadline,
    wave: rollout.wave + 1,
    waves: new Set(policy.groups.map(({ wave }) => wave)).size,
    urgent: rollout.urgent,
    forwardFix: rollout.forwardFix,
    bakeEnds: bakeEnds(rollout, policy),
    pausedUntil: rollout.pausedUntil,
    verdict: rollout.verdict,
    gates: gatesOf(rollout, policy),
    failed: rollout.failed,
    steps: [
      ...steps.map((step, i) => ({
        name: stepName(step),
        state: (i < rollout.step || finalBake ? "passed" : i === rollout.step ? "current" : "ahead") as "passed",
      })),
      { name: "final bake", state: finalBake ? "current" : "ahead" },
    ],
  };
}

function bakeEnds(rollout: Rollout, policy: Policy): string | null {
  if (rollout.phase === "final-bake") return later(rollout.since, rollout.kind === "rollback" ? 0 : policy.finalBakeMs);
  if (rollout.phase !== "baking") return null;
  return later(rollout.since, stepsOf(rollout, policy)[rollout.step]?.bakeMs ?? 0);
}

/** Reports and health are looked at all the time, so they have no answer of their own. */
function gatesOf(rollout: Rollout, policy: Policy): RolloutView["gates"] {
  if (rollout.kind === "rollback") return [];
  const asked = askedGates(policy).map(({ key }) => key);
  const approval = stepsOf(rollout, policy)[rollout.step]?.approval || asksFor(policy, "approval");
  const keys = new Set([...asked, ...(approval ? ["approval"] : []), ...Object.keys(rollout.gates)]);
  return [...keys].map((key) => {
    const { answer = null, text = "" } = rollout.gates[key] ?? {};
    return { key, answer, text };
  });
}

/** Reads the fleet's groups as they are now. What cannot be read is said and does not spoil the rest. */
export async function readGroups(cloud: Cloud, record: FleetRecord): Promise<GroupStatus[]> {
  const { policy } = record;
  if (!policy) return [];
  const compute = cloud.compute(policy.project);
  return Promise.all(
    policy.groups.map(async (ref): Promise<GroupStatus> => {
      const key = groupKey(ref);
      const nothing = (problem: string): GroupStatus => ({
        key,
        targetSize: 0,
        stable: false,
        autoscaler: null,
        machines: [],
        problem,
      });
      try {
        const [group, machines] = await Promise.all([compute.group(ref), compute.managedInstances(ref)]);
        if (!group) return nothing("there is no such group");
        const scaler = autoscalerName(group);
        const scaling = scaler === undefined ? undefined : await readAutoscaler(compute, ref, scaler);
        const template = record.active?.groups[key]?.template;
        return {
          key,
          targetSize: group.targetSize,
          stable: group.status.isStable,
          autoscaler: scaling
            ? { mode: scaling.mode, own: record.active?.groups[key]?.autoscaler?.mode ?? null }
            : null,
          machines: machines.map((machine) => ({
            name: machine.name,
            id: machine.id ?? null,
            runs: runsOf(record, key, lastSegment(machine.version?.instanceTemplate ?? "")),
            status: machine.instanceStatus ?? null,
            action: machine.currentAction,
            health: machine.instanceHealth?.[0]?.detailedHealthState ?? null,
            fresh: template !== undefined && lastSegment(machine.version?.instanceTemplate ?? "") === template,
          })),
        };
      } catch (problem) {
        if (!isFailure(problem)) throw problem;
        const why = problem.kind === "missing" ? "there is no such group" : problem.message;
        return nothing(why);
      }
    }),
  );
}

function runsOf(record: FleetRecord, key: string, template: string): string {
  if (template === "") return "leaving";
  const known = record.active?.groups[key]?.template === template ? record.active.to : stableOf(record, key, template);
  if (!known) return template;
  // Machines of one image may be of two releases.
  const { active } = record;
  const alike = active !== null && active.from.release.image.name === active.to.image.name;
  return alike ? `${known.image.name} ${short(known.digest)}` : known.image.name;
}

function stableOf(record: FleetRecord, key: string, template: string): Release | undefined {
  return [record.stable, record.active?.from, ...record.previous].find((stable) =>
    stable?.versions[key]?.some(({ instanceTemplate }) => lastSegment(instanceTemplate ?? "") === template),
  )?.release;
}

/** Why nothing is looked at for the moment, if Google is busy or away. */
export async function readBusy(cloud: Cloud, fleet: string): Promise<Busy | undefined> {
  const { busy } = (await readBell(cloud, fleet)).bell;
  return busy && busy.until > cloud.time.now() ? busy : undefined;
}
