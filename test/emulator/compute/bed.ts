import { createCompute } from "../../../emulator/compute/index.ts";
import { ManualClock } from "../../../emulator/frame/clock.ts";
import { dispatch, listen, makeCall } from "../../../emulator/frame/http.ts";
import { Ids } from "../../../emulator/frame/ids.ts";
import { Router } from "../../../emulator/frame/router.ts";
import type { World } from "../../../emulator/frame/world.ts";
import type { HealthProbe, MachineSpec, Machines, ProbeResult } from "../../../emulator/machines/machines.ts";
import type { LogEntry } from "../../../wire/logging.d.ts";

export type Json = Record<string, unknown>;

export interface Reply<T = Json> {
  status: number;
  body: T;
}

/** Compute alone behind a real port, with machines that are as healthy as a test says. */
export interface Bed {
  url: string;
  clock: ManualClock;
  entries: LogEntry[];
  machines: Map<string, MachineSpec>;
  /** Health of a machine by its spec; every machine is healthy until a test says otherwise. */
  health: (spec: MachineSpec, probe: HealthProbe) => ProbeResult;
  objects: Map<string, Buffer>;
  denied: Set<string>;
  call<T = Json>(method: string, path: string, body?: unknown): Promise<Reply<T>>;
  /** Calls and expects success. */
  get<T = Json>(path: string): Promise<T>;
  post<T = Json>(path: string, body?: unknown): Promise<T>;
  patch<T = Json>(path: string, body: unknown): Promise<T>;
  save(): unknown;
  close(): Promise<void>;
}

export const PROJECT = "acme";
export const NUMBER = "123456789012";
export const ZONE = "us-central1-a";
export const ORIGIN = "/compute/v1/projects";
export const GLOBAL = `${ORIGIN}/${PROJECT}/global`;
export const ZONAL = `${ORIGIN}/${PROJECT}/zones/${ZONE}`;

/**
 * @param options `direct`: calls go to the routes without a port between, for tests of very many; `project`: the home
 * project, for whoever makes all paths itself.
 */
export async function startBed(
  options: { loose?: boolean; state?: unknown; seed?: string; direct?: boolean; project?: string } = {},
): Promise<Bed> {
  const clock = new ManualClock(Date.UTC(2026, 0, 15, 10));
  const machines = new Map<string, MachineSpec>();
  const entries: LogEntry[] = [];
  const objects = new Map<string, Buffer>();
  const denied = new Set<string>();
  const fake: Machines = {
    kind: "virtual",
    addContent: (tarball) => `digest-of-${tarball.length}-bytes`,
    start: async (spec, events) => {
      machines.set(spec.id, spec);
      events.serial(`${spec.name} boots\n`);
    },
    pause: async () => {},
    resume: async () => {},
    stop: async (id) => void machines.delete(id),
    remove: async () => {},
    probe: async (id, probe) => {
      const spec = machines.get(id);
      return spec ? bed.health(spec, probe) : "TIMEOUT";
    },
    close: async () => {},
  };
  const world: World = {
    project: options.project ?? PROJECT,
    projectNumber: NUMBER,
    clock,
    ids: new Ids(options.seed ?? "bed"),
    loose: options.loose ?? false,
    folder: "/nowhere",
    origin: "",
    doors: {
      log: (entry) => entries.push(entry),
      publish: () => false,
      readObject: (bucket, name) => objects.get(`${bucket}/${name}`),
      allowed: (_principal, permission) => !denied.has(permission),
      principal: () => "releaser@example.com",
      accessToken: () => ({ token: "", expiresInSeconds: 0 }),
      identityToken: () => "",
    },
    changed: () => {},
  };
  const service = createCompute(world, fake);
  if (options.state !== undefined) service.load?.(options.state);
  const router = new Router();
  router.add(service);
  const web = await listen("127.0.0.1", 0, async (call) => (await dispatch(router, call)).answer);
  const url = `http://127.0.0.1:${web.port}`;

  const headers = { "content-type": "application/json", "user-agent": "bed/1" };
  const call = async <T>(method: string, path: string, body?: unknown): Promise<Reply<T>> => {
    if (options.direct) {
      const bytes = Buffer.from(body === undefined ? "" : JSON.stringify(body));
      const { answer } = await dispatch(router, makeCall({ method, url: path.replace(url, ""), headers, bytes }));
      return { status: answer.status ?? 200, body: (answer.json ?? {}) as T };
    }
    const response = await fetch(path.startsWith("http") ? path : `${url}${path}`, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: JSON.parse(text === "" ? "{}" : text) as T };
  };
  const good = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const reply = await call<T>(method, path, body);
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
    return reply.body;
  };
  const bed: Bed = {
    url,
    clock,
    entries,
    machines,
    health: () => "HEALTHY",
    objects,
    denied,
    call,
    get: (path) => good("GET", path),
    post: (path, body) => good("POST", path, body),
    patch: (path, body) => good("PATCH", path, body),
    save: () => service.save?.(),
    close: async () => {
      await service.close?.();
      await web.close();
    },
  };
  return bed;
}

/** An image made from nothing that boots, ready. */
export async function image(bed: Bed, name: string, more: Json = {}): Promise<void> {
  await bed.post(`${GLOBAL}/images`, {
    name,
    sourceImage: "projects/debian-cloud/global/images/family/debian-12",
    ...more,
  });
  await bed.clock.advance(1000);
}

export async function template(bed: Bed, name: string, imageName: string, properties: Json = {}): Promise<void> {
  await bed.post(`${GLOBAL}/instanceTemplates`, {
    name,
    properties: {
      machineType: "e2-small",
      disks: [
        {
          boot: true,
          autoDelete: true,
          initializeParams: { sourceImage: `projects/${PROJECT}/global/images/${imageName}` },
        },
      ],
      networkInterfaces: [{ network: "global/networks/default" }],
      ...properties,
    },
  });
  await bed.clock.advance(100);
}

export const templateUrl = (name: string) => `projects/${PROJECT}/global/instanceTemplates/${name}`;

export interface Group extends Json {
  fingerprint: string;
  targetSize: number;
  currentActions: Record<string, number>;
  versions: { instanceTemplate: string; name?: string; targetSize: Json }[];
  status: { isStable: boolean; versionTarget: { isReached: boolean } };
  updatePolicy: Json;
}

export interface Managed {
  instance: string;
  name: string;
  id?: string;
  instanceStatus?: string;
  currentAction: string;
  version: { instanceTemplate?: string; name?: string };
  lastAttempt?: { errors: { errors: { code: string; message: string }[] } };
  instanceHealth?: { detailedHealthState: string }[];
}

export const groupUrl = (name = "web") => `${ZONAL}/instanceGroupManagers/${name}`;

export async function members(bed: Bed, name = "web"): Promise<Managed[]> {
  const list = await bed.post<{ managedInstances?: Managed[] }>(`${groupUrl(name)}/listManagedInstances`);
  return list.managedInstances ?? [];
}

/** Template of each member, short, sorted. */
export async function versions(bed: Bed, name = "web"): Promise<string[]> {
  return (await members(bed, name)).map(({ version }) => version.instanceTemplate?.split("/").at(-1) ?? "").sort();
}

/** Advances in small steps until the group says it is stable. */
export async function settle(bed: Bed, name = "web", within = 120_000): Promise<Group> {
  for (let passed = 0; passed <= within; passed += 100) {
    const group = await bed.get<Group>(groupUrl(name));
    if (group.status.isStable) return group;
    await bed.clock.advance(100);
  }
  throw new Error(`not stable: ${JSON.stringify(await members(bed, name))}`);
}

/** Image, template and a stable group of `size`, all of version one. */
export async function group(bed: Bed, size: number, more: Json = {}): Promise<Group> {
  await image(bed, "image-1", { family: "web" });
  await template(bed, "one", "image-1");
  await bed.post(`${ZONAL}/instanceGroupManagers`, {
    name: "web",
    baseInstanceName: "web",
    targetSize: size,
    versions: [{ instanceTemplate: templateUrl("one") }],
    ...more,
  });
  return settle(bed);
}
