import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { begin } from "../../../functions/core/consider.ts";
import type { Context } from "../../../functions/core/context.ts";
import { decide } from "../../../functions/core/decide.ts";
import type { GroupView, Inputs, Observation } from "../../../functions/core/observation.ts";
import { plan } from "../../../functions/core/plan.ts";
import type { Plan } from "../../../functions/core/planned.ts";
import { groupKey } from "../../../functions/core/policy.ts";
import { emptyRecord, type FleetRecord } from "../../../functions/core/record.ts";
import { makeRelease } from "../../../functions/core/release.ts";
import { baseDigest } from "../../../functions/core/template.ts";
import { baseProperties, imageOf, places, policyOf, sha256 } from "./small-cloud.ts";

/** A Friday. */
const NOW = "2026-11-20T12:00:00.000Z";
const context: Context = { now: NOW, sha256, places };
const OLD = "projects/acme-prod/global/instanceTemplates/web-old";

interface Given {
  file?: Record<string, unknown>;
  sizes?: number[];
  view?: Partial<GroupView>;
  inputs?: Partial<Inputs>;
  record?: (record: FleetRecord) => void;
  observation?: Partial<Observation>;
  now?: string;
}

/** A fleet that runs web-1 and whose family's head is web-2. */
function look({ file = {}, sizes = [6], view = {}, inputs = {}, record: change, observation = {}, now = NOW }: Given) {
  const groups = sizes.map((_, i) => ({ zone: `us-central1-${"abcdef"[i]}`, name: "web", base: "web-base", wave: 1 }));
  const policy = policyOf({ groups, ...file });
  const keys = policy.groups.map(groupKey);
  const bases = Object.fromEntries(keys.map((key) => [key, baseProperties]));
  const release = makeRelease(
    {
      image: { id: "1001", name: "web-1", project: "acme-prod" },
      configCommit: null,
      secrets: {},
      base: Object.fromEntries(keys.map((key) => [key, baseDigest(baseProperties, sha256)])),
    },
    sha256,
  );
  const record = emptyRecord("web");
  record.policy = policy;
  const versions = Object.fromEntries(keys.map((key) => [key, [{ instanceTemplate: OLD }]]));
  record.stable = { release, since: "2026-11-01T00:00:00.000Z", adopted: false, versions };
  change?.(record);
  const seen: Observation = {
    at: now,
    commands: [],
    inputs: { image: imageOf("web-2", "1002"), unready: [], configCommit: null, secrets: {}, bases, ...inputs },
    groups: Object.fromEntries(
      keys.map((key, i): [string, GroupView] => [
        key,
        {
          fingerprint: "f",
          targetSize: sizes[i] ?? 6,
          versions: [{ instanceTemplate: OLD }],
          updatePolicy: { type: "OPPORTUNISTIC" },
          stateful: false,
          zones: 1,
          checked: true,
          machines: [],
          errors: [],
          ...view,
        },
      ]),
    ),
    reports: [],
    gates: {},
    templates: {},
    ...observation,
  };
  return { record, seen, context: { ...context, now } };
}

function planOf(given: Given): Plan {
  const { record, seen, context: at } = look(given);
  const made = plan(record, seen, at);
  if (!made) throw new Error("no plan");
  return made;
}

describe("a plan", () => {
  it("is nothing without a fleet file", () => {
    const { seen } = look({});
    expect(plan(emptyRecord("web"), seen, context)).toBeNull();
  });

  it("says what changes, in numbers, and that it begins", () => {
    const made = planOf({
      file: { steps: [{ canary: 1, bake: "5m" }, { share: "50%", bake: "10m" }, { share: "100%" }], finalBake: "1h" },
    });
    expect(made).toMatchObject({
      begins: true,
      stops: [],
      notes: [],
      from: { image: { name: "web-1" } },
      to: { image: { name: "web-2", id: "1002", project: "acme-prod" } },
      changes: [{ what: "image", from: "web-1", to: "web-2" }],
      most: { above: 3, missing: 0 },
      least: { ms: 75 * 60_000 },
      undo: { possible: true, to: { image: { name: "web-1" } } },
    });
    expect(made.waves).toHaveLength(1);
    expect(
      made.waves[0]?.steps.map(({ name, groups, machines }) => [name, groups[0]?.machines, groups[0]?.more, machines]),
    ).toEqual([
      ["canary 1", 1, 1, 1],
      ["50%", 3, 2, 3],
      ["100%", 6, 3, 6],
    ]);
    expect(made.templates).toEqual([expect.stringMatching(/^web-[0-9a-f]{12}$/)]);
    expect(made.waves[0]?.groups[0]?.template).toBe(made.templates[0]);
  });

  it("names every input that changes, and no other", () => {
    const made = planOf({
      inputs: {
        configCommit: "c".repeat(64),
        secrets: { tls: "projects/p/secrets/tls/versions/4", db: "projects/p/secrets/db/versions/2" },
        bases: { "us-central1-a/web": { ...baseProperties, machineType: "e2-medium" } },
      },
      record: ({ stable }) => {
        if (stable)
          stable.release.secrets = { db: "projects/p/secrets/db/versions/2", old: "projects/p/secrets/old/versions/1" };
      },
    });
    expect(made.changes.map(({ text: _, ...change }) => change)).toEqual([
      { what: "image", from: "web-1", to: "web-2" },
      { what: "configuration", from: null, to: "c".repeat(64) },
      { what: "secret", name: "old", from: "projects/p/secrets/old/versions/1", to: null },
      { what: "secret", name: "tls", from: null, to: "projects/p/secrets/tls/versions/4" },
      {
        what: "base",
        name: "us-central1-a/web",
        from: expect.stringMatching(/^[0-9a-f]{12}$/),
        to: expect.stringMatching(/^[0-9a-f]{12}$/),
      },
    ]);
    expect(made.changes.map(({ text }) => text)).toEqual([
      "image web-1 → web-2",
      `configuration none → ${"c".repeat(12)}`,
      "secret old old@1 → none",
      "secret tls none → tls@4",
      expect.stringMatching(/^base of us-central1-a\/web [0-9a-f]{12} → [0-9a-f]{12}$/),
    ]);
  });

  it("rolls groups of a wave together and waves one after another", () => {
    const groups = [3, 1, 1].map((wave, i) => ({
      zone: `us-central1-${"abc"[i]}`,
      name: "web",
      base: "web-base",
      wave,
    }));
    const made = planOf({ file: { groups, replace: { above: 3, missing: 1 } }, sizes: [10, 4, 2] });
    expect(
      made.waves.map(({ wave, groups: of }) => [wave, of.map(({ key, above, missing }) => [key, above, missing])]),
    ).toEqual([
      [
        1,
        [
          ["us-central1-b/web", 3, 1],
          ["us-central1-c/web", 1, 1],
        ],
      ],
      [3, [["us-central1-a/web", 3, 1]]],
    ]);
    expect(made.most).toEqual({ above: 4, missing: 2 });
    expect(made.waves[1]?.steps.map(({ machines }) => machines)).toEqual([7, 16]);
    expect(made.templates).toHaveLength(3);
  });

  it.each<[string, Record<string, unknown>, [number, number][], RegExp]>([
    [
      "one is too many",
      {},
      [
        [1, 0],
        [1, 0],
      ],
      /0 of 1 may fail/,
    ],
    [
      "a number, where it cannot be reached yet",
      { failedMachines: 3 },
      [
        [3, 1],
        [3, 2],
      ],
      /limit of 3 cannot be reached with 1 new machine.*5m without progress/,
    ],
    [
      "a share with its floor",
      { failedMachines: "10%" },
      [
        [1, 0],
        [1, 0],
      ],
      /at 1 failed machine everything/,
    ],
    [
      "a share, rounded up",
      { failedMachines: "20%" },
      [
        [1, 0],
        [2, 1],
      ],
      /0 of 1/,
    ],
  ])("says how many may fail as counts: %s", (_, limits, expected, first) => {
    const steps = planOf({ file: { limits: { progress: "5m", ...limits } } }).waves[0]?.steps ?? [];
    expect(steps.map(({ failures }) => [failures.putBackAt, failures.mayFail])).toEqual(expected);
    expect(steps[0]?.failures.text).toMatch(first);
  });

  it("names the gates of each step and what an answer that is none does", () => {
    const made = planOf({
      file: {
        steps: [{ canary: 1, approval: true }, { share: "100%" }],
        gates: ["reports", { metric: "up", below: 2, above: 0, inconclusive: "rollback", within: "1m" }],
      },
    });
    const gates = made.waves[0]?.steps.map((step) => step.gates.map(({ key }) => key));
    expect(gates).toEqual([
      ["reports", "metric up", "approval"],
      ["reports", "metric up"],
    ]);
    expect(made.waves[0]?.finalGates).toMatchObject([
      { key: "reports" },
      { key: "metric up", asks: "up is above 0 and below 2", inconclusive: "rollback", withinMs: 60_000 },
    ]);
    expect(made.least.text).toMatch(/a person takes to approve/);
  });

  it("shows when windows open next, and waits for them", () => {
    const windows = [{ days: "mon-fri", from: "09:00", to: "17:00", zone: "Europe/Berlin" }];
    expect(planOf({ file: { windows } })).toMatchObject({
      begins: true,
      windows: {
        windows: ["Mon–Fri 09:00–17:00 Europe/Berlin"],
        open: true,
        closes: "2026-11-20T16:00:00.000Z",
        next: [
          { opens: "2026-11-23T08:00:00.000Z", closes: "2026-11-23T16:00:00.000Z" },
          { opens: "2026-11-24T08:00:00.000Z" },
          { opens: "2026-11-25T08:00:00.000Z" },
        ],
      },
    });
    const closed = planOf({ file: { windows }, now: "2026-11-21T12:00:00.000Z" });
    expect(closed).toMatchObject({
      begins: false,
      stops: [{ word: "window", until: "2026-11-23T08:00:00.000Z" }],
      windows: { open: false, closes: null, next: [{ opens: "2026-11-23T08:00:00.000Z" }, {}, {}] },
    });
  });

  it("counts the batches of a budget, and the hours it takes", () => {
    const budget = { name: "all", machines: 2, perHour: 3 };
    const seen = {
      leases: [
        { fleet: "api", rollout: "api-1", machines: 1, until: "2026-11-20T13:00:00.000Z" },
        { fleet: "api", rollout: "api-0", machines: 5, until: "2026-11-20T11:00:00.000Z" },
      ],
      begun: [
        { fleet: "api", machines: 1, at: "2026-11-20T11:30:00.000Z" },
        { fleet: "api", machines: 9, at: "2026-11-20T10:30:00.000Z" },
      ],
    };
    const made = planOf({ file: { budget }, sizes: [8], observation: { budget: seen } });
    expect(made.budget).toEqual({ ...budget, held: 1, begun: 1, batches: 4 });
    expect(made.least).toEqual({
      ms: 2 * 3_600_000,
      text: expect.stringMatching(/^at least 2h \(budget all allows 3/),
    });
    expect(planOf({ file: { budget } }).budget).toMatchObject({ held: null, begun: null });
  });

  it("adds up quotas and says which do not do", () => {
    const quotas = [
      { metric: "CPUS", region: "us-central1", limit: 72, usage: 70 },
      { metric: "INSTANCE_TEMPLATES", region: null, limit: 100, usage: 7 },
    ];
    expect(planOf({ observation: { quotas } })).toMatchObject({
      begins: false,
      stops: [{ word: "quota" }],
      quotas: [
        { metric: "CPUS", needed: 6, free: 2, enough: false },
        { metric: "INSTANCE_TEMPLATES", needed: 1, free: 93, enough: true },
      ],
    });
  });

  it.each<[string, Given, string[], RegExp?]>([
    ["nothing changed", { inputs: { image: imageOf("web-1", "1001") } }, ["up-to-date"]],
    ["the fleet only observes", { file: { mode: "observe" } }, ["observing"]],
    ["a person must approve", { file: { mode: "approve" } }, ["awaiting-approval"]],
    [
      "a person holds it",
      {
        record: (record) => {
          record.hold = { reason: "party", by: "ada", at: NOW, until: "2026-11-21T00:00:00.000Z" };
        },
      },
      ["held"],
      /ada since .*party/,
    ],
    [
      "the image is quarantined",
      {
        record: (record) =>
          record.quarantine.push({
            key: "k1",
            inputs: { imageId: "1002" },
            imageName: "web-2",
            release: "r",
            rollout: "web-1",
            at: NOW,
            why: "it died",
          }),
      },
      ["quarantined"],
      /quarantine lift web k1/,
    ],
    ["there is no image", { inputs: { image: { problem: "missing", text: "family web has no image" } } }, ["no-image"]],
    [
      "a group is gone",
      { observation: { groups: { "us-central1-a/web": { problem: "missing", text: "group web does not exist" } } } },
      ["group-missing"],
      /does not exist/,
    ],
    [
      "everything at once, in the order of the rules",
      {
        file: {
          mode: "approve",
          windows: [{ days: "sat", from: "09:00", to: "17:00", zone: "UTC" }],
        },
        view: { updatePolicy: { replacementMethod: "RECREATE" }, versions: [] },
        record: (record) => {
          record.hold = { reason: "party", by: "ada", at: NOW };
        },
      },
      ["held", "policy-impossible", "policy-impossible", "awaiting-approval", "window"],
    ],
  ])("says why it would not begin: %s", (_, given, words, text = /./) => {
    const { begins, stops } = planOf(given);
    expect(begins).toBe(false);
    expect(stops.map(({ word }) => word)).toEqual(words);
    expect(stops[0]?.text).toMatch(text);
  });

  it.each<[string, Record<string, unknown>, boolean, boolean]>([
    ["an approved one begins in mode approve", { mode: "approve" }, false, true],
    ["and in mode observe", { mode: "observe" }, false, true],
    [
      "but not outside the windows",
      { windows: [{ days: "sat", from: "09:00", to: "17:00", zone: "UTC" }] },
      false,
      false,
    ],
    ["unless it is urgent", { windows: [{ days: "sat", from: "09:00", to: "17:00", zone: "UTC" }] }, true, true],
  ])("takes a person's word: %s", (_, file, urgent, begins) => {
    const release = planOf({ file }).to?.release;
    const { record, seen } = look({ file });
    if (!record.stable) throw new Error("no fleet");
    const image = { id: "1002", name: "web-2", project: "acme-prod" };
    const { digest } = makeRelease({ ...record.stable.release, image }, sha256);
    expect(digest.slice(0, 12)).toBe(release);
    record.approved = { release: digest, by: "ada", at: NOW, urgent };
    expect(plan(record, seen, context)?.begins).toBe(begins);
  });

  it("of what waits behind a rollout under way, without reading inputs", () => {
    const { record, seen } = look({});
    const { stable, policy } = record;
    if (!stable || !policy) throw new Error("no fleet");
    const pending = makeRelease(
      { ...stable.release, image: { id: "1003", name: "web-3", project: "acme-prod" } },
      sha256,
    );
    const turn = { record, observation: seen, context, effects: [], reasons: [], moves: [] };
    record.active = begin(turn, policy, {
      id: "web-1",
      kind: "forward",
      from: stable,
      to: stable.release,
      reports: true,
      groups: {},
    });
    record.pending = { release: pending, since: NOW };
    const { inputs: _, ...without } = seen;
    expect(plan(record, without, context)).toMatchObject({
      begins: false,
      to: { image: { name: "web-3" } },
      stops: [{ word: "pending", text: expect.stringMatching(/web-3.* until web-1 has ended/) }],
    });
  });

  it.each<[string, Given, RegExp]>([
    ["nothing says whether machines are healthy", { file: { gates: [] } }, /^NOTHING says/],
    [
      "nor a health check that is not there",
      { file: { gates: ["health"] }, view: { checked: false } },
      /^NOTHING says/,
    ],
    ["a gate is blind in a group", { view: { checked: false } }, /no health check/],
    ["an autoscaler only adds", { view: { autoscaler: { name: "web", mode: "ON" } } }, /only adds machines/],
    ["one machine is all there is", { sizes: [1], file: { accept: { singleMachine: true } } }, /whole group/],
    [
      "a newer image is not ready",
      { inputs: { unready: [imageOf("web-3", "1003", { status: "PENDING" })] } },
      /web-3 is PENDING/,
    ],
    [
      "a newer one soaks elsewhere",
      {
        file: { follows: { fleet: "web-dev", soak: "2h" } },
        inputs: {
          followed: {
            images: [
              { image: { id: "1003", name: "web-3", project: "p" }, since: "2026-11-20T11:00:00.000Z" },
              {
                image: { id: "1002", name: "web-2", project: "p" },
                since: "2026-11-19T11:00:00.000Z",
                until: "2026-11-20T11:00:00.000Z",
              },
            ],
          },
        },
      },
      /web-3 is stable in web-dev and is followed at 2026-11-20T13:00:00.000Z/,
    ],
    [
      "a fleet is taken on first",
      {
        record: (record) => {
          record.stable = null;
        },
        inputs: { running: { "us-central1-a/web": imageOf("web-1", "1001") } },
      },
      /taken on/,
    ],
  ])("says what should be known before: %s", (_, given, note) => {
    expect(planOf(given).notes.filter((text) => note.test(text))).toHaveLength(1);
  });

  it("of a fleet whose groups run different images knows no way back, and does not begin", () => {
    const running = { "us-central1-a/web": imageOf("web-1", "1001"), "us-central1-b/web": imageOf("web-0", "1000") };
    const made = planOf({
      sizes: [3, 3],
      record: (record) => {
        record.stable = null;
      },
      inputs: { running },
    });
    expect(made).toMatchObject({ from: null, begins: false, undo: { possible: false } });
  });

  it("is plain JSON, and changes nothing it was given", () => {
    const { record, seen } = look({ file: { mode: "approve" } });
    const before = JSON.stringify({ record, seen });
    const made = plan(record, seen, context);
    expect(JSON.parse(JSON.stringify(made))).toEqual(made);
    expect(JSON.stringify({ record, seen })).toBe(before);
  });
});

describe("for any fleet", () => {
  // Each stop is rare, so that often enough there is none.
  const rarely = fc.nat(6).map((n) => n === 0);
  const size = fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 2, max: 40 }) }, fc.integer({ min: 0, max: 1 }));
  const given = fc.record({
    sizes: fc.array(size, { minLength: 1, maxLength: 4 }),
    canary: fc.integer({ min: 1, max: 12 }),
    share: fc.integer({ min: 1, max: 99 }),
    above: fc.integer({ min: 0, max: 10 }),
    missing: fc.integer({ min: 1, max: 10 }),
    mode: fc.constantFrom("auto", "auto", "auto", "auto", "approve", "observe"),
    inPlace: rarely,
    hold: rarely,
    closed: rarely,
    same: rarely,
    approved: fc.constantFrom("no", "no", "for another", "yes", "urgently"),
    free: fc.integer({ min: 0, max: 60 }),
  });
  const lookOf = (one: typeof given extends fc.Arbitrary<infer T> ? T : never) =>
    look({
      sizes: one.sizes,
      file: {
        mode: one.mode,
        steps: [{ canary: one.canary }, { share: `${one.share}%` }, { share: "100%" }],
        replace: { above: one.above, missing: one.missing },
        ...(one.closed && { windows: [{ days: "sat", from: "09:00", to: "17:00", zone: "UTC" }] }),
      },
      ...(one.inPlace && { view: { updatePolicy: { replacementMethod: "RECREATE" as const } } }),
      ...(one.same && { inputs: { image: imageOf("web-1", "1001") } }),
      observation: { quotas: [{ metric: "INSTANCES", region: "us-central1", limit: 60, usage: 60 - one.free }] },
      record: (record) => {
        if (one.hold) record.hold = { reason: "party", by: "ada", at: NOW };
        const { policy, stable } = record;
        if (one.approved === "no" || !policy || !stable) return;
        const next = one.approved === "for another" ? "1009" : "1002";
        const asked = { ...stable.release, image: { id: next, name: "web-2", project: "acme-prod" } };
        record.approved = {
          release: makeRelease(asked, sha256).digest,
          by: "ada",
          at: NOW,
          urgent: one.approved === "urgently",
        };
      },
    });

  it("a plan says it begins exactly when the next decision begins it", () => {
    const counts = { begins: 0, waits: 0 };
    fc.assert(
      fc.property(given, (one) => {
        const { record, seen } = lookOf(one);
        const made = plan(record, seen, context);
        const decided = decide(record, seen, context);
        expect({ begins: made?.begins, stops: made?.stops }).toEqual({
          begins: decided.record.active !== null,
          stops: made?.stops,
        });
        if (decided.record.active) {
          counts.begins += 1;
          expect(Object.values(decided.record.active.groups).map(({ template }) => template)).toEqual(made?.templates);
          expect(decided.record.active.to.image).toEqual(made?.to?.image);
        } else {
          counts.waits += 1;
          // What decide says first, the plan says as well.
          const said = decided.record.reasons[0]?.word;
          expect(made?.stops.map(({ word }) => word)).toContain(said);
        }
      }),
      { numRuns: 500 },
    );
    expect(counts.begins).toBeGreaterThan(60);
    expect(counts.waits).toBeGreaterThan(100);
  });

  it("its numbers hold: steps grow, only the last takes the last old machine, and never more above than it replaces", () => {
    fc.assert(
      fc.property(given, (one) => {
        const { record, seen } = lookOf(one);
        for (const wave of plan(record, seen, context)?.waves ?? [])
          for (const group of wave.groups) {
            const steps = wave.steps.map(({ groups }) => groups.find(({ key }) => key === group.key));
            const machines = steps.map((step) => step?.machines ?? -1);
            expect(machines.at(-1)).toBe(group.size);
            expect([...machines].sort((a, b) => a - b)).toEqual(machines);
            if (group.size > 1)
              expect(machines.slice(0, -1).every((count) => count >= 1 && count < group.size)).toBe(true);
            expect(group.above).toBeLessThanOrEqual(Math.max(...steps.map((step) => step?.more ?? 0)));
            expect(group.above).toBeLessThanOrEqual(one.above);
          }
      }),
      { numRuns: 300 },
    );
  });
});
