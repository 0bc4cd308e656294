import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { imageOf, policyOf, SmallCloud } from "./small-cloud.ts";

const version = (number: number) => ({ key: `projects/acme-prod/secrets/web-key/versions/${number}` });
const words = (cloud: SmallCloud) => cloud.record.reasons.map(({ word }) => word);

/** A fleet at rest on version 1 of its secret. */
function atRest(more: Record<string, unknown> = {}): SmallCloud {
  const cloud = new SmallCloud(6);
  cloud.secrets = version(1);
  cloud.command({ kind: "apply", policy: policyOf(more) });
  cloud.step();
  // Taken on as found: its machines do not have the secret, and the first change of an input is to bring it.
  expect(words(cloud)).toEqual(["adopted"]);
  return cloud;
}

function rotate(cloud: SmallCloud, number: number): void {
  cloud.secrets = version(number);
  cloud.step(0);
}

describe("a candidate with other secrets", () => {
  it("waits until nothing has changed for a minute, says until when, and looks again then", () => {
    const cloud = atRest();
    const since = cloud.now;
    rotate(cloud, 2);
    const until = new Date(since + 60_000).toISOString();
    expect(cloud.record.reasons).toMatchObject([{ word: "settling", until }]);
    expect(cloud.record.nextLook).toBe(until);
    cloud.now = since + 59_999;
    cloud.step(1);
    expect(cloud.record.rollouts).toBe(0);
    cloud.step();
    expect(cloud.record.active?.to.secrets).toEqual(version(2));
  });

  it("is one rollout for ten versions within a minute", () => {
    const cloud = atRest();
    for (let number = 2; number <= 11; number++) {
      rotate(cloud, number);
      cloud.now += 6_000;
    }
    cloud.until(() => cloud.record.last?.ending === "succeeded");
    expect([cloud.record.rollouts, cloud.record.stable?.release.secrets]).toEqual([1, version(11)]);
  });

  it("begins after five times as long when it never comes to rest", () => {
    const cloud = atRest();
    const since = cloud.now;
    for (let number = 2; cloud.record.rollouts === 0; number++) {
      rotate(cloud, number);
      cloud.now += 50_000;
      expect(number).toBeLessThan(20);
    }
    const began = Date.parse(cloud.record.active?.startedAt ?? "");
    expect(began - since).toBeGreaterThanOrEqual(300_000);
    expect(began - since).toBeLessThan(350_000);
  });

  it.each<[string, Record<string, unknown>]>([
    ["rollout start", { kind: "begin", urgent: false }],
    ["rollout start --urgent", { kind: "begin", urgent: true }],
    ["rollout approve", { kind: "approve" }],
  ])("does not wait for it after a person's %s", (_, word) => {
    const cloud = atRest();
    rotate(cloud, 2);
    expect(words(cloud)).toEqual(["settling"]);
    cloud.command(word);
    cloud.step();
    expect(cloud.record.active?.to.secrets).toEqual(version(2));
  });

  it("does not wait with an image that is urgent, nor where the fleet file says settle: 0s", () => {
    const urgent = atRest();
    urgent.head = imageOf("web-2", "1002", { labels: { "moult-urgent": "true" } });
    rotate(urgent, 2);
    expect(urgent.record.active?.to.image.name).toBe("web-2");
    const hurried = atRest({ settle: "0s" });
    rotate(hurried, 2);
    expect(hurried.record.active?.to.secrets).toEqual(version(2));
  });

  it("and no other: a newer image and another configuration begin at once", () => {
    const cloud = atRest();
    cloud.head = imageOf("web-2", "1002");
    cloud.step(0);
    expect(cloud.record.rollouts).toBe(1);
    const other = atRest();
    other.commit = "c".repeat(64);
    other.step(0);
    expect(other.record.rollouts).toBe(1);
  });

  it("that is taken back while it settles was nothing", () => {
    const cloud = atRest();
    rotate(cloud, 2);
    rotate(cloud, 1);
    expect(words(cloud)).toEqual(["adopted"]);
    cloud.now += 600_000;
    cloud.step();
    expect(cloud.record.rollouts).toBe(0);
  });

  it("in whatever rhythm they come: no rollout begins within settle of a change, unless the first is five times as long ago", () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 100_000 }), { minLength: 1, maxLength: 15 });
    fc.assert(
      fc.property(pauses, (gaps) => {
        const cloud = atRest();
        const changes: number[] = [];
        for (const [i, gap] of gaps.entries()) {
          if (cloud.record.rollouts > 0) break;
          changes.push(cloud.now);
          rotate(cloud, i + 2);
          cloud.now += gap;
          cloud.step(0);
        }
        cloud.until(() => cloud.record.rollouts > 0);
        const began = Date.parse(cloud.record.active?.startedAt ?? "");
        const [first = 0] = changes;
        const last = changes.at(-1) ?? 0;
        expect(began - last >= 60_000 || began - first >= 300_000).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});
