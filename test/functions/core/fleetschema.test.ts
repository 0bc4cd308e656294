import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseFleetFile } from "../../../cli/fleet/file.ts";
import { FIELDS, readPolicy } from "../../../functions/core/fleetfile/read.ts";
import { pathsIn } from "../../agent/mutations.ts";
import { accepts, propertiesOf } from "../../agent/schema.ts";

const schema = JSON.parse(readFileSync(new URL("../../../wire/fleet.schema.json", import.meta.url), "utf8"));
const page = readFileSync(new URL("../../../docs/fleet.md", import.meta.url), "utf8");
const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
const document: Record<string, unknown> = parse(example);

describe("docs/fleet.md", () => {
  it("shows one document without findings, which the schema takes", () => {
    expect(example.length).toBeGreaterThan(3_000);
    expect(parseFleetFile(example)).not.toHaveProperty("findings");
    expect(accepts(schema, schema, document)).toBe(true);
  });

  it("shows the other form of follows in a comment, and it holds as well", () => {
    const [, other = ""] = /^# follows: (\{.*\})$/m.exec(example) ?? [];
    const file = { ...document, follows: parse(other) };
    expect(file.follows).toMatchObject({ fleet: "web-dev", soak: "2h" });
    expect(readPolicy(file)).not.toHaveProperty("findings");
    expect(accepts(schema, schema, file)).toBe(true);
  });

  it("shows every field that there is", () => {
    expect(Object.keys(document).sort()).toEqual([...FIELDS].sort());
    const shown = new Set(
      pathsIn(document).map((path) => path.replace(/\[\d+\]/g, "[]").replace(/^secrets\.[^.]+/, "secrets.*")),
    );
    const known = propertiesOf(schema).map((path) => path.replace(/\.\[\]/g, "[]"));
    expect(known.length).toBeGreaterThan(40);
    expect(known.filter((path) => !shown.has(path))).toEqual([]);
    for (const kind of ["backend", "metric", "below", "above", "alerts", "webhook", "key", "inconclusive", "within"])
      expect(shown.has(`gates[].${kind}`)).toBe(true);
  });
});

/** Rules over more than one value, over names of zones, or over the size of a duration: no schema says them. */
const beyond =
  /a second time|asks already|the last step must|shares are cumulative|first step can be a canary|none does|nothing can ever be replaced|asks for any: leave it out|must be more than missing|passes for no value|the fleet itself|must be an IANA time zone|at most 365d/;

function judged(value: unknown): { schema: boolean; findings: string[]; own: string[] } {
  const read = readPolicy(value);
  const findings = "findings" in read ? read.findings.map(({ path, message }) => `${path}: ${message}`) : [];
  return {
    schema: accepts(schema, schema, value),
    findings,
    own: findings.filter((message) => !beyond.test(message)),
  };
}

const small = {
  fleet: "web",
  project: "acme-prod",
  groups: [{ zone: "us-central1-a", name: "web", base: "web-base" }],
  follows: { family: "web" },
};

describe("wire/fleet.schema.json and the reader", () => {
  it.each<[string, Record<string, unknown>, boolean]>([
    ["take the smallest file", {}, true],
    ["take a regional group", { groups: [{ region: "us-central1", name: "web", base: "b" }] }, true],
    [
      "refuse a group in two places",
      { groups: [{ zone: "us-central1-a", region: "us-central1", name: "w", base: "b" }] },
      false,
    ],
    ["refuse no groups", { groups: [] }, false],
    ["take another fleet", { follows: { fleet: "dev", soak: "0s" } }, true],
    ["refuse another fleet without a soak time", { follows: { fleet: "dev" } }, false],
    ["refuse both to follow", { follows: { fleet: "dev", soak: "1h", family: "web" } }, false],
    ["take a pinned secret", { secrets: { a: { secret: "b", version: 3 } } }, true],
    [
      "take an alias of a regional secret",
      { secrets: { a: { secret: "b", follows: "blue", location: "us-east1" } } },
      true,
    ],
    ["refuse a pin that follows", { secrets: { a: { secret: "b", follows: "blue", version: 1 } } }, false],
    ["refuse to follow latest", { secrets: { a: { secret: "b", follows: "latest" } } }, false],
    ["refuse to follow a number", { secrets: { a: { secret: "b", follows: "3" } } }, false],
    ["take settling for ten minutes", { settle: "010m" }, true],
    ["take settling for 600 seconds", { settle: "600s" }, true],
    ["take settling for no hours", { settle: "0h" }, true],
    ["refuse settling for 601 seconds", { settle: "601s" }, false],
    ["refuse settling for an hour", { settle: "1h" }, false],
    ["refuse version latest", { secrets: { a: { secret: "b", version: "latest" } } }, false],
    ["take mode approve", { mode: "approve" }, true],
    ["refuse another mode", { mode: "manual" }, false],
    ["refuse a step of both", { steps: [{ canary: 1, share: "5%" }, { share: "100%" }] }, false],
    ["refuse a share above all", { steps: [{ share: "101%" }] }, false],
    ["take no gates", { gates: [] }, true],
    [
      "take a gate in words and one in fields",
      { gates: ["approval", { backend: "web", inconclusive: "proceed" }] },
      true,
    ],
    ["refuse a metric without a bound", { gates: [{ metric: "up" }] }, false],
    ["refuse a webhook without a key", { gates: [{ webhook: "https://a.example" }] }, false],
    ["refuse a webhook in the clear", { gates: [{ webhook: "http://a.example", key: { secret: "k" } }] }, false],
    ["take one to this machine", { gates: [{ webhook: "http://[::1]:80/x", key: { secret: "k" } }] }, true],
    ["refuse a field of another gate", { gates: [{ backend: "web", below: 1 }] }, false],
    ["take a share of failures", { limits: { failedMachines: "5%", paused: "1d" } }, true],
    ["refuse a deadline of nothing", { limits: { progress: "00m" } }, false],
    ["refuse scarce of nothing", { replace: { scarce: 0 } }, false],
    [
      "take days as a list of ranges",
      { windows: [{ days: ["mon-wed", "sat, sun"], from: "00:00", to: "23:59", zone: "UTC" }] },
      true,
    ],
    ["refuse days that are none", { windows: [{ days: "mon-fry", from: "00:00", to: "23:59", zone: "UTC" }] }, false],
    ["refuse an hour that is none", { windows: [{ days: "mon", from: "24:00", to: "23:59", zone: "UTC" }] }, false],
    ["refuse no windows", { windows: [] }, false],
    ["refuse a budget that caps nothing", { budget: { name: "a" } }, false],
    ["refuse what is not there yet", { drift: "report" }, false],
  ])("%s", (_, more, taken) => {
    const { schema: bySchema, findings } = judged({ ...small, ...more });
    expect({ bySchema, byReader: findings.length === 0 }).toEqual({ bySchema: taken, byReader: taken });
  });

  it("judge whatever is done to the document of docs/fleet.md alike, but for the rules beyond a schema", () => {
    let taken = 0;
    let refused = 0;
    fc.assert(
      fc.property(damaged(document), (value) => {
        const { schema: bySchema, findings, own } = judged(value);
        if (bySchema) expect({ own, value }).toEqual({ own: [], value });
        else expect({ findings: findings.length, value }).not.toEqual({ findings: 0, value });
        if (bySchema) taken += 1;
        else refused += 1;
      }),
      { numRuns: 4_000 },
    );
    expect(taken).toBeGreaterThan(200);
    expect(refused).toBeGreaterThan(1_000);
  }, 60_000);
});

const odd = [
  null,
  true,
  false,
  0,
  1,
  -1,
  1.5,
  2_000_000,
  "",
  "a",
  "web",
  "web-dev",
  "5%",
  "100%",
  "0%",
  "5m",
  "0s",
  "00h",
  "400d",
  "newest",
  "latest",
  "latest-enabled",
  "11m",
  "auto",
  "pause",
  "approval",
  "mon",
  "sat,sun",
  "fri - mon",
  "09:00",
  "us-central1",
  "us-central1-a",
  "UTC",
  "Mars/Olympus",
  "https://a.example/x?y",
  "http://127.0.0.1:1",
  "https://u:p@a.example",
  "projects/p/alertPolicies/1",
  [],
  {},
  ["mon", "wed-thu"],
  { secret: "k" },
  { backend: "web" },
  { metric: "up", above: 1 },
  { fleet: "dev", soak: "1h" },
  { canary: 3 },
];

type Damage = { at: number; how: number; value: unknown };

/** One or two values of the document replaced, taken out, doubled, or given a neighbour. */
function damaged(whole: unknown): fc.Arbitrary<unknown> {
  const damage = fc.record({
    at: fc.nat(10_000),
    how: fc.nat(5),
    value: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...odd) }, { weight: 1, arbitrary: fc.jsonValue() }),
  });
  return fc.array(damage, { minLength: 1, maxLength: 2 }).map((list) => {
    const copy: { document: unknown } = { document: structuredClone(whole) };
    for (const one of list) inflict(copy, one);
    return copy.document;
  });
}

function inflict(root: { document: unknown }, { at, how, value: shared }: Damage): void {
  const value = structuredClone(shared);
  const places: { parent: unknown[] | Record<string, unknown>; key: string | number }[] = [];
  const visit = (parent: unknown): void => {
    if (Array.isArray(parent))
      for (const [key, inner] of parent.entries()) {
        places.push({ parent, key });
        visit(inner);
      }
    else if (isObject(parent))
      for (const [key, inner] of Object.entries(parent)) {
        places.push({ parent, key });
        visit(inner);
      }
  };
  visit(root.document);
  const place = places[at % places.length];
  if (!place) return;
  const { parent, key } = place;
  if (Array.isArray(parent)) {
    const i = Number(key);
    if (how === 0) parent.splice(i, 1);
    else if (how === 1) parent.push(structuredClone(parent[i]));
    else parent[i] = value;
  } else if (how === 0) delete parent[key];
  else if (how === 1) parent[`${key}s`] = value;
  else parent[key] = value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
