import type { Section } from "./sections.ts";

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_cell, column) => (column === 0 ? "---" : "--:"))), ...rows.map(line), ""];
}

export function chapter({ title, notes, head, rows }: Section): string[] {
  return [`## ${title}`, "", ...notes.flatMap((note) => (note ? [note, ""] : [])), ...table(head, rows)];
}
