import { ApiError } from "../frame/errors.ts";
import { Micros } from "../frame/micros.ts";
import type { World } from "../frame/world.ts";
import { announce } from "./events.ts";
import type { Json, Secret, Version, VersionState } from "./model.ts";
import { type Name, withNumber } from "./names.ts";
import { failedPrecondition, invalid, notFound } from "./problems.ts";
import { versionName } from "./resources.ts";
import { applyAll, applyMasked } from "./settings.ts";

/** As recorded: a quoted 1 and the microseconds of the change in hex. */
function etagOf(micros: number): string {
  return `"1${micros.toString(16)}"`;
}

function keyOf({ project, location = "" }: Pick<Name, "project" | "location">, id: string): string {
  return `${project}/${location}/${id}`;
}

/** Secrets and their versions: the rules, without any transport. */
export class Secrets {
  readonly #world: World;
  readonly #byKey = new Map<string, Secret>();
  readonly micros: Micros;
  /** Called after every change, so that what is due later is watched. */
  onChange: () => void = () => {};

  constructor(world: World) {
    this.#world = world;
    this.micros = new Micros(world.clock);
  }

  all(): Secret[] {
    return [...this.#byKey.values()];
  }

  adopt(secret: Secret): void {
    this.#byKey.set(keyOf(secret, secret.id), secret);
  }

  #changed(): void {
    this.#world.changed();
    this.onChange();
  }

  /** Newest first, as the real lists are. */
  list({ project, location }: Name): Secret[] {
    return this.all()
      .filter((secret) => secret.project === project && secret.location === location)
      .sort((a, b) => b.createdAt - a.createdAt);
  }

  #shown(name: Name, id: string): string {
    const place = name.location === undefined ? "" : `/locations/${name.location}`;
    return `${withNumber(this.#world, name.project)}${place}/secrets/${id}`;
  }

  /** `orEmpty`: how the methods that need a version put it. Throws 404. */
  get(name: Name, orEmpty = false): Secret {
    const secret = this.#byKey.get(keyOf(name, name.secret ?? ""));
    if (secret) return secret;
    const shown = this.#shown(name, name.secret ?? "");
    throw notFound(`Secret [${shown}] not found${orEmpty ? " or has no versions" : ""}.`);
  }

  create(parent: Name, id: string, body: Json): Secret {
    const key = keyOf(parent, id);
    if (this.#byKey.has(key)) throw new ApiError(409, `Secret [${this.#shown(parent, id)}] already exists.`);
    const at = this.micros.next();
    const secret: Secret = {
      project: parent.project,
      ...(parent.location !== undefined && { location: parent.location }),
      id,
      createdAt: at,
      etag: etagOf(at),
      labels: {},
      annotations: {},
      topics: [],
      aliases: {},
      versions: [],
      versionsMade: 0,
      policy: { bindings: [], version: 1, revision: 0 },
    };
    applyAll(this.#world, secret, body, at);
    this.#byKey.set(key, secret);
    announce(this.#world, "SECRET_CREATE", at, secret);
    this.#changed();
    return secret;
  }

  update(name: Name, body: Json, mask: string[]): Secret {
    const secret = this.get(name);
    requireEtag(body.etag, secret.etag);
    const at = this.micros.next();
    // A copy, so that a request refused half-way leaves nothing behind.
    const draft: Secret = { ...secret, etag: etagOf(at) };
    applyMasked(this.#world, draft, body, mask, at);
    this.adopt(draft);
    announce(this.#world, "SECRET_UPDATE", at, draft);
    this.#changed();
    return draft;
  }

  delete(name: Name, etag: unknown): void {
    const secret = this.get(name);
    requireEtag(etag, secret.etag);
    this.#drop(secret, "REQUESTED");
  }

  #drop(secret: Secret, why: "REQUESTED" | "EXPIRATION"): void {
    this.#byKey.delete(keyOf(secret, secret.id));
    announce(this.#world, "SECRET_DELETE", this.micros.next(), secret, undefined, why);
    this.#changed();
  }

  setPolicy(name: Name, policy: Secret["policy"]): void {
    this.get(name).policy = policy;
    this.#changed();
  }

  addVersion(name: Name, payload: Buffer, hadChecksum: boolean): { secret: Secret; version: Version } {
    const secret = this.get(name);
    const at = this.micros.next();
    secret.versionsMade += 1;
    const version: Version = {
      number: secret.versionsMade,
      state: "ENABLED",
      createdAt: at,
      etag: etagOf(at),
      payload,
      hadChecksum,
    };
    secret.versions.push(version);
    announce(this.#world, "SECRET_VERSION_ADD", at, secret, version);
    this.#changed();
    return { secret, version };
  }

  /**
   * By number, by alias, or `latest`: the most recently created one, whatever its state. Aliases and `latest` are for
   * reading only. Throws 404.
   */
  version(name: Name, mayAlias: boolean): { secret: Secret; version: Version } {
    const secret = this.get(name, true);
    const asked = name.version ?? "";
    const last = secret.versions.at(-1);
    const isNumber = /^[1-9]\d*$/.test(asked);
    if (!isNumber && !mayAlias) {
      throw invalid(`Invalid secret version [${asked}]: aliases can be used to get and access a version only.`);
    }
    if (!last) throw notFound(`Secret [${this.#shown(name, secret.id)}] not found or has no versions.`);
    const number = isNumber ? asked : asked === "latest" ? String(last.number) : secret.aliases[asked];
    const version = secret.versions.find((one) => String(one.number) === number);
    if (!version) {
      throw notFound(`Secret Version [${this.#shown(name, secret.id)}/versions/${asked}] not found.`);
    }
    return { secret, version };
  }

  /** The payload of an enabled version. */
  access(name: Name): { secret: Secret; version: Version; payload: Buffer } {
    const { secret, version } = this.version(name, true);
    if (version.state !== "ENABLED" || !version.payload) throw this.#inState(secret, version);
    return { secret, version, payload: version.payload };
  }

  #inState(secret: Secret, version: Version): ApiError {
    const name = versionName(this.#world, secret, version);
    return failedPrecondition(`Secret Version [${name}] is in ${version.state} state.`);
  }

  /** Enables, disables or destroys. Doing what is done already succeeds and gives a new etag, but for destruction. */
  setState(name: Name, state: VersionState, etag: unknown): { secret: Secret; version: Version } {
    const { secret, version } = this.version(name, false);
    requireEtag(etag, version.etag);
    if (version.state === "DESTROYED") throw this.#inState(secret, version);
    const at = this.micros.next();
    if (state === "DESTROYED" && secret.destroyDelaySeconds !== undefined) {
      version.state = "DISABLED";
      version.etag = etagOf(at);
      version.destroyAt = at + secret.destroyDelaySeconds * 1e6;
      announce(this.#world, "SECRET_VERSION_DESTROY_SCHEDULED", at, secret, version);
    } else if (state === "DESTROYED") this.#destroy(secret, version, at);
    else {
      version.state = state;
      version.etag = etagOf(at);
      // Enabling takes a scheduled destruction back.
      if (state === "ENABLED") delete version.destroyAt;
      const type = state === "ENABLED" ? "SECRET_VERSION_ENABLE" : "SECRET_VERSION_DISABLE";
      announce(this.#world, type, at, secret, version);
    }
    this.#changed();
    return { secret, version };
  }

  #destroy(secret: Secret, version: Version, at: number): void {
    version.state = "DESTROYED";
    version.etag = etagOf(at);
    version.destroyedAt = at;
    delete version.destroyAt;
    delete version.payload;
    announce(this.#world, "SECRET_VERSION_DESTROY", at, secret, version);
  }

  /** The next instant (microseconds) at which time alone changes something. */
  nextDue(): number | undefined {
    const due = this.all().flatMap(({ expiresAt, rotation, versions }) => [
      expiresAt,
      rotation?.nextAt,
      ...versions.map(({ destroyAt }) => destroyAt),
    ]);
    return due.reduce((min, one) => (one !== undefined && (min === undefined || one < min) ? one : min), undefined);
  }

  /** Does what is due: delayed destructions, rotation notices, expirations. */
  runDue(): void {
    const now = this.#world.clock.now() * 1000;
    for (const secret of this.all()) {
      for (const version of secret.versions) {
        if (version.destroyAt !== undefined && version.destroyAt <= now) {
          this.#destroy(secret, version, this.micros.next());
        }
      }
      this.#rotate(secret, now);
      if (secret.expiresAt !== undefined && secret.expiresAt <= now) this.#drop(secret, "EXPIRATION");
    }
    this.#world.changed();
  }

  /** Rotation only tells; the message already shows the next time (recorded). */
  #rotate(secret: Secret, now: number): void {
    const { nextAt, periodSeconds } = secret.rotation ?? {};
    if (nextAt === undefined || nextAt > now) return;
    if (periodSeconds === undefined) delete secret.rotation;
    else {
      const missed = Math.floor((now - nextAt) / (periodSeconds * 1e6));
      secret.rotation = { periodSeconds, nextAt: nextAt + (missed + 1) * periodSeconds * 1e6 };
    }
    const at = this.micros.next();
    secret.etag = etagOf(at);
    announce(this.#world, "SECRET_ROTATE", at, secret);
  }
}

function requireEtag(given: unknown, current: string): void {
  if (given === undefined || given === "" || given === current) return;
  throw failedPrecondition(
    `The etag provided in the request [${String(given)}] does not match the current etag [${current}]. Read the resource again and retry.`,
  );
}
