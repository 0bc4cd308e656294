import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..", "..");
const page = readFileSync(join(root, "docs", "complaints.md"), "utf8");
const rows = page
  .split("\n")
  .filter((line) => /^\| \d+ \|/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()));

/** Names of the scenarios, as their files write them. */
const source = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".test.ts") && name !== "table.test.ts")
  .map((name) => readFileSync(join(import.meta.dirname, name), "utf8"))
  .join("\n");
const tests = new Set([...source.matchAll(/"([^"\n]+ does not happen[^"\n]*)"/g)].map((found) => found[1] ?? ""));
const cited = rows.flatMap((cells) => [...(cells[4] ?? "").matchAll(/`([^`]+)`/g)].map((found) => found[1] ?? ""));

describe("docs/complaints.md", () => {
  it("has each of the 32 complaints once, in order, with a source, an answer and where it is shown", () => {
    expect(rows.map((cells) => Number(cells[1]))).toEqual(Array.from({ length: 32 }, (_, i) => i + 1));
    for (const cells of rows) expect(cells.slice(2, 5).filter((cell) => cell.length < 10)).toEqual([]);
  });

  it("names only tests that exist, word for word", () => {
    expect(cited.length).toBeGreaterThan(40);
    expect(cited.filter((name) => !tests.has(name))).toEqual([]);
  });

  it("names a test for every complaint but those that are of images and their deletion", () => {
    const without = rows.filter((cells) => !/`/.test(cells[4] ?? "")).map((cells) => Number(cells[1]));
    expect(without).toEqual([30, 31]);
  });

  it("leaves out none of the scenarios", () => {
    expect([...tests].filter((name) => !cited.includes(name))).toEqual([]);
  });
});
