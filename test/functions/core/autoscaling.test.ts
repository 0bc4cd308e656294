import { describe, expect, it } from "vitest";
import type { AutoscalerMode } from "../../../functions/core/rolloutrecord.ts";
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

describe("a paused rollout that is put back", () => {
  it("has an autoscaler that is on while it waits, only adds until all machines are as they were, and is on again", () => {
    const cloud = new SmallCloud(6);
    cloud.change({ autoscaler: { name: "web", mode: "ON" } });
    cloud.command({ kind: "apply", policy: policyOf() });
    cloud.step();
    cloud.head = imageOf("web-2", "1002");
    cloud.until(() => cloud.record.active?.phase === "baking");
    cloud.command({ kind: "pause", reason: "looking" });
    cloud.step();
    expect(cloud.group.autoscaler?.mode).toBe("ON");
    cloud.command({ kind: "rollback" });
    cloud.look();
    // A refused change keeps those after it from being made in this look: putting back must not wait for the autoscaler.
    const changes = cloud.decisions.at(-1)?.effects.filter(({ kind }) => kind.startsWith("patch-"));
    expect(changes?.map(({ kind }) => kind)).toEqual(["patch-group", "patch-autoscaler"]);
    cloud.look();
    expect([cloud.record.active?.phase, cloud.group.autoscaler?.mode]).toEqual(["rolling-back", "ONLY_SCALE_OUT"]);
    cloud.until(() => cloud.record.last?.ending === "rolled-back");
    expect(cloud.group.autoscaler?.mode).toBe("ON");
  });

  it("whose autoscaler could not be changed until all machines were as they were, is left with its own mode", () => {
    const cloud = new SmallCloud(6);
    cloud.change({ autoscaler: { name: "web", mode: "ON" } });
    cloud.command({ kind: "apply", policy: policyOf() });
    cloud.step();
    cloud.head = imageOf("web-2", "1002");
    cloud.until(() => cloud.record.active?.phase === "baking");
    cloud.command({ kind: "pause", reason: "looking" });
    cloud.step();
    cloud.lose = ({ kind }) => kind === "patch-autoscaler";
    cloud.command({ kind: "rollback" });
    cloud.look();
    cloud.update();
    cloud.update();
    expect(cloud.count((template) => template === "web-base")).toBe(6);
    cloud.lose = () => false;
    cloud.until(() => cloud.record.last?.ending === "rolled-back");
    cloud.step();
    expect(cloud.group.autoscaler?.mode).toBe("ON");
  });
});
