import type { Paint } from "./terminal.ts";
import { cut, pad, widthOf } from "./text.ts";

const GAP = "  ";

/**
 * Columns as wide as their widest cell; the last is cut where the width ends, never the others, whose values are copied.
 * Without `width` nothing is cut.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  paint: Paint,
  width = Number.POSITIVE_INFINITY,
): string {
  const widths = head.map((title, i) => Math.max(widthOf(title), ...rows.map((row) => widthOf(row[i] ?? ""))));
  const line = (cells: readonly string[]) => {
    const before = cells.slice(0, -1).map((cell, i) => pad(cell, widths[i] ?? 0) + GAP);
    const taken = before.reduce((sum, cell) => sum + widthOf(cell), 0);
    const last = cells.at(-1) ?? "";
    return (
      before.join("") + (width === Number.POSITIVE_INFINITY ? last : cut(last, Math.max(12, width - taken)))
    ).trimEnd();
  };
  const titles = head.map((title) => paint("dim", title));
  return [titles, ...rows].map((row) => `${line(row)}\n`).join("");
}
