import type { World } from "../frame/world.ts";
import { BuildFailure } from "./build.ts";
import { buildFailed, buildPage, containerFailed, serviceFailed } from "./failures.ts";
import { type CloudFunction, type Kept, placeOf, serviceId } from "./model.ts";
import type { Operation, Operations } from "./operations.ts";
import { CLOSE_MS, type Ground, Revision } from "./revision.ts";
import { SecretProblem } from "./secrets.ts";
import type { Sources } from "./sources.ts";

/** Revisions end in a consonant, a vowel and a consonant, as the service draws them. */
const LETTERS = ["bcdfghjklmnpqrstvwxz", "aeiou", "bcdfghjklmnpqrstvwxz"];

/** Makes the revision of a deployment, telling its operation how far it is. */
export class Maker {
  readonly #world: World;
  readonly #ground: Ground;
  readonly #operations: Operations;
  readonly #sources: Sources;

  constructor(ground: Ground, operations: Operations, sources: Sources) {
    this.#world = ground.world;
    this.#ground = ground;
    this.#operations = operations;
    this.#sources = sources;
  }

  /** Builds a revision and waits until an instance of it answers its port. */
  async make(
    kept: Kept,
    wanted: CloudFunction,
    digest: string,
    operation: Operation,
  ): Promise<{ revision: Revision; buildConfig: CloudFunction["buildConfig"] }> {
    const { name } = wanted;
    const { location, id, project } = placeOf(name);
    const build = this.#world.ids.uuid();
    const resource = `projects/${this.#world.projectNumber}/locations/${location}/builds/${build}`;
    const stage = this.#operations.stage.bind(this.#operations, operation);
    stage("BUILD", {
      state: "IN_PROGRESS",
      message: "Creating build",
      resource,
      resourceUri: buildPage(this.#world, location, build),
    });
    const revision = new Revision(this.#ground, wanted, this.#revisionName(kept, id));
    this.#ground.revisions.add(revision);
    try {
      try {
        await revision.build(this.#sources.read(digest), (line) => this.#ground.logs.build(name, build, line));
      } catch (problem) {
        if (!(problem instanceof BuildFailure)) throw problem;
        this.#ground.logs.build(name, build, `ERROR: ${problem.message}`, "ERROR");
        throw buildFailed(this.#world, location, build, problem.message);
      }
      stage("BUILD", { state: "COMPLETE", message: "Build finished" });
      const service = `projects/${project}/locations/${location}/services/${serviceId(id)}`;
      stage("SERVICE", { state: "IN_PROGRESS", message: "Creating Cloud Run service", resource: service });
      try {
        await revision.pool.probe();
      } catch (problem) {
        if (problem instanceof SecretProblem) throw serviceFailed(name, problem.message);
        revision.say(
          "ERROR",
          'Default STARTUP TCP probe failed 1 time consecutively for container "worker" on port 8080. The instance was not started.',
        );
        throw containerFailed(this.#world, name, revision.name);
      }
      revision.say("INFO", 'Default STARTUP TCP probe succeeded after 1 attempt for container "worker" on port 8080.');
      stage("SERVICE", { state: "COMPLETE", message: "" });
    } catch (problem) {
      await revision.stop(CLOSE_MS);
      this.#ground.revisions.delete(revision);
      throw problem;
    }
    const storageSource = {
      bucket: this.#sources.sourceBucket(location),
      object: `${id}/function-source.zip`,
    };
    const generation = String(this.#world.clock.now() * 1000);
    return {
      revision,
      buildConfig: {
        ...wanted.buildConfig,
        build: resource,
        source: { storageSource },
        sourceProvenance: { resolvedStorageSource: { ...storageSource, generation } },
      },
    };
  }

  #revisionName(kept: Kept, id: string): string {
    kept.revisions++;
    const drawn = Buffer.from(this.#world.ids.hex(6), "hex");
    const suffix = LETTERS.map((letters, n) => letters[(drawn[n] ?? 0) % letters.length]).join("");
    return `${serviceId(id)}-${String(kept.revisions).padStart(5, "0")}-${suffix}`;
  }
}
