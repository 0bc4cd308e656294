import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Bed,
  GLOBAL,
  type Group,
  image,
  type Json,
  type Managed,
  ORIGIN,
  PROJECT,
  startBed,
  template,
  templateUrl,
} from "./bed.ts";

/** Steps of all runs together; `MOULT_MODEL_STEPS=100000` for the long run. */
const STEPS = Number(process.env.MOULT_MODEL_STEPS ?? 3_000);
const STEPS_OF_A_RUN = 40;

const fixed = (maxSurge: number, maxUnavailable: number) => ({
  maxSurge: { fixed: maxSurge },
  maxUnavailable: { fixed: maxUnavailable },
});
const POLICIES: Json[] = [
  { type: "PROACTIVE", minimalAction: "REPLACE", replacementMethod: "SUBSTITUTE", ...fixed(3, 0) },
  { type: "PROACTIVE", minimalAction: "REPLACE", replacementMethod: "SUBSTITUTE", ...fixed(3, 3) },
  { type: "PROACTIVE", minimalAction: "REPLACE", replacementMethod: "SUBSTITUTE", ...fixed(0, 3) },
  { type: "PROACTIVE", minimalAction: "REPLACE", replacementMethod: "RECREATE", ...fixed(0, 3) },
  { type: "PROACTIVE", minimalAction: "RESTART", replacementMethod: "SUBSTITUTE", ...fixed(3, 3) },
  { type: "PROACTIVE", minimalAction: "REFRESH", replacementMethod: "RECREATE", ...fixed(0, 3) },
  { type: "OPPORTUNISTIC" },
];
const ZONES = ["us-central1-a", "us-central1-b", "us-central1-c"];

const which = fc.nat({ max: 9 });
const of = <T extends string>(...words: T[]) => fc.constantFrom(...words);
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: of("wait"), ms: fc.integer({ min: 20, max: 600 }) }) },
  { weight: 2, arbitrary: fc.record({ do: of("resize"), size: fc.nat({ max: 7 }) }) },
  { weight: 2, arbitrary: fc.record({ do: of("roll"), to: of("one", "two", "three"), canary: fc.nat({ max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ do: of("policy"), policy: fc.constantFrom(...POLICIES) }) },
  fc.record({ do: of("all"), value: of("red", "green") }),
  fc.record({ do: of("own"), which, value: of("left", "right", "") }),
  fc.record({ do: of("create"), name: of("extra-1", "extra-2", "extra-3") }),
  {
    weight: 2,
    arbitrary: fc.record({
      do: of("named"),
      verb: of("recreateInstances", "deleteInstances", "abandonInstances", "applyUpdatesToInstances"),
      which,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: of("hand"), verb: of("stop", "start", "reset", "delete"), which }) },
  fc.record({ do: of("sick"), which }),
  fc.record({ do: of("well") }),
  fc.record({ do: of("room"), zones: fc.subarray(ZONES) }),
  fc.record({ do: of("load"), size: fc.nat({ max: 7 }) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

interface Look {
  target: number;
  surge: number;
  unavailable: number;
  members: Managed[];
}

const serves = ({ instanceStatus, currentAction }: Managed) =>
  instanceStatus === "RUNNING" && (currentAction === "NONE" || currentAction === "REFRESHING");
const leaves = ({ currentAction }: Managed) => currentAction === "DELETING" || currentAction === "ABANDONING";

const counted = { runs: 0, steps: 0, looks: 0, taken: 0 };

/** One group under everything that can happen to it, looked at after every instant at which something happened. */
class Model {
  readonly bed: Bed;
  readonly #place: string;
  /** Machines that somebody took, or that failed: not the updater's doing. */
  readonly #excused = new Set<string>();
  readonly #sick = new Set<string>();
  readonly #abandoned = new Set<string>();
  #shrinking = false;
  #count = 0;
  #before: Look = { target: 0, surge: 0, unavailable: 0, members: [] };

  constructor(bed: Bed, regional: boolean) {
    this.bed = bed;
    this.#place = `${ORIGIN}/${PROJECT}/${regional ? "regions/us-central1" : "zones/us-central1-a"}`;
    bed.health = ({ id }) => (this.#sick.has(id) ? "UNHEALTHY" : "HEALTHY");
  }

  get group(): string {
    return `${this.#place}/instanceGroupManagers/web`;
  }

  async begin(): Promise<void> {
    await this.bed.post(`${GLOBAL}/healthChecks`, {
      ...{ name: "hc", type: "HTTP", checkIntervalSec: 1, timeoutSec: 1, healthyThreshold: 1, unhealthyThreshold: 1 },
      httpHealthCheck: { port: 80 },
    });
    await this.bed.post(`${this.#place}/instanceGroupManagers`, {
      name: "web",
      targetSize: 3,
      versions: [{ instanceTemplate: templateUrl("one") }],
      autoHealingPolicies: [{ healthCheck: "global/healthChecks/hc", initialDelaySec: 1 }],
      updatePolicy: POLICIES[0],
    });
    await this.bed.post(`${this.#place}/autoscalers`, {
      name: "web",
      target: this.group.slice(this.group.indexOf("projects/")),
      autoscalingPolicy: { minNumReplicas: 0, maxNumReplicas: 7, mode: "OFF", stabilizationPeriodSec: 1 },
    });
    await this.look();
  }

  async look(): Promise<Look> {
    const { targetSize, updatePolicy } = await this.bed.get<Group>(this.group);
    const list = await this.bed.post<{ managedInstances?: Managed[] }>(`${this.group}/listManagedInstances`);
    const policy = updatePolicy as { maxSurge: { calculated: number }; maxUnavailable: { calculated: number } };
    this.#before = {
      target: targetSize,
      surge: policy.maxSurge.calculated,
      unavailable: policy.maxUnavailable.calculated,
      members: list.managedInstances ?? [],
    };
    return this.#before;
  }

  /** Moves from one instant at which something happens to the next, and looks at each. */
  async wait(ms: number): Promise<void> {
    const { clock } = this.bed;
    const until = clock.now() + ms;
    while (clock.now() < until) {
      const next = Math.min(until, Math.max(clock.now() + 1, clock.next() ?? until));
      const before = this.#before;
      await clock.advance(next - clock.now());
      this.#check(before, await this.look());
    }
  }

  #check(before: Look, after: Look): void {
    counted.looks++;
    const limit = after.target + after.surge;
    expect(after.members.length).toBeLessThanOrEqual(Math.max(limit, before.members.length));
    const staying = after.members.filter((m) => !leaves(m)).length;
    if (after.target < before.target) this.#shrinking = true;
    const serving = new Set(after.members.filter(serves).map(({ id }) => id));
    const taken = before.members.filter((m) => serves(m) && !serving.has(m.id) && !this.#excused.has(m.id ?? ""));
    counted.taken += taken.length;
    if (taken.length > 0 && !this.#shrinking && after.target === before.target)
      expect(serving.size).toBeGreaterThanOrEqual(Math.min(after.target, before.target) - after.unavailable);
    if (staying <= after.target) this.#shrinking = false;
  }

  async take(next: Step): Promise<void> {
    counted.steps++;
    this.#count++;
    if (next.do === "wait") return this.wait(next.ms);
    const before = this.#before;
    await this.#ask(next);
    const after = await this.look();
    if (after.target < before.target || after.surge < before.surge || next.do === "policy" || next.do === "own")
      this.#shrinking = true;
  }

  async #ask(next: Exclude<Step, { do: "wait" }>): Promise<void> {
    if (next.do === "resize") return this.#call("POST", `${this.group}/resize?size=${next.size}`);
    if (next.do === "policy") return this.#call("PATCH", this.group, { updatePolicy: next.policy });
    if (next.do === "room") return this.#call("PATCH", "/emulator/limits", { exhaustedZones: next.zones });
    if (next.do === "well") return this.#sick.clear();
    if (next.do === "load") {
      await this.#call("PUT", "/emulator/load/web", { size: next.size });
      const autoscalingPolicy = { mode: next.size === 0 ? "OFF" : "ON" };
      return this.#call("PATCH", `${this.#place}/autoscalers?autoscaler=web`, { autoscalingPolicy });
    }
    if (next.do === "all") {
      const labels = { colour: next.value };
      return this.#call("PATCH", this.group, { allInstancesConfig: { properties: { labels } } });
    }
    if (next.do === "create")
      return this.#call("POST", `${this.group}/createInstances`, { instances: [{ name: next.name }] });
    if (next.do === "roll") {
      const version = (template: string, name: string) => ({ instanceTemplate: templateUrl(template), name });
      const canary = { ...version("one", `c${this.#count}`), targetSize: { fixed: next.canary } };
      const versions = [version(next.to, `r${this.#count}`), ...(next.canary > 0 ? [canary] : [])];
      return this.#call("PATCH", this.group, { versions });
    }
    const { members } = this.#before;
    const member = members[next.which % Math.max(1, members.length)];
    if (!member) return;
    if (next.do === "own") return this.#own(member.name, next.value);
    this.#excused.add(member.id ?? "");
    const path = new URL(member.instance).pathname;
    if (next.do === "sick") this.#sick.add(member.id ?? "");
    else if (next.do === "named") {
      if (next.verb === "abandonInstances" && member.id !== undefined) this.#abandoned.add(path);
      return this.#call("POST", `${this.group}/${next.verb}`, { instances: [member.instance] });
    } else if (next.verb === "delete") return this.#call("DELETE", path);
    else return this.#call("POST", `${path}/${next.verb}`);
  }

  /** A group with configurations of its machines' own may be neither autoscaled nor updated by substitution: many are refused. */
  #own(name: string, value: string): Promise<void> {
    if (value === "") return this.#call("POST", `${this.group}/deletePerInstanceConfigs`, { names: [name] });
    const perInstanceConfigs = [{ name, preservedState: { metadata: { side: value } } }];
    return this.#call("POST", `${this.group}/updatePerInstanceConfigs`, { perInstanceConfigs });
  }

  /** Refusals are answers too. */
  async #call(method: string, path: string, body?: unknown): Promise<void> {
    const { status } = await this.bed.call(method, path, body);
    expect(status).toBeLessThan(500);
  }

  /** Left alone, with room and health, a group comes to rest as it shall be, with nothing left over. */
  async end(): Promise<void> {
    const { bed } = this;
    this.#sick.clear();
    await bed.patch("/emulator/limits", { exhaustedZones: [] });
    await bed.call("DELETE", `${this.#place}/autoscalers/web`);
    await bed.patch(this.group, {
      updatePolicy: { type: "PROACTIVE", minimalAction: "REPLACE", replacementMethod: "RECREATE", ...fixed(0, 3) },
    });
    this.#shrinking = true;
    await this.look();
    const atRest = async () => {
      const { status } = await bed.get<Group>(this.group);
      return status.isStable && status.versionTarget.isReached;
    };
    await this.wait(2_000);
    for (let i = 0; i < 100 && !(await atRest()); i++) await this.wait(500);
    const group = await bed.get<Group & { status: Json }>(this.group);
    expect(group.status).toMatchObject({
      isStable: true,
      versionTarget: { isReached: true },
      allInstancesConfig: { effective: true },
    });
    const { members } = await this.look();
    expect(members.map((m) => [m.currentAction, m.instanceStatus])).toEqual(
      Array(group.targetSize).fill(["NONE", "RUNNING"]),
    );
    for (const { instanceTemplate, name, targetSize } of group.versions) {
      const own = members.filter(
        ({ version }) => version.instanceTemplate === instanceTemplate && version.name === name,
      );
      expect(own).toHaveLength(Number(targetSize.calculated));
    }
    await this.#noOrphan(members);
  }

  async #noOrphan(members: Managed[]): Promise<void> {
    const all = await this.bed.get<{ items: Record<string, { instances?: { selfLink: string; status: string }[] }> }>(
      `${ORIGIN}/${PROJECT}/aggregated/instances`,
    );
    const instances = Object.values(all.items).flatMap(({ instances = [] }) => instances);
    const known = new Set([...members.map((m) => new URL(m.instance).pathname), ...this.#abandoned]);
    expect(instances.map(({ selfLink }) => new URL(selfLink).pathname).filter((path) => !known.has(path))).toEqual([]);
    expect(this.bed.machines.size).toBe(instances.filter(({ status }) => status === "RUNNING").length);
  }
}

test(
  "whatever is asked of it and whatever fails, a group keeps its limits at every instant and comes to rest in the end",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.array(step, { minLength: 1, maxLength: 2 * STEPS_OF_A_RUN, size: "max" }),
        async (regional, steps) => {
          counted.runs++;
          const bed = await startBed({ direct: true });
          try {
            await image(bed, "image-1");
            await template(bed, "one", "image-1");
            await template(bed, "two", "image-1", { machineType: "e2-medium" });
            await image(bed, "image-2");
            await template(bed, "three", "image-2");
            const model = new Model(bed, regional);
            await model.begin();
            for (const next of steps) await model.take(next);
            await model.end();
          } finally {
            await bed.close();
          }
        },
      ),
      { numRuns: Math.ceil(STEPS / STEPS_OF_A_RUN) },
    );
    console.log(
      `model: ${counted.steps} steps in ${counted.runs} runs, looked at ${counted.looks} instants, ${counted.taken} serving machines taken`,
    );
  },
  60_000 + STEPS * 30,
);
