import type { v1 } from "@google-cloud/pubsub";
import { failureOf, overRest } from "./generated.ts";

export interface Topics {
  /** `topic` is a short name in the client's project. Resolves when Pub/Sub has the message. */
  ring(topic: string, attributes: Record<string, string>, data?: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Single small messages in no order: Pub/Sub's own publisher, without the batches and queues around it. Loaded at first use;
 * `endpoint` as for every generated client.
 */
export function makeTopics(project: string, endpoint?: string): Topics {
  let client: Promise<v1.PublisherClient> | undefined;
  return {
    ring: async (topic, attributes, data = "") => {
      client ??= import("@google-cloud/pubsub").then(({ v1 }) => new v1.PublisherClient(overRest(endpoint)));
      try {
        await (await client).publish({
          topic: `projects/${project}/topics/${topic}`,
          messages: [{ data: Buffer.from(data), attributes }],
        });
      } catch (problem) {
        throw failureOf(`publish to ${topic}`, problem);
      }
    },
    close: async () => {
      if (client) await (await client).close();
    },
  };
}
