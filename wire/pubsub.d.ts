/** Pub/Sub REST v1 and the push envelope. https://cloud.google.com/pubsub/docs/reference/rest */

export interface PubsubMessage {
  /** base64 */
  data?: string;
  attributes?: Record<string, string>;
  messageId?: string;
  publishTime?: string;
  orderingKey?: string;
}

/** What a push subscription posts. Both spellings of id and time are on the wire (recorded). */
export interface PushEnvelope {
  message: PubsubMessage & { message_id?: string; publish_time?: string };
  subscription: string;
  deliveryAttempt?: number;
}
