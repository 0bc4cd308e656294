import { sameValue } from "../core/canonical.ts";
import type { Effect } from "../core/effects.ts";
import { type Instant, instant, later } from "../core/instants.ts";
import type { BudgetView, Problem } from "../core/observation.ts";
import type { Policy } from "../core/policy.ts";
import type { Bucket } from "../google/bucket.ts";
import { isFailure } from "../google/failure.ts";
import type { Cloud } from "./cloud.ts";
import { isObject, orProblem } from "./problems.ts";
import { paths } from "./records.ts";

type Lease = Extract<Effect, { kind: "lease" }>;

const HOUR_MS = 3_600_000;
/** Fleets that share a budget write one object; each try reads anew. */
const TRIES = 8;

/** A shared budget as it stands: what has run out is not in it. A budget nobody has used yet is an empty one. */
export async function readBudget(cloud: Cloud, name: string): Promise<BudgetView | Problem> {
  const found = await orProblem(`budget ${name}`, load(cloud.state, name));
  if ("problem" in found) return found;
  if (!found.view) return { problem: "missing", text: notABudget(name) };
  return current(found.view, instant(cloud.time.now()));
}

/**
 * Takes room out of a budget, or gives it back with 0. The caps are checked against the object that is written, so that two
 * fleets that saw the same room cannot both get it. Returns why there is none.
 */
export async function takeLease(
  cloud: Cloud,
  fleet: string,
  policy: Policy,
  { budget: name, rollout, machines, begun, until }: Lease,
): Promise<string | undefined> {
  for (let attempt = 1; ; attempt++) {
    const now = instant(cloud.time.now());
    const { view, generation } = await load(cloud.state, name);
    if (!view) return notABudget(name);
    const before = current(view, now);
    const held = before.leases.find((lease) => lease.rollout === rollout && lease.fleet === fleet)?.machines ?? 0;
    const others = before.leases.filter((lease) => lease.rollout !== rollout || lease.fleet !== fleet);
    const used = sum(others);
    const hour = sum(before.begun);
    const caps = policy.budget;
    if (caps?.machines != null && machines > held && used + machines > caps.machines)
      return `${machines} machines do not fit into budget ${name}: others have ${used} of ${caps.machines}`;
    if (caps?.perHour != null && begun > 0 && hour + begun > caps.perHour)
      return `${begun} machines do not fit into budget ${name}: ${hour} of ${caps.perHour} an hour were begun`;
    const after: BudgetView = {
      leases: [...others, ...(machines > 0 ? [{ fleet, rollout, machines, until }] : [])],
      begun: [...before.begun, ...(begun > 0 ? [{ fleet, machines: begun, at: now }] : [])],
    };
    if (sameValue(after, view)) return undefined;
    try {
      await cloud.state.write(paths.budget(name), JSON.stringify({ schema: 1, ...after }), generation);
      return undefined;
    } catch (problem) {
      if (!isFailure(problem, "conflict") || attempt >= TRIES) throw problem;
    }
  }
}

async function load(state: Bucket, name: string): Promise<{ view: BudgetView | undefined; generation: string }> {
  const stored = await state.read(paths.budget(name));
  if (!stored) return { view: { leases: [], begun: [] }, generation: "0" };
  return { view: parse(stored.text), generation: stored.generation };
}

function parse(text: string): BudgetView | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value) || value.schema !== 1 || !Array.isArray(value.leases) || !Array.isArray(value.begun))
    return undefined;
  return { leases: value.leases as BudgetView["leases"], begun: value.begun as BudgetView["begun"] };
}

/** Denied rather than begun anew: an object that is not understood may hold what others rely on. */
function notABudget(name: string): string {
  return `${paths.budget(name)} in the state bucket is no budget that this version of moult reads; deploy the newer functions, or delete it`;
}

function current({ leases, begun }: BudgetView, now: Instant): BudgetView {
  return {
    leases: leases.filter(({ until }) => until > now),
    begun: begun.filter(({ at }) => later(at, HOUR_MS) > now),
  };
}

function sum(list: { machines: number }[]): number {
  return list.reduce((total, { machines }) => total + machines, 0);
}
