import { Failure, type Reason } from "../outcome.ts";
import type { Deadline, Edge } from "./deadline.ts";
import { type Answer, type Ask, type Origin, openOrigin } from "./http.ts";
import type { AccessToken } from "./metadata.ts";
import { apiRetry, isPassing, type Lost, Passing, retryAfterMs, retrying } from "./retry.ts";

export type Api = "secretmanager" | "storage" | "pubsub";

/** Google's APIs with the instance's token. Hosts are opened once and kept. */
export class Google {
  readonly #origins = new Map<string, Origin>();
  readonly #endpoints: Partial<Record<Api, string>>;
  readonly #token: AccessToken;
  readonly #edge: Edge;

  constructor(endpoints: Partial<Record<Api, string>>, token: AccessToken, edge: Edge) {
    this.#endpoints = endpoints;
    this.#token = token;
    this.#edge = edge;
  }

  /** Asks for the token, which somebody will need soon. */
  begin(): void {
    this.#token.get();
  }

  /** Connects (https only), so that the handshake goes on while the token is still under way. */
  open(api: Api, host = `${api}.googleapis.com`): Origin {
    const base = this.#endpoints[api] ?? `https://${host}`;
    const origin = this.#origins.get(base) ?? openOrigin(base);
    this.#origins.set(base, origin);
    return origin;
  }

  /**
   * One call, retried while its failure may pass. `meaning` turns an answer into a value or throws: `Passing` to have
   * it retried as well. A 401 renews the token once. `what` stands in front of progress lines and errors.
   */
  call<T>(
    api: Api,
    ask: Omit<Ask, "timeoutMs">,
    about: { what: string; lost: Lost; refused: Reason; host?: string | undefined },
    deadline: Deadline,
    meaning: (answer: Answer) => T,
  ): Promise<T> {
    const origin = this.open(api, about.host);
    let renewed = false;
    return retrying(about.what, about.lost, apiRetry, this.#edge, deadline, async (timeoutMs) => {
      const asked = async (coming: Promise<string>): Promise<[answer: Answer, token: string]> => {
        const token = await within(coming, deadline);
        const left = Math.min(timeoutMs, deadline.left());
        return [await origin.ask({ ...ask, timeoutMs: left, headers: bearer(token, ask) }), token];
      };
      let [answer, token] = await asked(this.#token.get());
      if (answer.status === 401 && !renewed) {
        renewed = true;
        [answer] = await asked(this.#token.renew(token));
      }
      if (answer.status === 401)
        throw new Failure(about.refused, `${about.what}: the access token is refused twice (401)`);
      if (isPassing(answer.status)) throw new Passing(`status ${answer.status}`, retryAfterMs(answer.headers));
      return meaning(answer);
    });
  }

  close(): void {
    for (const origin of this.#origins.values()) origin.close();
  }
}

/** The token's own deadline is the boot's; a report has less time than that. */
function within(token: Promise<string>, deadline: Deadline): Promise<string> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Failure("metadata-unreachable", "no access token in time"));
    // Where both end together, the token's own sentence says more.
    const timer = setTimeout(late, deadline.left() + 100);
    token.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function bearer(token: string, ask: Omit<Ask, "timeoutMs">): Record<string, string> {
  return {
    Authorization: `Bearer ${token}`,
    ...(ask.body === undefined ? {} : { "Content-Type": "application/json" }),
    ...ask.headers,
  };
}
