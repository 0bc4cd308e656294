import { createHash } from "node:crypto";
import { SigningKey } from "../../../emulator/iam/keys.ts";
import type { MachineSpec } from "../../../emulator/machines/machines.ts";
import type { Cloud } from "../../../functions/controller/cloud.ts";
import { reconcile } from "../../../functions/controller/reconcile.ts";
import { loadRecord } from "../../../functions/controller/records.ts";
import type { FleetRecord } from "../../../functions/core/record.ts";
import { type Compute, makeCompute } from "../../../functions/google/compute.ts";
import { Failure, isFailure, kindOf } from "../../../functions/google/failure.ts";
import { makeIdentityVerifier } from "../../../functions/google/identity.ts";
import type { Rest } from "../../../functions/google/rest.ts";
import type { ManagedInstance } from "../../../wire/compute.d.ts";
import { type Bed, type Json, startBed } from "../../emulator/compute/bed.ts";
import { fakeCloud, MemoryBucket } from "../../functions/controller/fakes.ts";

export const PROJECT = "acme-prod";
export const ZONE = "us-central1-a";
const ROOT = `/compute/v1/projects/${PROJECT}`;
const GLOBAL = `${ROOT}/global`;
/** Between two looks, unless a test says otherwise. */
const STEP_MS = 2_000;

/** How the machines of an image behave. */
export interface Behaviour {
  report?: "ready" | "failed" | "silent";
  health?: "HEALTHY" | "UNHEALTHY";
}

export interface GroupOptions {
  name?: string;
  zone?: string;
  /** A regional group instead. */
  region?: string;
  size?: number;
  /** More of the group's own body. */
  body?: Json;
}

interface Call {
  method: string;
  path: string;
  body: unknown;
}

let opened = 0;

/**
 * The emulated Compute Engine on a driven clock, the real controller on top of it, and machines that report as their image
 * makes them: signed with a key that the controller's own verifier reads. Nothing here decides anything.
 */
export class Playground {
  readonly bed: Bed;
  readonly cloud: Cloud & { state: MemoryBucket; reports: MemoryBucket; config: MemoryBucket };
  readonly compute: Compute;
  readonly behaviours = new Map<string, Behaviour>();
  /** Every call that changes something, oldest first. */
  readonly changes: Call[] = [];
  calls = 0;
  /** Before a changing call goes out: what somebody else does at that moment. */
  before: (call: Call) => Promise<void> | void = () => {};
  /** What Compute answers instead; thrown. */
  refuse: (call: Call) => Failure | undefined = () => undefined;
  /** Most new machines of each image at once, and the fewest machines that served, since `watch` began. */
  readonly most = new Map<string, number>();
  fewest = Number.POSITIVE_INFINITY;
  /** What the control plane's clock is ahead of the cloud's. */
  skewMs = 0;
  /** Looks that ended with what will be tried again. */
  failedLooks = 0;
  readonly #fleets = new Set<string>();
  readonly #groups: { path: string; name: string }[] = [];
  readonly #booted = new Set<string>();
  readonly #key = new SigningKey(() => {});
  #orders = 0;
  #advancing: Promise<void> = Promise.resolve();

  private constructor(bed: Bed) {
    this.bed = bed;
    opened += 1;
    bed.health = (spec) => this.behaviours.get(imageOf(spec))?.health ?? "HEALTHY";
    const time = { now: () => bed.clock.now() + this.skewMs, sleep: async () => {} };
    // Storage has its own clock.
    const stored = { now: () => bed.clock.now(), sleep: async () => {} };
    this.compute = makeCompute(this.#rest(), PROJECT);
    const certs = `data:application/json,${encodeURIComponent(JSON.stringify(this.#key.jwks()))}`;
    this.cloud = {
      ...fakeCloud(),
      state: new MemoryBucket("state", stored),
      // The controller remembers reports it has judged by their bucket and name.
      reports: new MemoryBucket(`reports-${opened}`, stored),
      config: new MemoryBucket("config", stored),
      compute: (project) => (project === PROJECT ? this.compute : makeCompute(this.#rest(), project)),
      verifyIdentity: makeIdentityVerifier(certs, time.now),
      time,
      log: () => {},
    };
  }

  /** With image web-1, template web-base and a health check. */
  static async open(template: Json = {}): Promise<Playground> {
    const world = new Playground(await startBed({ direct: true, project: PROJECT }));
    await world.image("web-1");
    await world.bed.post(`${GLOBAL}/healthChecks`, {
      name: "alive",
      type: "HTTP",
      httpHealthCheck: { port: 8080 },
      checkIntervalSec: 1,
      timeoutSec: 1,
      healthyThreshold: 1,
      unhealthyThreshold: 2,
    });
    await world.template("web-base", template);
    return world;
  }

  /** A group of four on web-base with the health check, and a fleet of it that moult has taken on. */
  static async fleet(options: { size?: number; file?: Json; group?: Json; template?: Json } = {}): Promise<Playground> {
    const world = await Playground.open(options.template);
    await world.group({ size: options.size ?? 4, body: options.group ?? {} });
    await world.takeOn(options.file);
    return world;
  }

  async image(name: string, family = "web", more: Json = {}): Promise<void> {
    const sourceImage = "projects/debian-cloud/global/images/family/debian-12";
    await this.bed.post(`${GLOBAL}/images`, { name, family, sourceImage, ...more });
    await this.advance(500);
  }

  async deprecate(name: string, state: "DEPRECATED" | "OBSOLETE"): Promise<void> {
    await this.bed.post(`${GLOBAL}/images/${name}/deprecate`, { state });
    await this.advance(100);
  }

  async template(name: string, more: Json = {}, image = "web-1"): Promise<void> {
    const initializeParams = { sourceImage: `projects/${PROJECT}/global/images/${image}` };
    const properties = {
      machineType: "e2-small",
      disks: [{ boot: true, autoDelete: true, initializeParams }],
      networkInterfaces: [{ network: "global/networks/default" }],
      ...more,
    };
    await this.bed.post(`${GLOBAL}/instanceTemplates`, { name, properties });
    await this.advance(100);
  }

  async group({ name = "web", zone = ZONE, region, size = 4, body = {} }: GroupOptions = {}): Promise<void> {
    const collection = `${ROOT}/${region ? `regions/${region}` : `zones/${zone}`}/instanceGroupManagers`;
    await this.bed.post(collection, {
      name,
      baseInstanceName: name,
      targetSize: size,
      versions: [{ instanceTemplate: `projects/${PROJECT}/global/instanceTemplates/web-base` }],
      autoHealingPolicies: [{ healthCheck: `projects/${PROJECT}/global/healthChecks/alive`, initialDelaySec: 300 }],
      ...body,
    });
    this.#groups.push({ path: `${collection}/${name}`, name });
    await this.advance(6_000);
  }

  async takeOn(file: Json = {}): Promise<string> {
    const fleet = await this.apply(file);
    await this.until(async () => (await this.record(fleet)).stable !== null, 10, fleet);
    return fleet;
  }

  /** Applies a fleet file; what it does not say is short, so that a rollout takes some twenty looks. */
  async apply(file: Json = {}): Promise<string> {
    const policy = {
      fleet: "web",
      project: PROJECT,
      groups: [{ zone: ZONE, name: "web", base: "web-base" }],
      follows: { family: "web" },
      steps: [{ canary: 1, bake: "6s" }, { share: "100%" }],
      finalBake: "6s",
      limits: { progress: "1m" },
      replace: { above: 2, missing: 0 },
      ...file,
    };
    this.#fleets.add(policy.fleet);
    await this.order({ kind: "apply", policy }, policy.fleet);
    return policy.fleet;
  }

  async order(command: Json, fleet = "web"): Promise<void> {
    const name = `commands/${fleet}/${String(++this.#orders).padStart(6, "0")}.json`;
    await this.cloud.state.write(name, JSON.stringify({ by: "ada", ...command }), "0");
  }

  async record(fleet = "web"): Promise<FleetRecord> {
    return (await loadRecord(this.cloud.state, fleet)).record;
  }

  async phase(fleet = "web"): Promise<string | undefined> {
    return (await this.record(fleet)).active?.phase;
  }

  async words(fleet = "web"): Promise<string[]> {
    return (await this.record(fleet)).reasons.map(({ word }) => word);
  }

  async said(fleet = "web"): Promise<string> {
    return (await this.record(fleet)).reasons.map(({ text }) => text).join("\n");
  }

  async history(fleet = "web"): Promise<{ what: string; text: string; word: string }[]> {
    const names = await this.cloud.state.names(`fleets/${fleet}/history/`);
    return names.map((name) => JSON.parse(this.cloud.state.objects.get(name)?.text ?? "{}"));
  }

  async look(fleet = "web"): Promise<void> {
    try {
      await reconcile(this.cloud, fleet);
    } catch (problem) {
      // A function that fails so is called again with the same message.
      if (!isFailure(problem, "unavailable")) throw problem;
      this.failedLooks += 1;
    }
  }

  /** One look at each fleet; then time passes, machines come up and report. */
  async step(ms = STEP_MS): Promise<void> {
    for (const fleet of this.#fleets) await this.look(fleet);
    await this.pass(ms);
  }

  /** Time without a look. */
  async pass(ms: number): Promise<void> {
    await this.advance(ms);
    for (const spec of [...this.bed.machines.values()]) await this.#boot(spec);
    for (const { path } of this.#groups) await this.#watch(path);
  }

  async steps(count: number, ms = STEP_MS): Promise<void> {
    for (let i = 0; i < count; i++) await this.step(ms);
  }

  /** Steps until the condition holds; fails after `limit` of them with what the fleet says. */
  async until(there: () => Promise<boolean>, limit = 120, fleet = "web"): Promise<void> {
    for (let i = 0; i < limit; i++) {
      if (await there()) return;
      await this.step();
    }
    if (await there()) return;
    throw new Error(
      `it never came to that; ${fleet} is ${await this.phase(fleet)} and says: ${await this.said(fleet)}`,
    );
  }

  untilPhase(phase: string, fleet = "web"): Promise<void> {
    return this.until(async () => (await this.phase(fleet)) === phase, 120, fleet);
  }

  untilEnded(ending: string, fleet = "web"): Promise<void> {
    return this.until(
      async () => {
        const { active, last } = await this.record(fleet);
        return active === null && last?.ending === ending;
      },
      160,
      fleet,
    );
  }

  async untilStable(image: string, fleet = "web"): Promise<void> {
    await this.until(
      async () => {
        const { active, stable } = await this.record(fleet);
        // What is newer may have begun in the same look.
        return active?.to.image.name !== image && stable?.release.image.name === image;
      },
      160,
      fleet,
    );
  }

  async members(name = "web"): Promise<ManagedInstance[]> {
    const path = this.#pathOf(name);
    const { managedInstances = [] } = await this.bed.post<{ managedInstances?: ManagedInstance[] }>(
      `${path}/listManagedInstances`,
    );
    return managedInstances.filter(({ currentAction }) => currentAction !== "DELETING");
  }

  /** Machines of a group that are not leaving, by the image they run: `{ "web-1": 3, "web-2": 1 }`. */
  async running(name = "web"): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { id, version } of await this.members(name)) {
      const spec = id === undefined ? undefined : this.bed.machines.get(id);
      const image = spec ? imageOf(spec) : `not there (${version?.instanceTemplate?.split("/").at(-1)})`;
      counts[image] = (counts[image] ?? 0) + 1;
    }
    return counts;
  }

  async groupNow(
    name = "web",
  ): Promise<Json & { targetSize: number; versions: Json[]; updatePolicy: Json; status: Json; fingerprint: string }> {
    return this.bed.get(this.#pathOf(name));
  }

  async patchGroup(body: Json, name = "web"): Promise<void> {
    await this.bed.patch(this.#pathOf(name), body);
    await this.advance(100);
  }

  async resize(size: number, name = "web"): Promise<void> {
    await this.bed.post(`${this.#pathOf(name)}/resize?size=${size}`);
    await this.advance(100);
  }

  async deleteGroup(name = "web"): Promise<void> {
    const path = this.#pathOf(name);
    this.#groups.splice(
      this.#groups.findIndex((group) => group.path === path),
      1,
    );
    await this.bed.call("DELETE", path);
    await this.advance(5_000);
  }

  async deleteTemplate(name: string): Promise<number> {
    const { status } = await this.bed.call("DELETE", `${GLOBAL}/instanceTemplates/${name}`);
    await this.advance(200);
    return status;
  }

  /** Lets no machine be made in these zones. */
  async exhaust(...zones: string[]): Promise<void> {
    await this.bed.patch("/emulator/limits", { exhaustedZones: zones });
  }

  /** An autoscaler of the zonal group `web`; `least` machines, at most 20. */
  async autoscaler(least: number): Promise<void> {
    await this.bed.post(`${ROOT}/zones/${ZONE}/autoscalers`, {
      name: "web",
      target: `zones/${ZONE}/instanceGroupManagers/web`,
      autoscalingPolicy: { minNumReplicas: least, maxNumReplicas: 20, cpuUtilization: { utilizationTarget: 0.5 } },
    });
    await this.advance(3_000);
  }

  async scaleTo(least: number): Promise<void> {
    await this.bed.patch(`${ROOT}/zones/${ZONE}/autoscalers?autoscaler=web`, {
      autoscalingPolicy: { minNumReplicas: least },
    });
    await this.advance(3_000);
  }

  async scalerMode(): Promise<unknown> {
    const { autoscalingPolicy } = await this.bed.get<{ autoscalingPolicy: Json }>(
      `${ROOT}/zones/${ZONE}/autoscalers/web`,
    );
    return autoscalingPolicy.mode;
  }

  /** New machines there now, by image. */
  specs(image: string): MachineSpec[] {
    return [...this.bed.machines.values()].filter((spec) => imageOf(spec) === image);
  }

  async preempt(spec: MachineSpec): Promise<void> {
    await this.bed.post(`/emulator/instances/${spec.zone}/${spec.name}:preempt`);
  }

  async advance(ms: number): Promise<void> {
    const turn = this.#advancing.then(() => this.bed.clock.advance(ms));
    this.#advancing = turn;
    await turn;
  }

  close(): Promise<void> {
    return this.bed.close();
  }

  #pathOf(name: string): string {
    const found = this.#groups.find((group) => group.name === name);
    if (!found) throw new Error(`there is no group ${name}`);
    return found.path;
  }

  #rest(): Rest {
    const call = async <T>(method: string, path: string, query: Record<string, string> = {}, body?: unknown) => {
      const made = { method, path, body };
      this.calls += 1;
      const waits = path.endsWith("/wait");
      if (method !== "GET" && !waits && !path.endsWith("/listManagedInstances")) {
        await this.before(made);
        this.changes.push(made);
      }
      const refused = this.refuse(made);
      if (refused) throw refused;
      const search = new URLSearchParams(query).toString();
      const answer = this.bed.call<T>(method, `/compute/v1/${path}${search && `?${search}`}`, body);
      // Who waits for an operation lets time pass.
      if (waits) await this.advance(100);
      const { status, body: said } = await answer;
      if (status < 300) return said;
      const { error } = said as { error: { message: string; errors?: { reason: string }[] } };
      throw new Failure(kindOf(status, error.errors?.[0]?.reason), status, `${method} ${path}`, error.message);
    };
    return {
      get: (path, query) => call("GET", path, query),
      send: (method, path, body, query) => call(method, path, query, body),
    };
  }

  /** What the agent of a machine would do once: a signed report into the reports bucket. */
  async #boot(spec: MachineSpec): Promise<void> {
    const metadata = spec.attributes()["moult-release"];
    if (this.#booted.has(spec.id) || metadata === undefined) return;
    this.#booted.add(spec.id);
    const { report: verdict = "ready" } = this.behaviours.get(imageOf(spec)) ?? {};
    if (verdict === "silent") return;
    const { release, fleet } = JSON.parse(metadata) as { release: string; fleet: string };
    await this.report(spec, fleet, release, verdict);
  }

  /** @param claimed the instance the report says it is of; its own unless somebody lies. */
  async report(
    spec: Pick<MachineSpec, "id" | "name" | "zone">,
    fleet: string,
    release: string,
    verdict: "ready" | "failed",
    claimed = spec.id,
  ): Promise<void> {
    const ready = verdict === "ready";
    const text = JSON.stringify({
      report: 1,
      fleet,
      release,
      instance: { id: claimed, name: spec.name, zone: spec.zone, project: PROJECT, projectNumber: "123456789012" },
      verdict,
      reason: ready ? "ready" : "not-ready",
      message: ready ? "ready" : "the application does not answer",
    });
    const seconds = Math.floor(this.bed.clock.now() / 1000);
    const token = this.#key.sign({
      iss: "https://accounts.google.com",
      aud: `moult:${createHash("sha256").update(text).digest("hex")}`,
      iat: seconds,
      exp: seconds + 3600,
      google: {
        compute_engine: { instance_id: spec.id, instance_name: spec.name, project_id: PROJECT, zone: spec.zone },
      },
    });
    const name = `reports/${fleet}/${release}/${claimed}/1.json`;
    await this.cloud.reports.write(name, JSON.stringify({ report: text, token }), "0");
  }

  /** What must be true of every group at any time, and the figures that tests ask for. */
  async #watch(path: string): Promise<void> {
    const { versions } = await this.bed.get<{ versions: Json[] }>(path);
    const { managedInstances = [] } = await this.bed.post<{ managedInstances?: ManagedInstance[] }>(
      `${path}/listManagedInstances`,
    );
    const staying = managedInstances.filter(({ currentAction }) => currentAction !== "DELETING");
    const templates = new Set(staying.map(({ version }) => version?.instanceTemplate));
    if (versions.length > 2 || templates.size > 2)
      throw new Error(`a third template: ${JSON.stringify(versions)} ${[...templates].join(", ")}`);
    const counts = new Map<string, number>();
    let serving = 0;
    for (const { id, instanceStatus } of staying) {
      const spec = id === undefined ? undefined : this.bed.machines.get(id);
      if (!spec) continue;
      counts.set(imageOf(spec), (counts.get(imageOf(spec)) ?? 0) + 1);
      if (instanceStatus === "RUNNING" && this.bed.health(spec, {} as never) === "HEALTHY") serving += 1;
    }
    this.fewest = Math.min(this.fewest, serving);
    for (const [image, count] of counts) this.most.set(image, Math.max(this.most.get(image) ?? 0, count));
  }
}

function imageOf(spec: MachineSpec): string {
  return spec.image.slice(spec.image.lastIndexOf("/") + 1);
}
