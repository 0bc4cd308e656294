import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { noteCall } from "./calls.ts";
import { ApiError, errorBody } from "./errors.ts";
import { divertHttp2 } from "./http2.ts";
import type { Router } from "./router.ts";

/** One request, with its parts at hand. */
export interface Call {
  method: string;
  /** Raw path, still encoded, without the query. */
  path: string;
  params: Record<string, string>;
  query: URLSearchParams;
  headers: Record<string, string>;
  /** The body as it came. */
  bytes: Buffer;
  /** The body as JSON; `{}` when empty. Throws a 400 ApiError when it is not JSON. */
  json<T = Record<string, unknown>>(): T;
  /** `http://host:port` as the caller named it, for self links; `https` when a proxy says so (`x-forwarded-proto`). */
  origin: string;
}

export interface Answer {
  /** Default 200. */
  status?: number;
  /** A value of several lines is sent as several headers of that name. */
  headers?: Record<string, string>;
  /** Sent as JSON unless `bytes` or `text` is given. */
  json?: unknown;
  text?: string;
  bytes?: Buffer;
  /** Breaks the connection: `reset` before anything is sent, or after so many bytes; `silence` sends nothing, ever. */
  cut?: "reset" | "silence" | { afterBytes: number };
  /** Sends so many bytes of the body, waits, and goes on. */
  pause?: { afterBytes: number; wait: () => Promise<void> };
  /** A body without an end: gets what writes to it, and returns what stops that when the caller has gone. */
  stream?: (write: (text: string) => void) => () => void;
}

/** Called once a request has been answered: one line of the request log. */
export type OnAnswered = (line: { id: string; method: string; path: string; status: number; ms: number }) => void;

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function parse<T>(bytes: Buffer): T {
  if (bytes.length === 0) return {} as T;
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    return (value === "" || value === null ? {} : value) as T;
  } catch {
    throw new ApiError(400, "Invalid JSON payload received. Parse Error", { reason: "parseError" });
  }
}

/** Builds a Call from parts; also used for the parts of a batch request. */
export function makeCall(parts: {
  method: string;
  url: string;
  headers: Record<string, string>;
  bytes: Buffer;
}): Omit<Call, "params"> {
  const cut = parts.url.indexOf("?");
  // A base URL that ends in a slash makes two of them, which mean one.
  const path = (cut < 0 ? parts.url : parts.url.slice(0, cut)).replace(/^\/{2,}/, "/");
  // Java's clients cannot send PATCH: Google's APIs take the method from this header then.
  const override = parts.method === "POST" ? parts.headers["x-http-method-override"]?.toUpperCase() : undefined;
  // Somebody may speak TLS in front of this: clients for which links to Google are https and nothing else need it.
  const scheme = parts.headers["x-forwarded-proto"] === "https" ? "https" : "http";
  return {
    method: override ?? parts.method,
    path,
    query: new URLSearchParams(cut < 0 ? "" : parts.url.slice(cut + 1)),
    headers: parts.headers,
    bytes: parts.bytes,
    json: <T>() => parse<T>(parts.bytes),
    origin: `${scheme}://${parts.headers.host ?? "127.0.0.1"}`,
  };
}

/** Runs one call through the router and renders errors in the style of the service it was meant for. */
export async function dispatch(router: Router, call: Omit<Call, "params">): Promise<{ id: string; answer: Answer }> {
  // HEAD is GET without the body, which is left out when it is sent.
  const found = router.find(call.method === "HEAD" ? "GET" : call.method, call.path);
  const service = found?.service ?? router.serviceOf(call.path);
  const style = service?.errors ?? "legacy";
  if (!found) {
    const id = service?.nameUnknown(call.method, call.path) ?? `${call.method} ${call.path}`;
    const error = new ApiError(501, `${id} is not emulated (${call.method} ${call.path})`, {
      reason: "notImplemented",
    });
    return { id, answer: { status: 501, json: errorBody(error, style) } };
  }
  const run = () => found.route.run({ ...call, params: found.params });
  try {
    // The parts of a batch suffer one by one, and the emulator's own door never does.
    const isSpared = found.route.id.startsWith("emulator.") || found.route.id.endsWith(".batch");
    const answer = isSpared || !router.around ? await run() : await router.around(found, call, run);
    if ((answer.status ?? 200) < 400) noteCall(found.route.id, call.headers);
    return { id: found.route.id, answer };
  } catch (problem) {
    const error =
      problem instanceof ApiError
        ? problem
        : new ApiError(500, "Internal error encountered.", { reason: "backendError" });
    if (error !== problem) console.error(`emulator: ${found.route.id}:`, problem);
    return {
      id: found.route.id,
      answer: {
        status: error.code,
        json: errorBody(error, style),
        ...(error.extras.headers && { headers: error.extras.headers }),
      },
    };
  }
}

async function send(response: ServerResponse, answer: Answer): Promise<void> {
  if (answer.cut === "silence") return;
  if (answer.cut === "reset") {
    response.socket?.resetAndDestroy();
    return;
  }
  if (answer.stream) {
    response.writeHead(answer.status ?? 200, answer.headers);
    const stop = answer.stream((text) => response.write(text));
    response.once("close", stop);
    return;
  }
  const headers: Record<string, string> = { ...answer.headers };
  let body: Buffer | undefined;
  if (answer.bytes) body = answer.bytes;
  else if (answer.text !== undefined) {
    body = Buffer.from(answer.text);
    headers["content-type"] ??= "text/html; charset=UTF-8";
  } else if (answer.json !== undefined) {
    body = Buffer.from(JSON.stringify(answer.json));
    headers["content-type"] ??= "application/json; charset=UTF-8";
  }
  headers["content-length"] ??= String(body?.length ?? 0);
  const lines = Object.entries(headers).map(([name, value]) => [
    name,
    value.includes("\n") ? value.split("\n") : value,
  ]);
  response.writeHead(answer.status ?? 200, Object.fromEntries(lines));
  const { cut, pause } = answer;
  if (cut && body) {
    response.write(body.subarray(0, cut.afterBytes), () => response.socket?.destroy());
    return;
  }
  if (pause && body && body.length > pause.afterBytes) {
    response.write(body.subarray(0, pause.afterBytes));
    await pause.wait();
    body = body.subarray(pause.afterBytes);
  }
  response.end(body);
}

export interface Listening {
  server: Server;
  host: string;
  port: number;
  close(): Promise<void>;
}

/**
 * Listens with `answer` for every request. Port 0 takes a free one. A connection that opens as HTTP/2 does is `onHttp2`'s,
 * so that gRPC clients given this port find what they look for.
 */
export async function listen(
  host: string,
  port: number,
  answer: (call: Omit<Call, "params">, request: IncomingMessage) => Promise<Answer>,
  onHttp2?: (connection: Socket) => void,
): Promise<Listening> {
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void (async () => {
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([k, v]) => [k, Array.isArray(v) ? v.join(", ") : (v ?? "")]),
      );
      const call = makeCall({
        method: request.method ?? "GET",
        url: request.url ?? "/",
        headers,
        bytes: await readAll(request),
      });
      await send(response, await answer(call, request));
    })().catch((problem: unknown) => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
      console.error("emulator:", problem);
    });
  });
  const closeDiverted = onHttp2 ? divertHttp2(server, onHttp2) : () => {};
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return {
    server,
    host,
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        closeDiverted();
      }),
  };
}
