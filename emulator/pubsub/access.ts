import { sameBytes } from "../frame/bytes.ts";
import { ApiError } from "../frame/errors.ts";
import type { Ids } from "../frame/ids.ts";
import { byId, type World } from "../frame/world.ts";

/** Throws 403 when a rule denies the caller this permission on the resource `projects/…`. */
export function authorize(world: World, headers: Record<string, string>, permission: string, name: string): void {
  if (!permitted(world, headers, permission, name)) {
    throw new ApiError(403, "User not authorized to perform this action.");
  }
}

export function permitted(world: World, headers: Record<string, string>, permission: string, name: string): boolean {
  return world.doors.allowed(world.doors.principal(headers), permission, byId(world, name));
}

/** An IAM policy as it was set; stored and returned, not enforced (the emulator denies by rule only). */
export interface Policy {
  version?: number;
  bindings?: object[];
  etag?: string;
}

export class Policies {
  readonly #ids: Ids;
  readonly #policies = new Map<string, Policy>();

  constructor(ids: Ids) {
    this.#ids = ids;
  }

  get(resource: string): Policy {
    return this.#policies.get(resource) ?? { etag: "ACAB" };
  }

  /** Throws 409 ABORTED when the etag is not the current one. */
  set(resource: string, policy: Policy): Policy {
    if (policy.etag && !sameBytes(policy.etag, this.get(resource).etag ?? "")) {
      throw new ApiError(
        409,
        "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.",
        { status: "ABORTED" },
      );
    }
    const { version = 1, bindings = [] } = policy;
    const stored: Policy = { version, etag: this.#ids.fingerprint(), bindings };
    this.#policies.set(resource, stored);
    return stored;
  }

  save(): [string, Policy][] {
    return [...this.#policies];
  }

  load(saved: [string, Policy][]): void {
    for (const [resource, policy] of saved) this.#policies.set(resource, policy);
  }
}
