import { MOVES } from "../../../../functions/core/phases.ts";

/** What was seen, for whoever reads the figures. */
export class Tally {
  readonly counts = new Map<string, number>();
  readonly moves = new Map<string, number>();
  readonly endings = new Map<string, number>();
  readonly events = new Map<string, number>();
  readonly behaviours = new Set<string>();

  count(what: string, by = 1): void {
    add(this.counts, what, by);
  }

  move(from: string, to: string): void {
    add(this.moves, `${from} ${to}`, 1);
  }

  ending(ending: string): void {
    add(this.endings, ending, 1);
  }

  event(what: string): void {
    add(this.events, what, 1);
  }

  unseen(): string[] {
    return Object.entries(MOVES)
      .flatMap(([from, all]) => all.map((to) => `${from} ${to}`))
      .filter((move) => !this.moves.has(move));
  }

  text(): string {
    const all = (map: Map<string, number>) =>
      [...map]
        .sort(([, a], [, b]) => b - a)
        .map(([what, count]) => `${what} ${count}`)
        .join(", ");
    return [
      all(this.counts),
      `rollouts by ending: ${all(this.endings)}`,
      `events: ${all(this.events)}`,
      `combinations of undocumented behaviours: ${this.behaviours.size}`,
      `moves seen: ${this.moves.size}; not seen: ${this.unseen().join(", ") || "none"}`,
    ].join("\n");
  }
}

function add(map: Map<string, number>, what: string, by: number): void {
  map.set(what, (map.get(what) ?? 0) + by);
}
