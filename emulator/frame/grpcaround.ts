import type {
  ServerDuplexStream,
  ServerUnaryCall,
  ServiceDefinition,
  sendUnaryData,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { Outcome } from "./faults/faults.ts";
import { grpcStatus, textHeaders } from "./grpc.ts";

type Message = Record<string, unknown>;
type Unary = (call: ServerUnaryCall<Message, Message>, answer: sendUnaryData<Message>) => void;
type Stream = (call: ServerDuplexStream<Message, Message>) => void;

/** A gRPC call before it is run; `path` is `/google.pubsub.v1.Publisher/Publish`. */
export interface GrpcCall {
  path: string;
  request: Message;
  headers: Record<string, string>;
}

/** Runs a call in other circumstances than plain ones, as `Around` does for REST. */
export type GrpcAround = <T extends Outcome>(call: GrpcCall, run: () => Promise<T> | T) => Promise<T | Outcome>;

/** A service whose methods all run through `around`. `cut` resets the connection of a peer. */
export function surrounded(
  definition: ServiceDefinition,
  implementation: UntypedServiceImplementation,
  around: GrpcAround,
  cut: (peer: string) => void,
): UntypedServiceImplementation {
  const wrapped: UntypedServiceImplementation = {};
  for (const [name, { path, requestStream, responseStream }] of Object.entries(definition)) {
    const run = implementation[name];
    if (run === undefined) continue;
    wrapped[name] =
      requestStream || responseStream
        ? stream(path, run as Stream, around, cut)
        : unary(path, run as Unary, around, cut);
  }
  return wrapped;
}

function unary(path: string, run: Unary, around: GrpcAround, cut: (peer: string) => void): Unary {
  return (call, answer) => {
    const headers = textHeaders(call.metadata);
    void (async () => {
      try {
        const outcome = await around({ path, request: call.request, headers }, () => {
          return new Promise<Outcome & { parts: Parameters<typeof answer> }>((resolve) =>
            run(call, (...parts) => resolve({ status: parts[0] ? 400 : 200, parts })),
          );
        });
        if (outcome.cut === "reset") cut(call.getPeer());
        else if ("parts" in outcome) answer(...outcome.parts);
      } catch (problem) {
        answer(grpcStatus(problem));
      }
    })();
  };
}

/** A stream is known by its first message: only then is it clear what it is about. */
function stream(path: string, run: Stream, around: GrpcAround, cut: (peer: string) => void): Stream {
  return (call) => {
    call.once("data", (first: Message) => {
      call.pause();
      const headers = textHeaders(call.metadata);
      void (async () => {
        try {
          const outcome = await around({ path, request: first, headers }, (): Outcome => {
            run(call);
            call.emit("data", first);
            call.resume();
            return {};
          });
          if (outcome.cut === "reset") cut(call.getPeer());
        } catch (problem) {
          call.emit("error", grpcStatus(problem));
        }
      })();
    });
  };
}
