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
  ["a field that is not supported yet, at its key", `${GOOD}drift: report\n`, ["6:1 drift [not-supported]"]],
  [
    "a window's clock and zone, at the values",
    `${GOOD}windows:\n  - { days: mon-fri, from: 9:00, to: "17:00", zone: Europe/Berln }\n`,
    ["7:28 windows[0].from [bad-value]", "7:53 windows[0].zone [bad-value]"],
  ],
  [
    "a gate's key that is missing, at the gate",
    `${GOOD}gates:\n  - reports\n  - webhook: https://checks.example.com/web\n`,
    ["8:5 gates[1].key [missing-field]"],
  ],
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
    expect(err).toContain(`${file}:7:7: mode: "mode" must be auto, approve or observe [bad-value]`);
  });

  it("--check says what the file makes moult do, without a cloud", async () => {
    const file = writeScratch("fleet.yaml", GOOD);
    const { code, out } = await type(["fleet", "apply", file, "--check"]);
    expect(code).toBe(0);
    expect(out).toContain("canary 1, bake 5m, then 100%, then a final bake of 10m");
  });

  it("--check shows all that the file of docs/fleet.md decides", async () => {
    const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "fleet.md"), "utf8");
    const file = writeScratch("fleet.yaml", /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "");
    const { code, out } = await type(["fleet", "apply", file, "--check"]);
    expect(code).toBe(0);
    for (const said of [
      "family web of acme-images",
      "auto: a new release rolls out by itself",
      "europe-west4/web (regional, wave 1), us-central1-a/web (wave 2)",
      "by a person after 25%",
      "above -1 and below 0.01 (inconclusive: rollback, within 5m)",
      "webhook checks.acme.example/web (inconclusive: pause, within 10m)",
      "3 machines more and 0 fewer than usual; 3 fewer where there is no room for more",
      "at 5% failed machines, at least one, or after 20m without progress",
      "a pause of its own is put back after 1d",
      "Mon–Fri 09:00–17:00 Europe/Berlin",
      "acme-prod: 20 new machines at once, 100 an hour",
    ])
      expect(out).toContain(said);
  });

  it("accepts the demo's own", async () => {
    const file = join(import.meta.dirname, "..", "..", "demo", "fleet.yaml");
    const { code, out } = await type(["fleet", "apply", file, "--check", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ fleet: "web", policy: { project: "moult-demo", finalBakeMs: 3000 } });
  });
});
