import { ApiError } from "../frame/errors.ts";
import type { Message } from "./resources.ts";

/** https://cloud.google.com/pubsub/quotas#resource_limits */
const MAX_MESSAGES = 1000;
const MAX_BYTES = 10_000_000;
const MAX_ATTRIBUTES = 100;
const MAX_KEY_BYTES = 256;
const MAX_VALUE_BYTES = 1024;
const MAX_ORDERING_KEY_BYTES = 1024;

export type NewMessage = Omit<Message, "messageId" | "publishTime">;

/** What a message counts for in limits and flow control: its data, attributes and ordering key, in bytes. */
export function messageBytes({ data = "", attributes = {}, orderingKey = "" }: NewMessage): number {
  const texts = Object.entries(attributes).flat();
  return (
    Buffer.byteLength(data, "base64") +
    Buffer.byteLength(orderingKey) +
    texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  );
}

export function outOfRange(field: string, value: number, least: number, most: number): ApiError {
  const [direction, bound, limit] = value < least ? ["small", "minimum", least] : ["large", "maximum", most];
  return new ApiError(
    400,
    `The value for ${field} is too ${direction}. You passed ${value} in the request, but the ${bound} value is ${limit}.`,
  );
}

/** Throws a 400 ApiError when the messages of one publish request break a limit. */
export function checkMessages(messages: NewMessage[]): void {
  if (messages.length < 1 || messages.length > MAX_MESSAGES) {
    throw outOfRange("message_count", messages.length, 1, MAX_MESSAGES);
  }
  let total = 0;
  for (const message of messages) {
    const attributes = Object.entries(message.attributes ?? {});
    if (!message.data && attributes.length === 0) {
      throw new ApiError(
        400,
        "One or more messages in the publish request is empty. Each message must contain either non-empty data, or at least one attribute.",
      );
    }
    if (attributes.length > MAX_ATTRIBUTES) {
      throw outOfRange("the number of attributes", attributes.length, 0, MAX_ATTRIBUTES);
    }
    for (const [key, value] of attributes) {
      if (key === "" || key.startsWith("goog")) {
        throw new ApiError(400, `Invalid attribute key: ${JSON.stringify(key)} (empty, or begins with "goog").`);
      }
      if (Buffer.byteLength(key) > MAX_KEY_BYTES) throw new ApiError(400, "The attribute key is too long.");
      if (Buffer.byteLength(value) > MAX_VALUE_BYTES) throw new ApiError(400, "The attribute value is too long.");
    }
    if (Buffer.byteLength(message.orderingKey ?? "") > MAX_ORDERING_KEY_BYTES) {
      throw new ApiError(400, `The ordering key is longer than ${MAX_ORDERING_KEY_BYTES} bytes.`);
    }
    total += messageBytes(message);
  }
  if (total > MAX_BYTES) {
    throw new ApiError(400, `Request payload size exceeds the limit: ${MAX_BYTES} bytes.`);
  }
}
