import { type AddressInfo, createServer, type Socket } from "node:net";
import {
  type handleBidiStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { ApiError, RPC_CODES } from "./errors.ts";
import { type GrpcAround, surrounded } from "./grpcaround.ts";
import { encodeStatus } from "./status.ts";

/** A service as the gRPC port serves it, beside its REST routes. */
export interface GrpcService {
  definition: ServiceDefinition;
  implementation: UntypedServiceImplementation;
}

/** The largest request a client may send: Pub/Sub's 10 MB of messages and what wraps them. */
const MAX_REQUEST_BYTES = 20 * 1024 * 1024;

/** How long open calls may take to end, in real time, before the port is closed under them. */
const SHUTDOWN_MS = 500;

export interface ListeningGrpc {
  port: number;
  /** Serves a connection that came in at another port; nothing of it has been read. */
  adopt(connection: Socket): void;
  close(): Promise<void>;
}

/** The same services, asked anew at every call who serves it now: the emulator can be emptied while it runs. */
export function delegating(current: () => GrpcService[]): GrpcService[] {
  return current().map(({ definition, implementation }, i) => ({
    definition,
    implementation: Object.fromEntries(
      Object.keys(implementation).map((name) => [
        name,
        (...parts: unknown[]) => {
          const run = current()[i]?.implementation[name];
          if (run) Reflect.apply(run, undefined, parts);
        },
      ]),
    ),
  }));
}

/** Serves all of them on one port, in clear text. Port 0 takes a free one. */
export async function listenGrpc(
  host: string,
  port: number,
  services: GrpcService[],
  around?: GrpcAround,
): Promise<ListeningGrpc> {
  const server = new Server({
    "grpc.max_receive_message_length": MAX_REQUEST_BYTES,
    "grpc.max_send_message_length": -1,
  });
  const open = new Set<Socket>();
  const reset = (peer: string) => {
    for (const socket of open) if (peer.endsWith(`:${socket.remotePort}`)) socket.resetAndDestroy();
  };
  for (const { definition, implementation } of services) {
    // grpc-js refuses a service without methods.
    if (Object.keys(definition).length === 0) continue;
    const complete = { ...refusals(definition), ...implementation };
    server.addService(definition, around ? surrounded(definition, complete, around, reset) : complete);
  }
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const adopt = (connection: Socket) => {
    open.add(connection);
    connection.once("close", () => open.delete(connection));
    injector.injectConnection(connection);
  };
  const door = createServer({ noDelay: true }, adopt);
  await new Promise<void>((resolve, reject) => {
    door.once("error", reject);
    door.listen(port, host, resolve);
  });
  return {
    port: (door.address() as AddressInfo).port,
    adopt,
    close: () =>
      new Promise((resolve) => {
        door.close();
        // A client that stands still (at a breakpoint, say) never lets go by itself, whatever the server asks of it.
        const end = () => {
          clearTimeout(cut);
          server.forceShutdown();
          for (const connection of open) connection.destroy();
          resolve();
        };
        const cut = setTimeout(end, SHUTDOWN_MS);
        server.tryShutdown(end);
      }),
  };
}

/** What every method answers that is not implemented: UNIMPLEMENTED with the method's full name. */
function refusals(definition: ServiceDefinition): UntypedServiceImplementation {
  return Object.fromEntries(
    Object.entries(definition).map(([name, { path, requestStream, responseStream }]) => {
      const refusal = { code: status.UNIMPLEMENTED, details: `${path} is not emulated` };
      const refuseUnary: handleUnaryCall<unknown, unknown> = (_, answer) => answer(refusal);
      const refuseStream: handleBidiStreamingCall<unknown, unknown> = (call) => call.emit("error", refusal);
      return [name, requestStream || responseStream ? refuseStream : refuseUnary];
    }),
  );
}

/** A failed call as gRPC says it. What is not an ApiError is a defect of the emulator: INTERNAL, and printed. */
export function grpcStatus(problem: unknown): { code: number; details: string; metadata?: Metadata } {
  if (problem instanceof ApiError) {
    const metadata = new Metadata();
    if (problem.extras.details) metadata.set("grpc-status-details-bin", encodeStatus(problem));
    return { code: RPC_CODES[problem.status], details: problem.message, metadata };
  }
  console.error("emulator: gRPC:", problem);
  return { code: status.INTERNAL, details: "Internal error encountered." };
}

/** Request headers as text; binary ones are left out. */
export function textHeaders(metadata: Metadata): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata.getMap()).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])),
  );
}

/** A unary method from a plain function: thrown ApiErrors become statuses. */
export function unary<Request, Response>(
  run: (request: Request, headers: Record<string, string>) => Promise<Response> | Response,
): handleUnaryCall<Request, Response> {
  return (call, answer) => {
    void (async () => {
      try {
        answer(null, await run(call.request, textHeaders(call.metadata)));
      } catch (problem) {
        answer(grpcStatus(problem));
      }
    })();
  };
}
