import { Failure } from "../outcome.ts";
import { noteDate } from "./clock.ts";
import type { Deadline, Edge } from "./deadline.ts";
import { type Answer, type Ask, type Origin, openOrigin } from "./http.ts";
import { isPassing, metadataRetry, Passing, Refused, retryAfterMs, retrying } from "./retry.ts";

/** The name last, because it needs a resolver that may not be up yet. */
export const metadataAddresses = ["169.254.169.254:80", "[fd20:ce::254]:80", "metadata.google.internal:80"];

/** How long one address is tried alone (RFC 8305 has 150 to 250 ms). */
const staggerMs = 150;

const forbidden =
  "this machine's own routes or rules forbid it; with systemd.imds.network=locked only systemd-imdsd may ask: boot with systemd.imds.network=unlocked";

interface Address {
  name: string;
  origin: Origin;
}

/**
 * The metadata server. Redirects are refused and the flavour header is required back, so that a captive portal or a
 * proxy cannot pass for it. https://docs.cloud.google.com/compute/docs/metadata/querying-metadata
 */
export class Metadata {
  readonly #addresses: Address[];
  readonly #edge: Edge;
  /** The address that answered. */
  #found: Address | undefined;

  constructor(addresses: readonly string[], edge: Edge) {
    this.#addresses = addresses.map((name) => ({ name, origin: openOrigin(`http://${name}`) }));
    this.#edge = edge;
  }

  /**
   * Answers of 200 and 4xx that mean something to the caller; the rest is retried until the deadline. `meaning` turns
   * an answer into a value or throws, `Passing` to have it asked for again.
   */
  get(path: string, deadline: Deadline): Promise<Answer>;
  get<T>(path: string, deadline: Deadline, meaning: (answer: Answer) => T): Promise<T>;
  get(path: string, deadline: Deadline, meaning: (answer: Answer) => unknown = (answer) => answer): Promise<unknown> {
    return this.#ask({ path }, deadline, meaning);
  }

  put(path: string, body: string, deadline: Deadline): Promise<Answer> {
    return this.#ask({ method: "PUT", path, body }, deadline, (answer) => answer);
  }

  close(): void {
    for (const { origin } of this.#addresses) origin.close();
  }

  #ask<T>(ask: Omit<Ask, "timeoutMs">, deadline: Deadline, meaning: (answer: Answer) => T): Promise<T> {
    const what = `metadata ${ask.path.replace(/\?.*/, "")}`;
    return retrying(what, "metadata-unreachable", metadataRetry, this.#edge, deadline, async (timeoutMs) => {
      const whole = { ...ask, timeoutMs, headers: { "Metadata-Flavor": "Google" } };
      const answer = await (this.#found ? this.#from(this.#found, whole) : this.#race(whole, deadline));
      if (isPassing(answer.status)) throw new Passing(`status ${answer.status}`, retryAfterMs(answer.headers));
      return meaning(answer);
    });
  }

  /** Asks one address after the other until one is connected; the first answer counts. */
  #race(ask: Ask, deadline: Deadline): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const failures: string[] = [];
      let begun = 0;
      let timer: NodeJS.Timeout;
      const next = () => {
        clearTimeout(timer);
        const address = this.#addresses[begun];
        if (!address) return;
        begun++;
        timer = setTimeout(next, staggerMs);
        const timeoutMs = Math.min(ask.timeoutMs, deadline.left());
        this.#from(address, { ...ask, timeoutMs, connected: () => clearTimeout(timer) }).then(
          (answer) => {
            begun = this.#addresses.length;
            clearTimeout(timer);
            resolve(answer);
          },
          (error) => {
            // What answers at the server's own address is final; a name may be anybody's while the network comes up.
            const named = this.#addresses.length > 1 && /^[a-z]/i.test(address.name);
            if (!(error instanceof Passing) && !(error instanceof Refused && named)) reject(error);
            failures.push(this.#addresses.length > 1 ? `${address.name} ${error.message}` : error.message);
            if (failures.length === this.#addresses.length) reject(new Passing(failures.join(", ")));
            else if (failures.length === begun) next();
          },
        );
      };
      next();
    });
  }

  async #from(address: Address, ask: Ask): Promise<Answer> {
    try {
      const answer = await address.origin.ask(ask);
      if (answer.status >= 300 && answer.status < 400) throw new Refused("answered with a redirect");
      // A server that is starting may not have its headers yet.
      if (isPassing(answer.status)) return answer;
      if (answer.headers["metadata-flavor"] !== "Google")
        throw new Refused("not answered by Google: no Metadata-Flavor");
      noteDate(answer.headers.date);
      this.#found = address;
      return answer;
    } catch (error) {
      if (this.#found === address) this.#found = undefined;
      if (error instanceof Passing && /^E(ACCES|PERM)$/.test(error.message))
        throw new Passing(`${error.message} (${forbidden})`);
      throw error;
    }
  }
}

export interface AccessToken {
  /** One request however often it is called. */
  get(): Promise<string>;
  /** Asks anew; callers that come together share one request. */
  renew(refused: string): Promise<string>;
}

/** The instance's service account's; asked for when first needed. */
export function accessToken(metadata: Metadata, deadline: Deadline): AccessToken {
  const fetched = (): Promise<string> => {
    const path = "/computeMetadata/v1/instance/service-accounts/default/token";
    const coming = metadata.get(path, deadline, ({ status, body }) => {
      if (status === 404) throw new Failure("no-service-account", "The instance has no service account");
      if (status !== 200) throw new Failure("metadata-refused", `No access token: status ${status}`);
      return readToken(body.toString());
    });
    coming.catch(() => {});
    return coming;
  };
  let current: Promise<string> | undefined;
  const get = () => {
    current ??= fetched();
    return current;
  };
  return {
    get,
    renew: async (refused) => {
      const known = get();
      if ((await known) !== refused || current !== known) return get();
      current = fetched();
      return current;
    },
  };
}

function readToken(text: string): string {
  let token: unknown;
  try {
    token = JSON.parse(text)?.access_token;
  } catch {
    // Torn: said below.
  }
  if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new Passing("no access token in the answer");
}
