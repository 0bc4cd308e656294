import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ApiError } from "../frame/errors.ts";
import { utc } from "../frame/time.ts";
import type { World } from "../frame/world.ts";
import { DeployFailure } from "./failures.ts";
import { Front } from "./front.ts";
import type { Verify } from "./invoker.ts";
import { FunctionLogs } from "./logs.ts";
import { Maker } from "./maker.ts";
import { type CloudFunction, type Kept, placeOf, serviceId } from "./model.ts";
import { EMPTY, functionResponse, type Operation, type Operations, type StageName } from "./operations.ts";
import { CLOSE_MS, type Ground, Revision } from "./revision.ts";
import type { Sources } from "./sources.ts";
import type { Triggers } from "./triggers.ts";

/** Functions at work, and how one becomes the next: build, new revision, traffic, trigger. */
export class Deployments {
  readonly #world: World;
  readonly #operations: Operations;
  readonly #sources: Sources;
  readonly #triggers: Triggers;
  readonly #verify: Verify;
  readonly #logs: FunctionLogs;
  readonly #ground: Ground;
  readonly #maker: Maker;
  readonly #fronts = new Map<string, Front>();
  readonly #work = new Set<Promise<void>>();
  #sockets: string | undefined;
  readonly #closing = new AbortController();

  constructor(world: World, operations: Operations, sources: Sources, triggers: Triggers, verify: Verify) {
    this.#verify = verify;
    this.#world = world;
    this.#operations = operations;
    this.#sources = sources;
    this.#triggers = triggers;
    this.#logs = new FunctionLogs(world);
    // What an emulator that was killed left there.
    rmSync(join(resolve(world.folder), "functions"), { recursive: true, force: true });
    this.#ground = {
      world,
      logs: this.#logs,
      closing: this.#closing.signal,
      revisions: new Set(),
      shelf: join(resolve(world.folder), "functions"),
      sockets: () => {
        this.#sockets ??= mkdtempSync(join(tmpdir(), "moult-fn-"));
        return this.#sockets;
      },
    };
    this.#maker = new Maker(this.#ground, operations, sources);
  }

  /** Processes of a function, for whoever wants to see them. */
  pids(name: string): number[] {
    return this.#fronts.get(name)?.revision?.pool.pids ?? [];
  }

  /** Makes `wanted` what the function is, and ends the operation when it is or cannot be. */
  deploy(kept: Kept, wanted: CloudFunction, digest: string, operation: Operation, wantsRevision: boolean): void {
    const before = kept.shown;
    kept.shown = { ...before, state: "DEPLOYING" };
    this.#run(async () => {
      try {
        await this.#roll(kept, before, wanted, digest, operation, wantsRevision);
        this.#operations.succeed(operation, functionResponse(kept.shown));
      } catch (problem) {
        if (this.#closing.signal.aborted) return;
        const failure = problem instanceof DeployFailure ? problem.error : (problem as Error);
        if (!(failure instanceof ApiError)) console.error("emulator: a function's deployment:", problem);
        const error = failure instanceof ApiError ? failure : new ApiError(500, "An internal error has occurred");
        this.#fail(kept, before, wanted, error);
        this.#operations.fail(operation, error);
      }
    });
  }

  /** A function that serves goes on as it was; one that never did is kept as failed. */
  #fail(kept: Kept, before: CloudFunction, wanted: CloudFunction, error: ApiError): void {
    if (before.serviceConfig.revision !== undefined) {
      kept.shown = { ...before, state: "ACTIVE" };
    } else {
      const stateMessages = [{ severity: "ERROR", type: "DeploymentFailed", message: error.message }];
      kept.shown = { ...wanted, state: "FAILED", stateMessages, updateTime: utc(this.#world.clock.now()) };
    }
    this.#world.changed();
  }

  async #roll(
    kept: Kept,
    before: CloudFunction,
    wanted: CloudFunction,
    digest: string,
    operation: Operation,
    wantsRevision: boolean,
  ): Promise<void> {
    const { name } = wanted;
    const { location, id, project } = placeOf(name);
    const made = wantsRevision ? await this.#maker.make(kept, wanted, digest, operation) : undefined;
    const front = await this.#front(name, kept);
    const uri = `http://${this.#host}:${kept.port ?? 0}`;
    const stage = (which: StageName) => {
      const resource =
        before.eventTrigger?.trigger ?? `projects/${project}/locations/${location}/triggers/${serviceId(id)}`;
      this.#operations.stage(operation, which, {
        state: "IN_PROGRESS",
        message: "Updating Eventarc trigger",
        resource,
      });
    };
    stage("TRIGGER");
    let trigger: CloudFunction["eventTrigger"];
    try {
      trigger = this.#triggers.settle(wanted, uri, before.eventTrigger);
    } catch (problem) {
      await made?.revision.stop(CLOSE_MS);
      if (made) this.#ground.revisions.delete(made.revision);
      throw problem;
    }
    const { eventTrigger: _, stateMessages: __, ...rest } = wanted;
    kept.shown = {
      ...rest,
      ...(made && { buildConfig: made.buildConfig }),
      serviceConfig: {
        ...wanted.serviceConfig,
        uri,
        revision: made?.revision.name ?? before.serviceConfig.revision ?? "",
      },
      ...(trigger && { eventTrigger: trigger }),
      url: uri,
      state: "ACTIVE",
      updateTime: utc(this.#world.clock.now()),
    };
    if (made) {
      const retired = front.revision;
      front.revision = made.revision;
      const former = kept.source;
      kept.source = digest;
      if (former !== digest) this.#sources.sweep(former);
      if (retired) this.#run(() => retired.retire().finally(() => this.#ground.revisions.delete(retired)));
    }
    this.#operations.stage(operation, "TRIGGER", { state: "COMPLETE", message: "" });
    this.#world.changed();
  }

  get #host(): string {
    return new URL(this.#world.origin).hostname;
  }

  async #front(name: string, kept: Kept): Promise<Front> {
    const known = this.#fronts.get(name);
    if (known) return known;
    const front = new Front(this.#world, this.#logs, kept, this.#verify);
    kept.port = await front.listen(this.#host.replace(/^\[|\]$/g, ""));
    if (this.#closing.signal.aborted) await front.close();
    this.#fronts.set(name, front);
    return front;
  }

  /** Goes on with a function of a saved state: same URL where its port is free, same revision. */
  resume(name: string, kept: Kept): void {
    const { revision: revisionName } = kept.shown.serviceConfig;
    if (revisionName === undefined || kept.source === undefined) return;
    const { source } = kept;
    this.#run(async () => {
      const before = kept.port;
      const front = await this.#front(name, kept);
      if (before !== kept.port) {
        const uri = `http://${this.#host}:${kept.port ?? 0}`;
        kept.shown = { ...kept.shown, url: uri, serviceConfig: { ...kept.shown.serviceConfig, uri } };
        this.#world.changed();
      }
      this.#triggers.follow(kept);
      const revision = new Revision(this.#ground, kept.shown, revisionName);
      this.#ground.revisions.add(revision);
      await revision.build(this.#sources.read(source), () => {});
      front.revision = revision;
      // An instance that cannot start now is tried again by the next request; its log says why.
      await revision.pool.probe().catch(() => {});
    });
  }

  delete(kept: Kept, operation: Operation, forget: () => void): void {
    const { shown } = kept;
    kept.shown = { ...shown, state: "DELETING" };
    this.#run(async () => {
      for (const { name } of operation.metadata.stages)
        this.#operations.stage(operation, name, { state: "IN_PROGRESS" });
      this.#triggers.remove(shown);
      const front = this.#fronts.get(shown.name);
      this.#fronts.delete(shown.name);
      const revision = front?.revision;
      if (revision) {
        await revision.retire();
        this.#ground.revisions.delete(revision);
      }
      await front?.close();
      forget();
      this.#sources.sweep(kept.source);
      for (const { name } of operation.metadata.stages) this.#operations.stage(operation, name, { state: "COMPLETE" });
      this.#operations.succeed(operation, EMPTY);
    });
  }

  #run(work: () => Promise<void>): void {
    const running = work()
      .catch((problem: unknown) => {
        if (!this.#closing.signal.aborted) console.error("emulator: functions:", problem);
      })
      .finally(() => this.#work.delete(running));
    this.#work.add(running);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#ground.revisions].map((revision) => revision.stop(CLOSE_MS)));
    await Promise.all(this.#work);
    await Promise.all([...this.#fronts.values()].map((front) => front.close()));
    if (this.#sockets) rmSync(this.#sockets, { recursive: true, force: true });
    rmSync(this.#ground.shelf, { recursive: true, force: true });
  }
}
