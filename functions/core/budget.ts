import type { Judged, Viewed } from "./assess.ts";
import { type Instant, later } from "./instants.ts";
import { type BudgetView, isProblem } from "./observation.ts";
import type { Policy } from "./policy.ts";
import { counted, type Reason, reason } from "./reasons.ts";
import type { Rollout } from "./rolloutrecord.ts";
import { say, type Turn } from "./turn.ts";
import { askedFor } from "./wanted.ts";

const HOUR_MS = 3_600_000;

/** Why no further machine may be begun out of the shared budget; undefined when at least one may. */
export function noRoom(turn: Turn, rollout: Rollout, policy: Policy): Reason | undefined {
  const { budget } = policy;
  if (!budget) return undefined;
  const seen = turn.observation.budget;
  if (!seen) return reason("budget", `the budget ${budget.name} is looked at next`);
  if (isProblem(seen)) return reason("access-denied", `${seen.text}; grant the functions what it names`);
  if (ownLease(seen, rollout)) return undefined;
  const room = roomIn(turn, rollout, policy);
  if (room.machines >= 1) return undefined;
  const text = `the budget ${budget.name} has no room for a machine of ${rollout.id} now: ${room.used}`;
  return reason("budget", text, room.until ? { until: room.until } : {});
}

/**
 * Cuts what the step wants down to what the shared budget has granted, and asks for more of it where there is room. A batch
 * is given back before the next is asked for, so that fleets take turns. Returns false when nothing may be asked for in
 * this look; deny by default.
 */
export function grant(turn: Turn, rollout: Rollout, policy: Policy, groups: Viewed[], counts: Judged): boolean {
  const { budget } = policy;
  if (!budget || rollout.kind === "rollback") return true;
  const asked = groups.reduce((sum, { group, view }) => sum + Math.min(view.targetSize, askedFor(group, view)), 0);
  const wanted = [...counts.values()].reduce((sum, { count }) => sum + count, 0);
  const seen = turn.observation.budget;
  const lease = seen && !isProblem(seen) ? ownLease(seen, rollout) : undefined;
  if (rollout.granted === null && wanted > asked) {
    if (!lease) {
      const room = roomIn(turn, rollout, policy);
      const machines = Math.min(room.machines, wanted - asked);
      const why = noRoom(turn, rollout, policy);
      if (why || machines < 1) {
        if (why) turn.reasons.push(why);
        return false;
      }
      say(turn, "budget", `asking the budget ${budget.name} for ${counted(machines, "machine")}`);
      pushLease(turn, rollout, policy, machines, machines);
      return false;
    }
    rollout.granted = asked + lease.machines;
  }
  if (rollout.granted === null) return true;
  if (lease && lease.until < later(turn.context.now, policy.limits.progressMs / 2))
    pushLease(turn, rollout, policy, lease.machines, 0);
  let spare = Math.max(0, rollout.granted - asked);
  for (const { key, group, view } of groups) {
    const want = counts.get(key);
    if (!want) continue;
    // What was asked for once stays asked for, whatever has become of the size of the group.
    const had = Math.min(want.count, askedFor(group, view));
    const more = Math.min(want.count - had, spare);
    spare -= more;
    if (had + more < want.count) counts.set(key, { count: had + more, all: false });
  }
  return true;
}

/**
 * The machines that were granted are there. Gives the room back; returns whether the step wants more than was granted, so
 * that it is not done yet.
 */
export function batchDone(turn: Turn, rollout: Rollout, policy: Policy, wanted: number): boolean {
  if (rollout.granted === null || !policy.budget) return false;
  const more = wanted > rollout.granted;
  rollout.granted = null;
  rollout.returned = leaseUntil(turn, policy);
  pushLease(turn, rollout, policy, 0, 0);
  return more;
}

/** Room that is granted and not given back: a lease that is still there because whoever gave it back died is over. */
function ownLease({ leases }: BudgetView, { id, returned }: Rollout): BudgetView["leases"][number] | undefined {
  return leases.find(
    (lease) => lease.rollout === id && lease.machines > 0 && (returned === undefined || lease.until > returned),
  );
}

function leaseUntil(turn: Turn, policy: Policy): Instant {
  return later(turn.context.now, policy.limits.progressMs * 2);
}

function pushLease(turn: Turn, rollout: Rollout, policy: Policy, machines: number, begun: number): void {
  if (!policy.budget) return;
  const usual = leaseUntil(turn, policy);
  // Told from the one that was given back, and perhaps renewed, in this very look.
  const until = begun > 0 && rollout.returned && usual <= rollout.returned ? later(rollout.returned, 1) : usual;
  turn.effects.push({ kind: "lease", budget: policy.budget.name, rollout: rollout.id, machines, begun, until });
}

function roomIn(turn: Turn, rollout: Rollout, policy: Policy): { machines: number; used: string; until?: string } {
  const { now } = turn.context;
  const { budget } = policy;
  const seen = turn.observation.budget;
  if (!budget || !seen || isProblem(seen)) return { machines: 0, used: "it was not read" };
  const others = seen.leases.filter((lease) => lease.rollout !== rollout.id && lease.machines > 0 && lease.until > now);
  const begun = seen.begun.filter(({ at }) => later(at, HOUR_MS) > now);
  const sum = (list: { machines: number }[]) => list.reduce((total, { machines }) => total + machines, 0);
  const free = (budget.machines ?? Number.POSITIVE_INFINITY) - sum(others);
  const rate = (budget.perHour ?? Number.POSITIVE_INFINITY) - sum(begun);
  const held = others.map(({ fleet, machines, until }) => `${fleet} has ${machines} until ${until}`).join(", ");
  const used =
    free < 1
      ? `${held} of ${budget.machines} at once`
      : `${counted(sum(begun), "machine")} begun in the last hour, ${budget.perHour} are allowed`;
  const instants = free < 1 ? others.map(({ until }) => until) : begun.map(({ at }) => later(at, HOUR_MS));
  const [until] = instants.sort();
  return { machines: Math.max(0, Math.min(free, rate)), used, ...(until && { until }) };
}
