import { ApiError } from "../frame/errors.ts";
import type { Json } from "../frame/fields.ts";
import { utc } from "../frame/time.ts";
import type { World } from "../frame/world.ts";
import type { Deployments } from "./deployments.ts";
import { type CloudFunction, type Kept, placeOf, type StorageSource, serviceId, signatureType } from "./model.ts";
import type { Operation, Operations } from "./operations.ts";
import { completed, type Given, maskPaths, updated } from "./settings.ts";
import type { Sources } from "./sources.ts";

/** https://cloud.google.com/functions/docs/reference/rest/v2/projects.locations.functions/create#query-parameters */
const ID = /^[a-zA-Z]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?$/;

/** Fields whose change makes no new revision. */
const ASIDE = ["description", "labels", "eventTrigger"];

/** The functions of the project: what may be asked of them, and what is kept. */
export class Functions {
  readonly kept = new Map<string, Kept>();
  readonly #world: World;
  readonly #sources: Sources;
  readonly #operations: Operations;
  readonly #deployments: Deployments;

  constructor(world: World, sources: Sources, operations: Operations, deployments: Deployments) {
    this.#world = world;
    this.#sources = sources;
    this.#operations = operations;
    this.#deployments = deployments;
    sources.needed = () => new Set([...this.kept.values()].map(({ source }) => source));
  }

  find(name: string): Kept {
    const kept = this.kept.get(name);
    if (!kept) throw new ApiError(404, `Resource '${name}' was not found`);
    return kept;
  }

  /** `parent` may end in `/locations/-`. */
  in(parent: string): CloudFunction[] {
    const prefix = parent.endsWith("/locations/-") ? parent.slice(0, -1) : `${parent}/`;
    return [...this.kept.values()]
      .map(({ shown }) => shown)
      .filter(({ name }) => name.startsWith(prefix))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** By the name of its Cloud Run service. */
  ofService(project: string, location: string | undefined, service: string): Kept {
    const found = [...this.kept.values()].find(({ shown }) => {
      const place = placeOf(shown.name);
      const isThere = location === undefined || place.location === location;
      return place.project === project && isThere && serviceId(place.id) === service && shown.serviceConfig.revision;
    });
    if (!found)
      throw new ApiError(
        404,
        `Resource '${service}' of kind 'SERVICE' in region '${location ?? ""}' in project '${project}' does not exist.`,
      );
    return found;
  }

  create(parent: string, id: string, given: Given, body: Json): Operation {
    if (!ID.test(id)) {
      throw new ApiError(
        400,
        `Invalid function id ${JSON.stringify(id)}: it must begin with a letter, hold only letters, numbers, underscores and hyphens, not end with a hyphen or an underscore, and be at most 63 characters long.`,
      );
    }
    const name = `${parent}/functions/${id}`;
    if (this.kept.has(name)) throw new ApiError(409, `Resource '${name}' already exists`);
    const clash = this.in(parent).find((other) => serviceId(placeOf(other.name).id) === serviceId(id));
    if (clash) throw new ApiError(409, `Resource '${clash.name}' has the same Cloud Run service ${serviceId(id)}`);
    const now = utc(this.#world.clock.now());
    const draft: CloudFunction = {
      ...given,
      name,
      buildConfig: given.buildConfig ?? {},
      serviceConfig: given.serviceConfig ?? {},
      state: "DEPLOYING",
      environment: "GEN_2",
      createTime: now,
      updateTime: now,
    };
    const wanted = completed(this.#world, draft, true);
    const digest = this.#digest(wanted.buildConfig.source?.storageSource);
    const kept: Kept = { shown: { ...wanted }, revisions: 0, policy: {} };
    this.kept.set(name, kept);
    const stages = ["BUILD", "SERVICE", ...(wanted.eventTrigger ? ["TRIGGER" as const] : [])] as const;
    const operation = this.#operations.begin(name, "CREATE_FUNCTION", body, [...stages]);
    this.#deployments.deploy(kept, wanted, digest, operation, true);
    return operation;
  }

  #digest(source: StorageSource | undefined, kept?: Kept): string {
    if (!source?.object) {
      if (kept?.source !== undefined) return kept.source;
      throw new ApiError(400, "build_config.source.storage_source must name a bucket and an object.");
    }
    const current = kept?.source && {
      bucket: this.#sources.sourceBucket(placeOf(kept.shown.name).location),
      digest: kept.source,
    };
    return this.#sources.find(source, current || undefined);
  }

  update(name: string, given: Given, mask: string, body: Json): Operation {
    const kept = this.find(name);
    this.#free(name);
    const paths = maskPaths(mask);
    const before = kept.shown;
    const wanted = completed(this.#world, updated(before, given, paths), false);
    const changed = paths.length === 0 || paths.some((path) => !ASIDE.includes(path.split(".")[0] ?? ""));
    const isNeverServed = before.serviceConfig.revision === undefined;
    const wantsRevision = changed || isNeverServed || signatureType(before) !== signatureType(wanted);
    const digest = this.#digest(wanted.buildConfig.source?.storageSource, kept);
    const stages = [
      ...(wantsRevision ? (["BUILD", "SERVICE"] as const) : []),
      ...(wanted.eventTrigger || before.eventTrigger ? (["TRIGGER"] as const) : []),
    ];
    const operation = this.#operations.begin(name, "UPDATE_FUNCTION", body, stages);
    this.#deployments.deploy(kept, wanted, digest, operation, wantsRevision);
    return operation;
  }

  delete(name: string): Operation {
    const kept = this.find(name);
    this.#free(name);
    const stages = [...(kept.shown.eventTrigger ? (["TRIGGER"] as const) : []), "SERVICE" as const];
    const operation = this.#operations.begin(name, "DELETE_FUNCTION", undefined, stages);
    this.#deployments.delete(kept, operation, () => this.kept.delete(name));
    return operation;
  }

  #free(name: string): void {
    if (this.#operations.busy(name)) throw new ApiError(409, "unable to queue the operation", { status: "ABORTED" });
  }

  /** Where the source of a function can be fetched. */
  downloadUrl(name: string): string {
    const { shown, source } = this.find(name);
    if (source === undefined) throw new ApiError(404, `The source of '${name}' was not found`);
    const { location, id } = placeOf(shown.name);
    const until = Math.floor(this.#world.clock.now() / 1000) + 1800;
    const query = new URLSearchParams({ Expires: String(until), Signature: this.#world.ids.fingerprint() });
    return `${this.#world.origin}/${this.#sources.sourceBucket(location)}/${id}/function-source.zip?${query}`;
  }

  /** Takes up what was saved; what was under way when the emulator ended has failed. */
  load(kept: Kept[]): void {
    for (const operation of this.#operations.save()) {
      if (!operation.done)
        this.#operations.fail(operation, new ApiError(500, "The emulator ended before the operation did"));
    }
    for (const one of kept) {
      const { name, state, serviceConfig } = one.shown;
      if (state === "DELETING" || state === "DEPLOYING") {
        one.shown.state = serviceConfig.revision === undefined ? "FAILED" : "ACTIVE";
      }
      this.kept.set(name, one);
      this.#deployments.resume(name, one);
    }
  }
}
