import type { GoogleAuth } from "google-auth-library";
import type { ComputeErrorBody } from "../../wire/compute.d.ts";
import { Failure, kindOf } from "./failure.ts";

/** One API over REST: what `@google-cloud/compute` would do, without the 1.8 s its import takes. */
export interface Rest {
  get<T>(path: string, query?: Record<string, string>): Promise<T>;
  send<T>(
    method: "POST" | "PUT" | "PATCH" | "DELETE",
    path: string,
    body?: unknown,
    query?: Record<string, string>,
  ): Promise<T>;
}

const TRY_MS = 30_000;
const SCOPE = "https://www.googleapis.com/auth/cloud-platform";

/** Who says who we are. Google's library is loaded at first use: not every run of a command makes a call. */
export type Credentials = Pick<GoogleAuth, "getRequestHeaders">;

/** `endpoint` ends in `/`. Credentials are the usual ones of a Google client: the environment's, or the metadata server's. */
export function makeRest(endpoint: string, given?: Credentials): Rest {
  let loading: Promise<Credentials> | undefined;
  const credentials = (): Promise<Credentials> => {
    loading ??= given
      ? Promise.resolve(given)
      : import("google-auth-library").then(({ GoogleAuth }) => new GoogleAuth({ scopes: [SCOPE] }));
    return loading;
  };

  async function call<T>(method: string, path: string, query: Record<string, string> = {}, body?: unknown): Promise<T> {
    const search = new URLSearchParams(query).toString();
    const url = `${endpoint}${path}${search ? `?${search}` : ""}`;
    const what = `${method} ${path}`;
    let status = 0;
    let text: string;
    try {
      const headers = new Headers(await (await credentials()).getRequestHeaders(url));
      if (body !== undefined) headers.set("content-type", "application/json");
      const init = {
        method,
        headers,
        signal: AbortSignal.timeout(TRY_MS),
        ...(body !== undefined && { body: JSON.stringify(body) }),
      };
      const response = await fetch(url, init);
      status = response.status;
      text = await response.text();
    } catch (problem) {
      throw new Failure("unavailable", 0, what, problem);
    }
    if (status >= 200 && status < 300) return (text ? JSON.parse(text) : {}) as T;
    const { message, reason } = explain(text);
    throw new Failure(kindOf(status, reason), status, what, message);
  }
  return {
    get: (path, query) => call("GET", path, query),
    send: (method, path, body, query) => call(method, path, query, body),
  };
}

function explain(text: string): { message: string; reason: string } {
  try {
    const { error } = JSON.parse(text) as ComputeErrorBody | { error: string };
    // Prometheus' form, which Cloud Monitoring keeps for queries.
    if (typeof error === "string") return { message: error, reason: "" };
    return { message: error.message, reason: error.errors?.[0]?.reason ?? error.status ?? "" };
  } catch {
    return { message: text.slice(0, 200), reason: "" };
  }
}
