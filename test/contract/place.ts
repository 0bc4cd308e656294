import { randomBytes } from "node:crypto";
import { credentials } from "@grpc/grpc-js";
import { OAuth2Client } from "google-auth-library";
import { test, vi } from "vitest";
import { type Emulator, startEmulator } from "../../emulator/index.ts";

/** The project that the suites talk to when it is not the emulator's. */
const REAL_PROJECT = process.env.MOULT_REAL_PROJECT;
export const isReal = REAL_PROJECT !== undefined && REAL_PROJECT !== "";

/** Every resource's name begins so; what a broken run left behind is found by it. */
export const PREFIX = `moult-contract-${randomBytes(3).toString("hex")}`;

/** How long an operation or a group may take, ms. */
export const PATIENCE = isReal ? 900_000 : 20_000;

if (isReal) vi.setConfig({ testTimeout: 2 * PATIENCE, hookTimeout: 4 * PATIENCE });

/** A Google Cloud project, real or emulated, and what makes Google's clients talk to it. */
export interface Place {
  project: string;
  region: string;
  zone: string;
  /** An image that instances can be made from, as a template names it. */
  imageFamily: string;
  emulator: Emulator | undefined;
  /** Options of a client that speaks gRPC; empty for the real service. */
  grpc: object;
  /** Options of the same client for its REST fallback. */
  rest: object;
  /** Removes something at the end, whatever happened before; what is gone already is no problem. */
  later(name: string, remove: () => Promise<unknown>): void;
  /** A client that is closed at the end, after it removed what is to be removed. */
  opened<T extends { close(): unknown }>(client: T): T;
  /** A name of its own for a resource. */
  name(what: string): string;
  close(): Promise<void>;
}

/** For tests that need what only the emulator has. The reason is printed when they are skipped. */
export function emulatorOnly(reason: string): typeof test | typeof test.skip {
  if (!isReal) return test;
  console.warn(`skipped on a real project: ${reason}`);
  return test.skip;
}

function anyone(): OAuth2Client {
  const client = new OAuth2Client();
  client.setCredentials({ access_token: "ya29.contract", expiry_date: Number.MAX_SAFE_INTEGER });
  return client;
}

const ROUNDS = 3;

/** A failed removal's problem; none when the thing was gone already. */
function remains(problem: unknown): unknown {
  const { code } = problem as { code?: unknown };
  return code === 404 || code === 5 || code === "404" ? undefined : problem;
}

export async function openPlace(): Promise<Place> {
  const emulator = isReal ? undefined : await startEmulator({ instances: "virtual" });
  const clients: { close(): unknown }[] = [];
  const cleaning: { name: string; remove: () => Promise<unknown> }[] = [];
  const region = process.env.MOULT_REAL_REGION ?? "us-central1";
  let count = 0;
  // The clients would ask a metadata server, by name, which universe they are in.
  if (emulator) Object.assign(process.env, { METADATA_SERVER_DETECTION: "none", PUBSUB_EMULATOR_HOST: emulator.grpc });
  const [, webPort = ""] = /:(\d+)$/.exec(emulator?.url ?? "") ?? [];
  const [, grpcPort = ""] = /:(\d+)$/.exec(emulator?.grpc ?? "") ?? [];
  const local = { projectId: emulator?.project, apiEndpoint: "127.0.0.1" };
  return {
    project: emulator?.project ?? REAL_PROJECT ?? "",
    region,
    zone: process.env.MOULT_REAL_ZONE ?? `${region}-a`,
    imageFamily: `projects/debian-cloud/global/images/family/${process.env.MOULT_REAL_IMAGE_FAMILY ?? "debian-12"}`,
    emulator,
    grpc: emulator
      ? { ...local, port: Number(grpcPort), sslCreds: credentials.createInsecure() }
      : { projectId: REAL_PROJECT },
    rest: emulator
      ? { ...local, port: Number(webPort), protocol: "http", fallback: true, authClient: anyone() }
      : { projectId: REAL_PROJECT, fallback: true },
    later: (name, remove) => void cleaning.push({ name, remove }),
    opened: (client) => {
      clients.push(client);
      return client;
    },
    name: (what) => `${PREFIX}-${what}-${++count}`,
    close: async () => {
      // What another uses goes in the next round, after it.
      let left = cleaning.reverse().map((one) => ({ ...one, problem: undefined as unknown }));
      for (let round = 0; round < ROUNDS && left.length > 0; round++) {
        for (const one of left) one.problem = await one.remove().then(() => undefined, remains);
        left = left.filter(({ problem }) => problem !== undefined);
      }
      for (const client of clients) await client.close();
      await emulator?.close();
      for (const name of emulator ? ["METADATA_SERVER_DETECTION", "PUBSUB_EMULATOR_HOST"] : [])
        delete process.env[name];
      if (left.length > 0)
        throw new Error(left.map(({ name, problem }) => `${name} is left behind: ${problem}`).join("\n"));
    },
  };
}

/** An error as Google's clients throw it, from gRPC and REST alike. */
export interface Failure {
  code: number | string;
  message: string;
  details?: unknown;
  reason?: string;
  errors?: { reason?: string; message?: string }[];
}

/** What the work fails with. Throws when it succeeds. */
export async function failure(work: Promise<unknown>): Promise<Failure> {
  return work.then(
    (value) => {
      throw new Error(`it succeeded with ${JSON.stringify(value)?.slice(0, 300)}`);
    },
    (problem: Failure) => problem,
  );
}

/** Asks until the answer is good. Throws with the last answer when it does not become so. */
export async function until<T>(ask: () => Promise<T>, good: (answer: T) => boolean, patience = PATIENCE): Promise<T> {
  const end = Date.now() + patience;
  for (;;) {
    const answer = await ask();
    if (good(answer)) return answer;
    if (Date.now() > end) throw new Error(`not within ${patience} ms: ${JSON.stringify(answer)?.slice(0, 2000)}`);
    await new Promise((resolve) => setTimeout(resolve, isReal ? 2000 : 20));
  }
}
