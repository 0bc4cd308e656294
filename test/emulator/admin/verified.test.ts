import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PLAUSIBLE } from "../../../emulator/compute/behaviours.ts";

/** The page names a test by its place below one of these. */
const FOLDERS = [join(import.meta.dirname, ".."), join(import.meta.dirname, "..", "..")];
const page = readFileSync(join(import.meta.dirname, "..", "..", "..", "docs", "verified.md"), "utf8");
const rows = page
  .split("\n")
  .filter((line) => /^\| (?!---|behaviour)/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()));

describe("docs/verified.md", () => {
  it("says of every behaviour how it is known, and names a test that is there", () => {
    expect(rows.length).toBeGreaterThan(30);
    for (const [, behaviour, known = "", , , test = ""] of rows) {
      expect([behaviour, known.split(", ").filter((word) => !/^(documented|recorded|assumed)$/.test(word))]).toEqual([
        behaviour,
        [],
      ]);
      const named = [...test.matchAll(/`([^`]+)`/g)].map(([, file = ""]) => file);
      const absent = named.filter((file) => !FOLDERS.some((folder) => existsSync(join(folder, file))));
      expect([behaviour, named.length > 0, absent]).toEqual([behaviour, true, []]);
    }
  });

  it("names every choice that the emulator can make, with its values", () => {
    for (const [name, choices] of Object.entries(PLAUSIBLE)) {
      const row = page.split("\n").find((line) => line.includes(`\`${name}\``)) ?? "";
      expect([name, choices.filter((choice) => !row.includes(choice))]).toEqual([name, []]);
    }
  });
});
