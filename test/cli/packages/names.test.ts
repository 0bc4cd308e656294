import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compareImageNames,
  formatImageName,
  MOST_FAMILY,
  parseImageName,
  shortCommit,
} from "../../../functions/core/imagename.ts";
import { writeScratch } from "../scratch.ts";
import { type } from "../screen.ts";

const family = fc
  .tuple(
    fc.constantFrom("a", "w"),
    fc.string({ unit: fc.constantFrom(..."a0-"), maxLength: MOST_FAMILY - 2 }),
    fc.constantFrom("z", "9"),
  )
  .map((parts) => parts.join(""));
const commit = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 7, maxLength: 7 });
const seconds = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) / 1000 });
const name = fc.record({ family, commit, time: seconds.map((s) => s * 1000) });

const text = (one: Parameters<typeof formatImageName>[0]) => {
  const made = formatImageName(one);
  if (made.problem !== undefined) throw new Error(made.problem);
  return made.value;
};

describe("an image's name", () => {
  it("reads back as what it was made of, and is one that Compute Engine takes", () => {
    fc.assert(
      fc.property(name, (one) => {
        expect(text(one)).toMatch(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
        expect(parseImageName(text(one))).toEqual({ value: one });
      }),
    );
  });

  it("sorts by age as text does, within one family", () => {
    fc.assert(
      fc.property(name, name, (a, b) => {
        const other = { ...b, family: a.family };
        const [left, right] = [text(a), text(other)];
        expect(Math.sign(compareImageNames(a, other))).toBe(left < right ? -1 : left > right ? 1 : 0);
      }),
    );
  });

  it("never reads what it would not write, whatever is in it", () => {
    const odd = fc.string({ unit: fc.constantFrom(..."a0-1 Z"), maxLength: 40 });
    fc.assert(
      fc.property(
        fc.oneof(
          odd,
          odd.map((s) => `${s}-20261120-120000-abc1234`),
        ),
        (given) => {
          const read = parseImageName(given);
          if (read.problem === undefined) expect(text(read.value)).toBe(given);
        },
      ),
    );
  });

  const wrong: [string, string, RegExp][] = [
    ["without a time", "web-abc1234", /is not <family>/],
    ["without a commit", "web-20261120-120000", /is not <family>/],
    ["without a family", "-20261120-120000-abc1234", /is not <family>/],
    ["of a day that is not", "web-20260231-120000-abc1234", /no instant 20260231-120000/],
    ["of an hour that is not", "web-20261120-240000-abc1234", /no instant/],
    ["of a leap second", "web-20161231-235960-abc1234", /no instant/],
    ["with a commit in capitals", "web-20261120-120000-ABC1234", /no short commit/],
    ["with a branch for a commit", "web-20261120-120000-main", /no short commit/],
    ["with a commit of six digits", "web-20261120-120000-abc123", /no short commit/],
    ["of a family in capitals", "Web-20261120-120000-abc1234", /cannot be a family/],
    ["of a family that ends in a dash", "web--20261120-120000-abc1234", /cannot be a family/],
    ["that is too long", `${"w".repeat(40)}-20261120-120000-abc1234`, /64 characters and may have 63/],
  ];
  it.each(wrong)("%s is refused: %s", (_, given, why) => {
    expect(parseImageName(given).problem).toMatch(why);
  });

  it("is refused when the family is too long, and never cut", () => {
    const long = "w".repeat(MOST_FAMILY);
    expect(text({ family: long, time: 0, commit: "abc1234" })).toHaveLength(63);
    expect(formatImageName({ family: `${long}w`, time: 0, commit: "abc1234" }).problem).toMatch(/may have 39/);
    expect(formatImageName({ family: long, time: 0, commit: "abc12345" }).problem).toMatch(/64 characters/);
  });

  it("holds the first seven digits of a commit", () => {
    expect(shortCommit("ABC1234def0000000000000000000000000000aa")).toBe("abc1234");
    for (const bad of ["abc123", "main", "", "g".repeat(40)]) expect(shortCommit(bad)).toBeUndefined();
  });
});

describe("moult image name", () => {
  it("prints the name of a moment in UTC, whatever its offset", async () => {
    const args = ["image", "name", "web", "--commit", "abc1234def5678", "--time"];
    const shown = await type([...args, "2026-11-20T13:30:05+01:30"]);
    expect(shown).toEqual({ code: 0, out: "web-20261120-120005-abc1234\n", err: "" });
  });

  it("takes now and this folder's commit by itself", async () => {
    const before = Math.floor(Date.now() / 1000) * 1000;
    const { code, out } = await type(["image", "name", "web"]);
    const read = parseImageName(out.trim());
    expect(code).toBe(0);
    expect(read.problem).toBeUndefined();
    if (read.problem === undefined) expect(read.value.time).toBeGreaterThanOrEqual(before);
  });

  it("judges names for CI: every one is said, one that is wrong is exit code 2", async () => {
    const good = ["image", "name", "web", "--check", "web-20261120-120000-abc1234"];
    expect((await type(good)).code).toBe(0);
    const { code, out } = await type([...good, "--check", "db-20261120-120000-abc1234", "--check", "web-v3", "--json"]);
    expect(code).toBe(2);
    expect(JSON.parse(out)).toEqual([
      {
        name: "web-20261120-120000-abc1234",
        valid: true,
        family: "web",
        time: "2026-11-20T12:00:00.000Z",
        commit: "abc1234",
      },
      {
        name: "db-20261120-120000-abc1234",
        valid: false,
        family: "db",
        time: "2026-11-20T12:00:00.000Z",
        commit: "abc1234",
        problem: "it is of family db",
      },
      { name: "web-v3", valid: false, problem: "it is not <family>-<yyyymmdd>-<hhmmss>-<git short>" },
    ]);
  });

  it("lists the names of a file by family and age, and what it cannot read last", async () => {
    const file = writeScratch(
      "names.txt",
      "web-v3\nweb-20261120-120000-abc1234\nweb-20251120-120000-abc1234\ndb-20261120-120000-abc1234\n",
    );
    const { code, out } = await type(["image", "name", "--check-file", file, "--sort"]);
    expect(code).toBe(2);
    expect(out.split("\n").map((line) => line.split(" ")[0])).toEqual([
      "NAME",
      "db-20261120-120000-abc1234",
      "web-20251120-120000-abc1234",
      "web-20261120-120000-abc1234",
      "web-v3",
      "",
    ]);
  });

  const mistakes: [string, string[], RegExp][] = [
    ["a family that is too long", ["w".repeat(40)], /may have 39/],
    ["a commit that is none", ["web", "--commit", "main"], /--commit main must be 7 to 64 hex digits/],
    [
      "a time without an offset",
      ["web", "--commit", "abc1234", "--time", "2026-11-20T12:00:00"],
      /--time must be an instant/,
    ],
    ["nothing to name", [], /needs FAMILY/],
    ["a file that is not there", ["--check-file", "none.txt"], /cannot be read/],
    ["a time for names that exist", ["--check", "x", "--time", "2026-11-20T12:00:00Z"], /--time is for a new name/],
    ["an order of one", ["web", "--sort"], /--sort goes with/],
  ];
  it.each(mistakes)("refuses %s", async (_, args, why) => {
    const { code, out, err } = await type(["image", "name", ...args]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(why);
  });
});
