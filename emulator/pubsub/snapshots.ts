import { ApiError } from "../frame/errors.ts";
import { camel, type Json } from "../frame/fields.ts";
import { utc } from "../frame/time.ts";
import { byId, type World } from "../frame/world.ts";
import { alreadyExists, checkName, notFound } from "./names.ts";
import type { Message } from "./resources.ts";
import { checkLabels } from "./settings.ts";

/** https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.snapshots */
export interface Snapshot {
  name: string;
  topic: string;
  expireTime: string;
  labels?: Record<string, string>;
}

export interface SavedSnapshot {
  snapshot: Snapshot;
  messages: Message[];
}

const HOUR_MS = 3_600_000;
const LONGEST_MS = 7 * 24 * HOUR_MS;

/**
 * What was unacknowledged in a subscription at an instant, and everything published to its topic since.
 * https://cloud.google.com/pubsub/docs/replay-overview#snapshots
 */
export class Snapshots {
  readonly #world: World;
  readonly #byName = new Map<string, SavedSnapshot>();

  constructor(world: World) {
    this.#world = world;
  }

  /** A snapshot lives for a week, less the age of the oldest message in it; less than an hour is refused. */
  create(given: Json, topic: string, messages: Message[]): Snapshot {
    const name = checkName("snapshots", String(given.name));
    const labels = given.labels as Snapshot["labels"];
    checkLabels(labels);
    if (this.#live().has(name)) throw alreadyExists(name);
    const now = this.#world.clock.now();
    const oldest = Math.min(now, ...messages.slice(0, 1).map(({ publishTime }) => Date.parse(publishTime)));
    if (oldest + LONGEST_MS - now < HOUR_MS) {
      throw new ApiError(400, "The snapshot would expire within an hour: the subscription's backlog is too old.", {
        status: "FAILED_PRECONDITION",
      });
    }
    const snapshot: Snapshot = { name, topic, expireTime: utc(oldest + LONGEST_MS), ...(labels && { labels }) };
    this.#byName.set(name, { snapshot, messages });
    return snapshot;
  }

  #live(): Map<string, SavedSnapshot> {
    const now = this.#world.clock.now();
    for (const [name, { snapshot }] of this.#byName) {
      if (Date.parse(snapshot.expireTime) <= now) this.#byName.delete(name);
    }
    return this.#byName;
  }

  #find(name: string): SavedSnapshot {
    const found = this.#live().get(checkName("snapshots", byId(this.#world, name)));
    if (!found) throw notFound(name);
    return found;
  }

  get(name: string): Snapshot {
    return this.#find(name).snapshot;
  }

  messages(name: string): Message[] {
    return this.#find(name).messages;
  }

  all(): Snapshot[] {
    return [...this.#live().values()].map(({ snapshot }) => snapshot);
  }

  update(given: Json, mask: string[]): Snapshot {
    const { snapshot } = this.#find(String(given.name));
    const { labels, expireTime } = given as Partial<Snapshot>;
    for (const path of mask.map(camel)) {
      if (path === "labels") {
        checkLabels(labels);
        snapshot.labels = labels ?? {};
      } else if (path === "expireTime") {
        const at = Date.parse(expireTime ?? "");
        const now = this.#world.clock.now();
        if (!(at > now && at <= now + LONGEST_MS)) {
          throw new ApiError(400, "The expire_time of a snapshot must lie ahead, by a week at most.");
        }
        snapshot.expireTime = utc(at);
      } else {
        throw new ApiError(400, `Invalid update_mask provided in the UpdateSnapshotRequest: '${path}' is not mutable.`);
      }
    }
    this.#world.changed();
    if (mask.length === 0) throw new ApiError(400, "The update_mask in the UpdateSnapshotRequest must be set.");
    return snapshot;
  }

  delete(name: string): void {
    this.#byName.delete(this.get(name).name);
    this.#world.changed();
  }

  published(topic: string, messages: Message[]): void {
    for (const held of this.#live().values()) if (held.snapshot.topic === topic) held.messages.push(...messages);
  }

  save(): SavedSnapshot[] {
    return [...this.#byName.values()];
  }

  load(saved: SavedSnapshot[] = []): void {
    for (const held of saved) this.#byName.set(held.snapshot.name, held);
  }
}
