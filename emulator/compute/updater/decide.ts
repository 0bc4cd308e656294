import { type Assignment, assign, leastMissed, pairUp, surplusOf, zoneSizes } from "./assign.ts";
import { Budget } from "./budget.ts";
import { repairs } from "./repair.ts";
import {
  ACTIONS,
  type Action,
  type GroupGoal,
  leaving,
  type MemberView,
  mostDisruptive,
  type Needed,
  settled,
  type UpdateAction,
  type VersionGoal,
} from "./values.ts";

/** A member and the version it changes to, with what that takes. */
interface Pair {
  member: MemberView;
  version: VersionGoal;
  action: UpdateAction;
}

/**
 * What a group's updater does next. Pure: the same group gives the same actions, and once they are carried out, deciding
 * again goes on from there.
 *
 * Held at every step: never more machines than target size plus surge, those still being deleted included; the updater
 * takes no available machine when that leaves fewer than target size less unavailable.
 */
export function decide(goal: GroupGoal, members: MemberView[], needed: Needed, now: number): Action[] {
  const staying = members.filter((member) => !leaving(member));
  const assignment = assign(goal, staying);
  const { excess } = assignment;
  const lacking = assignment.deficits.flatMap(({ version, count }) => Array.from({ length: count }, () => version));
  const { pairs, rest } = goal.proactive ? pair(goal, assignment, needed) : { pairs: [], rest: lacking };
  const allowed = pairs.filter((p) => isAllowed(goal, p));
  const refused = new Set(pairs.filter((p) => !isAllowed(goal, p)).map((p) => p.member));
  const budget = new Budget(goal, staying);

  const gone = scaleIn(goal, staying, excess, mayExceed(goal, excess, refused.size));
  for (const member of gone) budget.take(member);
  const changed = inPlace(goal, without(allowed, gone), budget);
  const kept = new Set([...refused, ...allowed.filter((p) => !isSubstitution(goal, p)).map((p) => p.member)]);
  const replaced = goal.proactive ? takeReplaced(excess, new Set([...gone, ...kept]), budget) : [];

  const actions: Action[] = [
    ...gone.map((member): Action => ({ do: "delete", member: member.name, why: "size" })),
    ...changed,
    ...replaced.map((member): Action => ({ do: "delete", member: member.name, why: "update" })),
    ...grow(goal, members.length, staying.length, rest, allowed),
  ];
  if (actions.length === 0 && excess.length === 0 && members.every(settled))
    actions.push(...evenOut(goal, staying, budget));
  const touched = new Set(actions.flatMap((action) => (action.do === "create" ? [] : [action.member])));
  return [...actions, ...repairs(goal, staying, touched, lacking[0], now)];
}

function pair(goal: GroupGoal, assignment: Assignment, needed: Needed): { pairs: Pair[]; rest: VersionGoal[] } {
  const { of, rest } = pairUp(assignment);
  const pairs = [...of].map(([member, version]): Pair => {
    const least = leastFor(member, version, needed);
    return { member, version, action: mostDisruptive(goal.minimalAction, least) };
  });
  return { pairs, rest };
}

/** What bringing a member to a version takes at least, its group's configuration included. */
export function leastFor(
  member: Pick<MemberView, "template" | "outdated">,
  version: { template: string },
  needed: Needed,
): UpdateAction {
  const change = member.template === version.template ? "NONE" : needed(member.template, version.template);
  return mostDisruptive(change, member.outdated ?? "NONE");
}

/** When an update would take more than is allowed, that machine is not updated at all. */
function isAllowed(goal: GroupGoal, { action }: Pair): boolean {
  return ACTIONS.indexOf(action) <= ACTIONS.indexOf(goal.mostDisruptiveAllowedAction);
}

/** A new machine takes over under a new name, unless there is no machine yet that could be missed. */
function isSubstitution(goal: GroupGoal, { action, member }: Pair): boolean {
  return action === "REPLACE" && !goal.inPlace && !isQueued(member);
}

const isGoing = (member: MemberView) => member.status === undefined || member.status === "STOPPING";

/** Its machine is still to be made, or to be made again: until it is, another version costs nothing. */
const isQueued = (member: MemberView) =>
  member.status === undefined && (member.action === "CREATING" || member.action === "RECREATING");

function without(pairs: Pair[], gone: MemberView[]): Pair[] {
  const names = new Set(gone.map((member) => member.name));
  return pairs.filter(({ member }) => !names.has(member.name));
}

/** An update uses its surge as long as it has something to do; a paused one may keep what it had made. */
function mayExceed(goal: GroupGoal, excess: MemberView[], refused: number): boolean {
  return goal.proactive ? excess.length > refused : goal.keepsSurge === true;
}

/** Beyond the target size, and beyond the surge while an update uses it, machines go whatever the budget says. */
function scaleIn(goal: GroupGoal, staying: MemberView[], excess: MemberView[], updating: boolean): MemberView[] {
  const count = staying.length - goal.targetSize - (updating ? goal.surge : 0);
  return count > 0 ? surplusOf(goal, staying, excess, count) : [];
}

/** Restarts, refreshes and replacements that keep the name. */
function inPlace(goal: GroupGoal, pairs: Pair[], budget: Budget): Action[] {
  const actions: Action[] = [];
  for (const p of pairs) {
    const { member, version, action } = p;
    if (isSubstitution(goal, p)) continue;
    const change = { member: member.name, target: { template: version.template, name: version.name } };
    if (isQueued(member)) actions.push({ do: "relabel", ...change });
    else if (!settled(member)) continue;
    else if (action === "NONE") actions.push({ do: "relabel", ...change });
    // Nothing is there to be refreshed or restarted; repaired, it is looked at again.
    else if (action !== "REPLACE" && isGoing(member)) continue;
    else if (action === "REFRESH") actions.push({ do: "refresh", ...change });
    else if (budget.mayPause(member)) {
      budget.pause(member);
      actions.push(action === "RESTART" ? { do: "restart", ...change } : { do: "recreate", ...change, why: "update" });
    }
  }
  return actions;
}

/**
 * Proactive redistribution: one machine of the fullest zone goes at a time, and the next look makes it again in the
 * emptiest, as far as the group may miss one.
 * https://docs.cloud.google.com/compute/docs/instance-groups/regional-mig-distribution-shape
 */
function evenOut(goal: GroupGoal, staying: MemberView[], budget: Budget): Action[] {
  if (!goal.redistributes || goal.zones.length < 2) return [];
  const sizes = [...zoneSizes(goal, staying)].sort(([, a], [, b]) => b - a);
  const [fullest, most] = sizes[0] ?? ["", 0];
  const [, least] = sizes.at(-1) ?? ["", 0];
  if (most - least < 2) return [];
  const going = staying.filter((m) => m.zone === fullest && budget.mayTake(m)).sort(leastMissed(goal))[0];
  return going ? [{ do: "delete", member: going.name, why: "redistribution" }] : [];
}

/** Old machines whose replacement is there, and as many more as may be unavailable. */
function takeReplaced(excess: MemberView[], spared: ReadonlySet<MemberView>, budget: Budget): MemberView[] {
  return excess.filter((member) => {
    if (spared.has(member) || !budget.mayTake(member)) return false;
    budget.take(member);
    return true;
  });
}

/** @param rest versions that lack members, where an update changes no member to them. */
function grow(goal: GroupGoal, existing: number, staying: number, rest: VersionGoal[], allowed: Pair[]): Action[] {
  const room = Math.max(0, goal.targetSize + goal.surge - existing);
  const wanted = goal.proactive
    ? [...rest, ...allowed.filter((p) => isSubstitution(goal, p)).map((p) => p.version)]
    : rest.slice(0, Math.max(0, goal.targetSize - staying));
  return wanted.slice(0, room).map(({ template, name }) => ({ do: "create", target: { template, name } }));
}

export interface Progress {
  /** Nothing under way and nothing to do. */
  isStable: boolean;
  /** Every machine is there and of the version it shall be. */
  isReached: boolean;
}

export function progress(goal: GroupGoal, members: MemberView[], needed: Needed, now: number): Progress {
  // Configuration has its own flags: a machine is of its version without it.
  const { excess, deficits }: Assignment = assign(
    goal,
    members.filter((member) => !leaving(member)).map(({ outdated: _, ...member }) => member),
  );
  const quiet = members.every((member) => member.action === "NONE");
  return {
    isStable: quiet && decide(goal, members, needed, now).length === 0,
    isReached: excess.length === 0 && deficits.length === 0 && members.every(settled),
  };
}
