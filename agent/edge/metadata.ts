import { Failure } from "../outcome.ts";
import type { Deadline, Edge } from "./deadline.ts";
import { type Answer, type Ask, type Origin, openOrigin } from "./http.ts";
import { isPassing, metadataRetry, Passing, retryAfterMs, retrying } from "./retry.ts";

/** The address first, because the name needs a resolver that may not be up yet; then the name; then machines with IPv6 only. */
export const metadataAddresses = ["169.254.169.254:80", "metadata.google.internal:80", "[fd20:ce::254]:80"];

const flavor = "metadata-flavor";

/**
 * The metadata server. Redirects are refused and the flavour header is required back, so that a captive portal or a
 * proxy cannot pass for it. https://docs.cloud.google.com/compute/docs/metadata/querying-metadata
 */
export class Metadata {
  readonly #origins: Origin[];
  readonly #edge: Edge;
  /** The address that answered. */
  #found: Origin | undefined;

  constructor(addresses: readonly string[], edge: Edge) {
    this.#origins = addresses.map((address) => openOrigin(`http://${address}`));
    this.#edge = edge;
  }

  /** Answers of 200 and 4xx that mean something to the caller; the rest is retried until the deadline. */
  get(path: string, deadline: Deadline): Promise<Answer> {
    return this.#ask({ path }, deadline);
  }

  put(path: string, body: string, deadline: Deadline): Promise<Answer> {
    return this.#ask({ method: "PUT", path, body }, deadline);
  }

  close(): void {
    for (const origin of this.#origins) origin.close();
  }

  #ask(ask: Omit<Ask, "timeoutMs">, deadline: Deadline): Promise<Answer> {
    const shown = ask.path.replace(/\?.*/, "");
    return retrying(
      `metadata ${shown}`,
      "metadata-unreachable",
      metadataRetry,
      this.#edge,
      deadline,
      async (timeoutMs, n) => {
        const origin = this.#found ?? this.#origins[n % this.#origins.length];
        if (!origin) throw new Failure("bug", "no metadata address");
        const answer = await origin.ask({ ...ask, timeoutMs, headers: { "Metadata-Flavor": "Google" } });
        if (answer.status >= 300 && answer.status < 400)
          throw new Failure("metadata-refused", `${shown} is answered with a redirect`);
        if (isPassing(answer.status)) throw new Passing(`status ${answer.status}`, retryAfterMs(answer.headers));
        if (answer.headers[flavor] !== "Google")
          throw new Failure("metadata-refused", `${shown} is not answered by Google: no Metadata-Flavor`);
        this.#found = origin;
        return answer;
      },
    );
  }
}

export interface AccessToken {
  /** The token asked for at start; one request however often it is called. */
  get(): Promise<string>;
  /** Asks anew; callers that come together share one request. */
  renew(refused: string): Promise<string>;
}

/** Starts asking now; whoever needs the token first waits for it. */
export function accessToken(metadata: Metadata, deadline: Deadline): AccessToken {
  const fetched = async (): Promise<string> => {
    const answer = await metadata.get("/computeMetadata/v1/instance/service-accounts/default/token", deadline);
    if (answer.status === 404) throw new Failure("no-service-account", "The instance has no service account");
    if (answer.status !== 200) throw new Failure("metadata-refused", `No access token: status ${answer.status}`);
    const token = readToken(answer.body.toString());
    if (token === undefined) throw new Failure("metadata-refused", "No access token in the answer");
    return token;
  };
  let current = fetched();
  current.catch(() => {});
  return {
    get: () => current,
    renew: async (refused) => {
      const known = current;
      if ((await known) !== refused || current !== known) return current;
      current = fetched();
      current.catch(() => {});
      return current;
    },
  };
}

function readToken(text: string): string | undefined {
  try {
    const token: unknown = JSON.parse(text)?.access_token;
    return typeof token === "string" && /^[\x21-\x7e]+$/.test(token) ? token : undefined;
  } catch {
    return undefined;
  }
}
