import { describe, expect, it } from "vitest";
import { instant } from "../../../functions/core/instants.ts";
import { imageOf, policyOf, SmallCloud } from "./small-cloud.ts";

let ids = 500;

/** A fleet that rolls to web-2 and whose canary bakes. */
function baking(more: Record<string, unknown> = {}): SmallCloud {
  const cloud = new SmallCloud(6);
  cloud.command({ kind: "apply", policy: policyOf(more) });
  cloud.step();
  cloud.head = imageOf("web-2", "1002");
  cloud.until(() => cloud.record.active?.phase === "baking");
  return cloud;
}

const canary = (cloud: SmallCloud) =>
  cloud.group.machines.find(({ template }) => template === cloud.templateOf("web-2"));

/** The group makes the canary again under its name; it comes up well and reports. Returns the id of the one before. */
function remake(cloud: SmallCloud, seen: "under way" | "done"): string {
  const machine = canary(cloud);
  if (!machine?.id) throw new Error("there is no canary");
  const before = machine.id;
  if (seen === "under way") {
    Object.assign(machine, { action: "RECREATING", status: "STOPPING", health: "UNKNOWN" });
    cloud.step();
  }
  const id = String(++ids);
  Object.assign(machine, { id, action: "NONE", status: "RUNNING", health: "HEALTHY" });
  const said = cloud.reports.find(({ instanceId }) => instanceId === before);
  if (said) cloud.reports.push({ ...said, instanceId: id });
  return before;
}

const GATES = [
  ["reports and health", ["reports", "health"]],
  ["health alone", ["health"]],
] as const;

describe.each(GATES)("where %s are the gates, a canary that was ready and is made again while it bakes", (_, gates) => {
  it.each(["under way", "done"] as const)(
    "and no look ever sees it unhealthy, only the healing %s: is given up at the third bake it loses, and blamed",
    (seen) => {
      const cloud = baking({ gates });
      for (let bake = 0; bake < 3; bake++) {
        cloud.until(() => cloud.record.active?.phase === "baking");
        expect([cloud.record.last, cloud.record.active?.bakesLost]).toEqual([null, bake]);
        remake(cloud, seen);
        cloud.step();
      }
      cloud.until(() => cloud.record.last !== null);
      expect(cloud.record.last).toMatchObject({ ending: "rolled-back", why: { word: "flapping" } });
      expect(cloud.record.quarantine).toMatchObject([{ imageName: "web-2" }]);
    },
  );

  it("once, bakes from the beginning and goes on", () => {
    const cloud = baking({ gates });
    const since = Date.parse(cloud.record.active?.since ?? "");
    remake(cloud, "done");
    cloud.step();
    expect(Date.parse(cloud.record.active?.since ?? "")).toBeGreaterThan(since);
    expect(cloud.record.active?.failed).toEqual({});
    cloud.until(() => cloud.record.last?.ending === "succeeded");
  });

  it.each(["under way", "done"] as const)(
    "because Compute itself took it, five times, seen %s: blames nobody",
    (seen) => {
      const cloud = baking({ gates });
      for (let bake = 0; bake < 5; bake++) {
        cloud.until(() => cloud.record.active?.phase === "baking");
        const id = remake(cloud, seen);
        cloud.interrupted[id] = `compute.instances.preempted at ${instant(cloud.now)}`;
        cloud.step();
        expect(cloud.record.active?.bakesLost).toBe(0);
      }
      cloud.until(() => cloud.record.last?.ending === "succeeded");
      expect(cloud.record.quarantine).toEqual([]);
    },
  );
});
