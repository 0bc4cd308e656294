import { createHash } from "node:crypto";
import { changesBetween } from "../../core/changes.ts";
import { foreseeGate, foreseeWindows } from "../../core/foresee.ts";
import { type Instant, instant } from "../../core/instants.ts";
import type { ReportView } from "../../core/observation.ts";
import type { Plan, PlannedGate, PlannedWindows } from "../../core/planned.ts";
import { describeStep, followsText, type Policy } from "../../core/policy.ts";
import type { Reason } from "../../core/reasons.ts";
import type { EndedRollout, FleetRecord } from "../../core/record.ts";
import { type Release, short } from "../../core/release.ts";
import type { Rollout } from "../../core/rolloutrecord.ts";
import type { Stable } from "../../core/stable.ts";
import { isFailure } from "../../google/failure.ts";
import { readBell } from "../bell.ts";
import type { Cloud } from "../cloud.ts";
import { readCommands } from "../commands.ts";
import { readReports } from "../reports.ts";
import { type GroupTiles, readTiles } from "./machines.ts";
import { type Order, ordersFor } from "./orders.ts";
import { planned } from "./plan.ts";
import { type FleetState, stateOf } from "./state.ts";
import { type LineWave, timeline } from "./timeline.ts";

/** A release in what people read: names and version numbers, never a value. */
export interface ShownRelease {
  release: string;
  image: string;
  configCommit: string | null;
  /** Manifest's name → full name of the version. */
  secrets: Record<string, string>;
}

export interface ShownRollout {
  id: string;
  kind: Rollout["kind"];
  urgent: boolean;
  forwardFix: Rollout["forwardFix"];
  from: ShownRelease;
  to: ShownRelease;
  /** What `to` changes against `from`, as people read it. */
  changes: string[];
  cause: Reason;
  phase: Rollout["phase"];
  pausedFrom: Rollout["pausedFrom"];
  pausedUntil: Instant | null;
  since: Instant;
  startedAt: Instant;
  deadline: Instant | null;
  verdict: Reason | null;
  /** Machine → why it counts as failed. */
  failed: Record<string, string>;
  bakesLost: number;
  waves: LineWave[];
}

/** Everything about one fleet: what the record says in public, and what is there now. */
export interface FleetView {
  fleet: string;
  at: Instant;
  state: FleetState;
  reasons: Reason[];
  orders: Order[];
  policy: {
    project: string;
    mode: Policy["mode"];
    follows: string;
    steps: string[];
    finalBakeMs: number;
    gates: PlannedGate[];
    limits: Policy["limits"];
    replace: Policy["replace"];
    budget: Policy["budget"];
  } | null;
  windows: PlannedWindows | null;
  stable: (ShownRelease & { since: Instant; adopted: boolean }) | null;
  previous: (ShownRelease & { since: Instant })[];
  candidate: (ShownRelease & { since: Instant }) | null;
  pending: (ShownRelease & { since: Instant }) | null;
  approved: FleetRecord["approved"];
  quarantine: { key: string; image: string; release: string; at: Instant; why: string }[];
  hold: FleetRecord["hold"];
  rollout: ShownRollout | null;
  last: EndedRollout | null;
  /** Words of people that no look has taken up yet. */
  commands: { kind: string; by: string; at: Instant }[];
  /** Of the last day, newest first: words of people that could not be done. */
  refused: { kind: string; by: string; at: Instant; text: string }[];
  groups: GroupTiles[];
  /** What would happen next, when something waits; its inputs were read by the last look, not now. */
  plan: Plan | null;
  /** Google is busy or away, and the fleet is left alone for so long. */
  busy: { until: Instant; why: string } | null;
  /** How many entries the history has. */
  entries: number;
  lastLook: Instant | null;
  nextLook: Instant | null;
  /** What of this could not be read, and why. */
  unread: string[];
}

/** Reads what is there now. A part that cannot be read is named, and the rest is shown. */
export async function readFleet(cloud: Cloud, record: FleetRecord): Promise<FleetView> {
  const { fleet, active } = record;
  const policy = active?.policy ?? record.policy;
  const unread: string[] = [];
  const part = async <T>(what: string, nothing: T, read: () => Promise<T>): Promise<T> => {
    try {
      return await read();
    } catch (problem) {
      if (!isFailure(problem)) throw problem;
      unread.push(`${what} cannot be read now: ${problem.message}`);
      return nothing;
    }
  };
  const now = instant(cloud.time.now());
  const [bell, commands, reports] = await Promise.all([
    part("when the next look is due", undefined, async () => (await readBell(cloud, fleet)).bell),
    part("commands", [], () => readCommands(cloud, fleet)),
    part("boot reports", [], () =>
      active?.reports ? readReports(cloud, fleet, active.to.digest) : Promise.resolve([] as ReportView[]),
    ),
  ]);
  const busy = bell?.busy && bell.busy.until > cloud.time.now() ? bell.busy : undefined;
  const byId = new Map(reports.map((report) => [report.instanceId, report]));
  const read = policy
    ? await Promise.all(policy.groups.map((ref) => readTiles(cloud.compute(policy.project), ref, record, byId)))
    : [];
  const views = Object.fromEntries(read.flatMap(({ tiles, view }) => (view ? [[tiles.key, view]] : [])));
  const applied = new Set(record.applied);
  return {
    fleet,
    at: now,
    state: stateOf(record, now, busy !== undefined),
    reasons: record.reasons,
    orders: ordersFor(record, cloud.settings),
    policy: policy && {
      project: policy.project,
      mode: policy.mode,
      follows: followsText(policy.follows),
      steps: policy.steps.map(describeStep),
      finalBakeMs: policy.finalBakeMs,
      gates: policy.gates.map(foreseeGate),
      limits: policy.limits,
      replace: policy.replace,
      budget: policy.budget,
    },
    windows: policy && foreseeWindows(policy, now),
    stable: record.stable && { ...shownStable(record.stable), adopted: record.stable.adopted },
    previous: record.previous.map(shownStable),
    candidate: record.candidate && { ...shown(record.candidate.release), since: record.candidate.since },
    pending: record.pending && { ...shown(record.pending.release), since: record.pending.since },
    approved: record.approved,
    quarantine: record.quarantine.map(({ key, imageName, release, at, why }) => ({
      key,
      image: imageName,
      release: short(release),
      at,
      why,
    })),
    hold: record.hold,
    rollout: active && shownRollout(active),
    last: record.last,
    commands: commands.filter(({ name }) => !applied.has(name)).map(({ kind, by, at }) => ({ kind, by, at })),
    refused: record.refused.map(({ kind, by, at, text }) => ({ kind, by, at, text })),
    groups: read.map(({ tiles }) => tiles),
    plan: planned(record, views, {
      now,
      sha256: (text) => createHash("sha256").update(text).digest("hex"),
      places: cloud.settings,
    }),
    busy: busy ? { until: instant(busy.until), why: busy.why } : null,
    entries: record.entries,
    lastLook: record.lastLook,
    nextLook: record.nextLook,
    unread,
  };
}

function shown({ digest, image, configCommit, secrets }: Release): ShownRelease {
  return { release: short(digest), image: image.name, configCommit, secrets };
}

function shownStable({ release, since }: Stable): ShownRelease & { since: Instant } {
  return { ...shown(release), since };
}

function shownRollout(rollout: Rollout): ShownRollout {
  const { id, kind, urgent, forwardFix, cause, phase, pausedFrom, pausedUntil, since, startedAt } = rollout;
  const { deadline, verdict, failed, bakesLost } = rollout;
  return {
    id,
    kind,
    urgent,
    forwardFix,
    from: shown(rollout.from.release),
    to: shown(rollout.to),
    changes: changesBetween(rollout.from.release, rollout.to).map(({ text }) => text),
    cause,
    phase,
    pausedFrom,
    pausedUntil,
    since,
    startedAt,
    deadline,
    verdict,
    failed,
    bakesLost,
    waves: timeline(rollout),
  };
}
