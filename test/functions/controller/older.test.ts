import { describe, expect, it } from "vitest";
import { reconcile } from "../../../functions/controller/reconcile.ts";
import { loadRecord, paths } from "../../../functions/controller/records.ts";
import { decide } from "../../../functions/core/decide.ts";
import { emptyRecord } from "../../../functions/core/record.ts";
import { places, policyOf, sha256 } from "../core/small-cloud.ts";
import { fakeCloud } from "./fakes.ts";

const AT = "2026-01-01T00:00:00.000Z";
const KEY = "us-central1-a/web";

type Json = Record<string, unknown>;

const release = (name: string, id: string): Json => ({
  digest: sha256(name),
  image: { id, name, project: "acme-prod" },
  configCommit: null,
  secrets: {},
  base: {},
});
const versions = (template: string) => [
  { instanceTemplate: `projects/acme-prod/global/instanceTemplates/${template}` },
];

/** As the first version wrote it: a group had a zone, a gate was its name, and there was no window, budget or acceptance. */
const POLICY: Json = {
  fleet: "web",
  project: "acme-prod",
  groups: [{ zone: "us-central1-a", name: "web", base: "web-base", wave: 1 }],
  follows: { family: "web", project: "acme-prod" },
  config: null,
  secrets: {},
  mode: "auto",
  steps: [
    { canary: 1, bakeMs: 60_000 },
    { share: 1, bakeMs: 0 },
  ],
  finalBakeMs: 60_000,
  gates: ["reports", "health"],
  limits: { failedMachines: 1, progressMs: 300_000 },
  replace: { above: 3, missing: 0 },
};

const STABLE = {
  release: release("web-1", "1001"),
  since: AT,
  adopted: true,
  versions: { [KEY]: versions("web-base") },
};

const ACTIVE: Json = {
  id: "web-1",
  kind: "forward",
  from: STABLE,
  to: release("web-2", "1002"),
  reports: true,
  cause: { word: "started", text: "started" },
  startedAt: AT,
  wave: 0,
  step: 0,
  phase: "baking",
  since: AT,
  stepSince: AT,
  deadline: AT,
  best: 1,
  groups: {
    [KEY]: {
      from: { versions: versions("web-base"), updatePolicy: { type: "OPPORTUNISTIC" }, targetSize: 4 },
      to: versions("web-2"),
      template: "web-2",
    },
  },
  seen: { "web-a": "9001" },
  failed: {},
  verdict: null,
  pausedFrom: null,
  passed: [],
};

/** The whole of a first version's record. */
const FIRST: Json = {
  schema: 1,
  fleet: "web",
  policy: POLICY,
  stable: STABLE,
  previous: [],
  candidate: null,
  quarantine: [],
  hold: null,
  active: ACTIVE,
  last: null,
  rollouts: 1,
  applied: [],
  reasons: [],
  lastLook: AT,
  nextLook: null,
};

async function load(record: unknown) {
  const { state } = fakeCloud();
  await state.write(paths.record("web"), typeof record === "string" ? record : JSON.stringify(record), "0");
  return (await loadRecord(state, "web")).record;
}

const without = (value: Json, field: string): Json =>
  Object.fromEntries(Object.entries(value).filter(([key]) => key !== field));

describe("a record of the first version", () => {
  it("has every field of today's, as a fleet file has it that does not say it", async () => {
    const loaded = await load(FIRST);
    const today = policyOf();
    expect(loaded.policy).toEqual(today);
    expect(loaded.active?.policy).toEqual(today);
    expect(Object.keys(loaded).sort()).toEqual(Object.keys(emptyRecord("web")).sort());
    expect(loaded.active).toMatchObject({ gates: {}, granted: null, urgent: false, forwardFix: null, bakesLost: 0 });
  });

  it("is decided on, and what comes of it is whole", async () => {
    const observation = { at: AT, commands: [], groups: {}, reports: [], gates: {}, templates: {} };
    const { record } = decide(await load(FIRST), observation, { now: AT, sha256, places });
    expect(await load(record)).toEqual(JSON.parse(JSON.stringify(record)));
  });

  it.each(Object.keys(emptyRecord("web")).filter((field) => field !== "fleet"))(
    "lacks %s: that means what it means in a fleet that is new",
    async (field) => {
      const expected: Json = { ...emptyRecord("web") };
      const loaded: Json = { ...(await load(without({ ...FIRST, active: null }, field))) };
      expect(loaded[field]).toEqual(expected[field]);
    },
  );

  it.each(["config", "secrets", "steps", "finalBakeMs", "gates", "limits", "replace"])(
    "whose fleet file lacks %s gets its default",
    async (field) => {
      const said = { steps: undefined, finalBake: undefined, limits: undefined, replace: undefined };
      const defaults: Json = { ...policyOf(said) };
      const { policy } = await load({ ...FIRST, policy: without(POLICY, field), active: null });
      const loaded: Json = { ...policy };
      expect(loaded[field]).toEqual(defaults[field]);
    },
  );

  it("whose fleet file does not say whether to begin by itself does not", async () => {
    expect((await load({ ...FIRST, policy: without(POLICY, "mode"), active: null })).policy?.mode).toBe("observe");
  });
});

describe("a record that nothing can be made of is refused with all that it lacks, and not written over", () => {
  it.each([
    ["text that is not JSON", "{", /record\.json is not JSON.*copy one that is whole over it/],
    ["a list", "[]", /is not a JSON object/],
    ["a newer schema", { ...FIRST, schema: 2 }, /has schema 2, this version of moult reads 1: deploy the newer/],
    [
      "a fleet file without groups and project",
      { ...FIRST, policy: without(without(POLICY, "groups"), "project") },
      /lacks policy\.project, policy\.groups, and nothing/,
    ],
    [
      "a group without a place",
      { ...FIRST, policy: { ...POLICY, groups: [{ name: "web" }] } },
      /lacks policy\.groups\[0\],/,
    ],
    ["a stable release that is none", { ...FIRST, stable: { since: AT } }, /lacks stable\.release,/],
    [
      "a rollout that goes nowhere",
      { ...FIRST, active: without(without(ACTIVE, "to"), "phase") },
      /lacks active\.to, active\.phase,/,
    ],
    ["a rollout without any fleet file", { ...FIRST, policy: null }, /lacks the fleet file of its rollout/],
  ])("%s", async (_, record, text) => {
    await expect(load(record)).rejects.toThrow(text);
    const cloud = fakeCloud();
    await cloud.state.write(paths.record("web"), typeof record === "string" ? record : JSON.stringify(record), "0");
    await expect(reconcile(cloud, "web")).rejects.toThrow(text);
    expect((await cloud.state.read(paths.record("web")))?.generation).toBe("1");
  });
});
