import { dialPlain, openHttp1 } from "./http1.ts";
import { openHttps } from "./https.ts";
import { Passing, Refused } from "./retry.ts";

export interface Ask {
  method?: "GET" | "POST" | "PUT";
  /** From the host's root, with the query. */
  path: string;
  headers?: Record<string, string>;
  body?: string;
  timeoutMs: number;
  /** Bytes of answer accepted. */
  limit?: number;
  /** Called when there is a connection for it (plain http only). */
  connected?: () => void;
}

export interface Answer {
  status: number;
  /** Names in lower case; of fields that come twice the first. */
  headers: { [name: string]: string | undefined };
  body: Buffer;
}

/**
 * One place requests go to. A request that gets no whole answer rejects with `Passing`, or with `Refused` when asking
 * again would not help; redirects are answers.
 */
export interface Origin {
  ask(ask: Ask): Promise<Answer>;
  close(): void;
}

export const defaultLimit = 4 * 1024 * 1024;

/**
 * `base` is `http://host[:port][/prefix]`, or https, for which the connection opens at once. Proxies are never used.
 * @param ca certificates in PEM to trust instead of the usual roots.
 */
export function openOrigin(base: string, ca?: Buffer | string): Origin {
  const url = new URL(base);
  const prefix = url.pathname.replace(/\/$/, "");
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const origin =
    url.protocol === "https:" ? openHttps(url, host, ca) : openHttp1(url.host, dialPlain(host, Number(url.port || 80)));
  return { ask: (ask) => origin.ask({ ...ask, path: prefix + ask.path }), close: () => origin.close() };
}

/** The system's own error code says most; a stream of HTTP/2 that was lost with its session has it in its cause. */
export function transportError(error: unknown): Error {
  if (!(error instanceof Error)) return new Passing("the answer was cut off");
  if (error instanceof Passing || error instanceof Refused) return error;
  if (error.cause instanceof Error) return transportError(error.cause);
  return new Passing("code" in error && typeof error.code === "string" ? error.code : error.message);
}
