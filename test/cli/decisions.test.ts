import { describe, expect, it } from "vitest";
import { verdictOf } from "../../cli/commands/wait.ts";
import { type Facts, judgeFacts } from "../../cli/demo/facts.ts";
import { frozen } from "../../cli/fleet/freeze.ts";
import { type State, statusOf } from "../../cli/images/deprecate.ts";
import { readPolicy } from "../../functions/core/fleetfile/read.ts";
import { emptyRecord, type FleetRecord, type RolloutGroup } from "../../functions/core/record.ts";
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
  const image = (name: string) => ({ id: "1", name, project: "acme-prod" });
  const release = (name: string) => ({ digest: "d", image: image(name), configCommit: null, secrets: {}, base: {} });
  const stable = { release: release("web-v1"), since: "", adopted: false, versions: {} };
  const last = (ending: "succeeded" | "rolled-back", imageName: string) => ({
    id: "web-1",
    ending,
    from: "",
    to: "",
    imageName,
    startedAt: "",
    endedAt: "",
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
  const active = {} as FleetRecord["active"];

  const rows: [string, Partial<FleetRecord>, string | undefined, boolean | undefined][] = [
    ["waits while a rollout is active", { active, stable }, undefined, undefined],
    ["is good when none was necessary", { stable }, undefined, true],
    ["is that of the last one", { stable, last: last("rolled-back", "web-v2") }, undefined, false],
    ["is good after a success", { stable, last: last("succeeded", "web-v1") }, undefined, true],
    ["waits for an image nobody has heard of yet", { stable }, "web-v2", undefined],
    ["waits for an image while another one rolls", { active, stable }, "web-v1", undefined],
    ["is good once the image is stable", { stable }, "web-v1", true],
    ["is bad for an image in quarantine", { stable, quarantine: [bad] }, "web-v2", false],
    ["is bad for an image that was put back", { stable, last: last("rolled-back", "web-v2") }, "web-v2", false],
  ];
  for (const [sentence, record, name, ok] of rows)
    it(sentence, () => expect(verdictOf({ ...emptyRecord("web"), ...record }, name)?.ok).toBe(ok));
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
