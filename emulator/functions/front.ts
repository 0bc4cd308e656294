import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { World } from "../frame/world.ts";
import type { Instance } from "./instance.ts";
import { isPublic, refusal, type Verify, withoutSignature } from "./invoker.ts";
import type { FunctionLogs } from "./logs.ts";
import type { Kept } from "./model.ts";
import { TooManyRequests } from "./pool.ts";
import type { Revision } from "./revision.ts";

/** In the query of what Eventarc pushes to; the real endpoints have it. */
export const EVENTS_MODE = "__GCP_CloudEventsMode";

/** In the computer's time: what a process takes to be gone after its connections are. */
const DYING_MS = 200;

/** What goes from hop to hop and not to the function. */
const HOP = ["connection", "keep-alive", "proxy-connection", "upgrade", "x-serverless-authorization"];

/** An agent for the one request that goes over this connection. */
function over(socket: Socket): Agent {
  return Object.assign(new Agent(), { createConnection: () => socket });
}

/** The URL of a function: a port of its own, so that paths, methods and bodies arrive as they were sent. */
export class Front {
  readonly #world: World;
  readonly #logs: FunctionLogs;
  readonly #kept: Kept;
  readonly #verify: Verify;
  readonly #server: Server;
  /** The revision that new requests go to. */
  revision: Revision | undefined;

  constructor(world: World, logs: FunctionLogs, kept: Kept, verify: Verify) {
    this.#verify = verify;
    this.#world = world;
    this.#logs = logs;
    this.#kept = kept;
    this.#server = createServer((incoming, response) => void this.#answer(incoming, response));
  }

  /** Listens at the port the function had, or at a free one when another program has it now. */
  async listen(host: string): Promise<number> {
    for (const port of [this.#kept.port ?? 0, 0]) {
      const taken = await new Promise<boolean>((resolve, reject) => {
        this.#server.once("error", (problem: NodeJS.ErrnoException) => {
          if (port !== 0 && problem.code === "EADDRINUSE") resolve(true);
          else reject(problem);
        });
        this.#server.listen(port, host, () => resolve(false));
      });
      this.#server.removeAllListeners("error");
      if (!taken) break;
    }
    return (this.#server.address() as AddressInfo).port;
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const begun = performance.now();
    const { url = "/", headers } = incoming;
    const revision = this.revision;
    const isEvent = url.includes(EVENTS_MODE);
    const end = (status: number, text: string, extra: Record<string, string> = {}) => {
      incoming.resume();
      if (response.headersSent) {
        response.destroy();
        return;
      }
      response.writeHead(status, {
        "content-type": text.startsWith("\n<") ? "text/html; charset=UTF-8" : "text/plain",
        "content-length": String(Buffer.byteLength(text)),
        ...extra,
      });
      response.end(text);
    };
    const refused = refusal(
      this.#world,
      this.#verify,
      this.#kept.shown,
      this.#kept.policy,
      url.split("?")[0] ?? "/",
      headers,
    );
    let status = 0;
    if (refused) {
      status = refused.status;
      end(status, refused.body, refused.headers);
    } else if (!revision) {
      status = 503;
      end(status, "Service Unavailable");
    } else {
      // Without retries a failed event is acknowledged: only the log knows of it.
      const once = isEvent && this.#kept.shown.eventTrigger?.retryPolicy !== "RETRY_POLICY_RETRY";
      status = await this.#forward(incoming, response, revision, once, end);
    }
    this.#logRequest(incoming, status, performance.now() - begun, revision);
  }

  /** Returns the status that the function, or the platform in its place, answered. */
  async #forward(
    incoming: IncomingMessage,
    response: ServerResponse,
    revision: Revision,
    once: boolean,
    end: (status: number, text: string) => void,
  ): Promise<number> {
    const seconds = revision.shown.serviceConfig.timeoutSeconds ?? 60;
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    let instance: Instance;
    let socket: Socket;
    try {
      ({ instance, socket } = await revision.pool.acquire(gone.signal));
    } catch (problem) {
      const status = problem instanceof TooManyRequests ? 429 : 500;
      const text =
        status === 429
          ? "The request was aborted because there was no available instance."
          : "The request failed because the instance could not start successfully.";
      if (!gone.signal.aborted) revision.say(status === 429 ? "WARNING" : "ERROR", text);
      end(once ? 200 : status, status === 429 ? "Rate exceeded." : "Internal Server Error");
      return status;
    }
    try {
      return await new Promise<number>((resolve) => {
        // In the computer's time, as the process is.
        const limit = setTimeout(() => {
          outgoing.destroy();
          revision.say("ERROR", "The request has been terminated because it has reached the maximum request timeout.");
          end(once ? 200 : 504, "upstream request timeout");
          resolve(504);
        }, seconds * 1000);
        const outgoing = request(
          {
            agent: over(socket),
            method: incoming.method,
            path: incoming.url,
            headers: this.#headers(incoming),
          },
          (answer) => {
            const status = answer.statusCode ?? 502;
            const acknowledged = once && status >= 300;
            const { connection: _, "keep-alive": __, ...headers } = answer.headers;
            if (!response.headersSent) {
              response.writeHead(acknowledged ? 200 : status, headers);
              answer.pipe(response);
            }
            answer.once("close", () => {
              clearTimeout(limit);
              if (!answer.complete) response.destroy();
              resolve(status);
            });
          },
        );
        outgoing.once("error", () => {
          clearTimeout(limit);
          if (!gone.signal.aborted) {
            revision.say(
              "ERROR",
              "The request failed because either the HTTP response was malformed or connection to the instance had an error.",
            );
          }
          // A process that dies closes this connection before the one it listens at: the next request must not go there.
          void Promise.race([instance.exited, sleep(DYING_MS)]).then(() => {
            end(once ? 200 : 503, "upstream connect error or disconnect/reset before headers");
            resolve(503);
          });
        });
        gone.signal.addEventListener("abort", () => {
          if (!response.writableFinished) outgoing.destroy();
        });
        incoming.pipe(outgoing);
      });
    } finally {
      revision.pool.release(instance);
    }
  }

  #headers(incoming: IncomingMessage): Record<string, string | string[]> {
    const headers: Record<string, string | string[]> = {};
    for (const [name, value] of Object.entries(incoming.headers)) {
      if (value !== undefined && !HOP.includes(name)) headers[name] = value;
    }
    const { ids } = this.#world;
    const trace = ids.hex(32);
    const span = ids.hex(16);
    headers.traceparent ??= `00-${trace}-${span}-01`;
    headers["x-cloud-trace-context"] ??= `${trace}/${BigInt(`0x${span}`)};o=1`;
    headers["x-forwarded-for"] ??= incoming.socket.remoteAddress ?? "127.0.0.1";
    headers["x-forwarded-proto"] ??= "http";
    headers.forwarded ??= `for="${incoming.socket.remoteAddress ?? "127.0.0.1"}";proto=http`;
    if (typeof headers.authorization === "string" && !isPublic(this.#kept.policy)) {
      headers.authorization = withoutSignature(headers.authorization);
    }
    return headers;
  }

  #logRequest(incoming: IncomingMessage, status: number, ms: number, revision: Revision | undefined): void {
    const { method, url = "/", headers, socket } = incoming;
    const trace = /^([0-9a-f]{32})/.exec(String(headers["x-cloud-trace-context"] ?? ""))?.[1];
    this.#logs.write(this.#kept.shown.name, revision?.name ?? "", "requests", {
      severity: status >= 500 ? "ERROR" : status >= 400 ? "WARNING" : "INFO",
      httpRequest: {
        requestMethod: method,
        requestUrl: `${this.#kept.shown.url ?? ""}${url}`,
        status,
        userAgent: headers["user-agent"] ?? "",
        remoteIp: socket.remoteAddress ?? "",
        protocol: `HTTP/${incoming.httpVersion}`,
        latency: `${(ms / 1000).toFixed(6)}s`,
      },
      ...(trace && { trace: `projects/${this.#world.project}/traces/${trace}`, traceSampled: true }),
    });
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}
