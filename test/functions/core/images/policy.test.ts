import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parsePolicyFile } from "../../../../cli/fleet/file.ts";
import { AGE_FIELDS, FAMILY_FIELDS, readFamilyPolicy } from "../../../../functions/core/images/policy.ts";
import { accepts } from "../../../agent/schema.ts";
import { DAY } from "./family.ts";

const root = new URL("../../../../", import.meta.url);
const schema = JSON.parse(readFileSync(new URL("wire/family.schema.json", root), "utf8"));
const page = readFileSync(new URL("docs/image-rotation.md", root), "utf8");
const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
const small = { family: "web", project: "acme-images", rotate: {} };

describe("a family file", () => {
  it("in docs/image-rotation.md shows every field, has no findings, and the schema takes it", () => {
    const document = parse(example);
    expect(Object.keys(document).sort()).toEqual([...FAMILY_FIELDS].sort());
    expect(Object.keys(document.rotate).sort()).toEqual([...AGE_FIELDS].sort());
    expect(accepts(schema, schema, document)).toBe(true);
    expect(readFamilyPolicy(document)).toEqual({
      policy: {
        family: "web",
        project: "acme-images",
        rotate: { deprecate: 14 * DAY, obsolete: 30 * DAY, delete: 30 * DAY, remove: 7 * DAY },
        retain: 3,
        consumers: ["acme-prod", "acme-lab"],
      },
    });
  });

  it("retains three and has no consumers when it does not say, and rotates nothing that it does not say", () => {
    expect(readFamilyPolicy(small)).toEqual({
      policy: {
        ...small,
        rotate: { deprecate: null, obsolete: null, delete: null, remove: null },
        retain: 3,
        consumers: [],
      },
    });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["no rotate at all is asked about: it would mean nothing", { rotate: undefined }, "rotate missing-field"],
    ["an age of nothing", { rotate: { deprecate: "0d" } }, "rotate.deprecate bad-value"],
    ["an age that is none", { rotate: { obsolete: 30 } }, "rotate.obsolete bad-value"],
    ["an age beyond a year", { rotate: { remove: "400d" } }, "rotate.remove bad-value"],
    ["a state that is none", { rotate: { archive: "3d" } }, "rotate.archive unknown-field"],
    ["to retain none", { retain: 0 }, "retain bad-value"],
    ["a family that is none", { family: "Web" }, "family bad-value"],
    ["one consumer that is not a list", { consumers: "acme-lab" }, "consumers wrong-type"],
    ["a consumer that is no project", { consumers: ["acme-lab", "x"] }, "consumers[1] bad-value"],
    ["a consumer twice", { consumers: ["acme-lab", "acme-lab"] }, "consumers[1] duplicate"],
    ["a field of another file", { fleet: "web" }, "fleet unknown-field"],
  ])("is refused for %s", (_sentence, more, finding) => {
    const read = readFamilyPolicy({ ...small, ...more });
    expect("findings" in read ? read.findings.map(({ path, code }) => `${path} ${code}`) : []).toEqual([finding]);
  });

  it("says everything that is wrong at once, with its place", () => {
    const read = parsePolicyFile(
      "family: Web\nrotate:\n  deprecate: 14\n  purge: 1d\nretain: many\n",
      readFamilyPolicy,
    );
    expect("findings" in read && read.findings.map(({ line, column, path }) => `${line}:${column} ${path}`)).toEqual([
      "1:1 project",
      "1:9 family",
      "3:14 rotate.deprecate",
      "4:3 rotate.purge",
      "5:9 retain",
    ]);
  });

  it("is judged alike by its schema, but for what is longer than a year", () => {
    const odd = fc.constantFrom<unknown>(
      undefined,
      null,
      0,
      1,
      1001,
      2.5,
      "",
      "web",
      "14d",
      "0h",
      "1s",
      "400d",
      "acme-lab",
      [],
      {},
      ["acme-lab"],
      ["acme-lab", "acme-lab"],
      ["?"],
      { deprecate: "1d" },
      { remove: "0d" },
      { x: "1d" },
    );
    const document = fc.record({
      family: fc.oneof(fc.constant("web"), odd),
      project: fc.oneof(fc.constant("acme-images"), odd),
      rotate: fc.oneof(fc.constant({ deprecate: "14d" }), odd),
      retain: fc.oneof(fc.constant(3), odd),
      consumers: fc.oneof(fc.constant(["acme-lab"]), odd),
    });
    let taken = 0;
    fc.assert(
      fc.property(document, (drawn) => {
        const value: unknown = JSON.parse(JSON.stringify(drawn));
        const read = readFamilyPolicy(value);
        const bySchema = accepts(schema, schema, value);
        expect({ value, taken: "policy" in read }).toEqual({ value, taken: bySchema });
        if (bySchema) taken += 1;
      }),
      { numRuns: 3000 },
    );
    expect(taken).toBeGreaterThan(50);
  });

  it("names every rule of the page, and the page no other", () => {
    const source = readFileSync(new URL("functions/core/images/rotation.ts", root), "utf8");
    const rules = [...(/export type KeepRule =([^;]*);/.exec(source)?.[1] ?? "").matchAll(/"([a-z-]+)"/g)].map(
      ([, rule]) => rule,
    );
    const shown = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, rule]) => rule);
    expect(rules.length).toBeGreaterThan(8);
    expect(shown.sort()).toEqual(rules.sort());
  });
});
