import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Bed,
  type Group,
  group,
  groupUrl,
  image,
  members,
  startBed,
  template,
  templateUrl,
  ZONAL,
} from "./bed.ts";

const POLICIES = [
  { type: "PROACTIVE", minimalAction: "REPLACE", replacementMethod: "SUBSTITUTE", maxSurge: { fixed: 2 } },
  { type: "PROACTIVE", minimalAction: "REPLACE", replacementMethod: "RECREATE", maxSurge: { fixed: 0 } },
  { type: "PROACTIVE", minimalAction: "RESTART", replacementMethod: "SUBSTITUTE" },
  { type: "OPPORTUNISTIC" },
];
const TEMPLATES = ["one", "two", "three"];
const ON_MACHINES = ["recreateInstances", "deleteInstances", "abandonInstances", "applyUpdatesToInstances"];
const BY_HAND = ["stop", "start", "reset", "delete"];

const which = fc.nat({ max: 9 });
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 10, max: 400 }) }) },
  fc.record({ do: fc.constant("resize" as const), size: fc.nat({ max: 5 }) }),
  fc.record({ do: fc.constant("roll" as const), to: fc.constantFrom(...TEMPLATES), canary: fc.boolean() }),
  fc.record({ do: fc.constant("policy" as const), policy: fc.constantFrom(...POLICIES) }),
  fc.record({ do: fc.constant("group" as const), verb: fc.constantFrom(...ON_MACHINES), which }),
  fc.record({ do: fc.constant("hand" as const), verb: fc.constantFrom(...BY_HAND), which }),
  fc.record({ do: fc.constant("restart" as const) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** One emulator after another, each going on from what the one before it saved. */
class Desk {
  bed: Bed;
  readonly asked: string[] = [];
  #count = 0;

  constructor(bed: Bed) {
    this.bed = bed;
  }

  async take(next: Step): Promise<void> {
    this.#count++;
    if (next.do === "wait") await this.bed.clock.advance(next.ms);
    else if (next.do === "resize") await this.#ask("POST", `${groupUrl()}/resize?size=${next.size}`);
    else if (next.do === "policy") await this.#ask("PATCH", groupUrl(), { updatePolicy: next.policy });
    else if (next.do === "restart") await this.#restart();
    else if (next.do === "roll") {
      const version = (template: string, name: string) => ({ instanceTemplate: templateUrl(template), name });
      const versions = [
        version(next.to, `r${this.#count}`),
        ...(next.canary ? [{ ...version("one", `c${this.#count}`), targetSize: { fixed: 1 } }] : []),
      ];
      await this.#ask("PATCH", groupUrl(), { versions });
    } else {
      const all = await members(this.bed);
      const member = all[next.which % Math.max(1, all.length)];
      const path = `${ZONAL}/instances/${member?.name}`;
      if (!member) return;
      if (next.do === "group") await this.#ask("POST", `${groupUrl()}/${next.verb}`, { instances: [member.instance] });
      else if (next.verb === "delete") await this.#ask("DELETE", path);
      else await this.#ask("POST", `${path}/${next.verb}`);
    }
  }

  /** Refusals are answers too; what began has to end. */
  async #ask(method: string, path: string, body?: unknown): Promise<void> {
    const reply = await this.bed.call<{ selfLink?: string }>(method, path, body);
    expect(reply.status).toBeLessThan(500);
    if (reply.body.selfLink) this.asked.push(new URL(reply.body.selfLink).pathname);
  }

  async #restart(): Promise<void> {
    const state: unknown = JSON.parse(JSON.stringify(this.bed.save()));
    const now = this.bed.clock.now();
    await this.bed.close();
    this.bed = await startBed({ state, seed: `after ${this.#count}` });
    await this.bed.clock.advance(now - this.bed.clock.now());
  }
}

test("whatever is asked, done by hand, or cut off by a restart: a group comes to rest as it shall be", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30, size: "max" }), async (steps) => {
      const desk = new Desk(await startBed());
      try {
        await group(desk.bed, 3);
        await template(desk.bed, "two", "image-1", { machineType: "e2-medium" });
        await image(desk.bed, "image-2");
        await template(desk.bed, "three", "image-2");
        for (const next of steps) await desk.take(next);
        const { bed } = desk;
        await bed.patch(groupUrl(), { updatePolicy: { type: "PROACTIVE", maxUnavailable: { fixed: 1 } } });
        const atRest = async () => {
          const { status } = await bed.get<Group>(groupUrl());
          return status.isStable && status.versionTarget.isReached;
        };
        await bed.clock.advance(3_000);
        for (let i = 0; i < 300 && !(await atRest()); i++) await bed.clock.advance(100);
        const after = await bed.get<Group>(groupUrl());
        expect(after.status).toMatchObject({ isStable: true, versionTarget: { isReached: true } });
        expect((await members(bed)).map((m) => [m.currentAction, m.instanceStatus])).toEqual(
          Array(after.targetSize).fill(["NONE", "RUNNING"]),
        );
        for (const path of desk.asked) expect(await bed.get(path)).toMatchObject({ status: "DONE" });
        const { items = [] } = await bed.get<{ items?: { status: string }[] }>(`${ZONAL}/instances`);
        expect(items.filter(({ status }) => status === "RUNNING")).toHaveLength(bed.machines.size);
      } finally {
        await desk.bed.close();
      }
    }),
    { numRuns: 60 },
  );
}, 60_000);
