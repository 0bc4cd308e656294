import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Cancel } from "../frame/clock.ts";
import { ApiError } from "../frame/errors.ts";
import type { Outcome } from "../frame/faults/faults.ts";
import type { World } from "../frame/world.ts";
import { type Entry, newConsumer } from "./backlog.ts";
import { eventRequest, type PushRequest, pushRequest } from "./envelope.ts";
import type { Subscriber } from "./subscriber.ts";

/** Every other status, and no answer within the ack deadline, is a nack. https://cloud.google.com/pubsub/docs/push */
const ACKNOWLEDGED = new Set([102, 200, 201, 202, 204]);

const MOST_OUTSTANDING = 8;

/** Between deliveries of a subscription without a retry policy whose endpoint fails, ms. */
const LEAST_PAUSE = 100;
const MOST_PAUSE = 60_000;

/**
 * Pushes one subscription's messages. Deliveries start one at a time; each success lets more be outstanding, each failure
 * halves that. Without a retry policy, failures also make the whole subscription pause, longer each time.
 */
export class PushPump {
  readonly #world: World;
  readonly #subscriber: Subscriber;
  readonly #stopped = new AbortController();
  #window = 1;
  #outstanding = 0;
  #failures = 0;
  #pause: Cancel | undefined;

  constructor(world: World, subscriber: Subscriber) {
    this.#world = world;
    this.#subscriber = subscriber;
  }

  offer(share: number): number {
    const room = Math.min(share, this.#window - this.#outstanding);
    if (room <= 0 || this.#pause || this.#stopped.signal.aborted) return 0;
    let taken = 0;
    for (; taken < room; taken++) {
      const entry = this.#subscriber.backlog.take(newConsumer(), 1, 0, Number.POSITIVE_INFINITY)[0];
      if (!entry) break;
      void this.#deliver(entry);
    }
    return taken;
  }

  async #deliver(entry: Entry): Promise<void> {
    const { subscription, events, backlog } = this.#subscriber;
    const attempt = entry.attempts;
    this.#outstanding++;
    const make = events ? eventRequest : pushRequest;
    const send = () =>
      post(
        subscription.pushConfig.pushEndpoint ?? "",
        make(this.#world, entry, subscription),
        subscription.ackDeadlineSeconds * 1000,
        this.#stopped.signal,
      );
    const delivered = await this.#despiteFaults(send);
    this.#outstanding--;
    // A message that was deleted, expired or taken back meanwhile is no longer this delivery's.
    const ours = entry.lease !== undefined && entry.attempts === attempt;
    if (this.#stopped.signal.aborted) {
      if (ours) backlog.abandon(entry.lease?.consumer ?? newConsumer());
      return;
    }
    if (delivered) {
      this.#window = Math.min(MOST_OUTSTANDING, this.#window * 2);
      this.#failures = 0;
      this.#subscriber.touch();
      backlog.acknowledge(entry.message.messageId, attempt);
    } else {
      this.#window = Math.max(1, Math.floor(this.#window / 2));
      this.#failures++;
      if (!subscription.retryPolicy) this.#rest();
      if (ours) backlog.fail(entry);
    }
    this.#world.changed();
    this.offer(backlog.readyCount);
  }

  /** A push is a call to somebody else: a fault can keep it from being made, or lose what was answered. */
  async #despiteFaults(send: () => Promise<boolean>): Promise<boolean> {
    const { faults } = this.#world;
    if (!faults) return send();
    try {
      const outcome = await faults.around(this.#subscriber.subject("pubsub.push"), async (): Promise<Outcome> => {
        return { status: (await send()) ? 200 : 500 };
      });
      return !outcome.cut && outcome.status === 200;
    } catch (problem) {
      if (problem instanceof ApiError) return false;
      throw problem;
    }
  }

  #rest(): void {
    this.#pause?.();
    const wait = Math.min(LEAST_PAUSE * 2 ** (this.#failures - 1), MOST_PAUSE);
    this.#pause = this.#world.clock.after(wait, () => {
      this.#pause = undefined;
      this.offer(this.#subscriber.backlog.readyCount);
    });
  }

  stop(): void {
    this.#pause?.();
    this.#stopped.abort();
  }
}

/** Nothing leaves this machine: endpoints elsewhere may be configured, and are never reached. */
function onLoopback(url: URL): boolean {
  const host = url.hostname;
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127(\.\d+){3}$/.test(host);
}

/** True when the endpoint acknowledged. `timeoutMs` is real time. */
function post(
  endpoint: string,
  { headers, body }: PushRequest,
  timeoutMs: number,
  stop: AbortSignal,
): Promise<boolean> {
  const url = new URL(endpoint);
  if (!onLoopback(url)) return Promise.resolve(false);
  return new Promise((resolve) => {
    const open = url.protocol === "https:" ? requestHttps : requestHttp;
    const sent = open(
      url,
      {
        method: "POST",
        headers: { ...headers, "content-length": String(body.length) },
        signal: AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]),
      },
      (response) => {
        response.resume();
        resolve(ACKNOWLEDGED.has(response.statusCode ?? 0));
      },
    );
    sent.on("information", ({ statusCode }) => {
      if (statusCode === 102) resolve(true);
    });
    sent.on("error", () => resolve(false));
    sent.end(body);
  });
}
