import type { Cancel } from "../frame/clock.ts";
import { ApiError, RPC_CODES } from "../frame/errors.ts";
import { camel, durationSeconds, type Json, snake } from "../frame/fields.ts";
import { utc } from "../frame/time.ts";
import { byId, type World } from "../frame/world.ts";
import { CronError, parseCron } from "./cron.ts";
import { type Attempted, attemptHttp, checkDeadline } from "./http.ts";
import { type Job, type RetryConfig, targetOf } from "./job.ts";
import { Zone } from "./zone.ts";

const UPDATABLE = [
  ...["description", "pubsubTarget", "httpTarget", "schedule", "timeZone", "retryConfig"],
  "attemptDeadline",
];
const RETRY_DEFAULTS: RetryConfig = {
  retryCount: 0,
  maxRetryDuration: "0s",
  minBackoffDuration: "5s",
  maxBackoffDuration: "3600s",
  maxDoublings: 5,
};

/** Timers of the real clock hold at most this many ms. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Jobs that publish on a schedule. */
export class Jobs {
  readonly #world: World;
  readonly #jobs = new Map<string, Job>();
  readonly #alarms = new Map<string, Cancel>();
  readonly #retries = new Map<string, Cancel>();
  readonly #stopped = new AbortController();

  constructor(world: World) {
    this.#world = world;
  }

  create(parent: string, given: Json): Job {
    // A job may be created without a name; it is given one.
    const name = given.name ? byId(this.#world, String(given.name)) : `${parent}/jobs/${this.#world.ids.hex(20)}`;
    if (!name.startsWith(`${parent}/jobs/`) || !/^[\w-]{1,500}$/.test(name.slice(parent.length + 6))) {
      throw new ApiError(
        400,
        `Job name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/jobs/<JOB_ID>".`,
      );
    }
    if (this.#jobs.has(name)) throw new ApiError(409, `Job already exists: ${name}`);
    return this.#put({ ...given, name, state: "ENABLED" });
  }

  #put(given: Json): Job {
    const target = targetOf(given);
    const retryConfig = { ...RETRY_DEFAULTS, ...(given.retryConfig as Partial<RetryConfig> | undefined) };
    if (retryConfig.retryCount < 0 || retryConfig.retryCount > 5) {
      throw new ApiError(400, "RetryConfig.retry_count must be between 0 and 5.");
    }
    // A deadline says something only of HTTP targets.
    const { attemptDeadline: _, ...rest } = given as Partial<Job>;
    const job: Job = {
      ...rest,
      name: String(given.name),
      schedule: String(given.schedule ?? ""),
      timeZone: String(given.timeZone || "UTC"),
      ...target,
      retryConfig,
      state: given.state === "PAUSED" ? "PAUSED" : "ENABLED",
      userUpdateTime: utc(this.#world.clock.now()),
    };
    this.#next(job);
    this.#jobs.set(job.name, job);
    this.#plan(job);
    this.#world.changed();
    return job;
  }

  /** The job's next instant. Throws 400 for a schedule or zone that cannot be read. */
  #next(job: Job): number | undefined {
    try {
      return new Zone(job.timeZone).next(parseCron(job.schedule), this.#world.clock.now());
    } catch (problem) {
      if (problem instanceof CronError)
        throw new ApiError(400, `Schedule or time zone is invalid: ${problem.message}.`);
      if (problem instanceof RangeError)
        throw new ApiError(400, `Time zone is invalid: ${JSON.stringify(job.timeZone)}.`);
      throw problem;
    }
  }

  #plan(job: Job): void {
    this.#alarms.get(job.name)?.();
    this.#alarms.delete(job.name);
    delete job.scheduleTime;
    const at = job.state === "ENABLED" ? this.#next(job) : undefined;
    if (at === undefined) return;
    job.scheduleTime = utc(at);
    const wait = () => {
      const left = at - this.#world.clock.now();
      const ring = left <= LONGEST_TIMER;
      const cancel = this.#world.clock.after(Math.min(left, LONGEST_TIMER), () => {
        if (!ring) return wait();
        this.#attempt(job, 0, this.#world.clock.now());
        this.#plan(job);
      });
      this.#alarms.set(job.name, cancel);
    };
    wait();
  }

  /** Publishes or calls; on failure tries again as the retry configuration says. */
  #attempt(job: Job, tried: number, firstAt: number): void {
    this.#retries.get(job.name)?.();
    this.#retries.delete(job.name);
    const now = this.#world.clock.now();
    job.lastAttemptTime = utc(now);
    if (!job.httpTarget) {
      this.#conclude(job, this.#publish(job), tried, firstAt);
      return;
    }
    const about = {
      job: job.name.slice(job.name.lastIndexOf("/") + 1),
      scheduleTime: utc(firstAt),
      deadline: checkDeadline(job.attemptDeadline),
      stop: this.#stopped.signal,
    };
    this.#world.changed();
    void attemptHttp(this.#world, job.httpTarget, about).then((attempted) => {
      // A job that was deleted or changed meanwhile has nothing to try again.
      if (!this.#stopped.signal.aborted && this.#jobs.get(job.name) === job)
        this.#conclude(job, attempted, tried, firstAt);
    });
  }

  #publish({ pubsubTarget }: Job): Attempted {
    const { topicName = "", data, attributes } = pubsubTarget ?? {};
    const published = this.#world.doors.publish(byId(this.#world, topicName), {
      ...(data && { data }),
      ...(attributes && { attributes }),
    });
    if (published) return { code: RPC_CODES.OK };
    return { code: RPC_CODES.NOT_FOUND, message: `Resource not found (resource=${topicName}).` };
  }

  #conclude(job: Job, { code, message }: Attempted, tried: number, firstAt: number): void {
    const now = this.#world.clock.now();
    job.status = code === RPC_CODES.OK ? {} : { code, ...(message !== undefined && { message }) };
    this.#world.changed();
    if (code === RPC_CODES.OK) return;
    const { retryCount, maxRetryDuration, minBackoffDuration, maxBackoffDuration, maxDoublings } = job.retryConfig;
    const least = durationSeconds(minBackoffDuration);
    const wait = Math.min(least * 2 ** Math.min(tried, maxDoublings), durationSeconds(maxBackoffDuration)) * 1000;
    const limit = durationSeconds(maxRetryDuration) * 1000;
    if (tried >= retryCount || (limit > 0 && now + wait - firstAt > limit)) return;
    this.#retries.set(
      job.name,
      this.#world.clock.after(wait, () => this.#attempt(job, tried + 1, firstAt)),
    );
  }

  get(name: string): Job {
    const job = this.#jobs.get(name);
    if (!job) throw new ApiError(404, "Job not found.");
    return job;
  }

  list(parent: string): Job[] {
    return [...this.#jobs.values()]
      .filter(({ name }) => name.startsWith(`${parent}/jobs/`))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** `mask` is the text of `updateMask`; empty changes everything the request sets. */
  update(name: string, given: Json, mask: string): Job {
    const merged: Json = { ...this.get(name) };
    const paths = mask ? mask.split(",").map((path) => camel(path.trim())) : Object.keys(given);
    for (const path of paths) {
      const [field = "", inner] = path.split(".");
      if (field === "name") continue;
      if (!UPDATABLE.includes(field)) throw new ApiError(400, `Invalid update_mask: ${snake(path)}.`);
      if (inner === undefined) merged[field] = given[field];
      else {
        const values = { ...(merged[field] as Json | undefined) };
        const value = (given[field] as Json | undefined)?.[inner];
        if (value === undefined) delete values[inner];
        else values[inner] = value;
        merged[field] = values;
      }
      if (merged[field] === undefined) delete merged[field];
    }
    return this.#put(merged);
  }

  delete(name: string): void {
    this.get(name);
    this.#cancel(name);
    this.#jobs.delete(name);
    this.#world.changed();
  }

  run(name: string): Job {
    const job = this.get(name);
    this.#attempt(job, 0, this.#world.clock.now());
    return job;
  }

  setState(name: string, state: Job["state"]): Job {
    const job = this.get(name);
    job.state = state;
    if (state === "PAUSED") this.#cancel(name);
    this.#plan(job);
    this.#world.changed();
    return job;
  }

  #cancel(name: string): void {
    for (const timers of [this.#alarms, this.#retries]) {
      timers.get(name)?.();
      timers.delete(name);
    }
  }

  close(): void {
    this.#stopped.abort();
    for (const name of this.#jobs.keys()) this.#cancel(name);
  }

  save(): Job[] {
    return [...this.#jobs.values()];
  }

  /** What was due while the emulator was off is not made up for. */
  load(jobs: Job[]): void {
    for (const job of jobs) {
      this.#jobs.set(job.name, job);
      this.#plan(job);
    }
  }
}
