import type { StoredGroup } from "./model.ts";

/** Where a group's next machines go: each time the zone with the fewest, counted once for all of them. */
export class Spread {
  readonly #counts: Map<string, number>;

  constructor(group: Pick<StoredGroup, "zones" | "members">) {
    this.#counts = new Map(group.zones.map((zone) => [zone, 0]));
    if (group.zones.length < 2) return;
    for (const { zone } of group.members.values()) this.#counts.set(zone, (this.#counts.get(zone) ?? 0) + 1);
  }

  next(): string {
    let best = "";
    let least = Number.POSITIVE_INFINITY;
    for (const [zone, count] of this.#counts) if (count < least) [best, least] = [zone, count];
    this.#counts.set(best, least + 1);
    return best;
  }
}
