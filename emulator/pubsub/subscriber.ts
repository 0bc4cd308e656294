import type { Cancel } from "../frame/clock.ts";
import { ApiError } from "../frame/errors.ts";
import { durationSeconds } from "../frame/fields.ts";
import type { World } from "../frame/world.ts";
import { Backlog, type Consumer, type Entry, type SavedEntry } from "./backlog.ts";
import { type Filter, parseFilter } from "./filter.ts";
import { PushPump } from "./push.ts";
import type { Message, Subscription } from "./resources.ts";

/** Whoever waits for messages of a subscription: a pull request, a stream, or the push pump. */
export interface Puller {
  /** Takes up to `share` messages; returns how many. */
  offer(share: number): number;
  /** The subscription is gone, or no longer one to pull from. */
  end(reason: ApiError): void;
}

export interface Received {
  ackId: string;
  message: Message;
  deliveryAttempt?: number;
}

export interface SavedSubscriber {
  subscription: Subscription;
  /** Deliveries are CloudEvents, as an Eventarc trigger makes them. */
  events?: boolean;
  backlog: SavedEntry[];
}

const LONGEST_TIMER = 2 ** 31 - 1;

/** One subscription at work: its settings, its unacknowledged messages, and who waits for them. */
export class Subscriber {
  readonly events: boolean;
  readonly backlog: Backlog;
  readonly #world: World;
  readonly #pullers = new Set<Puller>();
  readonly #filter: Filter;
  readonly #expired: () => void;
  #subscription: Subscription;
  #pump: PushPump | undefined;
  #offering = false;
  #activeAt: number;
  #expiry: Cancel = () => {};

  constructor(
    world: World,
    subscription: Subscription,
    outside: { bury: (entry: Entry) => boolean; expired: () => void; replayMs: () => number; events?: boolean },
  ) {
    this.#world = world;
    this.#subscription = subscription;
    this.#expired = outside.expired;
    this.events = outside.events ?? false;
    this.#filter = subscription.filter ? parseFilter(subscription.filter) : () => true;
    this.#activeAt = world.clock.now();
    this.backlog = new Backlog(world.clock, {
      ordered: subscription.enableMessageOrdering ?? false,
      retentionMs: () => durationSeconds(this.#subscription.messageRetentionDuration) * 1000,
      replayMs: () => outside.replayMs(),
      backoffMs: (attempts) => this.#backoffMs(attempts),
      bury: (entry) => {
        const policy = this.#subscription.deadLetterPolicy;
        return policy !== undefined && entry.attempts >= policy.maxDeliveryAttempts && outside.bury(entry);
      },
      ready: () => this.#wake(),
    });
    this.#configure();
  }

  get subscription(): Subscription {
    return this.#subscription;
  }

  set subscription(subscription: Subscription) {
    const wasPush = this.pushed;
    this.#subscription = subscription;
    this.touch();
    if (this.pushed && !wasPush) this.#endPullers(wrongKind());
    this.#configure();
    this.backlog.recheck();
  }

  get pushed(): boolean {
    return !!this.#subscription.pushConfig.pushEndpoint;
  }

  #configure(): void {
    const pushing = this.pushed && !this.#subscription.detached;
    if (!pushing) this.#pump?.stop();
    this.#pump = pushing ? (this.#pump ?? new PushPump(this.#world, this)) : undefined;
    this.#watchExpiry();
    this.#wake();
  }

  #backoffMs(attempts: number): number {
    const policy = this.#subscription.retryPolicy;
    if (!policy) return 0;
    const least = durationSeconds(policy.minimumBackoff) * 1000;
    return Math.min(least * 2 ** Math.max(0, attempts - 1), durationSeconds(policy.maximumBackoff) * 1000);
  }

  /** Notes activity: what is not used for the time of its expiration policy is deleted. */
  touch(): void {
    this.#activeAt = this.#world.clock.now();
  }

  #watchExpiry(): void {
    this.#expiry();
    const { ttl } = this.#subscription.expirationPolicy;
    if (ttl === undefined) return;
    const look = () => {
      if (this.#pullers.size > 0) this.touch();
      const left = this.#activeAt + durationSeconds(ttl) * 1000 - this.#world.clock.now();
      if (left <= 0) this.#expired();
      else this.#expiry = this.#world.clock.after(Math.min(left, LONGEST_TIMER), look);
    };
    look();
  }

  deliver(message: Message): void {
    if (this.#subscription.detached || !this.#filter(message.attributes ?? {})) return;
    const { faults } = this.#world;
    if (faults) faults.deliver(this.subject("pubsub.deliver"), (again) => this.#take(message, again));
    else this.#take(message, false);
  }

  #take(message: Message, again: boolean): void {
    if (this.#subscription.detached) return;
    this.backlog.add(message, 0, again);
  }

  /** What a fault's rule is held against when this subscription delivers. */
  subject(method: string) {
    const { projectNumber } = this.#world;
    return {
      service: "pubsub",
      method,
      resource: this.#subscription.name,
      principal: () => `service-${projectNumber}@gcp-sa-pubsub.iam.gserviceaccount.com`,
    };
  }

  /** Throws FAILED_PRECONDITION unless messages may be pulled from this subscription. */
  checkPullable(): void {
    if (this.#subscription.detached) throw detached();
    if (this.pushed) throw wrongKind();
  }

  receive(consumer: Consumer, max: number, maxBytes: number, leaseMs: number): Received[] {
    this.touch();
    return this.backlog.take(consumer, max, maxBytes, leaseMs).map((entry) => ({
      ackId: ackId(entry),
      message: entry.message,
      ...(this.#subscription.deadLetterPolicy && { deliveryAttempt: entry.attempts }),
    }));
  }

  /**
   * With exactly-once delivery, ids whose delivery has ended are not acknowledged and are returned; an id that was never
   * one is among them. Without it every id that is one is as good as another.
   */
  acknowledge(ids: string[]): string[] {
    const { valid, invalid } = this.#parsed(ids);
    this.touch();
    for (const { messageId, attempt } of valid) this.backlog.acknowledge(messageId, attempt);
    this.#world.changed();
    return invalid;
  }

  /** As `acknowledge` does, returns the ids that were of no use. */
  modifyAckDeadline(changes: { ackId: string; seconds: number }[]): string[] {
    const seconds = new Map(changes.map(({ ackId, seconds: many }) => [ackId, many]));
    const { valid, invalid } = this.#parsed([...seconds.keys()]);
    this.touch();
    for (const { id, messageId, attempt } of valid) {
      this.backlog.extend(messageId, attempt, (seconds.get(id) ?? 0) * 1000);
    }
    this.#world.changed();
    return invalid;
  }

  get exactlyOnce(): boolean {
    return this.#subscription.enableExactlyOnceDelivery === true;
  }

  #parsed(ids: string[]): { valid: (AckId & { id: string })[]; invalid: string[] } {
    const parsed = ids.map((id) => ({ id, of: readAckId(id) }));
    const wrong = parsed.find(({ of }) => of === undefined);
    if (wrong && !this.exactlyOnce) {
      throw new ApiError(400, `You have passed an invalid ack ID to the service (ack_id=${wrong.id}).`);
    }
    const isValid = (of: AckId | undefined) =>
      of !== undefined && (!this.exactlyOnce || this.backlog.holds(of.messageId, of.attempt));
    return {
      valid: parsed.flatMap(({ id, of }) => (of && isValid(of) ? [{ id, ...of }] : [])),
      invalid: parsed.filter(({ of }) => !isValid(of)).map(({ id }) => id),
    };
  }

  seek(to: { instant: number } | { messages: Message[] }): void {
    this.touch();
    if ("instant" in to) this.backlog.seek(to.instant);
    else this.backlog.restart(to.messages.filter(({ attributes = {} }) => this.#filter(attributes)));
    this.#world.changed();
  }

  attach(puller: Puller): () => void {
    this.#pullers.add(puller);
    this.#wake();
    return () => {
      this.#pullers.delete(puller);
      this.touch();
    };
  }

  /** Offers what is ready to everybody who waits, in equal shares, after the current work. */
  #wake(): void {
    if (this.#offering) return;
    this.#offering = true;
    queueMicrotask(() => {
      this.#offering = false;
      if (this.#pump) {
        this.#pump.offer(this.backlog.readyCount);
        return;
      }
      for (let taken = -1; taken !== 0 && this.backlog.readyCount > 0; ) {
        const share = Math.max(1, Math.ceil(this.backlog.readyCount / Math.max(1, this.#pullers.size)));
        taken = 0;
        for (const puller of [...this.#pullers]) taken += puller.offer(share);
      }
    });
  }

  #endPullers(reason: ApiError): void {
    for (const puller of [...this.#pullers]) puller.end(reason);
    this.#pullers.clear();
  }

  detach(): void {
    this.#subscription = { ...this.#subscription, detached: true };
    this.backlog.clear();
    this.#endPullers(detached());
    this.#configure();
  }

  /** Lets go of everything; messages stay readable for `save`. */
  close(reason: ApiError): void {
    this.#pump?.stop();
    this.#pump = undefined;
    this.#expiry();
    this.backlog.stop();
    this.#endPullers(reason);
  }

  save(): SavedSubscriber {
    return {
      subscription: this.#subscription,
      ...(this.events && { events: true }),
      backlog: this.backlog.save(),
    };
  }
}

function wrongKind(): ApiError {
  return new ApiError(400, "This method is not supported for this subscription type.", {
    status: "FAILED_PRECONDITION",
  });
}

function detached(): ApiError {
  return new ApiError(400, "The subscription has been detached from its topic.", { status: "FAILED_PRECONDITION" });
}

function ackId(entry: Entry): string {
  return Buffer.from(`${entry.message.messageId}:${entry.attempts}`).toString("base64url");
}

interface AckId {
  messageId: string;
  /** Which delivery of the message. */
  attempt: number;
}

function readAckId(id: string): AckId | undefined {
  const match = /^(\d+):(\d+)$/.exec(Buffer.from(id, "base64url").toString());
  return match ? { messageId: match[1] ?? "", attempt: Number(match[2]) } : undefined;
}

/** What a call of its own is answered that holds such ids; clients read from it which of them to give up. */
export function invalidAckIds(ids: string[]): ApiError {
  return new ApiError(
    400,
    "Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids have expired or the acknowledgement ids were malformed.",
    {
      details: [
        {
          "@type": "type.googleapis.com/google.rpc.ErrorInfo",
          reason: "EXACTLY_ONCE_ACKID_FAILURE",
          domain: "pubsub.googleapis.com",
          metadata: Object.fromEntries(ids.map((id) => [id, "PERMANENT_FAILURE_INVALID_ACK_ID"])),
        },
      ],
    },
  );
}
