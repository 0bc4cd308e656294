import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonical, sameValue } from "../../../functions/core/canonical.ts";
import { decide } from "../../../functions/core/decide.ts";
import { draftOf } from "../../../functions/core/draft.ts";
import { instant } from "../../../functions/core/instants.ts";
import { places, policyOf, SmallCloud, sha256 } from "./small-cloud.ts";

function frozen<T>(value: T): T {
  if (value !== null && typeof value === "object") for (const member of Object.values(value)) frozen(member);
  return Object.freeze(value);
}

describe("a decision", () => {
  it("never changes the record it was made from, from the first look to the last of a rollout, bad machines and all", () => {
    const cloud = new SmallCloud(12);
    const phases = new Set<string>();
    cloud.command({ kind: "apply", policy: policyOf() });
    for (let look = 0; look < 200; look++) {
      if (look === 10) cloud.head = { ...cloud.head, id: "1002", name: "web-2" };
      if (look === 90) {
        cloud.head = { ...cloud.head, id: "1003", name: "web-3" };
        cloud.behaviours.set("web-3", { report: "failed" });
      }
      frozen(cloud.record);
      const before = JSON.stringify(cloud.record);
      decide(cloud.record, cloud.observe(), { now: instant(cloud.now), sha256, places });
      expect(JSON.stringify(cloud.record)).toBe(before);
      phases.add(cloud.record.active?.phase ?? cloud.record.last?.ending ?? "none");
      cloud.step();
    }
    expect([...phases]).toEqual(expect.arrayContaining(["converging", "baking", "succeeded", "rolled-back"]));
  });

  it("is made on a copy that shares fleet files and seen machines, and drops what was said before", () => {
    const cloud = new SmallCloud(6);
    cloud.command({ kind: "apply", policy: policyOf() });
    cloud.until(() => cloud.record.stable !== null);
    cloud.head = { ...cloud.head, id: "1002", name: "web-2" };
    cloud.until(() => cloud.record.active?.phase === "baking");
    const draft = draftOf(cloud.record);
    expect(draft.active?.seen).toBe(cloud.record.active?.seen);
    expect(draft).toEqual({ ...cloud.record, reasons: [] });
  });
});

describe("two values", () => {
  it("are the same exactly when their canonical texts are", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), fc.jsonValue({ maxDepth: 3 }), (a, b) => {
        expect(sameValue(a, b)).toBe(canonical(a) === canonical(b));
        expect(sameValue(a, JSON.parse(JSON.stringify(a)))).toBe(true);
        expect(sameValue({ a, left: undefined }, { a })).toBe(true);
      }),
    );
  });
});
