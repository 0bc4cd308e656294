import { ApiError } from "../frame/errors.ts";
import type { PubsubCore } from "../pubsub/core.ts";
import { PUBLISHED, type TriggerStore } from "./store.ts";

/** Subscriptions of functions have the longest deadline there is (seen in exports of real projects). */
const FUNCTION_ACK_SECONDS = 600;

/** What Cloud Functions does with the triggers it owns. */
export interface FunctionTriggers {
  /** Subscribes `endpoint` to `topic`, or to a topic of the trigger's own. Throws 404 when there is no such topic. */
  create(asked: {
    name: string;
    function: string;
    topic?: string;
    serviceAccount: string;
    endpoint: (topic: string) => string;
    audience: string;
  }): { topic: string };
  /** Undefined where the trigger, or its subscription, is gone. */
  find(name: string): { name: string; topic: string } | undefined;
  move(name: string, endpoint: string, audience: string): void;
  remove(name: string): void;
}

/** Triggers with a function as destination. */
export function functionTriggers(store: TriggerStore, pubsub: PubsubCore): FunctionTriggers {
  return {
    create: ({ name, function: target, topic: asked, serviceAccount, endpoint, audience }) => {
      const oidcToken = { serviceAccountEmail: serviceAccount, audience };
      const { topic, subscription, ownTopic } = store.subscribe(
        name,
        asked,
        { pushEndpoint: endpoint, oidcToken },
        FUNCTION_ACK_SECONDS,
      );
      store.keep({
        name,
        eventFilters: [{ attribute: "type", value: PUBLISHED }],
        serviceAccount,
        destination: { cloudFunction: target },
        transport: { pubsub: { topic, subscription } },
        labels: { "goog-managed-by": "cloudfunctions" },
        eventDataContentType: "application/json",
        ownTopic,
      });
      return { topic };
    },
    find: (name) => {
      const known = store.triggers.get(name);
      if (!known) return undefined;
      const { topic, subscription } = known.transport.pubsub;
      try {
        pubsub.subscription(subscription);
      } catch (problem) {
        // Somebody removed it by hand: what is left of the trigger delivers nothing.
        if (problem instanceof ApiError && problem.code === 404) return undefined;
        throw problem;
      }
      return { name, topic };
    },
    move: (name, pushEndpoint, audience) => {
      const { transport, serviceAccount = "" } = store.find(name);
      const oidcToken = { serviceAccountEmail: serviceAccount, audience };
      const { subscription } = transport.pubsub;
      if (pubsub.subscription(subscription).pushConfig.pushEndpoint === pushEndpoint) return;
      pubsub.modifyPushConfig(subscription, { pushEndpoint, oidcToken });
    },
    remove: (name) => {
      const known = store.triggers.get(name);
      if (known) store.drop(known);
    },
  };
}
