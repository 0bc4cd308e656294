import { describe, expect, it } from "vitest";
import { imageOf, policyOf, SmallCloud } from "./small-cloud.ts";

/** web-2 is being rolled out, somebody paused that, and web-3 waits. */
function pausedWithNewer(): SmallCloud {
  const cloud = new SmallCloud(6);
  cloud.command({ kind: "apply", policy: policyOf() });
  cloud.step();
  cloud.head = imageOf("web-2", "1002");
  cloud.until(() => cloud.record.active?.phase === "baking");
  cloud.command({ kind: "pause", reason: "a look at it" });
  cloud.step();
  cloud.head = imageOf("web-3", "1003");
  cloud.until(() => cloud.record.pending !== null);
  return cloud;
}

const stable = (cloud: SmallCloud) => cloud.record.stable?.release.image.name;
const paused = (cloud: SmallCloud) => cloud.record.active?.phase === "paused";

describe("what waits for a rollout that is paused", () => {
  it("waits as long as nobody says anything", () => {
    const cloud = pausedWithNewer();
    for (let i = 0; i < 50; i++) cloud.step(61_000);
    expect([paused(cloud), stable(cloud)]).toEqual([true, "web-1"]);
  });

  it("begins when a person says that it is urgent: the pause was a person's, and so is the last word", () => {
    const cloud = pausedWithNewer();
    cloud.command({ kind: "begin", urgent: true });
    cloud.until(() => stable(cloud) === "web-3");
    const ends = cloud.decisions.flatMap(({ record }) => record.unwritten).map(({ what }) => what);
    expect(ends).toContain("rolled-back");
    expect(cloud.record.quarantine).toEqual([]);
  });

  it("does not begin when the pause is the last word", () => {
    const cloud = pausedWithNewer();
    cloud.command({ kind: "begin", urgent: true });
    cloud.command({ kind: "pause", reason: "no, wait" });
    for (let i = 0; i < 20; i++) cloud.step();
    expect([paused(cloud), stable(cloud)]).toEqual([true, "web-1"]);
    cloud.command({ kind: "resume" });
    cloud.until(() => stable(cloud) === "web-2");
  });
});

it("what Compute refused once is not looked into any more when going back is under way", () => {
  const cloud = new SmallCloud(6);
  cloud.command({ kind: "apply", policy: policyOf() });
  cloud.step();
  cloud.head = imageOf("web-2", "1002");
  cloud.until(() => cloud.record.active?.phase === "baking");
  if (cloud.record.active) cloud.record.active.refusal = "the resource is not ready";
  cloud.command({ kind: "rollback" });
  // No machine leaves yet.
  cloud.update = () => {};
  cloud.step();
  expect(cloud.record.active).toMatchObject({ phase: "rolling-back" });
  expect(cloud.record.active).not.toHaveProperty("refusal");
});
