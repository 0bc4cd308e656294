import { describe, expect, it } from "vitest";
import { imageOf, policyOf, SmallCloud } from "./small-cloud.ts";

describe("a paused group that its autoscaler makes smaller", () => {
  it("loses new machines that are not well before old ones that are, also where the old ones of those are gone", () => {
    const cloud = new SmallCloud(4);
    cloud.command({
      kind: "apply",
      policy: policyOf({ steps: [{ share: "100%" }], replace: { above: 0, missing: 2 } }),
    });
    cloud.step();
    cloud.head = imageOf("web-2", "1002");
    cloud.behaviours.set("web-2", { health: "UNHEALTHY" });
    cloud.until(() => cloud.count((template) => template === cloud.templateOf("web-2")) === 2);
    const old = () => cloud.count((template) => template === "web-base");
    expect(old()).toBe(2);
    cloud.command({ kind: "pause", reason: "looking" });
    cloud.step();
    expect([old(), cloud.group.machines.length, cloud.group.updatePolicy.type]).toEqual([2, 4, "OPPORTUNISTIC"]);
    // Between two looks.
    cloud.change({ targetSize: 2 });
    cloud.update();
    expect([old(), cloud.group.machines.length]).toEqual([2, 2]);
  });

  it("keeps new machines that serve, and asks for no more of them when it grows again", () => {
    const cloud = new SmallCloud(4);
    cloud.command({ kind: "apply", policy: policyOf() });
    cloud.step();
    cloud.head = imageOf("web-2", "1002");
    cloud.until(() => cloud.record.active?.phase === "baking");
    cloud.command({ kind: "pause", reason: "looking" });
    cloud.step();
    const fresh = () => cloud.count((template) => template === cloud.templateOf("web-2"));
    for (const targetSize of [2, 9]) {
      cloud.change({ targetSize });
      cloud.update();
      cloud.step();
      expect([fresh(), cloud.group.machines.length]).toEqual([1, targetSize]);
    }
  });
});
