import { describe, expect, it } from "vitest";
import { decide } from "../../../functions/core/decide.ts";
import { instant } from "../../../functions/core/instants.ts";
import { imageOf, places, policyOf, SmallCloud, sha256 } from "./small-cloud.ts";

function adopted(size = 6, policy = policyOf()): SmallCloud {
  const cloud = new SmallCloud(size);
  cloud.command({ kind: "apply", policy });
  cloud.step();
  return cloud;
}

function publish(cloud: SmallCloud, name: string, id: string): void {
  cloud.head = imageOf(name, id);
}

const words = (cloud: SmallCloud) => cloud.record.reasons.map(({ word }) => word);

describe("a fleet that is taken on", () => {
  it("is left as it is", () => {
    const cloud = adopted();
    expect(cloud.record.stable).toMatchObject({ adopted: true, release: { image: { id: "1001" } } });
    expect(cloud.record.active).toBeNull();
    expect(cloud.decisions.flatMap(({ effects }) => effects).map(({ kind }) => kind)).toEqual([
      "delete-command",
      // For fleets that follow this one; nothing of the fleet itself is changed.
      "publish",
    ]);
    cloud.step();
    expect(words(cloud)).toEqual(["up-to-date"]);
  });
});

describe("a good image", () => {
  it("goes to one machine, then to all, and becomes stable", () => {
    const cloud = adopted();
    publish(cloud, "web-2", "1002");
    cloud.until(() => cloud.record.active?.phase === "baking");
    expect(cloud.count((template) => template === cloud.templateOf("web-2"))).toBe(1);
    cloud.until(() => cloud.record.last?.ending === "succeeded");
    expect(cloud.record.stable?.release.image.id).toBe("1002");
    expect(cloud.record.previous.map(({ release }) => release.image.id)).toEqual(["1001"]);
    expect(cloud.count((template) => template === cloud.templateOf("web-2"))).toBe(6);
  });

  it("gives the group its own update policy back", () => {
    const cloud = adopted();
    const before = cloud.group.updatePolicy;
    publish(cloud, "web-2", "1002");
    cloud.until(() => cloud.record.last?.ending === "succeeded");
    expect(cloud.group.updatePolicy).toEqual(before);
  });

  it("bakes from when it converged, not from when it began", () => {
    const cloud = adopted();
    publish(cloud, "web-2", "1002");
    cloud.until(() => cloud.record.active?.phase === "baking");
    const since = Date.parse(cloud.record.active?.since ?? "");
    cloud.until(() => cloud.record.active?.step === 1);
    expect(cloud.now - since).toBeGreaterThanOrEqual(60_000);
  });

  it("starts the bake again when health is lost, and still gets there", () => {
    const cloud = adopted();
    publish(cloud, "web-2", "1002");
    cloud.until(() => cloud.record.active?.phase === "baking");
    const canary = cloud.group.machines.find(({ template }) => template === cloud.templateOf("web-2"));
    if (canary) canary.health = "UNHEALTHY";
    cloud.step();
    expect(cloud.record.active?.phase).toBe("converging");
    if (canary) canary.health = "HEALTHY";
    cloud.until(() => cloud.record.last?.ending === "succeeded");
  });
});

describe("a bad image never reaches more than its canary", () => {
  const cases = [
    ["its report says failed", { report: "failed" }, "report-failed"],
    ["it never reports and never gets healthy", { report: "none", health: "UNHEALTHY" }, "no-progress"],
    ["it reports ready and is never healthy", { health: "UNHEALTHY" }, "no-progress"],
  ] as const;
  it.each(cases)("when %s", (_, behaviour, word) => {
    const cloud = adopted();
    publish(cloud, "web-2", "1002");
    cloud.behaviours.set("web-2", behaviour);
    cloud.until(() => cloud.record.last !== null);
    expect(cloud.record.last).toMatchObject({ ending: "rolled-back", why: { word } });
    expect(cloud.most.get(cloud.templateOf("web-2"))).toBe(1);
    expect(cloud.count((template) => template === "web-base")).toBe(6);
    expect(cloud.record.stable?.release.image.id).toBe("1001");
  });

  it("and is not tried again until a person lifts it", () => {
    const cloud = adopted();
    publish(cloud, "web-2", "1002");
    cloud.behaviours.set("web-2", { report: "failed" });
    cloud.until(() => cloud.record.last !== null);
    for (let i = 0; i < 20; i++) cloud.step();
    expect(words(cloud)).toEqual(["quarantined"]);
    expect(cloud.record.rollouts).toBe(1);
    cloud.behaviours.clear();
    cloud.command({ kind: "lift", key: cloud.record.quarantine[0]?.key });
    cloud.until(() => cloud.record.last?.ending === "succeeded");
  });

  it("nor under another name: the next secret version does not bring it back", () => {
    const cloud = adopted();
    publish(cloud, "web-2", "1002");
    cloud.behaviours.set("web-2", { report: "failed" });
    cloud.until(() => cloud.record.last !== null);
    cloud.secrets = { greeting: "projects/acme-prod/secrets/greeting/versions/2" };
    for (let i = 0; i < 5; i++) cloud.step();
    expect(words(cloud)).toEqual(["quarantined"]);
  });

  it("keeps what the failed machine said before it is taken away", () => {
    const cloud = adopted();
    publish(cloud, "web-2", "1002");
    cloud.behaviours.set("web-2", { report: "failed" });
    cloud.until(() => cloud.record.last !== null);
    const kinds = cloud.decisions.flatMap(({ effects }) => effects.map(({ kind }) => kind));
    const kept = kinds.indexOf("keep-evidence");
    expect(kept).toBeGreaterThan(0);
    expect(kinds.indexOf("patch-group", kept)).toBeGreaterThan(kept);
  });
});

describe("what is not the release's fault does not blame it", () => {
  it("no capacity waits, then pauses, and goes on when a person says so", () => {
    const cloud = adopted();
    publish(cloud, "web-2", "1002");
    cloud.behaviours.set("web-2", { error: "ZONE_RESOURCE_POOL_EXHAUSTED" });
    cloud.until(() => words(cloud).includes("capacity"));
    cloud.until(() => cloud.record.active?.phase === "paused");
    expect(cloud.record.quarantine).toEqual([]);
    cloud.behaviours.clear();
    cloud.group.machines = cloud.group.machines.filter(({ errors }) => errors.length === 0);
    cloud.command({ kind: "start" });
    cloud.until(() => cloud.record.last?.ending === "succeeded");
  });

  it("a canary that the group begins late has its whole time from then on", () => {
    const cloud = adopted();
    publish(cloud, "web-2", "1002");
    cloud.slow = true;
    const update = cloud.update;
    cloud.update = () => {};
    cloud.until(() => cloud.record.active?.phase === "converging");
    const since = cloud.now;
    cloud.until(() => cloud.now - since > 280_000);
    update.call(cloud);
    cloud.until(() => cloud.now - since > 400_000);
    expect(cloud.record.active?.phase).toBe("converging");
    cloud.update = update;
    cloud.until(() => cloud.record.last?.ending === "succeeded");
  });

  it("a group that begins none of the machines that are missing pauses, and the release is not quarantined", () => {
    const cloud = adopted();
    publish(cloud, "web-2", "1002");
    // Its updater waits.
    cloud.update = () => {};
    cloud.until(() => cloud.record.active?.phase === "paused");
    expect([words(cloud), cloud.record.quarantine]).toEqual([["no-progress", "paused"], []]);
    expect(cloud.record.reasons[0]?.text).toMatch(/has begun none of those that are missing/);
  });

  it("a permission that shows late puts the group back and holds", () => {
    const cloud = adopted();
    publish(cloud, "web-2", "1002");
    cloud.behaviours.set("web-2", { error: "PERMISSIONS_ERROR" });
    cloud.until(() => cloud.record.last !== null);
    expect(cloud.record.last).toMatchObject({ ending: "rolled-back", why: { word: "permission-late" } });
    expect(cloud.record.quarantine).toEqual([]);
    cloud.step();
    expect(words(cloud)).toEqual(["held"]);
  });

  it("when nobody's report arrives the gate is inconclusive: it pauses", () => {
    const cloud = adopted();
    publish(cloud, "web-2", "1002");
    cloud.behaviours.set("web-2", { report: "none" });
    cloud.until(() => cloud.record.active?.phase === "paused");
    expect(words(cloud)).toContain("reports-missing");
  });
});

describe("a person wins", () => {
  it("stop pauses at once, in every phase, and no machine is replaced until start", () => {
    const cloud = adopted();
    publish(cloud, "web-2", "1002");
    cloud.until(() => cloud.record.active?.phase === "baking");
    cloud.command({ kind: "stop", reason: "looking" });
    cloud.step();
    expect(cloud.group.updatePolicy.type).toBe("OPPORTUNISTIC");
    for (let i = 0; i < 100; i++) cloud.step();
    expect(cloud.count((template) => template === cloud.templateOf("web-2"))).toBe(1);
    cloud.command({ kind: "start" });
    cloud.until(() => cloud.record.last?.ending === "succeeded");
  });

  it("a group that grows during a pause grows with the stable release", () => {
    const cloud = adopted();
    publish(cloud, "web-2", "1002");
    cloud.until(() => cloud.record.active?.phase === "baking");
    cloud.command({ kind: "stop", reason: "looking" });
    cloud.step();
    const [open, fresh] = cloud.group.versions;
    expect(open).toEqual({ instanceTemplate: "projects/acme-prod/global/instanceTemplates/web-base" });
    expect(fresh?.targetSize).toEqual({ fixed: 1 });
  });

  it("rollback of an active rollout puts it back, quarantines nothing and holds", () => {
    const cloud = adopted();
    publish(cloud, "web-2", "1002");
    cloud.until(() => cloud.record.active?.phase === "baking");
    cloud.command({ kind: "rollback" });
    cloud.until(() => cloud.record.last?.ending === "rolled-back");
    cloud.step();
    expect(cloud.record.quarantine).toEqual([]);
    expect(words(cloud)).toEqual(["held"]);
  });

  it("rollback after success goes straight to the older release and is not undone", () => {
    const cloud = adopted();
    publish(cloud, "web-2", "1002");
    cloud.until(() => cloud.record.last?.ending === "succeeded");
    cloud.command({ kind: "rollback" });
    cloud.until(() => cloud.record.last?.id === "web-2" && cloud.record.last.ending === "succeeded");
    expect(cloud.record.stable?.release.image.id).toBe("1001");
    expect(cloud.count((template) => template === "web-base")).toBe(6);
    for (let i = 0; i < 10; i++) cloud.step();
    expect(words(cloud)).toEqual(["held"]);
  });

  it("a change by somebody else pauses and says so, and start takes over", () => {
    const cloud = adopted();
    publish(cloud, "web-2", "1002");
    cloud.until(() => cloud.record.active?.phase === "baking");
    cloud.group = {
      ...cloud.group,
      versions: [{ instanceTemplate: "projects/acme-prod/global/instanceTemplates/web-hand-made" }],
    };
    cloud.step();
    expect(words(cloud)).toContain("external-change");
    cloud.command({ kind: "start" });
    cloud.until(() => cloud.record.last?.ending === "succeeded");
  });
});

describe("a rollout that has touched nothing", () => {
  it("gives way to a newer image at once", () => {
    const cloud = adopted();
    publish(cloud, "web-2", "1002");
    cloud.lose = (effect) => effect.kind === "insert-template";
    cloud.look();
    cloud.lose = () => false;
    publish(cloud, "web-3", "1003");
    cloud.step();
    expect(cloud.record.last).toMatchObject({ ending: "superseded" });
    cloud.until(() => cloud.record.last?.ending === "succeeded");
    expect(cloud.record.stable?.release.image.id).toBe("1003");
  });
});

describe("a process that dies between save and effect", () => {
  it("loses nothing: every effect is asked for again, with the same request id", () => {
    const cloud = adopted();
    publish(cloud, "web-2", "1002");
    const asked = new Map<string, number>();
    cloud.lose = (effect) => {
      if (effect.kind !== "patch-group" && effect.kind !== "insert-template") return false;
      const times = (asked.get(effect.requestId) ?? 0) + 1;
      asked.set(effect.requestId, times);
      return times === 1;
    };
    cloud.until(() => cloud.record.last?.ending === "succeeded");
    expect(asked.size).toBeGreaterThanOrEqual(4);
    expect([...asked.values()].every((times) => times >= 2)).toBe(true);
  });
});

describe("decide", () => {
  it("does not change what it is given, and gives the same for the same", () => {
    const cloud = adopted();
    publish(cloud, "web-2", "1002");
    const context = { now: instant(cloud.now), sha256, places };
    const before = JSON.stringify(cloud.record);
    const one = decide(cloud.record, cloud.observe(), context);
    const two = decide(cloud.record, cloud.observe(), context);
    expect(JSON.stringify(cloud.record)).toBe(before);
    expect(two).toEqual(one);
  });

  it("an empty group proves nothing: it waits and says so", () => {
    const cloud = adopted(0);
    publish(cloud, "web-2", "1002");
    cloud.step();
    expect(words(cloud)).toEqual(["group-empty"]);
  });

  it.each([
    ["is not READY yet", { status: "PENDING" as const }, "image-not-ready"],
    ["is OBSOLETE", { deprecated: { state: "OBSOLETE" as const } }, "image-unusable"],
    ["needs a larger disk than the base gives", { diskSizeGb: "20" }, "base-disk-too-small"],
  ])("an image that %s starts nothing", (_, more, word) => {
    const cloud = adopted();
    cloud.head = imageOf("web-2", "1002", more);
    cloud.step();
    expect(words(cloud)).toEqual([word]);
    expect(cloud.record.active).toBeNull();
  });

  it.each([
    ["PENDING" as const, /before it is READY/],
    ["FAILED" as const, /make another/],
  ])("a newer image that is %s does not start anything, and is spoken of", (status, text) => {
    const cloud = adopted();
    cloud.unready = [imageOf("web-2", "1002", { status })];
    cloud.step();
    expect(cloud.record.reasons).toContainEqual({ word: "image-not-ready", text: expect.stringMatching(text) });
    expect(cloud.record.active).toBeNull();
  });

  it("mode observe says what it would do", () => {
    const cloud = adopted(6, policyOf({ mode: "observe" }));
    publish(cloud, "web-2", "1002");
    cloud.step();
    expect(words(cloud)).toEqual(["observing"]);
  });
});
