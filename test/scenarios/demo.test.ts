import { describe, expect, it } from "vitest";
import { moultRun } from "../cli/program.ts";

describe("moult demo", () => {
  it("goes from v1 to v2, stops v3 at its first machine, and follows the family back, without a failed request", async () => {
    const { code, out, err } = await moultRun(["demo", "--json"]);
    const facts = JSON.parse(out.trimEnd().split("\n").at(-1) ?? "") as { seconds: number; requests: number };
    expect(facts, err).toMatchObject({
      ok: true,
      replaced: 12,
      // Six at first, six of v2, the one bad one, six of v1 again.
      machines: 19,
      failed: 0,
      badMachines: 1,
      rolledBack: true,
      quarantined: true,
      finalVersion: "v1",
      leaks: 0,
    });
    expect(code).toBe(0);
    expect(out.trimEnd().split("\n")).toHaveLength(1);
    expect(facts.requests).toBeGreaterThan(1000);
    expect(facts.seconds).toBeLessThan(120);
    // It tells what happens as it happens, in plain lines where nobody watches.
    expect(err).toMatch(/^\[ +\d+\.\ds\] v3 is published/m);
    expect(err).toMatch(/rolling-back: 1 machine failed, .*web-\w+ reported not-ready/);
  }, 180_000);
});
