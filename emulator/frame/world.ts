import type { KeyObject } from "node:crypto";
import type { LogEntry } from "../../wire/logging.d.ts";
import type { Clock } from "./clock.ts";
import type { Faults } from "./faults/faults.ts";
import type { Ids } from "./ids.ts";

/**
 * What every emulated service shares and nothing more: the project, time, ids, and the few things one service asks of
 * another. Services get it at construction; `index.ts` fills the doors between them.
 */
export interface World {
  project: string;
  projectNumber: string;
  clock: Clock;
  ids: Ids;
  /** Accept unknown fields in known methods. */
  loose: boolean;
  /** Folder for what must live on disk while the emulator runs (instances' roots). */
  folder: string;
  /** `http://127.0.0.1:<port>`; known once the server listens. */
  origin: string;
  doors: Doors;
  /** What goes wrong on purpose; nothing where there is none. */
  faults?: Faults;
  /** Marks the state as changed, so that it is saved soon. */
  changed(): void;
}

export interface Doors {
  /** Logging: writes an entry, which sinks may export. */
  log(entry: LogEntry): void;
  /** Pub/Sub: publishes; `topic` is `projects/P/topics/T`. False when there is no such topic. */
  publish(topic: string, message: { data?: string; attributes?: Record<string, string> }): boolean;
  /** Storage: the bytes of an object's newest generation, if it exists. */
  readObject(bucket: string, name: string): Buffer | undefined;
  /** IAM-lite: may this principal do this? Denied by rule only. `resource` is a full resource name. */
  allowed(principal: string, permission: string, resource: string): boolean;
  /** The principal behind an `Authorization` header; the project's owner when there is none. */
  principal(headers: Record<string, string>): string;
  /** An OAuth access token for a service account, as the metadata server hands it out. */
  accessToken(email: string): { token: string; expiresInSeconds: number };
  /** A signed OIDC token (RS256) with these claims over the usual ones. */
  identityToken(claims: Record<string, unknown>): string;
  /** Public keys of a service account, as far as they are known; none where nobody keeps any. */
  publicKeys?(email: string): KeyObject[];
}

/** Turns a project number in a resource name into the project's id, as every Google API does. */
export function byId(world: Pick<World, "project" | "projectNumber">, name: string): string {
  return name.replace(`projects/${world.projectNumber}/`, `projects/${world.project}/`);
}
