import { expect, vi } from "vitest";
import { type Emulator, type EmulatorOptions, startEmulator } from "../../../emulator/index.ts";
import { sourceOf } from "./zip.ts";

export type Json = Record<string, unknown>;

export interface Shown extends Json {
  name: string;
  state: string;
  url: string;
  serviceConfig: Json & { uri: string; revision: string };
  eventTrigger?: Json & { trigger: string };
  stateMessages?: { message: string }[];
}

export interface Operation {
  name: string;
  done: boolean;
  error?: { code: number; message: string };
  response?: Shown;
  metadata: { stages: { name: string; state: string }[] };
}

/** Answers every request with what it was called with. */
export const ECHO = `
const functions = require("@google-cloud/functions-framework");
functions.http("main", (request, response) => {
  console.log("called " + request.path);
  response.json({ method: request.method, url: request.url, body: request.body, headers: request.headers, env: process.env });
});
`;

/** A running emulator and the plain calls that deploy functions to it. */
export class Bed {
  readonly emulator: Emulator;

  private constructor(emulator: Emulator) {
    this.emulator = emulator;
  }

  static async open(options: EmulatorOptions = {}): Promise<Bed> {
    return new Bed(await startEmulator({ instances: "virtual", project: "acme", ...options }));
  }

  async ask<T = Json>(method: string, path: string, body?: object, status = 200): Promise<T> {
    const answer = await fetch(`${this.emulator.url}${path}`, { method, ...(body && { body: JSON.stringify(body) }) });
    const json = (await answer.json()) as T;
    expect([answer.status, json]).toEqual([status, json]);
    return json;
  }

  path(id = ""): string {
    return `/v2/projects/acme/locations/us-central1/functions${id && `/${id}`}`;
  }

  async upload(zip: Buffer): Promise<Json> {
    const slot = await this.ask<{ uploadUrl: string; storageSource: Json }>(
      "POST",
      `${this.path()}:generateUploadUrl`,
      {},
    );
    const headers = { "content-type": "application/zip" };
    const put = await fetch(slot.uploadUrl, { method: "PUT", body: new Uint8Array(zip), headers });
    expect(put.status).toBe(200);
    return slot.storageSource;
  }

  /** Waits for an operation, whatever it comes to. */
  async ended({ name }: { name: string }): Promise<Operation> {
    return vi.waitFor(
      async () => {
        const operation = await this.ask<Operation>("GET", `/v2/${name}`);
        if (!operation.done) throw new Error("not yet");
        return operation;
      },
      { timeout: 30_000, interval: 20 },
    );
  }

  /** Deploys a new function or, where it is there, everything of it anew. */
  async deploy(id: string, files: Record<string, string> | Buffer, more: Json = {}): Promise<Operation> {
    const storageSource = await this.upload(Buffer.isBuffer(files) ? files : sourceOf(files));
    const { buildConfig, ...rest } = more as { buildConfig?: Json };
    const body = {
      buildConfig: { runtime: "nodejs22", entryPoint: "main", source: { storageSource }, ...buildConfig },
      ...rest,
    };
    const known = await fetch(`${this.emulator.url}${this.path(id)}`);
    const begun = known.ok
      ? await this.ask<Operation>("PATCH", this.path(id), body)
      : await this.ask<Operation>("POST", `${this.path()}?functionId=${id}`, body);
    return this.ended(begun);
  }

  /** As `deploy`, for who counts on it. */
  async deployed(id: string, files: Record<string, string>, more: Json = {}): Promise<Shown> {
    const { error, response } = await this.deploy(id, files, more);
    expect(error).toBeUndefined();
    if (!response) throw new Error("a deployment that succeeded has a function");
    return response;
  }

  async openToAll(service: string): Promise<void> {
    const policy = { bindings: [{ role: "roles/run.invoker", members: ["allUsers"] }] };
    const path = `/v1/projects/acme/locations/us-central1/services/${service}:setIamPolicy`;
    await this.ask("POST", path, { policy });
  }

  get(id: string): Promise<Shown> {
    return this.ask<Shown>("GET", this.path(id));
  }

  async remove(id: string): Promise<void> {
    const { error } = await this.ended(await this.ask<Operation>("DELETE", this.path(id)));
    expect(error).toBeUndefined();
  }

  /** Texts that the log holds of a function, oldest first. */
  async logged(service: string, more = ""): Promise<string[]> {
    const filter = `resource.type="cloud_run_revision" resource.labels.service_name="${service}" logName:"run.googleapis.com" ${more}`;
    const body = { resourceNames: ["projects/acme"], filter, pageSize: 1000 };
    const { entries = [] } = await this.ask<{
      entries?: { textPayload?: string; jsonPayload?: { message?: string } }[];
    }>("POST", "/v2/entries:list", body);
    return entries.map(({ textPayload, jsonPayload }) => textPayload ?? jsonPayload?.message ?? "");
  }

  close(): Promise<void> {
    return this.emulator.close();
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
