import type { PubSub } from "@google-cloud/pubsub";
import { Failure } from "./failure.ts";

export interface Topics {
  /** `topic` is a short name in the client's project. Resolves when Pub/Sub has the message. */
  ring(topic: string, attributes: Record<string, string>, data?: string): Promise<void>;
  close(): Promise<void>;
}

/** The client is loaded at first use (a fifth of a second). `PUBSUB_EMULATOR_HOST` reaches an emulator, as in every Google client. */
export function makeTopics(project: string): Topics {
  let client: Promise<PubSub> | undefined;
  return {
    ring: async (topic, attributes, data = "") => {
      client ??= import("@google-cloud/pubsub").then(({ PubSub }) => new PubSub({ projectId: project }));
      try {
        await (await client)
          .topic(topic, { batching: { maxMessages: 1 } })
          .publishMessage({ data: Buffer.from(data), attributes });
      } catch (problem) {
        throw new Failure("unavailable", 0, `publish to ${topic}`, problem);
      }
    },
    close: async () => {
      if (client) await (await client).close();
    },
  };
}
