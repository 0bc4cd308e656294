import { Agent, request } from "node:http";
import { openHttp2 } from "./http2.ts";
import { Passing } from "./retry.ts";

export interface Ask {
  method?: "GET" | "POST" | "PUT";
  /** From the host's root, with the query. */
  path: string;
  headers?: Record<string, string>;
  body?: string;
  timeoutMs: number;
  /** Bytes of answer accepted. */
  limit?: number;
}

export interface Answer {
  status: number;
  headers: { [name: string]: string | undefined };
  body: Buffer;
}

/** One place requests go to. A request that gets no whole answer rejects with `Passing`; redirects are answers. */
export interface Origin {
  ask(ask: Ask): Promise<Answer>;
  close(): void;
}

export const defaultLimit = 4 * 1024 * 1024;

/** `base` is `http://host[:port][/prefix]` or https, which is spoken as HTTP/2. The connection opens at once for https. */
export function openOrigin(base: string): Origin {
  const url = new URL(base);
  const prefix = url.pathname.replace(/\/$/, "");
  const origin = url.protocol === "https:" ? openHttp2(url.origin) : openHttp1(url);
  return { ask: (ask) => origin.ask({ ...ask, path: prefix + ask.path }), close: () => origin.close() };
}

function openHttp1(url: URL): Origin {
  // An agent of our own: the global one may be told by the environment to use a proxy.
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return {
    close: () => agent.destroy(),
    ask: (ask) =>
      new Promise((resolve, reject) => {
        const body = ask.body === undefined ? undefined : Buffer.from(ask.body);
        const headers = { ...ask.headers, ...(body ? { "Content-Length": String(body.length) } : {}) };
        const sent = request({
          host,
          port: url.port || 80,
          agent,
          method: ask.method ?? "GET",
          path: ask.path,
          headers,
        });
        const timer = setTimeout(
          () => sent.destroy(new Error(`no answer in ${Math.round(ask.timeoutMs)} ms`)),
          ask.timeoutMs,
        );
        const fail = (error: Error) => {
          clearTimeout(timer);
          reject(new Passing(transportMessage(error)));
        };
        sent.on("error", fail);
        sent.on("response", (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on("data", (chunk: Buffer) => {
            size += chunk.length;
            if (size > (ask.limit ?? defaultLimit)) sent.destroy(new Error("the answer is too long"));
            else chunks.push(chunk);
          });
          response.on("error", fail);
          response.on("aborted", () => fail(new Error("the answer was cut off")));
          response.on("end", () => {
            clearTimeout(timer);
            resolve({
              status: response.statusCode ?? 0,
              headers: single(response.headers),
              body: Buffer.concat(chunks),
            });
          });
        });
        sent.end(body);
      }),
  };
}

/** The system's own error code says most; a stream of HTTP/2 that was lost with its session has it in its cause. */
export function transportMessage(error: Error): string {
  const { cause } = error;
  if (cause instanceof Error) return transportMessage(cause);
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}

export function single(headers: { [name: string]: string | string[] | undefined }): {
  [name: string]: string | undefined;
} {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
}
