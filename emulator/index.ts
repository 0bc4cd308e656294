import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAdmin } from "./admin.ts";
import { createCompute } from "./compute/index.ts";
import { environment } from "./environment.ts";
import { createEventarc } from "./eventarc/index.ts";
import { type Clock, ManualClock, RealClock } from "./frame/clock.ts";
import { type ListeningGrpc, listenGrpc } from "./frame/grpc.ts";
import { type Call, dispatch, type Listening, listen, type OnAnswered } from "./frame/http.ts";
import { Ids } from "./frame/ids.ts";
import { Router } from "./frame/router.ts";
import { StateFolder } from "./frame/state.ts";
import type { World } from "./frame/world.ts";
import { createIam } from "./iam/index.ts";
import { createLogging } from "./logging/index.ts";
import { createMachineAdmin, createMachines } from "./machines/index.ts";
import { createMetadata } from "./metadata/index.ts";
import { createPubsub } from "./pubsub/index.ts";
import { createScheduler } from "./scheduler/index.ts";
import { createSecretManager } from "./secretmanager/index.ts";
import { createStorage } from "./storage/index.ts";

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;

export interface EmulatorOptions {
  /** Default 127.0.0.1. Only loopback addresses are accepted: nothing here is protected. */
  host?: string;
  /** 0 (the default) takes a free port. */
  port?: number;
  grpcPort?: number;
  project?: string;
  projectNumber?: string;
  /** Keep state in this folder; in memory when left out. */
  state?: string;
  clock?: "real" | "manual";
  /** First instant of a manual clock, ms since the epoch. */
  startTime?: number;
  instances?: "process" | "virtual";
  seed?: string;
  loose?: boolean;
  /** Wait before an Eventarc trigger's first redelivery. Default 1; the real service waits 10. */
  eventBackoffSeconds?: number;
  /** The bundled agent that process instances boot through. */
  agent?: string;
  onAnswered?: OnAnswered;
}

export interface Emulator {
  project: string;
  projectNumber: string;
  /** `http://127.0.0.1:<port>`: every REST API and the page. */
  url: string;
  /** `127.0.0.1:<port>`: gRPC. */
  grpc: string;
  /** Environment that points Google's clients, gcloud and moult at this emulator. */
  env: Record<string, string>;
  /** The driven clock of `clock: "manual"`. */
  clock: Clock;
  close(): Promise<void>;
}

/** Starts a small Google Cloud on this machine. Rejects when a port is taken or the state folder is in use. */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const clock =
    options.clock === "manual" ? new ManualClock(options.startTime ?? Date.UTC(2026, 0, 1)) : new RealClock();
  const state = options.state === undefined ? undefined : StateFolder.open(options.state);
  const folder = options.state ?? mkdtempSync(join(tmpdir(), "moult-emulator-"));
  // What was begun is ended in the opposite order, whether the emulator is closed or could not be started.
  const ends: (() => Promise<void> | void)[] = [
    () => (state ? state.release() : rmSync(folder, { recursive: true, force: true })),
  ];
  const end = async () => {
    for (const work of ends.reverse()) await work();
  };
  try {
    return await open(options, clock, state, folder, ends, end);
  } catch (problem) {
    await end();
    throw problem;
  }
}

async function open(
  options: EmulatorOptions,
  clock: Clock,
  state: StateFolder | undefined,
  folder: string,
  ends: (() => Promise<void> | void)[],
  end: () => Promise<void>,
): Promise<Emulator> {
  const host = options.host ?? "127.0.0.1";
  if (!LOOPBACK.test(host)) throw new Error(`${host} is not a loopback address: nothing in the emulator is protected`);
  const world: World = {
    project: options.project ?? "moult-local",
    projectNumber: options.projectNumber ?? "123456789012",
    clock,
    ids: new Ids(options.seed ?? (options.clock === "manual" ? "moult" : `moult-${process.pid}-${Date.now()}`)),
    loose: options.loose ?? false,
    folder,
    origin: "",
    doors: {
      log: (entry) => logging.write(entry),
      publish: (topic, message) => pubsub.publish(topic, message),
      readObject: (bucket, name) => storage.read(bucket, name),
      allowed: (principal, permission, resource) => iam.allowed(principal, permission, resource),
      principal: (headers) => iam.principal(headers),
      accessToken: (email) => iam.accessToken(email),
      identityToken: (claims) => iam.identityToken(claims),
    },
    changed: () => state?.changed(),
  };

  const machines = createMachines(world, { kind: options.instances ?? "process", agent: options.agent ?? "" });
  const iam = createIam(world);
  const logging = createLogging(world);
  const pubsub = createPubsub(world);
  const storage = createStorage(world);
  const secretmanager = createSecretManager(world);
  const compute = createCompute(world, machines);
  const router = new Router();
  const services = [
    iam,
    logging,
    pubsub,
    storage,
    secretmanager,
    compute,
    createScheduler(world),
    createEventarc(world, pubsub.core, options.eventBackoffSeconds ?? 1),
    createMetadata(world),
    createMachineAdmin(world, machines),
  ];
  for (const service of services) router.add(service);
  router.add(createAdmin(world, router));
  let web: Listening | undefined;
  let grpc: ListeningGrpc | undefined;
  // Services first: a stream that Pub/Sub holds open would keep its port from closing.
  ends.push(
    () => web?.close(),
    () => grpc?.close(),
    () => machines.close(),
    async () => {
      for (const service of services) await service.close?.();
    },
  );

  const answerCall = async (call: Omit<Call, "params">) => {
    const started = performance.now();
    const { id, answer } = await dispatch(router, call);
    options.onAnswered?.({
      id,
      method: call.method,
      path: call.path,
      status: answer.status ?? 200,
      ms: performance.now() - started,
    });
    return answer;
  };
  web = await listen(host, options.port ?? 0, answerCall, (connection) => {
    // Nobody knows the port yet while the other one is being opened.
    if (grpc) grpc.adopt(connection);
    else connection.destroy();
  });
  grpc = await listenGrpc(host, options.grpcPort ?? 0, [...pubsub.grpc(), secretmanager.grpc()]);
  world.origin = `http://${host}:${web.port}`;

  // Only now: what is loaded may start machines, which ask for the origin.
  state?.attach({
    save: () => ({ ids: world.ids.count, services: Object.fromEntries(services.map((s) => [s.name, s.save?.()])) }),
  });
  const saved = state?.read();
  if (saved) {
    world.ids.count = saved.ids;
    for (const service of services)
      if (saved.services[service.name] !== undefined) service.load?.(saved.services[service.name]);
  }

  return {
    project: world.project,
    projectNumber: world.projectNumber,
    url: world.origin,
    grpc: `${host}:${grpc.port}`,
    env: environment(world, `${host}:${web.port}`, `${host}:${grpc.port}`),
    clock,
    close: async () => {
      state?.saveNow();
      await end();
    },
  };
}
