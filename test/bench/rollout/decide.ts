import { decide } from "../../../functions/core/decide.ts";
import { instant } from "../../../functions/core/instants.ts";
import type { Observation } from "../../../functions/core/observation.ts";
import type { FleetRecord } from "../../../functions/core/record.ts";
import { places, policyOf, SmallCloud, sha256 } from "../../functions/core/small-cloud.ts";
import { median } from "../agent/measure.ts";

/** Decisions about a fleet whose whole group runs the new release, half of it not healthy yet: everything is counted and nothing ends early. */
export function timeDecide(machines: number, rounds: number): { ms: number; copyMs: number; recordKiB: number } {
  const { record, observation } = middleOfRollout(machines);
  const context = { now: observation.at, sha256, places };
  const times: number[] = [];
  const copies: number[] = [];
  for (let round = -50; round < rounds; round++) {
    const began = performance.now();
    const decision = decide(record, observation, context);
    const took = performance.now() - began;
    if (decision.record.active?.phase !== "converging") throw new Error(`it is ${decision.record.active?.phase}`);
    const copied = performance.now();
    JSON.parse(JSON.stringify(record));
    if (round >= 0) copies.push(performance.now() - copied);
    if (round >= 0) times.push(took);
  }
  return { ms: median(times), copyMs: median(copies), recordKiB: JSON.stringify(record).length / 1_024 };
}

function middleOfRollout(machines: number): { record: FleetRecord; observation: Observation } {
  const cloud = new SmallCloud(machines);
  cloud.command({ kind: "apply", policy: policyOf({ replace: { above: machines, missing: 0 } }) });
  cloud.until(() => cloud.record.stable !== null);
  cloud.head = { ...cloud.head, id: "1002", name: "web-2" };
  cloud.until(() => cloud.record.active?.phase === "converging" && cloud.record.active.step === 1);
  for (const [i, machine] of cloud.group.machines.entries())
    if (i % 2 === 0) Object.assign(machine, { health: "UNHEALTHY", action: "VERIFYING" });
  cloud.look();
  return { record: cloud.record, observation: { ...cloud.observe(), at: instant(cloud.now) } };
}
