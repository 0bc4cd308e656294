import type { Cloud } from "../../../functions/controller/cloud.ts";
import type { Time } from "../../../functions/controller/time.ts";
import type { Bucket } from "../../../functions/google/bucket.ts";
import type { Compute } from "../../../functions/google/compute.ts";
import { Failure } from "../../../functions/google/failure.ts";
import type { Topics } from "../../../functions/google/topics.ts";

/** Time that moves when everybody sleeps. */
export class DrivenTime implements Time {
  #now = Date.UTC(2026, 10, 20, 12);
  #sleepers: { at: number; wake: () => void }[] = [];

  now = (): number => this.#now;

  sleep = (ms: number): Promise<void> =>
    new Promise((wake) => {
      this.#sleepers.push({ at: this.#now + ms, wake });
    });

  /** Lets `ms` pass, waking sleepers in order and letting each do what it woke for. */
  async pass(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await settled();
      const next = this.#sleepers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#sleepers = this.#sleepers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
    this.#now = until;
  }
}

/** All promises that can go on without time passing have gone on. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

export class MemoryBucket implements Bucket {
  readonly name: string;
  readonly objects = new Map<string, { text: string; generation: string; created: string }>();
  readonly reads = new Map<string, number>();
  /** Prefixes that were listed. */
  readonly listed: string[] = [];
  readonly #time: Time;
  #generation = 0;

  constructor(name: string, time: Time) {
    this.name = name;
    this.#time = time;
  }

  async read(name: string) {
    this.reads.set(name, (this.reads.get(name) ?? 0) + 1);
    return this.objects.get(name);
  }

  async write(name: string, text: string, ifGeneration: string): Promise<string> {
    const current = this.objects.get(name)?.generation ?? "0";
    if (current !== ifGeneration) throw new Failure("conflict", 412, `write ${name}`, "conditionNotMet");
    const generation = String(++this.#generation);
    this.objects.set(name, { text, generation, created: new Date(this.#time.now()).toISOString() });
    return generation;
  }

  async names(prefix: string): Promise<string[]> {
    this.listed.push(prefix);
    return [...this.objects.keys()].filter((name) => name.startsWith(prefix)).sort();
  }

  async list(prefix: string) {
    return (await this.names(prefix)).map((name) => ({ name, created: this.objects.get(name)?.created ?? "" }));
  }

  async folders(prefix: string): Promise<string[]> {
    const names = [...this.objects.keys()].filter((name) => name.startsWith(prefix));
    return [...new Set(names.map((name) => name.slice(prefix.length)).filter((rest) => rest.includes("/")))]
      .map((rest) => rest.slice(0, rest.indexOf("/")))
      .filter((name, i, all) => all.indexOf(name) === i);
  }

  async delete(name: string): Promise<void> {
    this.objects.delete(name);
  }
}

export interface Fakes extends Cloud {
  state: MemoryBucket;
  reports: MemoryBucket;
  config: MemoryBucket;
  time: DrivenTime;
  rung: { topic: string; attributes: Record<string, string>; data: string | undefined }[];
  logged: string[];
  /** Severity beside each of `logged`. */
  severities: string[];
}

const unused = (what: string) => (): never => {
  throw new Error(`${what} is not expected here`);
};

export function fakeCloud(compute?: Partial<Compute>): Fakes {
  const time = new DrivenTime();
  const rung: Fakes["rung"] = [];
  const logged: string[] = [];
  const severities: string[] = [];
  const topics: Topics = {
    ring: async (topic, attributes, data) => void rung.push({ topic, attributes, data }),
    close: async () => {},
  };
  return {
    settings: {
      project: "acme-prod",
      stateBucket: "state",
      reportsBucket: "reports",
      configBucket: "config",
      reportsTopic: "projects/acme-prod/topics/moult-reports",
      ticksTopic: "moult-ticks",
      deadLettersTopic: "moult-dead-letters",
      computeEndpoint: "",
      monitoringEndpoint: "",
      certsUrl: "",
      principal: "moult-functions@acme-prod.iam.gserviceaccount.com",
    },
    state: new MemoryBucket("state", time),
    reports: new MemoryBucket("reports", time),
    config: new MemoryBucket("config", time),
    bucket: unused("another bucket"),
    compute: () => compute as Compute,
    secrets: {
      versions: unused("versions"),
      enabled: unused("enabled"),
      aliased: unused("aliased"),
      version: unused("version"),
      value: unused("value"),
      projectOf: () => undefined,
    },
    monitoring: { query: unused("query"), alertPolicy: unused("alertPolicy"), openAlerts: unused("openAlerts") },
    topics,
    verifyIdentity: unused("verifyIdentity"),
    time,
    random: () => 0.5,
    log: (severity, message) => {
      severities.push(severity);
      logged.push(message);
    },
    rung,
    logged,
    severities,
  };
}
