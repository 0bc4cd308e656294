import { describe, expect, it } from "vitest";
import { later } from "../../../functions/core/instants.ts";
import type { RolloutGroup } from "../../../functions/core/rolloutrecord.ts";
import { lastSegment, wantedCount } from "../../../functions/core/wanted.ts";
import { imageOf, policyOf, SmallCloud } from "./small-cloud.ts";

function rolling(size = 6, policy = policyOf()): SmallCloud {
  const cloud = new SmallCloud(size);
  cloud.command({ kind: "apply", policy });
  cloud.step();
  cloud.head = imageOf("web-2", "1002");
  return cloud;
}

const words = (cloud: SmallCloud) => cloud.record.reasons.map(({ word }) => word);
const text = (cloud: SmallCloud) => cloud.record.reasons.map((reason) => reason.text).join("\n");
const group = (cloud: SmallCloud): RolloutGroup | undefined => Object.values(cloud.record.active?.groups ?? {})[0];
const isBaking = (cloud: SmallCloud) => () => cloud.record.active?.phase === "baking";

describe("how far a step may go", () => {
  it.each([
    ["a canary as large as its group leaves one old machine", { canary: 3, bakeMs: 0 }, 3, 0, 2],
    ["a share that rounds up to all leaves one", { share: 0.9, bakeMs: 0 }, 5, 0, 4],
    ["the last step takes all", { share: 1, bakeMs: 0 }, 5, 0, 5],
    ["a group of one is all canary", { canary: 1, bakeMs: 0 }, 1, 0, 1],
    ["a group that shrank keeps what was asked for", { canary: 2, bakeMs: 0 }, 5, 5, 5],
    ["an empty group is asked for nothing", { canary: 2, bakeMs: 0 }, 0, 0, 0],
  ])("%s", (_, step, size, asked, wanted) => {
    expect(wantedCount(step, size, asked)).toBe(wanted);
  });

  it("a group that shrinks to nothing proves nothing: no gate passes there", () => {
    const cloud = rolling();
    cloud.until(isBaking(cloud));
    cloud.group = { ...cloud.group, targetSize: 0 };
    for (let i = 0; i < 200; i++) cloud.step();
    expect(words(cloud)).toContain("group-empty");
    expect(cloud.record.active?.passed).toEqual([]);
    cloud.group = { ...cloud.group, targetSize: 4 };
    cloud.until(() => cloud.record.last?.ending === "succeeded");
  });
});

describe("a fleet file that is applied while a rollout is under way", () => {
  it("does not change what its steps mean", () => {
    const steps = [{ canary: 1, bake: "60s" }, { share: "50%", bake: "60s" }, { share: "100%" }];
    const cloud = rolling(6, policyOf({ steps }));
    cloud.until(() => cloud.record.active?.step === 1 && cloud.record.active.phase === "baking");
    cloud.command({ kind: "apply", policy: policyOf({ steps: [{ share: "100%" }] }) });
    cloud.step();
    expect(cloud.record.active?.phase).toBe("baking");
    cloud.until(() => cloud.record.last?.ending === "succeeded");
    expect(cloud.record.policy?.steps).toHaveLength(1);
  });

  it("ends one that has changed nothing, and the new file counts", () => {
    const cloud = rolling();
    cloud.lose = (effect) => effect.kind === "insert-template";
    cloud.look();
    cloud.command({ kind: "apply", policy: policyOf({ mode: "observe" }) });
    cloud.step();
    expect(cloud.record.last?.ending).toBe("superseded");
    expect(words(cloud)).toEqual(["observing"]);
  });
});

describe("what is not tried again", () => {
  it("a release that only takes something away, so that no combination of inputs names it", () => {
    const cloud = new SmallCloud(6);
    cloud.secrets = { greeting: "projects/acme-prod/secrets/greeting/versions/2" };
    cloud.command({ kind: "apply", policy: policyOf() });
    cloud.step();
    cloud.command({ kind: "begin", urgent: false });
    cloud.until(() => cloud.record.last?.ending === "succeeded");
    cloud.secrets = {};
    cloud.behaviours.set("web-1", { report: "failed" });
    cloud.until(() => cloud.record.last?.ending === "rolled-back");
    for (let i = 0; i < 5; i++) cloud.step();
    expect(words(cloud)).toEqual(["quarantined"]);
    expect(cloud.record.rollouts).toBe(2);
  });

  it("a template's name that is taken does not begin one rollout after the other", () => {
    const cloud = rolling();
    cloud.different = () => true;
    for (let i = 0; i < 10; i++) cloud.step();
    expect(words(cloud)).toContain("external-change");
    expect(cloud.record.rollouts).toBe(1);
    cloud.different = () => false;
    cloud.until(() => cloud.record.last?.ending === "succeeded");
  });
});

describe("somebody else's hand", () => {
  it("that undoes a change exactly is seen, not taken for a change that was never made", () => {
    const cloud = rolling();
    cloud.until(isBaking(cloud));
    const from = group(cloud)?.from;
    cloud.change({ versions: from?.versions ?? [], updatePolicy: from?.updatePolicy ?? {} });
    cloud.step();
    expect(words(cloud)).toContain("external-change");
  });

  it("is left alone during a pause, and start takes it over at once", () => {
    const cloud = rolling();
    cloud.until(isBaking(cloud));
    cloud.command({ kind: "stop", reason: "looking" });
    cloud.step();
    const { versions } = group(cloud)?.from ?? { versions: [] };
    cloud.change({ versions });
    cloud.step();
    expect(cloud.group.versions).toEqual(versions);
    expect(words(cloud)).toContain("external-change");
    cloud.command({ kind: "start" });
    cloud.until(() => cloud.record.last?.ending === "succeeded");
  });

  it("in a group that was not touched yet can be taken over too", () => {
    const cloud = rolling();
    cloud.lose = (effect) => effect.kind === "insert-template";
    cloud.look();
    cloud.lose = () => false;
    cloud.change({ versions: [{ instanceTemplate: "projects/acme-prod/global/instanceTemplates/web-hand-made" }] });
    cloud.step();
    expect(words(cloud)).toContain("external-change");
    cloud.command({ kind: "start" });
    cloud.until(() => cloud.record.last?.ending === "succeeded");
  });

  it("is not fought while a rollout is put back; rollback, said again, goes on", () => {
    const cloud = rolling();
    cloud.behaviours.set("web-2", { report: "failed" });
    cloud.until(() => cloud.record.active?.phase === "rolling-back");
    const versions = [{ instanceTemplate: "projects/acme-prod/global/instanceTemplates/web-hand-made" }];
    cloud.change({ versions });
    cloud.step();
    expect(cloud.group.versions).toEqual(versions);
    expect(words(cloud)).toEqual(expect.arrayContaining(["external-change", "rollback-stuck"]));
    cloud.command({ kind: "rollback" });
    cloud.until(() => cloud.record.last?.ending === "rolled-back");
  });

  it("after a rollout is spoken of: the stable release is not what runs", () => {
    const cloud = rolling();
    cloud.until(() => cloud.record.last?.ending === "succeeded");
    cloud.change({ versions: [{ instanceTemplate: "projects/acme-prod/global/instanceTemplates/web-hand-made" }] });
    cloud.step();
    expect(words(cloud)).toEqual(["up-to-date", "external-change"]);
    expect(text(cloud)).toMatch(/web-hand-made/);
  });

  it("that left a group with two versions: no third is added", () => {
    const cloud = rolling();
    const [open] = cloud.group.versions;
    const other = { instanceTemplate: "projects/acme-prod/global/instanceTemplates/web-hand-made" };
    cloud.change({ versions: [...(open ? [open] : []), { ...other, targetSize: { fixed: 1 } }] });
    cloud.step();
    expect(words(cloud)).toEqual(["policy-impossible"]);
    expect(cloud.record.active).toBeNull();
  });
});

describe("a pause", () => {
  it("said in the same look as its effects asks for each of them once, and says each reason once", () => {
    const cloud = rolling();
    cloud.until(isBaking(cloud));
    cloud.command({ kind: "stop", reason: "looking" });
    cloud.look();
    const { effects, record } = cloud.decisions.at(-1) ?? { effects: [], record: cloud.record };
    expect(effects.map(({ kind }) => kind)).toEqual(["delete-command", "patch-group"]);
    expect(new Set(record.reasons.map((reason) => reason.text)).size).toBe(record.reasons.length);
  });

  it("with all machines new still gives what the autoscaler adds the stable release", () => {
    const cloud = rolling();
    cloud.until(() => cloud.record.active?.phase === "final-bake");
    cloud.command({ kind: "stop", reason: "looking" });
    cloud.step();
    // Between two looks, as an autoscaler does.
    cloud.group = { ...cloud.group, targetSize: 9 };
    cloud.update();
    expect(cloud.count((template) => template === "web-base")).toBe(3);
  });
});

describe("what is said", () => {
  it("a canary that is made is not said to leave old machines to replace", () => {
    const cloud = rolling();
    cloud.slow = true;
    cloud.until(() => words(cloud).includes("creating"));
    expect(text(cloud)).toMatch(/0 of 1 new machine ready \(canary 1\); 1 to be made$/);
  });

  it("no progress since the last progress, not since the phase began", () => {
    const cloud = rolling(6, policyOf({ steps: [{ share: "100%" }], replace: { above: 1, missing: 0 } }));
    cloud.until(() => cloud.record.active?.best === 2);
    cloud.behaviours.set("web-2", { health: "UNHEALTHY" });
    let deadline = "";
    cloud.until(() => {
      deadline = cloud.record.active?.phase === "converging" ? (cloud.record.active.deadline ?? "") : deadline;
      return cloud.record.last?.ending === "rolled-back";
    });
    expect(cloud.record.last?.why.text).toContain(`since ${later(deadline, -5 * 60_000)}`);
  });

  it("machines that never became ready are asked why before they are taken away", () => {
    const cloud = rolling();
    cloud.behaviours.set("web-2", { health: "UNHEALTHY" });
    cloud.until(() => cloud.record.last?.ending === "rolled-back");
    const kept = cloud.decisions.flatMap(({ effects }) => effects.filter(({ kind }) => kind === "keep-evidence"));
    expect(kept).toHaveLength(1);
  });

  it("a hold, also when nothing waits for its end", () => {
    const cloud = rolling();
    cloud.until(() => cloud.record.last?.ending === "succeeded");
    cloud.command({ kind: "stop", reason: "the night" });
    cloud.step();
    expect(words(cloud)).toEqual(["up-to-date", "held"]);
  });
});

describe("putting back", () => {
  it("many machines takes its time and is not called stuck while it moves", () => {
    const policy = policyOf({
      steps: [{ share: "100%" }],
      limits: { progress: "30s" },
      replace: { above: 1, missing: 0 },
    });
    const cloud = rolling(20, policy);
    cloud.slow = true;
    cloud.until(() => cloud.count((template) => template !== "web-base") > 18);
    cloud.command({ kind: "rollback" });
    cloud.until(() => cloud.record.last?.ending === "rolled-back");
    expect(cloud.decisions.some(({ record }) => record.active?.phase === "rollback-stuck")).toBe(false);
    expect(lastSegment(cloud.group.versions[0]?.instanceTemplate ?? "")).toBe("web-base");
  });

  it("begins in the look that decides it", () => {
    const cloud = rolling();
    cloud.behaviours.set("web-2", { report: "failed" });
    cloud.until(() => cloud.record.active?.phase === "rolling-back");
    const first = cloud.decisions.find(({ record }) => record.active?.phase === "rolling-back");
    expect(first?.effects.map(({ kind }) => kind)).toContain("patch-group");
  });
});
