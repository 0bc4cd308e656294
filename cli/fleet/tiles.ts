import type { Paint, Style } from "../terminal/terminal.ts";
import type { MachineStatus } from "./view.ts";

/** What a machine looks like from outside. A mark of its own for each, because not everybody sees colours. */
export const TILES = {
  fresh: { mark: "■", style: "green", means: "new" },
  booting: { mark: "◧", style: "yellow", means: "new, under way" },
  old: { mark: "□", style: "dim", means: "old" },
  changing: { mark: "◌", style: "yellow", means: "old, under way" },
  bad: { mark: "✗", style: "red", means: "not healthy" },
} as const satisfies Record<string, { mark: string; style: Style; means: string }>;

export type Tile = keyof typeof TILES;

const SICK = new Set(["UNHEALTHY", "TIMEOUT"]);

export function tileOf({ fresh, status, action, health }: Omit<MachineStatus, "name" | "id" | "runs">): Tile {
  if (health !== null && SICK.has(health) && action === "NONE") return "bad";
  const moves = action !== "NONE" || (status !== null && status !== "RUNNING");
  if (fresh) return moves || (health !== null && health !== "HEALTHY") ? "booting" : "fresh";
  return moves ? "changing" : "old";
}

export type TileCounts = Record<Tile, number>;

export function countTiles(machines: readonly MachineStatus[]): TileCounts {
  const counts: TileCounts = { fresh: 0, booting: 0, old: 0, changing: 0, bad: 0 };
  for (const machine of machines) counts[tileOf(machine)] += 1;
  return counts;
}

/** More machines than this are a number and not a picture. */
const MOST = 400;

/** Rows of tiles, new ones first, as wide as there is room. */
export function tileRows(machines: readonly MachineStatus[], width: number, paint: Paint): string[] {
  const order = Object.keys(TILES) as Tile[];
  const tiles = machines
    .map(tileOf)
    .sort((a, b) => order.indexOf(a) - order.indexOf(b))
    .slice(0, MOST)
    .map((tile) => paint(TILES[tile].style, TILES[tile].mark));
  const rows: string[] = [];
  for (let i = 0; i < tiles.length; i += width) rows.push(tiles.slice(i, i + width).join(""));
  if (machines.length > MOST) rows.push(paint("dim", `and ${machines.length - MOST} more`));
  return rows;
}

/** `■ 3 new  ◧ 1 new, under way`: only those that are there. */
export function tileLegend(counts: TileCounts, paint: Paint): string {
  return (Object.keys(TILES) as Tile[])
    .filter((tile) => counts[tile] > 0)
    .map((tile) => `${paint(TILES[tile].style, TILES[tile].mark)} ${counts[tile]} ${TILES[tile].means}`)
    .join("  ");
}
