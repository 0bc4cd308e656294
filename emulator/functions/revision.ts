import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { environment } from "../environment.ts";
import type { World } from "../frame/world.ts";
import { listenMetadata } from "../metadata/listen.ts";
import { check, prepareShelf, unpack } from "./build.ts";
import { Instance } from "./instance.ts";
import { entryOf, type FunctionLogs } from "./logs.ts";
import { memoryBytes } from "./memory.ts";
import { type CloudFunction, placeOf, serviceId, signatureType } from "./model.ts";
import { Pool } from "./pool.ts";
import { PRELOAD } from "./preload.ts";
import { secretMounts, secretVariables } from "./secrets.ts";

/** How long processes may take to end when the emulator does, or nobody waits for them, ms. */
export const CLOSE_MS = 1_000;

export interface Ground {
  world: World;
  logs: FunctionLogs;
  /** Where sources are unpacked. */
  shelf: string;
  /** A folder with a short path: that of a socket has at most 107 letters. */
  sockets(): string;
  /** Aborted when the emulator closes, which answers nothing from then on. */
  closing: AbortSignal;
  /** All that have processes, those that are being made or retired too. */
  revisions: Set<Revision>;
}

/** One revision of a function at work: its unpacked source, its instances and their metadata server. */
export class Revision {
  readonly name: string;
  readonly shown: CloudFunction;
  readonly pool: Pool;
  readonly #ground: Ground;
  readonly #folder: string;
  #framework = "";
  #metadata: Promise<{ address: string; close(): Promise<void> }> | undefined;
  #count = 0;

  constructor(ground: Ground, shown: CloudFunction, name: string) {
    this.#ground = ground;
    this.shown = shown;
    this.name = name;
    this.#folder = join(ground.shelf, name);
    const { serviceConfig } = shown;
    const limits = {
      concurrency: serviceConfig.maxInstanceRequestConcurrency ?? 1,
      least: serviceConfig.minInstanceCount ?? 0,
      most: serviceConfig.maxInstanceCount ?? 1,
    };
    this.pool = new Pool(ground.world.clock, limits, () => this.#start());
  }

  /** Unpacks and checks the source. Throws a BuildFailure. */
  async build(zip: Buffer, print: (line: string) => void): Promise<void> {
    prepareShelf(this.#ground.shelf);
    unpack(zip, this.#folder);
    this.#framework = await check(this.#folder, print);
  }

  async #start(): Promise<Instance> {
    const { world, logs, shelf, sockets, closing } = this.#ground;
    const { serviceConfig } = this.shown;
    this.#metadata ??= listenMetadata(world, this.#view());
    const [{ address }, secrets, mounts] = await Promise.all([
      this.#metadata,
      secretVariables(world, serviceConfig, closing),
      secretMounts(world, serviceConfig, `${this.#folder}.secrets`, closing),
    ]);
    const preload = join(shelf, "preload.cjs");
    if (!existsSync(preload)) writeFileSync(preload, PRELOAD, { mode: 0o600 });
    const instanceId = world.ids.hex(64);
    return new Instance({
      framework: this.#framework,
      preload,
      folder: this.#folder,
      socket: join(sockets(), `${this.name.slice(-9)}-${++this.#count}.sock`),
      environment: { ...this.#environment(address), ...serviceConfig.environmentVariables, ...secrets },
      mounts,
      memoryBytes: memoryBytes(serviceConfig.availableMemory ?? "256M"),
      wrote: (stream, line) => logs.write(this.shown.name, this.name, stream, entryOf(line), { instanceId }),
      said: (severity, text) => this.say(severity, text, instanceId),
    });
  }

  /** A line of the platform itself, in `varlog/system`. */
  say(severity: string, text: string, instanceId?: string): void {
    const labels = instanceId === undefined ? {} : { instanceId };
    this.#ground.logs.write(this.shown.name, this.name, "varlog/system", { severity, textPayload: text }, labels);
  }

  /**
   * What the real container has, and where Google's clients find the emulator. Nothing else of the emulator's own
   * environment gets in. https://cloud.google.com/run/docs/container-contract#env-vars
   */
  #environment(metadata: string): Record<string, string> {
    const { world } = this.#ground;
    const { id } = placeOf(this.shown.name);
    const web = world.origin.replace(/^http:\/\//, "");
    const here = Object.entries(environment(world, web, web)).filter(([name]) => !name.startsWith("CLOUDSDK_"));
    return {
      PATH: process.env.PATH ?? "",
      HOME: this.#folder,
      NODE_ENV: "production",
      // Containers there have no zone of their own.
      TZ: "UTC",
      ...Object.fromEntries(here),
      GCE_METADATA_HOST: metadata,
      K_SERVICE: serviceId(id),
      K_CONFIGURATION: serviceId(id),
      K_REVISION: this.name,
      FUNCTION_TARGET: this.shown.buildConfig.entryPoint ?? "",
      FUNCTION_SIGNATURE_TYPE: signatureType(this.shown),
    };
  }

  /** Functions have a metadata server that speaks for their own service account. */
  #view(): Parameters<typeof listenMetadata>[1] {
    const { world } = this.#ground;
    const { location } = placeOf(this.shown.name);
    return {
      id: world.ids.hex(64),
      name: this.name,
      zone: `${location}-1`,
      region: location,
      hostname: "localhost",
      machineType: "",
      tags: [],
      ip: "127.0.0.1",
      image: "",
      serviceAccount: {
        email: this.shown.serviceConfig.serviceAccountEmail ?? "",
        scopes: ["https://www.googleapis.com/auth/cloud-platform"],
      },
      attributes: () => ({}),
      projectAttributes: () => ({}),
      guestAttributes: new Map(),
      createdAt: world.clock.now(),
    };
  }

  /** Lets requests in flight end first. */
  async retire(): Promise<void> {
    await this.pool.drain();
    await this.#cleanUp();
  }

  async stop(graceMs: number): Promise<void> {
    await this.pool.stop(graceMs);
    await this.#cleanUp();
  }

  async #cleanUp(): Promise<void> {
    await (await this.#metadata)?.close();
    rmSync(this.#folder, { recursive: true, force: true });
    rmSync(`${this.#folder}.secrets`, { recursive: true, force: true });
  }
}
