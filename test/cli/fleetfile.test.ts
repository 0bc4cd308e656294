import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseFleetFile } from "../../cli/fleet/file.ts";
import { writeScratch } from "./scratch.ts";
import { type } from "./screen.ts";

const GOOD = `fleet: web
project: acme-prod
groups:
  - { zone: us-central1-a, name: web, base: web-base }
follows: { family: web }
`;

/** What is wrong → the text, and each finding as `line:column path [code]`. */
const mistakes: [string, string, string[]][] = [
  ["an unknown field, at its key", `${GOOD}finalBaek: 5m\n`, ["6:1 finalBaek [unknown-field]"]],
  ["a bad value, at the value", `${GOOD}finalBake: 5 minutes\n`, ["6:12 finalBake [bad-value]"]],
  ["a field that is not supported yet, at its key", `${GOOD}windows: []\n`, ["6:1 windows [not-supported]"]],
  ["a missing field, where it should be", GOOD.replace(", base: web-base", ""), ["4:5 groups[0].base [missing-field]"]],
  [
    "a missing field of the document, at its beginning",
    GOOD.replace("fleet: web\n", ""),
    ["1:1 fleet [missing-field]"],
  ],
  [
    "a value deep inside",
    `${GOOD}steps:\n  - { canary: 1 }\n  - { share: 100 }\n`,
    ["8:14 steps[1].share [bad-value]"],
  ],
  [
    "a key that holds a dot",
    `${GOOD}secrets:\n  db.password: { secret: web-db, version: newst }\n`,
    ["7:43 secrets.db.password.version [bad-value]"],
  ],
  [
    "everything at once, in the order of the text",
    `fleet: Web\nproject: acme-prod\ngroups:\n  - { zone: mars, name: web, base: web-base }\nfollows: { famly: web }\nmode: manual\n`,
    [
      "1:8 fleet [bad-value]",
      "4:13 groups[0].zone [bad-value]",
      "5:10 follows.family [missing-field]",
      "5:12 follows.famly [unknown-field]",
      "6:7 mode [bad-value]",
    ],
  ],
  ["text that is no YAML", `fleet: web: x\n`, ["1:8  [yaml]"]],
  ["a key given twice", `${GOOD}fleet: api\n`, ["6:1  [yaml]"]],
  ["an empty file", "", ["1:1  [wrong-type]"]],
  ["two documents", `${GOOD}---\n${GOOD}`, ["6:1  [yaml]"]],
];

describe("what is wrong with a fleet file is found with its place", () => {
  for (const [sentence, text, places] of mistakes) {
    it(sentence, () => {
      const read = parseFleetFile(text);
      const found = "findings" in read ? read.findings : [];
      const shown = found.map(({ line, column, path, code }) => `${line}:${column} ${path} [${code}]`);
      expect(shown).toEqual(places);
      for (const { message } of found) expect(message).not.toBe("");
    });
  }

  it("a good one becomes the policy, and its document stays as it was written", () => {
    const read = parseFleetFile(GOOD);
    expect(read).toMatchObject({ policy: { fleet: "web", mode: "auto" }, document: { follows: { family: "web" } } });
  });
});

describe("moult fleet apply", () => {
  it("prints every finding as file:line:column and sends nothing", async () => {
    const file = writeScratch("fleet.yaml", `${GOOD}finalBaek: 5m\nmode: manual\n`);
    const { code, out, err } = await type(["fleet", "apply", file]);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toContain(`2 things are wrong with ${file}`);
    expect(err).toContain(`${file}:6:1: finalBaek: unknown field "finalBaek" in the document`);
    expect(err).toContain(`${file}:7:7: mode: "mode" must be auto or observe [bad-value]`);
  });

  it("--check says what the file makes moult do, without a cloud", async () => {
    const file = writeScratch("fleet.yaml", GOOD);
    const { code, out } = await type(["fleet", "apply", file, "--check"]);
    expect(code).toBe(0);
    expect(out).toContain("canary 1, bake 5m, then 100%, then a final bake of 10m");
  });

  it("accepts the demo's own", async () => {
    const file = join(import.meta.dirname, "..", "..", "demo", "fleet.yaml");
    const { code, out } = await type(["fleet", "apply", file, "--check", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ fleet: "web", policy: { project: "moult-demo", finalBakeMs: 3000 } });
  });
});

describe("docs/fleet.md", () => {
  const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "fleet.md"), "utf8");
  const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "";

  it("its example is valid and shows every field", () => {
    const read = parseFleetFile(example);
    expect(read).not.toHaveProperty("findings");
    const fields = [
      "fleet",
      "project",
      "groups",
      "follows",
      "config",
      "secrets",
      "mode",
      "steps",
      "finalBake",
      "gates",
      "limits",
      "replace",
    ];
    for (const field of fields) expect(example).toMatch(new RegExp(`^${field}:`, "m"));
  });
});
