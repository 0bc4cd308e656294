import type { Cancel, Clock } from "../frame/clock.ts";
import { messageBytes } from "./messages.ts";
import type { Message } from "./resources.ts";

/** Whoever takes messages: one pull request, one stream, or one push delivery. The backlog keeps the two counts. */
export interface Consumer {
  leased: number;
  leasedBytes: number;
}

export function newConsumer(): Consumer {
  return { leased: 0, leasedBytes: 0 };
}

export interface Entry {
  message: Message;
  /** Its place in the order of publishing, which ids do not tell. */
  order: number;
  bytes: number;
  /** How often the message has been handed out. */
  attempts: number;
  /** Present while the message is handed out; `until` is an instant, Infinity for a push delivery. */
  lease?: { consumer: Consumer; until: number };
  /** Present while the message waits for its back-off to end. */
  waitsUntil?: number;
  /** Deliveries up to this one were undone by a seek: acknowledging them means nothing. */
  undone?: number;
  /** Comes once more after it was acknowledged: a duplicate, which at-least-once delivery allows. */
  again?: true;
}

type Placed = Pick<Entry, "message" | "order">;

export interface BacklogRules {
  retentionMs(): number;
  /** How long an acknowledged message can still be sought; 0 for not at all. */
  replayMs(): number;
  ordered: boolean;
  /** Back-off before the next delivery of a message that was handed out `attempts` times; 0 for none. */
  backoffMs(attempts: number): number;
  /** Takes a message that failed; true when it was moved to the dead-letter topic. */
  bury(entry: Entry): boolean;
  /** Something may be ready to be taken. */
  ready(): void;
}

export interface SavedEntry {
  message: Message;
  attempts: number;
  /** Kept only to be sought. */
  acknowledged?: true;
}

/** Timers of the real clock hold at most this many ms. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * The unacknowledged messages of one subscription. An entry is ready, handed out (until acknowledged, or its deadline
 * passes), or waiting for its back-off. With ordering, a message of a key follows only when all earlier ones of the key
 * are acknowledged or with the same consumer, and the failure of one takes back the later ones too.
 */
export class Backlog {
  readonly #clock: Clock;
  readonly #rules: BacklogRules;
  readonly #entries = new Map<string, Entry>();
  readonly #ready = new Set<Entry>();
  readonly #timed = new Set<Entry>();
  readonly #keys = new Map<string, Set<Entry>>();
  /** Acknowledged messages that a seek can bring back. */
  readonly #past = new Map<string, Placed>();
  #placed = 0;
  #stopped = false;
  #alarm: { at: number; cancel: Cancel } | undefined;

  constructor(clock: Clock, rules: BacklogRules) {
    this.#clock = clock;
    this.#rules = rules;
  }

  get size(): number {
    return this.#entries.size;
  }

  get readyCount(): number {
    return this.#ready.size;
  }

  add(message: Message, attempts = 0, again = false): Entry {
    const entry: Entry = {
      message,
      order: this.#placed++,
      bytes: messageBytes(message),
      attempts,
      ...(again && { again }),
    };
    this.#entries.set(message.messageId, entry);
    const key = this.#key(entry);
    if (key !== undefined) {
      const queue = this.#keys.get(key) ?? new Set();
      this.#keys.set(key, queue.add(entry));
    }
    this.#ready.add(entry);
    this.#arm(Date.parse(message.publishTime) + this.#rules.retentionMs());
    this.#rules.ready();
    return entry;
  }

  /** Hands out up to `max` messages of up to `maxBytes` together, at least one if any is ready. */
  take(consumer: Consumer, max: number, maxBytes: number, leaseMs: number): Entry[] {
    const taken: Entry[] = [];
    let bytes = 0;
    const until = this.#clock.now() + leaseMs;
    for (const entry of this.#ready) {
      if (taken.length >= max) break;
      if (!this.#mayFollow(entry, consumer)) continue;
      if (taken.length > 0 && bytes + entry.bytes > maxBytes) break;
      bytes += entry.bytes;
      taken.push(entry);
      this.#ready.delete(entry);
      entry.attempts++;
      entry.lease = { consumer, until };
      consumer.leased++;
      consumer.leasedBytes += entry.bytes;
      if (until !== Number.POSITIVE_INFINITY) {
        this.#timed.add(entry);
        this.#arm(until);
      }
    }
    return taken;
  }

  /**
   * Forgets a message. An acknowledgement after the deadline still counts, as long as the message is here: the real
   * service accepts it too, without a promise.
   */
  acknowledge(messageId: string, attempt: number): void {
    const entry = this.#entries.get(messageId);
    if (entry && attempt > (entry.undone ?? 0)) {
      this.#drop(entry);
      if (entry.again) this.add(entry.message, entry.attempts);
      else this.keep(entry.message, entry.order);
    }
    this.#rules.ready();
  }

  /** Holds an acknowledged message for as long as it can be sought. */
  keep(message: Message, order = this.#placed++): void {
    this.#forgetPast();
    if (this.#rules.replayMs() > 0) this.#past.set(message.messageId, { message, order });
  }

  #forgetPast(): void {
    const oldest = this.#clock.now() - this.#rules.replayMs();
    for (const [id, { message }] of this.#past) {
      if (Date.parse(message.publishTime) <= oldest) this.#past.delete(id);
    }
  }

  /** Everything unacknowledged, oldest first. */
  get messages(): Message[] {
    return [...this.#entries.values()].map(({ message }) => message);
  }

  /** To an instant: what was published before it counts as acknowledged, the rest as not, as far as it is still known. */
  seek(instant: number): void {
    this.#forgetPast();
    const known = [...this.#entries.values(), ...this.#past.values()].sort((a, b) => a.order - b.order);
    const isBefore = ({ message }: Placed) => Date.parse(message.publishTime) < instant;
    for (const { message, order } of known.filter(isBefore)) this.keep(message, order);
    this.restart(known.filter((one) => !isBefore(one)).map(({ message }) => message));
  }

  /** Makes exactly these messages the unacknowledged ones, none of them handed out. */
  restart(messages: Message[]): void {
    const attempts = new Map([...this.#entries.values()].map((entry) => [entry.message.messageId, entry.attempts]));
    this.clear();
    for (const message of messages) {
      const made = attempts.get(message.messageId) ?? 0;
      this.#past.delete(message.messageId);
      this.add(message, made).undone = made;
    }
  }

  /** True while this delivery of a message is handed out: no other ended it, and its deadline has not passed. */
  holds(messageId: string, attempt: number): boolean {
    const entry = this.#entries.get(messageId);
    return entry?.lease !== undefined && entry.attempts === attempt && entry.lease.until > this.#clock.now();
  }

  /** Moves the deadline of a message handed out for the `attempt`th time; 0 gives it back. Stale ids change nothing. */
  extend(messageId: string, attempt: number, leaseMs: number): void {
    const entry = this.#entries.get(messageId);
    if (!entry?.lease || entry.attempts !== attempt) return;
    if (leaseMs <= 0) this.fail(entry);
    else {
      entry.lease.until = this.#clock.now() + leaseMs;
      this.#arm(entry.lease.until);
    }
  }

  /** A delivery failed: nacked, not acknowledged in time, or refused by a push endpoint. */
  fail(entry: Entry): void {
    if (!entry.lease) return;
    this.#unlease(entry);
    if (this.#rules.bury(entry)) this.#drop(entry);
    else {
      const backoff = this.#rules.backoffMs(entry.attempts);
      if (backoff > 0) {
        entry.waitsUntil = this.#clock.now() + backoff;
        this.#timed.add(entry);
        this.#arm(entry.waitsUntil);
      } else this.#ready.add(entry);
      this.#takeBackAfter(entry);
    }
    this.#rules.ready();
  }

  /** Takes back, unharmed, what a consumer that went away still holds. */
  abandon(consumer: Consumer): void {
    for (const entry of this.#entries.values()) {
      if (entry.lease?.consumer !== consumer) continue;
      this.#unlease(entry);
      this.#ready.add(entry);
      this.#takeBackAfter(entry);
    }
    this.#rules.ready();
  }

  /** Sets no more alarms, so that nothing of it keeps running; what it holds can still be saved. */
  stop(): void {
    this.#stopped = true;
    this.#alarm?.cancel();
    this.#alarm = undefined;
  }

  clear(): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
    for (const entry of this.#entries.values()) this.#unlease(entry);
    for (const held of [this.#entries, this.#ready, this.#timed, this.#keys]) held.clear();
  }

  /** Looks at the deadlines again, because a rule changed. */
  recheck(): void {
    this.#sweep();
  }

  save(): SavedEntry[] {
    this.#forgetPast();
    return [
      ...[...this.#past.values()].map(({ message }) => ({ message, attempts: 0, acknowledged: true as const })),
      ...[...this.#entries.values()].map(({ message, attempts }) => ({ message, attempts })),
    ];
  }

  #key(entry: Entry): string | undefined {
    return this.#rules.ordered ? entry.message.orderingKey || undefined : undefined;
  }

  #mayFollow(entry: Entry, consumer: Consumer): boolean {
    const key = this.#key(entry);
    if (key === undefined) return true;
    for (const earlier of this.#keys.get(key) ?? []) {
      if (earlier === entry) return true;
      if (earlier.lease?.consumer !== consumer) return false;
    }
    return true;
  }

  #takeBackAfter(entry: Entry): void {
    const key = this.#key(entry);
    if (key === undefined) return;
    let after = false;
    for (const later of this.#keys.get(key) ?? []) {
      if (later === entry) after = true;
      else if (after && later.waitsUntil === undefined) {
        this.#unlease(later);
        this.#ready.delete(later);
        this.#ready.add(later);
      }
    }
  }

  #unlease(entry: Entry): void {
    if (!entry.lease) return;
    const { consumer } = entry.lease;
    consumer.leased--;
    consumer.leasedBytes -= entry.bytes;
    delete entry.lease;
    this.#timed.delete(entry);
  }

  #drop(entry: Entry): void {
    this.#unlease(entry);
    this.#entries.delete(entry.message.messageId);
    this.#ready.delete(entry);
    this.#timed.delete(entry);
    const key = this.#key(entry);
    if (key === undefined) return;
    const queue = this.#keys.get(key);
    queue?.delete(entry);
    if (queue?.size === 0) this.#keys.delete(key);
  }

  #arm(at: number): void {
    if (this.#stopped || (this.#alarm && this.#alarm.at <= at)) return;
    this.#alarm?.cancel();
    const wait = Math.min(at - this.#clock.now(), LONGEST_TIMER);
    this.#alarm = { at, cancel: this.#clock.after(wait, () => this.#sweep()) };
  }

  #sweep(): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
    const now = this.#clock.now();
    const oldest = now - this.#rules.retentionMs();
    for (const entry of this.#entries.values()) {
      if (Date.parse(entry.message.publishTime) > oldest) break;
      this.#drop(entry);
    }
    for (const entry of [...this.#timed]) {
      if (entry.lease && entry.lease.until <= now) this.fail(entry);
      else if (entry.waitsUntil !== undefined && entry.waitsUntil <= now) {
        delete entry.waitsUntil;
        this.#timed.delete(entry);
        this.#ready.add(entry);
        this.#takeBackAfter(entry);
      }
    }
    let next = Number.POSITIVE_INFINITY;
    for (const entry of this.#timed) next = Math.min(next, entry.lease?.until ?? entry.waitsUntil ?? next);
    for (const entry of this.#entries.values()) {
      next = Math.min(next, Date.parse(entry.message.publishTime) + this.#rules.retentionMs());
      break;
    }
    if (next !== Number.POSITIVE_INFINITY) this.#arm(next);
    this.#rules.ready();
  }
}
