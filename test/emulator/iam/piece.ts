import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "../../../emulator/frame/clock.ts";
import { listenGrpc } from "../../../emulator/frame/grpc.ts";
import { dispatch, listen } from "../../../emulator/frame/http.ts";
import { Ids } from "../../../emulator/frame/ids.ts";
import { Router } from "../../../emulator/frame/router.ts";
import type { World } from "../../../emulator/frame/world.ts";
import { createIam } from "../../../emulator/iam/index.ts";
import { createSecretManager } from "../../../emulator/secretmanager/index.ts";
import { createStorage } from "../../../emulator/storage/index.ts";

export interface Published {
  topic: string;
  attributes: Record<string, string>;
  /** Decoded; undefined when the message has no data. */
  data: Record<string, unknown> | undefined;
}

export interface Piece {
  url: string;
  grpcPort: number;
  clock: ManualClock;
  folder: string;
  /** What was published so far, in order. */
  published: Published[];
  iam: ReturnType<typeof createIam>;
  /** What the three services would put in the state file, as text. */
  save(): string;
  close(): Promise<void>;
}

export const START = Date.UTC(2026, 0, 15, 10, 5, 0, 131);

/**
 * Storage, Secret Manager and IAM-lite behind a real port, on a driven clock, with a Pub/Sub that only notes down. For
 * what the whole emulator cannot show: messages as they were published, and state as it was saved.
 */
export async function startPiece(
  options: { saved?: string; folder?: string; topics?: string[]; start?: number } = {},
): Promise<Piece> {
  const clock = new ManualClock(options.start ?? START);
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), "moult-test-"));
  const published: Published[] = [];
  const world: World = {
    project: "acme",
    projectNumber: "123456789012",
    clock,
    ids: new Ids("piece"),
    loose: false,
    folder,
    origin: "",
    doors: {
      log: () => {},
      publish: (topic, { data, attributes = {} }) => {
        if (options.topics && !options.topics.includes(topic)) return false;
        const text = data === undefined ? undefined : Buffer.from(data, "base64").toString("utf8");
        published.push({
          topic,
          attributes,
          data: text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>),
        });
        return true;
      },
      readObject: (bucket, name) => storage.read(bucket, name),
      allowed: (principal, permission, resource) => iam.allowed(principal, permission, resource),
      principal: (headers) => iam.principal(headers),
      accessToken: (email) => iam.accessToken(email),
      identityToken: (claims) => iam.identityToken(claims),
    },
    changed: () => {},
  };
  const iam = createIam(world);
  const storage = createStorage(world);
  const secretmanager = createSecretManager(world);
  const services = [iam, storage, secretmanager];
  const router = new Router();
  for (const service of services) router.add(service);
  const web = await listen("127.0.0.1", 0, async (call) => (await dispatch(router, call)).answer);
  const grpc = await listenGrpc("127.0.0.1", 0, [secretmanager.grpc()]);
  world.origin = `http://127.0.0.1:${web.port}`;
  if (options.saved !== undefined) {
    const saved = JSON.parse(options.saved) as Record<string, unknown>;
    for (const service of services) service.load?.(saved[service.name]);
  }
  return {
    url: world.origin,
    grpcPort: grpc.port,
    clock,
    folder,
    published,
    iam,
    save: () => JSON.stringify(Object.fromEntries(services.map((service) => [service.name, service.save?.()]))),
    close: async () => {
      for (const service of services) await service.close?.();
      await grpc.close();
      await web.close();
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One request; the answer's body as JSON when it is JSON. */
export async function ask(
  url: string,
  init: { method?: string; headers?: Record<string, string>; body?: string | Uint8Array; json?: unknown } = {},
) {
  const { json, body, headers = {}, method = "GET" } = init;
  const answer = await fetch(url, {
    method,
    redirect: "manual",
    headers: { ...(json !== undefined && { "content-type": "application/json" }), ...headers },
    ...(json !== undefined ? { body: JSON.stringify(json) } : body !== undefined ? { body: Buffer.from(body) } : {}),
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  const isJson = (answer.headers.get("content-type") ?? "").includes("json");
  return {
    status: answer.status,
    headers: answer.headers,
    bytes,
    text: bytes.toString("utf8"),
    json: (isJson && bytes.length > 0 ? JSON.parse(bytes.toString("utf8")) : {}) as Record<string, unknown>,
  };
}
