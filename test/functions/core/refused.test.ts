import { describe, expect, it } from "vitest";
import { policyOf, SmallCloud } from "./small-cloud.ts";

const HOUR = 3_600_000;

function adopted(): SmallCloud {
  const cloud = new SmallCloud(6);
  cloud.command({ kind: "apply", policy: policyOf() });
  cloud.step();
  return cloud;
}

const words = (cloud: SmallCloud) => cloud.record.reasons.map(({ word }) => word);

describe("a command that cannot be done", () => {
  it("is said by one look, and its answer stays in the record for a day", () => {
    const cloud = adopted();
    cloud.command({ kind: "pause", reason: "no" });
    cloud.step();
    cloud.step();
    expect(words(cloud)).toEqual(["up-to-date"]);
    expect(cloud.record.refused).toMatchObject(
      [{ kind: "pause", by: "ada", command: "commands/web/000002", text: /nothing to pause/ }].map((one) => ({
        ...one,
        text: expect.stringMatching(one.text),
      })),
    );
    cloud.step(23 * HOUR);
    cloud.step();
    expect(cloud.record.refused).toHaveLength(1);
    cloud.step(HOUR);
    cloud.step();
    expect(cloud.record.refused).toEqual([]);
  });

  it("given again and again, leaves the ten newest answers, newest first", () => {
    const cloud = adopted();
    for (let i = 0; i < 14; i++) cloud.command({ kind: i % 2 === 0 ? "unhold" : "resume" });
    cloud.step();
    expect(cloud.record.refused).toHaveLength(10);
    expect(cloud.record.refused[0]).toMatchObject({ kind: "resume", command: "commands/web/000015" });
  });

  it("is named in the history, as is every command's entry, and what the machine did is not", () => {
    const cloud = adopted();
    cloud.command({ kind: "resume" });
    cloud.command({ kind: "hold", reason: "fair", until: new Date(cloud.now + HOUR).toISOString() });
    cloud.look();
    expect(cloud.record.unwritten.map(({ what, command }) => [what, command])).toEqual([
      ["command-refused", "commands/web/000002"],
      ["held", "commands/web/000003"],
    ]);
    cloud.now += 2 * HOUR;
    cloud.look();
    expect(cloud.record.unwritten.map(({ what, command }) => [what, command])).toEqual([["unheld", undefined]]);
  });

  it("is forgotten with the fleet that is given back", () => {
    const cloud = adopted();
    cloud.command({ kind: "resume" });
    cloud.step();
    cloud.command({ kind: "release" });
    cloud.step();
    expect([cloud.record.policy, cloud.record.refused]).toEqual([null, []]);
  });
});
