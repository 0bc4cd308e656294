import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readJson } from "../../agent/plan/json.ts";
import { canonicalJson } from "../../agent/plan/pack.ts";
import { validateManifest } from "../../agent/plan/validate.ts";
import { readYaml } from "../../cli/manifest/yaml.ts";
import { exampleYaml, planOf, smallYaml } from "./example.ts";
import { mutations, pathsIn } from "./mutations.ts";
import { accepts, propertiesOf } from "./schema.ts";

const schema = JSON.parse(readFileSync(new URL("../../wire/manifest.schema.json", import.meta.url), "utf8"));
const document = readYaml("manifest", exampleYaml);

describe("docs/manifest.md", () => {
  test("shows a manifest without findings, also as machines read it", () => {
    expect(exampleYaml.length).toBeGreaterThan(1_000);
    expect(planOf(document).findings).toEqual([]);
    expect(planOf(readJson("manifest", canonicalJson(document.value))).findings).toEqual([]);
  });

  test("begins with a small one, without findings too", () => {
    expect(smallYaml).toContain("manifest: 1");
    expect(smallYaml.split("\n").length).toBeLessThan(15);
    const small = readYaml("manifest", smallYaml);
    expect(planOf(small).findings).toEqual([]);
    expect(accepts(schema, schema, small.value)).toBe(true);
  });

  test("shows every field that there is", () => {
    const shown = new Set(
      pathsIn(document.value).map((path) => path.replace(/\[\d+\]/g, "[]").replace(/^(attributes)\.\w+\./, "$1.*.")),
    );
    // Maps from names that people choose.
    const named = (path: string) => path.replace(/\.\*\./g, ".tls-key.");
    const missing = propertiesOf(schema)
      .map((path) => path.replace(/\.\[\]/g, "[]"))
      .filter((path) => !shown.has(path) && !shown.has(named(path)));
    // Of credentials, each origin is shown by one of its own; of readiness, one of three.
    expect(missing.filter((path) => !/credentials\.\*\.|^ready\.(tcp|command)$/.test(path))).toEqual([]);
    for (const origin of ["secret", "content", "template", "image", "source"])
      expect([...shown].some((path) => path.startsWith("units[].credentials.") && path.endsWith(`.${origin}`))).toBe(
        true,
      );
    for (const word of ["tcp", "command"]) expect(exampleYaml).toContain(`# ready: { ${word}:`);
  });
});

/** Rules that go over more than one value, or count bytes or digits: no schema says them. */
const beyond = new Set([
  "path-twice",
  "path-under-file",
  "path-on-disk",
  "unit-twice",
  "vault-missing",
  "not-a-value",
  "pattern-backwards",
  "range-backwards",
  "default-unfit",
  "duplicate-key",
]);
const inMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const longDuration = (text: string) =>
  [...text.matchAll(/"(\d+)(ms|s|m|h)"/g)].some(
    ([, digits, unit = ""]) => Number(digits) * (inMs[unit] ?? 0) > 86_400_000,
  );

describe("wire/manifest.schema.json", () => {
  test("takes the manifest of docs/manifest.md", () => {
    expect(accepts(schema, schema, document.value)).toBe(true);
  });

  test("and the agent take the same documents, but for the rules beyond a schema", () => {
    fc.assert(
      fc.property(mutations(document.value, 3), (value) => {
        const text = JSON.stringify(value);
        const read = readJson("manifest", text);
        const codes = validateManifest(read).findings.map(({ code }) => code);
        const own = codes.filter((code) => !beyond.has(code));
        const taken = accepts(schema, schema, read.value);
        if (taken && own.every((code) => code === "not-a-duration") && longDuration(text)) return;
        expect({ taken, findings: own }).toEqual(
          taken
            ? { taken, findings: [] }
            : { taken, findings: expect.toSatisfy((found: string[]) => found.length > 0) },
        );
      }),
      { numRuns: 3_000 },
    );
  }, 120_000);
});
