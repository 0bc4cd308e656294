import { beforeEach, describe, expect, it } from "vitest";
import type { Decision } from "../../../functions/core/decide.ts";
import type { Effect } from "../../../functions/core/effects.ts";
import { imageOf, policyOf, SmallCloud } from "./small-cloud.ts";

/**
 * A change that was asked for and given up before a look had seen it done may still be on its way. Its fingerprint is that
 * of a group as it was then, and a fingerprint may be a hash of what a group holds.
 */
describe("a change that comes late, where fingerprints come back", () => {
  let cloud: SmallCloud;
  /** The look whose change is on its way. */
  let sleeper: Decision | undefined;
  let sentAt = 0;

  const isPatch = ({ kind }: Effect) => kind === "patch-group";
  const fresh = () => cloud.count((template) => template !== "web-base");

  beforeEach(() => {
    cloud = new SmallCloud(6);
    cloud.hashed = true;
    // What a rollout asks for beside versions is there already: put back, the group is to the letter what it was.
    cloud.change({
      updatePolicy: {
        type: "PROACTIVE",
        minimalAction: "REPLACE",
        mostDisruptiveAllowedAction: "REPLACE",
        maxSurge: { fixed: 3 },
        maxUnavailable: { fixed: 0 },
      },
    });
    cloud.command({ kind: "apply", policy: policyOf() });
    cloud.step();
    cloud.head = imageOf("web-2", "1002");
    cloud.lose = isPatch;
    cloud.until(() => cloud.decisions.at(-1)?.effects.some(isPatch) ?? false);
    cloud.lose = () => false;
    sleeper = cloud.decisions.at(-1);
    sentAt = cloud.now;
    cloud.command({ kind: "pause", reason: "looking" });
    cloud.step();
  });

  it("half a minute after a pause and a rollback: nothing of the new release stays, and nobody else is suspected", () => {
    const before = cloud.group.fingerprint;
    cloud.command({ kind: "rollback" });
    cloud.step();
    expect(cloud.group.fingerprint).not.toBe(before);
    cloud.until(() => cloud.now >= sentAt + 30_000);
    cloud.late(sleeper);
    // It fits: that is what is feared.
    expect(cloud.group.versions).toHaveLength(2);
    cloud.until(() => cloud.record.active === null);
    for (let i = 0; i < 10; i++) cloud.step();
    expect([fresh(), cloud.record.last?.ending]).toEqual([0, "rolled-back"]);
    expect(cloud.record.reasons.map(({ word }) => word)).not.toContain("external-change");
  });

  it("never: the rollout ends when a minute has passed, and not before", () => {
    cloud.command({ kind: "rollback" });
    cloud.until(() => cloud.record.active === null);
    expect(cloud.now - sentAt).toBeGreaterThanOrEqual(57_000);
    expect(cloud.now - sentAt).toBeLessThan(75_000);
  });

  it("after it was wanted again, made so, and given up again: nothing of the new release stays", () => {
    cloud.command({ kind: "resume" });
    cloud.until(() => cloud.record.active?.phase === "baking");
    cloud.command({ kind: "abort", reason: "no" });
    cloud.until(() => fresh() === 0);
    expect(cloud.now - sentAt).toBeLessThan(40_000);
    cloud.late(sleeper);
    expect(cloud.group.versions).toHaveLength(2);
    cloud.until(() => cloud.record.active === null);
    for (let i = 0; i < 10; i++) cloud.step();
    expect([fresh(), cloud.record.last?.ending]).toEqual([0, "rolled-back"]);
  });

  it("is not waited for where it is what is wanted again", () => {
    cloud.command({ kind: "resume" });
    cloud.until(() => cloud.record.active?.phase === "baking");
    expect(cloud.now - sentAt).toBeLessThan(30_000);
    cloud.late(sleeper);
    cloud.until(() => cloud.record.last?.ending === "succeeded");
    expect(fresh()).toBe(6);
  });
});
