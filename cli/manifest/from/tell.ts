import type { Untranslated } from "./reading.ts";

const kinds = { "left-out": "left out", assumed: "assumed", secret: "may be a secret" } as const;

/** One line each for where and why, one below for what to do. */
export function printUntranslated(file: string, untranslated: readonly Untranslated[]): string {
  return untranslated
    .map(({ line, column, path, kind, code, why, instead }) => {
      const place = `${file}:${line}:${column}: ${path ? `${path}: ` : ""}`;
      return `${place}${kinds[kind]}: ${why} [${code}]\n    ${instead}\n`;
    })
    .join("");
}

/** `2 left out, 1 assumed`. */
export function countUntranslated(untranslated: readonly Untranslated[]): string {
  return Object.entries(kinds)
    .map(([kind, words]) => ({ words, count: untranslated.filter((each) => each.kind === kind).length }))
    .filter(({ count }) => count > 0)
    .map(({ words, count }) => `${count} ${words}`)
    .join(", ");
}
