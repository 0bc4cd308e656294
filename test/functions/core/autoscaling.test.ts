import { describe, expect, it } from "vitest";
import type { AutoscalerMode } from "../../../functions/core/record.ts";
import { imageOf, policyOf, SmallCloud } from "./small-cloud.ts";

/** The mode that is found, those a person sets during the bakes of a rollout, one a bake, and the mode when it has ended. */
const cases: [sentence: string, found: AutoscalerMode, set: AutoscalerMode[], left: AutoscalerMode][] = [
  ["one that was on is on again", "ON", [], "ON"],
  ["one that a person switched off meanwhile stays off", "ON", ["OFF"], "OFF"],
  ["one that a person switched off and on again is on", "ON", ["OFF", "ON"], "ON"],
  ["one that was off stays off", "OFF", [], "OFF"],
  ["one that only scaled out before still does", "ONLY_SCALE_OUT", [], "ONLY_SCALE_OUT"],
  ["one that only scaled out and that a person switched on stays on", "ONLY_SCALE_OUT", ["ON"], "ON"],
  [
    "one that a person switched on and back to only scaling out is not switched on by what was seen in between",
    "ONLY_SCALE_OUT",
    ["ON", "ONLY_SCALE_OUT"],
    "ONLY_SCALE_OUT",
  ],
  [
    "one that was on and that a person set to scale out only, twice, stays so",
    "ON",
    ["OFF", "ONLY_SCALE_OUT"],
    "ONLY_SCALE_OUT",
  ],
];

describe("after a rollout, of the autoscaler's modes", () => {
  it.each(cases)("%s", (_, found, set, left) => {
    const cloud = new SmallCloud(6);
    cloud.change({ autoscaler: { name: "web", mode: found } });
    const steps = [{ canary: 1, bake: "60s" }, { share: "50%", bake: "60s" }, { share: "100%" }];
    cloud.command({ kind: "apply", policy: policyOf({ steps }) });
    cloud.step();
    cloud.head = imageOf("web-2", "1002");
    for (const [step, mode] of set.entries()) {
      cloud.until(() => cloud.record.active?.phase === "baking" && cloud.record.active.step === step);
      cloud.change({ autoscaler: { name: "web", mode } });
    }
    cloud.until(() => cloud.record.last?.ending === "succeeded");
    expect(cloud.group.autoscaler?.mode).toBe(left);
  });
});
