import type { Socket } from "node:net";
import type { Cancel, Clock } from "../frame/clock.ts";
import type { Instance } from "./instance.ts";

export interface PoolLimits {
  concurrency: number;
  least: number;
  most: number;
}

/** A computer is not a data centre: never more processes of one revision at once than this. */
const MOST_HERE = 8;
/** https://cloud.google.com/run/docs/about-instance-autoscaling: idle instances are kept for up to 15 minutes. */
const IDLE_MS = 15 * 60_000;
/** A request that finds the most instances busy waits this long before it is refused with 429. */
const QUEUE_MS = 10_000;

export class TooManyRequests extends Error {}

interface Waiting {
  take(instance: Instance): void;
  give(problem: Error): void;
}

/** The instances of one revision: more are started while requests wait, fewer are kept while none come. */
export class Pool {
  readonly #clock: Clock;
  readonly #limits: PoolLimits;
  readonly #start: () => Promise<Instance>;
  readonly #instances = new Set<Instance>();
  readonly #idle = new Map<Instance, Cancel>();
  readonly #waiting: Waiting[] = [];
  #starting = 0;
  #stopped = false;
  /** Told when the last request of a pool that is being drained has ended. */
  #drained: (() => void) | undefined;

  constructor(clock: Clock, limits: PoolLimits, start: () => Promise<Instance>) {
    this.#clock = clock;
    this.#limits = { ...limits, most: Math.min(limits.most, MOST_HERE) };
    this.#start = start;
  }

  get pids(): number[] {
    return [...this.#instances].flatMap(({ pid }) => pid ?? []);
  }

  /** Starts one instance and waits until it answers. Rejects when it cannot be started. */
  async probe(): Promise<void> {
    await this.#add();
    this.#fill();
  }

  /**
   * An instance with room for one more request, counted as in flight, and a connection to it; give it back with
   * `release`. One that has died, of which the news is not here yet, is passed over: it saw nothing of the request.
   */
  async acquire(gone: AbortSignal): Promise<{ instance: Instance; socket: Socket }> {
    for (;;) {
      const instance = await this.#acquire(gone);
      try {
        return { instance, socket: await instance.connect() };
      } catch (problem) {
        const isDead = /^(ECONNREFUSED|ENOENT)$/.test((problem as NodeJS.ErrnoException).code ?? "");
        if (isDead) instance.isReady = false;
        this.release(instance);
        if (!isDead) throw problem;
      }
    }
  }

  #acquire(gone: AbortSignal): Promise<Instance> {
    const free = this.#free();
    if (free) {
      this.#occupy(free);
      return Promise.resolve(free);
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        const at = this.#waiting.indexOf(waiting);
        if (at >= 0) this.#waiting.splice(at, 1);
        clearTimeout(limit);
        gone.removeEventListener("abort", abort);
      };
      const abort = () => waiting.give(new Error("the caller left"));
      const waiting: Waiting = {
        take: (instance) => {
          leave();
          this.#occupy(instance);
          resolve(instance);
        },
        give: (problem) => {
          leave();
          reject(problem);
        },
      };
      const limit = setTimeout(() => {
        if (this.#isFull()) waiting.give(new TooManyRequests());
      }, QUEUE_MS);
      gone.addEventListener("abort", abort);
      this.#waiting.push(waiting);
      this.#grow();
    });
  }

  release(instance: Instance): void {
    instance.inFlight--;
    this.#next(instance);
    if (this.#drained && [...this.#instances].every(({ inFlight }) => inFlight === 0)) this.#drained();
  }

  #isFull(): boolean {
    return this.#instances.size >= this.#limits.most && this.#starting === 0;
  }

  #free(): Instance | undefined {
    // The busiest that still has room, so that the others may be stopped.
    return [...this.#instances]
      .filter(({ isReady, isGone, inFlight }) => isReady && !isGone && inFlight < this.#limits.concurrency)
      .sort((a, b) => b.inFlight - a.inFlight)[0];
  }

  #occupy(instance: Instance): void {
    this.#idle.get(instance)?.();
    this.#idle.delete(instance);
    instance.inFlight++;
  }

  /** Gives an instance with room to who waits longest, or lets it rest. */
  #next(instance: Instance): void {
    if (instance.isGone || !instance.isReady) return;
    while (instance.inFlight < this.#limits.concurrency && this.#waiting.length > 0) this.#waiting[0]?.take(instance);
    if (instance.inFlight > 0 || this.#stopped) return;
    this.#idle.get(instance)?.();
    this.#idle.set(
      instance,
      this.#clock.after(IDLE_MS, () => {
        if (this.#instances.size > this.#limits.least) void this.#remove(instance);
      }),
    );
  }

  /** One more at a time: who waits may be served by an instance that becomes free meanwhile. */
  #grow(): void {
    if (this.#stopped || this.#starting > 0 || this.#instances.size >= this.#limits.most) return;
    this.#add().then(
      () => {
        if (this.#waiting.length > 0) this.#grow();
      },
      (problem: Error) => {
        // Others may still become free; where there are none, nobody will come.
        if (this.#instances.size === 0) for (const waiting of [...this.#waiting]) waiting.give(problem);
      },
    );
  }

  #fill(): void {
    if (this.#stopped || this.#instances.size + this.#starting >= this.#limits.least) return;
    this.#add().then(
      () => this.#fill(),
      // What cannot start now is tried again by the next request.
      () => {},
    );
  }

  async #add(): Promise<void> {
    this.#starting++;
    let instance: Instance | undefined;
    try {
      instance = await this.#start();
      const started = instance;
      this.#instances.add(started);
      void started.exited.then(() => this.#lost(started));
      if (this.#stopped) await started.stop();
      await started.ready;
    } catch (problem) {
      if (instance) this.#instances.delete(instance);
      throw problem;
    } finally {
      this.#starting--;
    }
    this.#next(instance);
  }

  #lost(instance: Instance): void {
    this.#idle.get(instance)?.();
    this.#idle.delete(instance);
    this.#instances.delete(instance);
    if (this.#waiting.length > 0) this.#grow();
  }

  #remove(instance: Instance): Promise<void> {
    instance.isReady = false;
    return instance.stop();
  }

  /** Lets the requests in flight end, then stops every instance. */
  async drain(): Promise<void> {
    this.#stopped = true;
    if ([...this.#instances].some(({ inFlight }) => inFlight > 0)) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    await this.stop();
  }

  async stop(graceMs?: number): Promise<void> {
    this.#stopped = true;
    for (const waiting of [...this.#waiting]) waiting.give(new Error("the revision is being stopped"));
    for (const cancel of this.#idle.values()) cancel();
    this.#idle.clear();
    await Promise.all([...this.#instances].map((instance) => instance.stop(graceMs)));
    this.#drained?.();
  }
}
