import type { StoredGroup } from "./model.ts";

type Zoned = Pick<StoredGroup, "zones" | "members" | "shape" | "chosenZone">;

/**
 * Where a group's next machines go, by its shape. Evenly and balanced: each time the zone with the fewest, counted once for
 * all of them. Any: the first zone that has room. Any single zone: the one that was chosen first, as long as any machine is
 * there.
 * https://docs.cloud.google.com/compute/docs/instance-groups/regional-mig-distribution-shape
 */
export class Spread {
  readonly #group: Zoned;
  readonly #counts: Map<string, number>;
  readonly #hasRoom: (zone: string) => boolean;

  /** @param hasRoom whether a zone has room for another machine, as far as the group has heard. */
  constructor(group: Zoned, hasRoom: (zone: string) => boolean = () => true) {
    this.#group = group;
    this.#hasRoom = hasRoom;
    this.#counts = new Map(group.zones.map((zone) => [zone, 0]));
    if (group.zones.length < 2) return;
    for (const { zone } of group.members.values()) this.#counts.set(zone, (this.#counts.get(zone) ?? 0) + 1);
  }

  next(): string {
    const { zones, shape } = this.#group;
    if (shape === "ANY") return this.#roomy();
    if (shape === "ANY_SINGLE_ZONE") return this.#single();
    let best = "";
    let least = Number.POSITIVE_INFINITY;
    for (const zone of zones) {
      const count = this.#counts.get(zone) ?? 0;
      if (count < least) [best, least] = [zone, count];
    }
    this.#counts.set(best, least + 1);
    return best;
  }

  #roomy(): string {
    const { zones } = this.#group;
    return zones.find(this.#hasRoom) ?? zones[0] ?? "";
  }

  #single(): string {
    const { members, chosenZone } = this.#group;
    // Whoever is there says where the group is; one that is empty chooses anew.
    const [first] = members.values();
    const zone = first?.zone ?? (chosenZone !== undefined && this.#hasRoom(chosenZone) ? chosenZone : this.#roomy());
    this.#group.chosenZone = zone;
    return zone;
  }
}

/** The zone in which to try again after one had no room; the same where the shape leaves no choice. */
export function nextZone(group: Zoned, zone: string, hasRoom: (zone: string) => boolean): string {
  const { zones, shape, members } = group;
  const others = zones.slice(zones.indexOf(zone) + 1).concat(zones.slice(0, zones.indexOf(zone)));
  if (shape === "BALANCED") return others[0] ?? zone;
  if (shape === "ANY") return others.find(hasRoom) ?? others[0] ?? zone;
  // Machines that exist hold the group where it is.
  if (shape !== "ANY_SINGLE_ZONE" || [...members.values()].some(({ id }) => id !== undefined)) return zone;
  const chosen = others.find(hasRoom) ?? others[0] ?? zone;
  group.chosenZone = chosen;
  return chosen;
}
