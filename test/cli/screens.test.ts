import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { choicesOf } from "../../cli/fleet/choices.ts";
import { type Evidence, evidenceText } from "../../cli/fleet/evidence.ts";
import { planText } from "../../cli/fleet/plantext.ts";
import { fleetText } from "../../cli/fleet/render.ts";
import { rolloutsOf } from "../../cli/fleet/rollouts.ts";
import { countTiles, tileOf, tileRows } from "../../cli/fleet/tiles.ts";
import type { GroupStatus, MachineStatus } from "../../cli/fleet/view.ts";
import { viewOf } from "../../cli/fleet/view.ts";
import { progressLine, progressOf, sameProgress, watchLines } from "../../cli/fleet/watchtext.ts";
import { makeTerminal, type Stream } from "../../cli/terminal/terminal.ts";
import { widthOf } from "../../cli/terminal/text.ts";
import { readPolicy } from "../../functions/core/fleetfile/read.ts";
import type { Observation } from "../../functions/core/observation.ts";
import { plan } from "../../functions/core/plan.ts";
import { groupKey } from "../../functions/core/policy.ts";
import { emptyRecord, type FleetRecord, type HistoryEntry } from "../../functions/core/record.ts";
import { makeRelease } from "../../functions/core/release.ts";
import type { Rollout } from "../../functions/core/rolloutrecord.ts";
import { baseDigest } from "../../functions/core/template.ts";
import { baseProperties, imageOf, places, sha256 } from "../functions/core/small-cloud.ts";

/** A Friday, after the window has closed. */
const NOW = "2026-11-20T18:00:00.000Z";
const now = Date.parse(NOW);
const WIDTHS = [60, 80, 120];
const golden = (name: string) => join(import.meta.dirname, "golden", `${name}.txt`);

function screen(columns: number): Stream {
  const stream = { write: () => {}, isTTY: true, columns };
  return makeTerminal({ stdout: stream, stderr: stream }, { NO_COLOR: "1" }).out;
}

const read = readPolicy({
  fleet: "web",
  project: "acme-prod",
  groups: [
    { region: "europe-west4", name: "web", base: "web-base", wave: 1 },
    { zone: "us-central1-a", name: "web", base: "web-base", wave: 2 },
    { zone: "us-central1-b", name: "web", base: "web-base", wave: 2 },
  ],
  follows: { family: "web" },
  secrets: { "db-password": { secret: "web-db", version: "newest" } },
  mode: "approve",
  steps: [{ canary: 1, bake: "5m" }, { share: "25%", bake: "10m", approval: true }, { share: "100%" }],
  finalBake: "15m",
  gates: ["reports", "health", { webhook: "https://checks.acme.example/web", key: { secret: "k", version: 1 } }],
  limits: { failedMachines: "5%" },
  replace: { above: 3, missing: 0 },
  windows: [{ days: "mon-fri", from: "09:00", to: "17:00", zone: "Europe/Berlin" }],
  budget: { name: "acme", machines: 20, perHour: 100 },
});
if ("findings" in read) throw new Error(JSON.stringify(read.findings));
const { policy } = read;
const keys = policy.groups.map(groupKey);
const sizes = [40, 6, 5];
const OLD = "projects/acme-prod/global/instanceTemplates/web-old";
const base = Object.fromEntries(keys.map((key) => [key, baseDigest(baseProperties, sha256)]));
const secret = (version: number) => ({ "db-password": `projects/acme-prod/secrets/web-db/versions/${version}` });
const image = (name: string, id: string) => ({ id, name, project: "acme-prod" });
const from = makeRelease(
  { image: image("web-1", "1001"), configCommit: "3f2a".repeat(16), secrets: secret(3), base },
  sha256,
);
const to = makeRelease(
  { image: image("web-2", "1002"), configCommit: "9c1b".repeat(16), secrets: secret(4), base },
  sha256,
);
const versions = Object.fromEntries(keys.map((key) => [key, [{ instanceTemplate: OLD }]]));

function fleet(more: Partial<FleetRecord> = {}): FleetRecord {
  const stable = { release: from, since: "2026-11-01T00:00:00.000Z", adopted: false, versions };
  const published = [{ image: from.image, since: "2026-11-01T00:00:00.000Z" }];
  return { ...emptyRecord("web"), policy, stable, published, lastLook: NOW, ...more };
}

function planned() {
  const seen: Observation = {
    at: NOW,
    commands: [],
    inputs: {
      image: imageOf("web-2", "1002"),
      unready: [],
      configCommit: "9c1b".repeat(16),
      secrets: secret(4),
      bases: Object.fromEntries(keys.map((key) => [key, baseProperties])),
    },
    groups: Object.fromEntries(
      keys.map((key, i) => [
        key,
        {
          fingerprint: "f",
          targetSize: sizes[i] ?? 0,
          versions: [{ instanceTemplate: OLD }],
          updatePolicy: { type: "OPPORTUNISTIC" as const },
          stateful: false,
          zones: i === 0 ? 3 : 1,
          checked: i !== 2,
          ...(i === 1 && { autoscaler: { name: "web-scaler", mode: "ON" as const } }),
          machines: [],
          errors: [],
        },
      ]),
    ),
    reports: [],
    gates: {},
    templates: {},
    quotas: [{ metric: "CPUS", region: "us-central1", limit: 24, usage: 20 }],
    budget: { leases: [{ fleet: "api", rollout: "api-3", machines: 4, until: "2026-11-20T19:00:00.000Z" }], begun: [] },
  };
  const found = plan(fleet(), seen, { now: NOW, sha256, places });
  if (!found) throw new Error("no plan");
  const message = "Listen on port 8443 too";
  return {
    ...found,
    changes: found.changes.map((change) => (change.what === "configuration" ? { ...change, message } : change)),
  };
}

function rollout(more: Partial<Rollout> = {}): Rollout {
  return {
    id: "web-7",
    policy,
    kind: "forward",
    urgent: false,
    forwardFix: null,
    from: { release: from, since: "2026-11-01T00:00:00.000Z", adopted: false, versions },
    to,
    reports: true,
    cause: { word: "started", text: "" },
    startedAt: "2026-11-20T17:40:00.000Z",
    wave: 0,
    step: 1,
    phase: "gating",
    since: "2026-11-20T17:58:00.000Z",
    stepSince: "2026-11-20T17:45:00.000Z",
    deadline: "2026-11-20T18:18:00.000Z",
    best: 10,
    groups: Object.fromEntries(
      keys.map((key) => [
        key,
        {
          from: { versions: [{ instanceTemplate: OLD }], updatePolicy: {}, targetSize: 1 },
          to: [{ instanceTemplate: "projects/acme-prod/global/instanceTemplates/web-new" }],
          template: "web-new",
        },
      ]),
    ),
    seen: {},
    failed: {},
    verdict: null,
    pausedFrom: null,
    pausedUntil: null,
    gates: {
      "webhook checks.acme.example/web": {
        answer: "wait",
        text: "it says: 412 of 1000 requests seen",
        since: "2026-11-20T17:58:00.000Z",
        at: NOW,
      },
    },
    bakesLost: 0,
    granted: null,
    passed: [],
    ...more,
  } as Rollout;
}

function machine(i: number, more: Partial<MachineStatus> = {}): MachineStatus {
  const common = { status: "RUNNING", action: "NONE", health: "HEALTHY" };
  return { name: `web-${i}`, id: String(i), runs: "web-1", fresh: false, ...common, ...more };
}

function groups(): GroupStatus[] {
  return keys.map((key, g) => ({
    key,
    targetSize: sizes[g] ?? 0,
    stable: g !== 0,
    autoscaler: g === 1 ? { mode: "ON", own: "ON" } : null,
    machines: Array.from({ length: sizes[g] ?? 0 }, (_, i) => {
      if (g !== 0 || i > 11) return machine(i);
      if (i === 10) return machine(i, { fresh: true, runs: "web-2", action: "CREATING", status: null, health: null });
      if (i === 11) return machine(i, { fresh: true, runs: "web-2", health: "UNHEALTHY" });
      return machine(i, { fresh: true, runs: "web-2" });
    }),
  }));
}

const gating = {
  word: "gating" as const,
  text: "gate webhook checks.acme.example/web: it says: 412 of 1000 requests seen",
};
const active = (more: Partial<Rollout> = {}) =>
  fleet({
    active: rollout(more),
    pending: { release: { ...to, image: image("web-3", "1003") }, since: "2026-11-20T17:59:00.000Z" },
    reasons: [gating],
  });

describe("what people see", () => {
  for (const columns of WIDTHS) {
    const out = screen(columns);
    const screens: [string, () => string][] = [
      ["plan", () => planText(planned(), out, now)],
      ["watch", () => `${watchLines(viewOf(active(), groups(), undefined, NOW), out, now).join("\n")}\n`],
      ["status", () => fleetText(viewOf(active(), groups(), undefined, NOW), out, now)],
    ];
    for (const [name, draw] of screens)
      it(`${name}, on ${columns} columns`, async () => {
        const text = draw();
        await expect(text).toMatchFileSnapshot(golden(`${name}-${columns}`));
        for (const line of text.split("\n")) expect(line).toBe(line.trimEnd());
        const wide = text.split("\n").filter((line) => widthOf(line) > columns);
        if (name !== "status") expect(wide).toEqual([]);
      });
  }
});

describe("a machine's tile", () => {
  const rows: [string, Partial<MachineStatus>, ReturnType<typeof tileOf>][] = [
    ["new and healthy", { fresh: true }, "fresh"],
    ["new, where nothing checks health", { fresh: true, health: null }, "fresh"],
    ["new and being made", { fresh: true, status: null, action: "CREATING", health: null }, "booting"],
    ["new and being verified", { fresh: true, action: "VERIFYING", health: "UNHEALTHY" }, "booting"],
    ["new and not healthy", { fresh: true, health: "UNHEALTHY" }, "bad"],
    ["old and healthy", {}, "old"],
    ["old and leaving", { action: "DELETING" }, "changing"],
    ["old and not healthy", { health: "TIMEOUT" }, "bad"],
  ];
  for (const [sentence, more, tile] of rows) it(sentence, () => expect(tileOf(machine(1, more))).toBe(tile));

  it("is one of as many as there are, and of thousands only the first ones are drawn", () => {
    const many = Array.from({ length: 2_000 }, (_, i) => machine(i, { fresh: i % 2 === 0 }));
    const drawn = tileRows(many, 50, screen(80).paint);
    expect(drawn.slice(0, -1).join("")).toHaveLength(400);
    expect(drawn.at(-1)).toBe("and 1600 more");
    expect(Object.values(countTiles(many)).reduce((sum, count) => sum + count)).toBe(2_000);
  });
});

describe("watching", () => {
  const progress = (record: FleetRecord, machines = groups()) => progressOf(viewOf(record, machines, undefined, NOW));

  it("tells one line a change, and none when only a deadline moved", () => {
    const before = progress(active());
    expect(sameProgress(before, progress(active({ deadline: "2026-11-20T19:00:00.000Z" })))).toBe(true);
    expect(sameProgress(before, progress(active({ phase: "paused" })))).toBe(false);
    expect(sameProgress(before, progress(active(), groups().slice(1)))).toBe(false);
    expect(progressLine(before, NOW)).toBe(
      "18:00:00  web-7  gating 25%  10 new, 1 under way, 39 old, 1 not healthy  gates: webhook checks.acme.example/web wait  gating: gate webhook checks.acme.example/web: it says: 412 of 1000 requests seen",
    );
  });

  it("counts a bake down, and says when it is over", () => {
    const shown = (phase: Rollout["phase"], since: string) =>
      watchLines(viewOf(active({ phase, since }), [], undefined, NOW), screen(100), now).join("\n");
    expect(shown("baking", "2026-11-20T17:53:00.000Z")).toMatch(/^bake +3 m left$/m);
    expect(shown("final-bake", "2026-11-20T17:50:00.000Z")).toMatch(/^bake +5 m left$/m);
    expect(shown("baking", "2026-11-20T17:40:00.000Z")).toMatch(/^bake +over, the next look decides$/m);
  });
});

describe("what a person can say", () => {
  const commands = (record: FleetRecord) => choicesOf(record).map(({ command }) => command);
  const paused = (more: Partial<Rollout> = {}) => active({ phase: "paused", ...more });
  const verdict = (word: "gate-inconclusive" | "capacity") => ({ verdict: { word, text: "x" } });
  const short = to.digest.slice(0, 12);
  const said = (word: "awaiting-approval" | "observing" | "adopted" | "quarantined") => ({
    reasons: [{ word, text: "" }],
    candidate: { release: to, since: NOW },
  });
  const bad = { key: "web-6", inputs: {}, imageName: "web-2", release: "", rollout: "", at: NOW, why: "" };
  const rows: [string, FleetRecord, string[]][] = [
    [
      "of a paused rollout: on, or back in two ways",
      paused(verdict("capacity")),
      ["moult rollout resume web", "moult rollout abort web", "moult rollback web"],
    ],
    [
      "of one that a stop paused: start, which lifts the hold too",
      { ...paused(), hold: { reason: "x", by: "ada", at: NOW } },
      ["moult start web", "moult rollout abort web", "moult rollback web"],
    ],
    [
      "of one with failed machines also what they said",
      paused({ failed: { "web-x": "web-x failed" } }),
      ["moult rollout resume web", "moult rollout abort web", "moult rollback web", "moult why web --evidence"],
    ],
    [
      "of a step that waits for an approval",
      { ...active(), reasons: [{ word: "awaiting-approval", text: "" }] },
      [`moult rollout approve web --release ${short}`, "moult rollout abort web"],
    ],
    ["of one that goes on by itself: nothing", active({ phase: "baking" }), []],
    [
      "of a release that waits: look at it, and let it begin",
      fleet(said("awaiting-approval")),
      ["moult rollout plan web", `moult rollout approve web --release ${short}`],
    ],
    [
      "of a fleet that observes",
      fleet(said("observing")),
      ["moult rollout plan web", `moult rollout start web --release ${short}`],
    ],
    [
      "of a fleet that was taken on and has not got its configuration yet",
      fleet(said("adopted")),
      ["moult rollout plan web", `moult rollout start web --release ${short}`],
    ],
    ["of a quarantine", fleet({ ...said("quarantined"), quarantine: [bad] }), ["moult quarantine lift web web-6"]],
    ["of a fleet at rest: nothing", fleet(), []],
  ];
  for (const [sentence, record, expected] of rows) it(sentence, () => expect(commands(record)).toEqual(expected));

  it("says what resuming takes for granted", () => {
    expect(choicesOf(paused(verdict("gate-inconclusive")))[0]?.does).toBe("go on, taking the gate as passed");
  });
});

describe("evidence", () => {
  const ESC = String.fromCharCode(27);
  const evidence: Evidence = {
    object: "fleets/web/evidence/web-7/web-x.json",
    machine: "web-x",
    zone: "us-central1-a",
    group: "us-central1-a/web",
    rollout: "web-7",
    why: "web-x reported not-ready",
    serial: `${Array.from({ length: 40 }, (_, i) => `line ${i}`).join("\r\n")}\n${ESC}]0;owned${String.fromCharCode(7)}${ESC}[2Jlast\n\n`,
    report: JSON.stringify({
      report: JSON.stringify({ verdict: "failed", reason: "not-ready", message: "port 8080 stayed closed" }),
      token: "secret-token",
    }),
    errors: [{ code: "ZONE_RESOURCE_POOL_EXHAUSTED", message: "no room", at: "2026-11-20T17:00:00.000Z" }],
    unread: { attributes: "403" },
  };

  it("shows the report, the errors, what could not be read and the end of the console, and steers no terminal", () => {
    const text = evidenceText([evidence], screen(80));
    expect(text).toContain("reported failed not-ready: port 8080 stayed closed");
    expect(text).toContain("ZONE_RESOURCE_POOL_EXHAUSTED  no room");
    expect(text).toContain("attributes could not be read: 403");
    expect(text).toContain("its last 20 lines");
    expect(text).toMatch(/ {6}line 39\n.*last\n/);
    expect(text).not.toContain("line 20\n");
    expect(text).not.toContain("secret-token");
    expect([...text].filter((letter) => letter < " " && letter !== "\n")).toEqual([]);
  });

  it("is shown of a machine that left nothing", () => {
    const { serial: _, report: __, unread: ___, ...bare } = evidence;
    expect(evidenceText([{ ...bare, errors: [] }], screen(80))).toContain("web-x reported not-ready");
  });
});

describe("past rollouts", () => {
  const entry = (number: number, what: string, minute: number, id: string | undefined, text = what): HistoryEntry => ({
    number,
    at: `2026-11-20T12:${String(minute).padStart(2, "0")}:00.000Z`,
    what,
    ...(id && { rollout: id }),
    word: "person",
    text,
  });

  it("are put together from history, one each, with steps, gates, length and the rule that was broken", () => {
    const entries = [
      entry(1, "succeeded", 0, "web-4", "all machines run web-0"),
      entry(2, "policy", 1, undefined),
      entry(3, "started", 2, "web-5", "web-1 begins"),
      entry(4, "gate", 3, "web-5", "gate webhook x: pass: fine"),
      entry(5, "gate-passed", 4, "web-5", "canary 1: 1 machine passed"),
      entry(6, "paused", 5, "web-5"),
      entry(7, "rolling-back", 6, "web-5", "1 machine failed"),
      entry(8, "rolled-back", 7, "web-5", "all is back"),
      entry(9, "started", 55, "web-7", "web-2 begins"),
    ];
    const found = rolloutsOf(entries, active({ startedAt: "2026-11-20T12:55:00.000Z" }), now);
    expect(found).toMatchObject([
      { id: "web-4", startedAt: null, ms: null, ending: "succeeded", why: "all machines run web-0" },
      { id: "web-5", ms: 300_000, ending: "rolled-back", pauses: 1, why: "person: 1 machine failed" },
      { id: "web-7", ending: null, endedAt: null, ms: 18_300_000, why: "gating since 2026-11-20T17:58:00.000Z" },
    ]);
    expect(found[1]?.steps).toHaveLength(1);
    expect(found[1]?.gates).toHaveLength(1);
  });
});
