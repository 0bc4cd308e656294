import type { handleBidiStreamingCall } from "@grpc/grpc-js";
import { ApiError } from "../frame/errors.ts";
import { type Json, toProto } from "../frame/fields.ts";
import { grpcStatus, textHeaders } from "../frame/grpc.ts";
import { newConsumer } from "./backlog.ts";
import { outOfRange } from "./messages.ts";
import { RECEIVED } from "./resources.ts";
import type { Subscriber } from "./subscriber.ts";

interface StreamRequest {
  subscription?: string;
  ackIds?: string[];
  modifyDeadlineAckIds?: string[];
  modifyDeadlineSeconds?: number[];
  streamAckDeadlineSeconds?: number;
  maxOutstandingMessages?: string;
  maxOutstandingBytes?: string;
}

/** One answer stays well below the size clients accept. */
const MOST_PER_RESPONSE = 1000;
const MOST_BYTES_PER_RESPONSE = 10_000_000;

/** Flow control limits: none when 0 or negative, as the API says. */
function limit(value: string | undefined): number {
  const number = Number(value ?? 0);
  return number > 0 ? number : Number.POSITIVE_INFINITY;
}

function checkDeadline(seconds: number): number {
  if (seconds < 10 || seconds > 600) throw outOfRange("stream_ack_deadline_seconds", seconds, 10, 600);
  return seconds;
}

/**
 * StreamingPull: the first request opens the stream, later ones acknowledge, move deadlines and change the stream's
 * deadline. Messages stop coming while as much is outstanding as the client allows.
 * https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1#streamingpullrequest
 */
export function streamingPull(
  find: (name: string, headers: Record<string, string>) => Subscriber,
): handleBidiStreamingCall<StreamRequest, Json> {
  return (call) => {
    const consumer = newConsumer();
    let subscriber: Subscriber | undefined;
    let detach = () => {};
    let deadlineSeconds = 10;
    let mostMessages = Number.POSITIVE_INFINITY;
    let mostBytes = Number.POSITIVE_INFINITY;
    let ended = false;

    const leave = () => {
      ended = true;
      detach();
    };
    const fail = (problem: unknown) => {
      if (ended) return;
      leave();
      // What the stream holds stays handed out until its deadline: the client may still acknowledge it.
      call.emit("error", grpcStatus(problem));
    };

    const offer = (share: number): number => {
      if (ended || !subscriber) return 0;
      const room = Math.min(share, mostMessages - consumer.leased, MOST_PER_RESPONSE);
      const bytes = mostBytes - consumer.leasedBytes;
      if (room <= 0 || bytes <= 0) return 0;
      const received = subscriber.receive(
        consumer,
        room,
        Math.min(bytes, MOST_BYTES_PER_RESPONSE),
        deadlineSeconds * 1000,
      );
      if (received.length > 0) {
        call.write({
          receivedMessages: received.map((message) => toProto(RECEIVED, { ...message })),
          subscriptionProperties: properties(subscriber),
        });
      }
      return received.length;
    };

    /** Only exactly-once delivery tells what became of ids that came over the stream. */
    const confirm = (field: string, ids: string[], invalidAckIds: string[]): void => {
      if (!subscriber?.exactlyOnce) return;
      const ackIds = ids.filter((id) => !invalidAckIds.includes(id));
      call.write({ [field]: { ackIds, invalidAckIds }, subscriptionProperties: properties(subscriber) });
    };

    const open = (request: StreamRequest): void => {
      subscriber = find(request.subscription ?? "", textHeaders(call.metadata));
      subscriber.checkPullable();
      deadlineSeconds = checkDeadline(request.streamAckDeadlineSeconds ?? 0);
      mostMessages = limit(request.maxOutstandingMessages);
      mostBytes = limit(request.maxOutstandingBytes);
      call.write({ subscriptionProperties: properties(subscriber) });
      detach = subscriber.attach({ offer, end: fail });
    };

    call.on("data", (request: StreamRequest) => {
      if (ended) return;
      try {
        const first = subscriber === undefined;
        if (first) open(request);
        else if (request.subscription) {
          throw new ApiError(400, "The subscription may be set only in the first request of a stream.");
        } else if (request.streamAckDeadlineSeconds) {
          deadlineSeconds = checkDeadline(request.streamAckDeadlineSeconds);
        }
        const { ackIds = [], modifyDeadlineAckIds = [], modifyDeadlineSeconds = [] } = request;
        if (modifyDeadlineAckIds.length !== modifyDeadlineSeconds.length) {
          throw new ApiError(400, "modify_deadline_ack_ids and modify_deadline_seconds differ in length.");
        }
        if (modifyDeadlineAckIds.length > 0) {
          const changes = modifyDeadlineAckIds.map((ackId, i) => ({ ackId, seconds: modifyDeadlineSeconds[i] ?? 0 }));
          const invalid = subscriber?.modifyAckDeadline(changes) ?? [];
          confirm("modifyAckDeadlineConfirmation", modifyDeadlineAckIds, invalid);
        }
        if (ackIds.length > 0) confirm("acknowledgeConfirmation", ackIds, subscriber?.acknowledge(ackIds) ?? []);
      } catch (problem) {
        fail(problem);
      }
    });
    call.on("cancelled", leave);
    call.on("error", leave);
    call.on("end", () => {
      if (ended) return;
      leave();
      call.end();
    });
  };
}

function properties({ subscription }: Subscriber): Json {
  return {
    exactlyOnceDeliveryEnabled: subscription.enableExactlyOnceDelivery ?? false,
    messageOrderingEnabled: subscription.enableMessageOrdering ?? false,
  };
}
