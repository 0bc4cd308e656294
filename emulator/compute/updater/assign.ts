import { type GroupGoal, isAvailable, type MemberView, type VersionGoal } from "./values.ts";

export interface Assignment {
  /** Members of no wanted version, or beyond the size of theirs; first those that are missed least. */
  excess: MemberView[];
  /** Versions that lack members, those with a target size first. */
  deficits: { version: VersionGoal; count: number }[];
}

export const isOf = (member: MemberView, version: VersionGoal) =>
  member.template === version.template && member.version === version.name;

/** A number that a name always has and that says nothing about it (FNV-1a). */
function scattered(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Orders by how little a member is missed: without a machine, then not available, then by age as the group prefers. */
export function leastMissed(goal: GroupGoal): (a: MemberView, b: MemberView) => number {
  const rank = (m: MemberView) => (m.status === undefined ? 0 : isAvailable(goal, m) ? 2 : 1);
  const age = (a: MemberView, b: MemberView) => {
    if (goal.scaleIn === "any") return scattered(a.name) - scattered(b.name);
    return goal.scaleIn === "newest" ? b.createdAt - a.createdAt : a.createdAt - b.createdAt;
  };
  return (a, b) => rank(a) - rank(b) || age(a, b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/** Those missed least; of a group over several zones each time one of the fullest zone. */
export function surplusOf(goal: GroupGoal, staying: MemberView[], members: MemberView[], count: number): MemberView[] {
  const order = leastMissed(goal);
  const left = [...members].sort(order);
  if (goal.zones.length < 2 || count === 0) return left.slice(0, count);
  const serving = (m: MemberView) => m.status !== undefined && isAvailable(goal, m);
  const sizes = zoneSizes(goal, staying);
  const taken: MemberView[] = [];
  // A machine that does not serve goes before one that does, wherever it is.
  for (const tier of [left.filter((m) => !serving(m)), left.filter(serving)]) {
    const queues = new Map<string, MemberView[]>(goal.zones.map((zone) => [zone, []]));
    for (const m of tier.reverse()) queues.get(m.zone)?.push(m);
    while (taken.length < count) {
      const heads = [...queues.values()].flatMap((queue) => queue.at(-1) ?? []);
      const [next] = heads.sort((a, b) => (sizes.get(b.zone) ?? 0) - (sizes.get(a.zone) ?? 0) || order(a, b));
      if (!next) break;
      queues.get(next.zone)?.pop();
      taken.push(next);
      sizes.set(next.zone, (sizes.get(next.zone) ?? 0) - 1);
    }
  }
  return taken;
}

export function zoneSizes(goal: GroupGoal, staying: MemberView[]): Map<string, number> {
  const sizes = new Map(goal.zones.map((zone) => [zone, 0]));
  for (const { zone } of staying) sizes.set(zone, (sizes.get(zone) ?? 0) + 1);
  return sizes;
}

/**
 * Compares who is there with who is wanted, version by version. `staying` are the members that are not leaving. One whose
 * configuration is outdated is of no wanted version either.
 */
export function assign(goal: GroupGoal, staying: MemberView[]): Assignment {
  const excess: MemberView[] = [];
  const deficits: Assignment["deficits"] = [];
  const groups = goal.versions.map((version) => ({ version, members: [] as MemberView[] }));
  for (const member of staying) {
    const group = member.outdated ? undefined : groups.find(({ version }) => isOf(member, version));
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

/**
 * Which version each member too many becomes: its own where only its configuration is outdated, else the next one that
 * lacks members. `rest` are versions that still lack some then.
 */
export function pairUp({ excess, deficits }: Assignment): { of: Map<MemberView, VersionGoal>; rest: VersionGoal[] } {
  const counts = new Map(deficits.map(({ version, count }) => [version, count]));
  const of = new Map<MemberView, VersionGoal>();
  const take = (member: MemberView, version: VersionGoal | undefined) => {
    if (!version) return;
    of.set(member, version);
    counts.set(version, (counts.get(version) ?? 0) - 1);
  };
  const lacks = (version: VersionGoal) => (counts.get(version) ?? 0) > 0;
  const versions = deficits.map(({ version }) => version);
  for (const member of excess)
    if (member.outdated)
      take(
        member,
        versions.find((version) => lacks(version) && isOf(member, version)),
      );
  for (const member of excess) if (!of.has(member)) take(member, versions.find(lacks));
  return { of, rest: versions.flatMap((version) => Array.from({ length: counts.get(version) ?? 0 }, () => version)) };
}
