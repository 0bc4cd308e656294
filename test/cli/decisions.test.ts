import { describe, expect, it } from "vitest";
import { type Facts, judgeFacts } from "../../cli/demo/facts.ts";
import { frozen } from "../../cli/fleet/freeze.ts";
import { endOfWatch, exitOf, type Verdict, verdictOf } from "../../cli/fleet/verdict.ts";
import { type State, statusOf } from "../../cli/images/deprecate.ts";
import { readPolicy } from "../../functions/core/fleetfile/read.ts";
import type { ReasonWord } from "../../functions/core/reasons.ts";
import { emptyRecord, type FleetRecord } from "../../functions/core/record.ts";
import type { Rollout, RolloutGroup } from "../../functions/core/rolloutrecord.ts";
import type { DeprecationStatus } from "../../wire/compute.d.ts";

const read = readPolicy({
  fleet: "web",
  project: "acme-prod",
  groups: [{ zone: "us-central1-a", name: "web", base: "base" }],
  follows: { family: "web" },
  replace: { above: 2, missing: 1 },
});
if ("findings" in read) throw new Error("the policy of this test is not valid");
const { policy } = read;

describe("freezing a group", () => {
  const url = (name: string) => `projects/acme-prod/global/instanceTemplates/${name}`;
  const old = { instanceTemplate: url("old") };
  const fresh = { instanceTemplate: url("new"), name: "r" };
  const rolled = {
    from: { versions: [old], updatePolicy: { type: "OPPORTUNISTIC", replacementMethod: "SUBSTITUTE" }, targetSize: 4 },
    to: [fresh],
    template: "new",
    intent: { key: "", requestId: "", attempt: 1, versions: [], updatePolicy: {}, before: "", at: "" },
  } satisfies RolloutGroup;
  const machine = (name: "old" | "new", currentAction: "NONE" | "CREATING" | "DELETING" = "NONE") => ({
    version: { instanceTemplate: `https://compute.googleapis.com/compute/v1/${url(name)}` },
    currentAction,
  });
  const group = {
    targetSize: 4,
    versions: [old, { ...fresh, targetSize: { fixed: 4 } }],
    updatePolicy: { type: "PROACTIVE" as const },
  };

  const rows: [string, Parameters<typeof frozen>[1], object[]][] = [
    [
      "pins the new version at what is there",
      [machine("old"), machine("new"), machine("new")],
      [old, { ...fresh, targetSize: { fixed: 2 } }],
    ],
    [
      "counts those being made, so that none is thrown away",
      [machine("old"), machine("new", "CREATING")],
      [old, { ...fresh, targetSize: { fixed: 1 } }],
    ],
    ["does not count those that leave", [machine("old"), machine("new", "DELETING")], [old]],
    [
      "keeps all that are new, and leaves what is added later to the old version",
      [machine("new"), machine("new"), machine("new"), machine("new")],
      [old, { ...fresh, targetSize: { fixed: 4 } }],
    ],
  ];
  for (const [sentence, machines, versions] of rows) {
    it(sentence, () => {
      const change = frozen(group, machines, rolled, policy);
      expect(change.versions).toEqual(versions);
      expect(change.updatePolicy).toMatchObject({
        type: "OPPORTUNISTIC",
        maxSurge: { fixed: 2 },
        maxUnavailable: { fixed: 1 },
      });
    });
  }

  it("only stops updates where no rollout has touched the group", () => {
    const { intent: _, ...untouched } = rolled;
    for (const rollout of [undefined, untouched])
      expect(frozen(group, [machine("old")], rollout, policy)).toEqual({
        versions: group.versions,
        updatePolicy: { type: "OPPORTUNISTIC" },
      });
  });
});

describe("the verdict that moult wait waits for", () => {
  const why = { word: "report-failed" as const, text: "it did not start" };
  const at = (minute: number) => `2026-11-20T12:${String(minute).padStart(2, "0")}:00.000Z`;
  const release = (name: string) => ({
    digest: `digest of ${name}`,
    image: { id: "1", name, project: "acme-prod" },
    configCommit: null,
    secrets: {},
    base: {},
  });
  const stable = { release: release("web-v1"), since: "", adopted: false, versions: {} };
  const last = (ending: "succeeded" | "rolled-back" | "cancelled" | "superseded", imageName: string) => ({
    id: "web-1",
    ending,
    from: "",
    to: `digest of ${imageName}`,
    imageName,
    startedAt: at(1),
    endedAt: at(10),
    why,
  });
  const bad = {
    key: "web-1",
    inputs: {},
    imageName: "web-v2",
    release: "",
    rollout: "web-1",
    at: "",
    why: "it is bad",
  };
  const rollout = (more: Partial<Rollout>) =>
    ({ id: "web-2", phase: "baking", since: at(12), verdict: null, ...more }) as Rollout;
  const active = rollout({});
  const said = (...words: ReasonWord[]) => words.map((word) => ({ word, text: "a sentence" }));
  const candidate = (minute: number) => ({ release: release("web-v2"), since: at(minute) });
  const hold = (minute: number) => ({ reason: "x", by: "ada", at: at(minute) });

  type Row = [string, Partial<FleetRecord>, string | undefined, [Verdict["verdict"], number] | undefined];
  const rows: Row[] = [
    ["waits while a rollout goes on", { active, stable, reasons: said("baking") }, undefined, undefined],
    ["waits while one is put back", { active: rollout({ phase: "rolling-back" }), stable }, undefined, undefined],
    ["waits while one waits for a window", { active: rollout({ phase: "parked" }), stable }, undefined, undefined],
    ["a pause needs a person", { active: rollout({ phase: "paused" }), stable }, undefined, ["person", 6]],
    ["so does one that cannot be put back", { active: rollout({ phase: "rollback-stuck" }) }, undefined, ["person", 6]],
    [
      "so does a step that only a person holds up",
      { active: rollout({ phase: "gating" }), reasons: said("awaiting-approval") },
      undefined,
      ["person", 6],
    ],
    [
      "other gates of the step are waited for first",
      { active: rollout({ phase: "gating" }), reasons: said("gating", "awaiting-approval") },
      undefined,
      undefined,
    ],
    ["is good when none was necessary", { stable, reasons: said("adopted") }, undefined, ["at-rest", 0]],
    ["is that of the last one", { stable, last: last("rolled-back", "web-v2") }, undefined, ["rolled-back", 1]],
    [
      "is that of the last one, although what it left behind is quarantined",
      { stable, last: last("rolled-back", "web-v2"), candidate: candidate(1), reasons: said("quarantined") },
      undefined,
      ["rolled-back", 1],
    ],
    [
      "is good again once the inputs ask for what runs",
      { stable, last: last("rolled-back", "web-v2"), reasons: said("up-to-date") },
      undefined,
      ["at-rest", 0],
    ],
    [
      "is good after a success",
      { stable, last: last("succeeded", "web-v1"), reasons: said("up-to-date") },
      undefined,
      ["succeeded", 0],
    ],
    [
      "is good after a person's rollback, which holds the fleet by itself",
      { stable, last: last("succeeded", "web-v1"), hold: hold(1), candidate: candidate(0), reasons: said("held") },
      undefined,
      ["succeeded", 0],
    ],
    [
      "needs a person when a newer candidate meets a hold",
      { stable, last: last("succeeded", "web-v1"), hold: hold(1), candidate: candidate(20), reasons: said("held") },
      undefined,
      ["person", 6],
    ],
    [
      "needs a person when the hold came after the last rollout",
      { stable, last: last("succeeded", "web-v1"), hold: hold(20), candidate: candidate(1), reasons: said("held") },
      undefined,
      ["person", 6],
    ],
    [
      "waits for a window that opens by itself",
      { stable, last: last("succeeded", "web-v1"), candidate: candidate(20), reasons: said("window") },
      undefined,
      undefined,
    ],
    ["a cancelled one is no success", { stable, last: last("cancelled", "web-v2") }, undefined, ["cancelled", 1]],
    ["what superseded one is waited for", { stable, last: last("superseded", "web-v2") }, undefined, undefined],
    ["waits for an image nobody has heard of yet", { stable }, "web-v2", undefined],
    ["waits for an image while another one rolls", { active, stable }, "web-v1", undefined],
    ["is good once the image is stable", { stable }, "web-v1", ["succeeded", 0]],
    ["is bad for an image in quarantine", { stable, quarantine: [bad] }, "web-v2", ["rolled-back", 1]],
    [
      "is bad for an image that was put back",
      { stable, last: last("rolled-back", "web-v2") },
      "web-v2",
      ["rolled-back", 1],
    ],
    [
      "needs a person when the image waits for an approval",
      { stable, candidate: candidate(1), reasons: said("awaiting-approval") },
      "web-v2",
      ["person", 6],
    ],
    [
      "does not take another image's hold for this one's",
      { stable, candidate: candidate(1), reasons: said("held") },
      "web-v3",
      undefined,
    ],
  ];
  for (const [sentence, record, name, expected] of rows)
    it(sentence, () => {
      const verdict = verdictOf({ ...emptyRecord("web"), ...record }, name);
      expect(verdict && [verdict.verdict, exitOf(verdict)]).toEqual(expected);
    });

  const watched: [string, Partial<FleetRecord>, string | undefined, Verdict["verdict"] | undefined][] = [
    ["goes on through a pause", { active: rollout({ phase: "paused" }) }, "web-2", undefined],
    ["ends with the rollout", { last: last("rolled-back", "web-v2"), stable }, "web-1", "rolled-back"],
    [
      "ends with it although the next one has begun",
      { last: last("succeeded", "web-v1"), active },
      "web-1",
      "succeeded",
    ],
    ["goes on with what superseded it", { last: last("superseded", "web-v2"), active }, "web-1", undefined],
    ["ends at once where nothing will begin", { stable, reasons: said("up-to-date") }, undefined, "at-rest"],
    ["waits for what begins by itself", { stable, reasons: said("window") }, undefined, undefined],
  ];
  for (const [sentence, record, id, expected] of watched)
    it(`watching ${sentence}`, () =>
      expect(endOfWatch({ ...emptyRecord("web"), ...record }, id)?.verdict).toBe(expected));
});

describe("a deprecation carries its dates", () => {
  const now = "2026-11-20T12:00:00.000Z";
  const before = "2026-11-01T00:00:00.000Z";
  const rows: [string, DeprecationStatus | undefined, State, DeprecationStatus][] = [
    ["the first one", undefined, "DEPRECATED", { state: "DEPRECATED", deprecated: now }],
    [
      "a later state keeps the earlier date",
      { state: "DEPRECATED", deprecated: before },
      "OBSOLETE",
      { state: "OBSOLETE", deprecated: before, obsolete: now },
    ],
    [
      "a state that skips one has both",
      undefined,
      "DELETED",
      { state: "DELETED", deprecated: now, obsolete: now, deleted: now },
    ],
    [
      "the same state again keeps its date",
      { state: "DEPRECATED", deprecated: before },
      "DEPRECATED",
      { state: "DEPRECATED", deprecated: before },
    ],
    [
      "active again has none",
      { state: "OBSOLETE", deprecated: before, obsolete: before },
      "ACTIVE",
      { state: "ACTIVE" },
    ],
    [
      "a replacement stays",
      { state: "DEPRECATED", deprecated: before, replacement: "r" },
      "OBSOLETE",
      { state: "OBSOLETE", deprecated: before, obsolete: now, replacement: "r" },
    ],
  ];
  for (const [sentence, deprecated, state, expected] of rows) {
    it(sentence, () => {
      const image = {
        id: "1",
        name: "web-v1",
        creationTimestamp: now,
        status: "READY" as const,
        selfLink: "",
        ...(deprecated && { deprecated }),
      };
      expect(statusOf(image, state, now, undefined)).toEqual(expected);
    });
  }
});

describe("the demo's promises", () => {
  const good: Facts = {
    seconds: 50,
    machines: 19,
    replaced: 12,
    requests: 1000,
    failed: 0,
    badMachines: 1,
    rolledBack: true,
    quarantined: true,
    finalVersion: "v1",
    leaks: 0,
    rolloutMs: 1,
    rollbackMs: 1,
    returnMs: 1,
  };
  const broken = (facts: Facts) =>
    judgeFacts(facts, 6)
      .filter(({ ok }) => !ok)
      .map(({ what }) => what);

  it("are kept by a good run", () => expect(broken(good)).toEqual([]));

  const rows: [Partial<Facts>, string][] = [
    [{ failed: 1 }, "requests failed"],
    [{ requests: 0 }, "requests served"],
    [{ replaced: 11 }, "machines replaced"],
    [{ badMachines: 2 }, "machines of the bad image"],
    [{ badMachines: 0 }, "machines of the bad image"],
    [{ rolledBack: false }, "v3 published → back on v2"],
    [{ quarantined: false }, "v3 quarantined"],
    [{ finalVersion: "v2" }, "the fleet runs"],
    [{ finalVersion: "" }, "the fleet runs"],
    [{ leaks: 1 }, "files that hold the secret"],
  ];
  for (const [change, what] of rows)
    it(`are broken by ${JSON.stringify(change)}`, () => expect(broken({ ...good, ...change })).toEqual([what]));

  it("are broken when a rollout did not end", () => {
    const { rolloutMs: _, returnMs: __, ...cut } = good;
    expect(broken(cut)).toEqual(["rollout v1 → v2", "v2 deprecated → back on v1"]);
  });
});
