import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { packState, putBack, setAside, unpackState } from "./admin/archive.ts";
import { Feed } from "./admin/feed.ts";
import { environment } from "./environment.ts";
import { type Clock, ManualClock, RealClock } from "./frame/clock.ts";
import { ApiError } from "./frame/errors.ts";
import { aroundGrpc, methodOf, resourceOf } from "./frame/faults/grpc.ts";
import { delegating, type ListeningGrpc, listenGrpc } from "./frame/grpc.ts";
import { type Call, dispatch, type Listening, listen, type OnAnswered } from "./frame/http.ts";
import type { SavedState } from "./frame/state.ts";
import { StateFolder, VERSION } from "./frame/state.ts";
import { gcloudCredentials } from "./gcloud.ts";
import { auditedGrpc } from "./logging/audit/around.ts";
import { openServices, type Services, type ServicesOptions } from "./services.ts";

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
  /** Chooses, where the real service's behaviour is not documented, among the plausible ones by this seed. */
  behaviours?: string;
  /** Wait before an Eventarc trigger's first redelivery. Default 1; the real service waits 10. */
  eventBackoffSeconds?: number;
  /** The bundled agent that process instances boot through. */
  agent?: string;
  onAnswered?: OnAnswered;
  /** Awaited after the emulator was emptied, or filled from an archive, before that call is answered. */
  onEmptied?: () => Promise<void>;
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
  const feed = new Feed();
  const settings: ServicesOptions = {
    project: options.project ?? "moult-local",
    projectNumber: options.projectNumber ?? "123456789012",
    clock,
    seed: options.seed ?? (options.clock === "manual" ? "moult" : `moult-${process.pid}-${Date.now()}`),
    loose: options.loose ?? false,
    folder,
    instances: options.instances ?? "process",
    agent: options.agent ?? "",
    eventBackoffSeconds: options.eventBackoffSeconds ?? 1,
    feed,
    ...(options.behaviours !== undefined && { behaviours: options.behaviours }),
    changed: () => state?.changed(),
  };
  let origin = "";
  const saved = (): SavedState => ({ version: VERSION, ...current.save() });
  // While one cloud gives way to the next, calls wait; only the one that asked for it does not.
  let ready: Promise<void> = Promise.resolve();
  const hands = {
    reset: () => exchange(() => undefined),
    export: () => packState(folder, saved()),
    import: async (archive: Buffer) => {
      const unpacked = await unpackState(folder, archive, settings.project);
      await exchange(() => {
        unpacked.take();
        return unpacked.saved;
      }).finally(() => unpacked.drop());
    },
  };
  const next = (from: SavedState | undefined): Services => {
    const services = openServices(settings, hands);
    services.world.origin = origin;
    if (from) services.load(from);
    return services;
  };
  const exchange = async (prepare: () => SavedState | undefined): Promise<void> => {
    await ready;
    const before = saved();
    let open: () => void = () => {};
    ready = new Promise((resolve) => {
      open = resolve;
    });
    try {
      await current.close();
      const aside = setAside(folder);
      try {
        current = next(prepare());
        aside.drop();
      } catch (problem) {
        putBack(folder, aside);
        current = next(before);
        throw new ApiError(400, `the archive cannot be loaded: ${(problem as Error).message}; all is as it was before`);
      }
    } finally {
      open();
      state?.changed();
    }
    feed.emptied(clock.now());
    await options.onEmptied?.();
  };

  let current = next(undefined);
  let web: Listening | undefined;
  let grpc: ListeningGrpc | undefined;
  // Services first: a stream that Pub/Sub holds open would keep its port from closing.
  ends.push(
    () => web?.close(),
    () => grpc?.close(),
    () => current.close(),
  );

  const tell = (line: Omit<Parameters<OnAnswered>[0], "ms">, started: number) => {
    feed.call(line, clock.now());
    options.onAnswered?.({ ...line, ms: performance.now() - started });
  };
  const answerCall = async (call: Omit<Call, "params">) => {
    const started = performance.now();
    await ready;
    const { id, answer } = await dispatch(current.router, call);
    tell({ id, method: call.method, path: call.path, status: answer.status ?? 200 }, started);
    return answer;
  };
  web = await listen(host, options.port ?? 0, answerCall, (connection) => {
    // Nobody knows the port yet while the other one is being opened.
    if (grpc) grpc.adopt(connection);
    else connection.destroy();
  });
  grpc = await listenGrpc(
    host,
    options.grpcPort ?? 0,
    delegating(() => current.grpc),
    async (call, run) => {
      const started = performance.now();
      await ready;
      const outcome = await auditedGrpc(current.world, aroundGrpc(current.world))(call, run);
      const id = methodOf(call.path, resourceOf(call.request));
      tell({ id, method: "gRPC", path: call.path, status: outcome.status ?? 200 }, started);
      return outcome;
    },
  );
  origin = `http://${host}:${web.port}`;
  current.world.origin = origin;

  // Only now: what is loaded may start machines, which ask for the origin.
  state?.attach({ save: () => current.save() });
  const found = state?.read();
  if (found) current.load(found);

  return {
    project: settings.project,
    projectNumber: settings.projectNumber,
    url: origin,
    grpc: `${host}:${grpc.port}`,
    env: {
      ...environment(current.world, `${host}:${web.port}`, `${host}:${grpc.port}`),
      CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE: gcloudCredentials(resolve(folder)),
    },
    clock,
    close: async () => {
      await ready;
      current.faults.flush();
      state?.saveNow();
      await end();
    },
  };
}
