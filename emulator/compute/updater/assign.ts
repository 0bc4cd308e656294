import { type GroupGoal, isAvailable, type MemberView, type VersionGoal } from "./values.ts";

export interface Assignment {
  /** Members of no wanted version, or beyond the size of theirs; first those that are missed least. */
  excess: MemberView[];
  /** Versions that lack members, those with a target size first. */
  deficits: { version: VersionGoal; count: number }[];
}

export const isOf = (member: MemberView, version: VersionGoal) =>
  member.template === version.template && member.version === version.name;

/** Orders by how little a member is missed: without a machine, then not available, then by age as the group prefers. */
export function leastMissed(goal: GroupGoal): (a: MemberView, b: MemberView) => number {
  const rank = (m: MemberView) => (m.status === undefined ? 0 : isAvailable(goal, m) ? 2 : 1);
  const age = (a: MemberView, b: MemberView) =>
    goal.scaleIn === "newest" ? b.createdAt - a.createdAt : a.createdAt - b.createdAt;
  return (a, b) => rank(a) - rank(b) || age(a, b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/** Those missed least, one by one, so that a group over several zones gives from the fullest each time. */
function surplusOf(goal: GroupGoal, staying: MemberView[], members: MemberView[], count: number): MemberView[] {
  const order = leastMissed(goal);
  const left = [...members].sort(order);
  if (goal.even.length < 2) return left.slice(0, count);
  const sizes = zoneSizes(goal, staying);
  const taken: MemberView[] = [];
  while (taken.length < count) {
    const serving = (m: MemberView) => m.status !== undefined && isAvailable(goal, m);
    // A machine that does not serve goes before one that does, wherever it is.
    const candidates = left.some((m) => !serving(m)) ? left.filter((m) => !serving(m)) : left;
    const [next] = [...candidates].sort((a, b) => (sizes.get(b.zone) ?? 0) - (sizes.get(a.zone) ?? 0) || order(a, b));
    if (!next) break;
    taken.push(next);
    left.splice(left.indexOf(next), 1);
    sizes.set(next.zone, (sizes.get(next.zone) ?? 0) - 1);
  }
  return taken;
}

export function zoneSizes(goal: GroupGoal, staying: MemberView[]): Map<string, number> {
  const sizes = new Map(goal.even.map((zone) => [zone, 0]));
  for (const { zone } of staying) sizes.set(zone, (sizes.get(zone) ?? 0) + 1);
  return sizes;
}

/** Compares who is there with who is wanted, version by version. `staying` are the members that are not leaving. */
export function assign(goal: GroupGoal, staying: MemberView[]): Assignment {
  const excess: MemberView[] = [];
  const deficits: Assignment["deficits"] = [];
  const groups = goal.versions.map((version) => ({ version, members: [] as MemberView[] }));
  for (const member of staying) {
    const group = groups.find(({ version }) => isOf(member, version));
    if (group) group.members.push(member);
    else excess.push(member);
  }
  for (const { version, members } of groups) {
    const surplus = members.length - version.size;
    if (surplus > 0) excess.push(...surplusOf(goal, staying, members, surplus));
    if (surplus < 0) deficits.push({ version, count: -surplus });
  }
  excess.sort(leastMissed(goal));
  deficits.sort((a, b) => Number(b.version.explicit) - Number(a.version.explicit));
  return { excess, deficits };
}
