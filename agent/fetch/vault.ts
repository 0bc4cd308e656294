import { readFileSync } from "node:fs";
import type { Deadline, Edge } from "../edge/deadline.ts";
import { type Answer, type Ask, type Origin, openOrigin } from "../edge/http.ts";
import type { Metadata } from "../edge/metadata.ts";
import { apiRetry, isPassing, Passing, retryAfterMs, retrying } from "../edge/retry.ts";
import { Failure } from "../outcome.ts";
import type { ManifestVault } from "../plan/manifest.ts";
import { fieldOf, loginRefused, readLogin, readRefused, type VaultVersion } from "./vault-answer.ts";

export interface VaultAround {
  metadata: Metadata;
  edge: Edge;
  deadline: Deadline;
  /** Where the image is, with the PEM file of `ca`. */
  root: string;
}

interface Login {
  token: string;
  /** Whether Vault keeps something of it, which lasts 32 days unless the role says less. */
  kept: boolean;
  /** Monotonic ms. */
  until: number;
  /** Of the state that the login made: a server that lacks it yet then answers 412, and not 403. */
  index: string | undefined;
}

const leaveMs = 2_000;

/**
 * One HashiCorp Vault, logged in to once with the instance's identity token; its KV engines are of version 2.
 * https://developer.hashicorp.com/vault/api-docs/auth/gcp#login
 * https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version
 */
export class Vault {
  readonly #vault: ManifestVault;
  readonly #around: VaultAround;
  readonly #origin: Origin;
  readonly #versions = new Map<string, Promise<Buffer>>();
  #login: Promise<Login>;
  /** The last that succeeded. */
  #holds: Login | undefined;

  /** Connects and logs in at once, so that this goes on while other things are under way. */
  constructor(vault: ManifestVault, around: VaultAround) {
    this.#vault = vault;
    this.#around = around;
    this.#origin = openOrigin(vault.address, rootsOf(vault, around.root));
    this.#login = this.#logIn();
    this.#login.catch(() => {});
  }

  /** Bytes of one field. The fields of one version come in one answer. */
  async fetch(version: VaultVersion): Promise<Buffer> {
    // A reference has no letter that would have to be escaped.
    const path = `/v1/${version.mount}/data/${version.path}?version=${version.version}`;
    const coming = this.#versions.get(path) ?? this.#read(path, version);
    this.#versions.set(path, coming);
    return fieldOf(await coming, version);
  }

  /**
   * Gives the token back, of which a fleet would else leave one for each boot. Tried once and not for long: it ends by itself, too.
   * https://developer.hashicorp.com/vault/api-docs/auth/token#revoke-a-token-self
   */
  async leave(): Promise<void> {
    const login = this.#holds;
    this.#holds = undefined;
    if (!login?.kept) return;
    const path = "/v1/auth/token/revoke-self";
    const said = await this.#origin
      .ask({ method: "POST", path, body: "", headers: this.#headers(login), timeoutMs: leaveMs })
      .then(
        ({ status }) => (status < 300 ? undefined : `status ${status}`),
        (error: Error) => error.message,
      );
    if (said !== undefined) this.#around.edge.say(`${this.#vault.address} does not take its token back: ${said}`);
  }

  close(): void {
    this.#origin.close();
  }

  async #read(path: string, version: VaultVersion): Promise<Buffer> {
    const { edge } = this.#around;
    const what = `secret ${version.text}`;
    const login = await this.#login;
    let answer = await this.#call(what, { path }, login);
    // A policy's refusal lacks these words. https://developer.hashicorp.com/vault/docs/concepts/tokens#error-responses
    if (answer.status === 403 && (answer.body.includes("invalid token") || edge.now() >= login.until))
      answer = await this.#call(what, { path }, await this.#again(login));
    if (answer.status !== 200) throw readRefused(answer, version, this.#vault);
    return answer.body;
  }

  /** Reads whose token was refused together share one new login. */
  #again(refused: Login): Promise<Login> {
    this.#login = this.#login.then((login) => (login === refused ? this.#logIn() : login));
    return this.#login;
  }

  async #logIn(): Promise<Login> {
    const { metadata, edge, deadline } = this.#around;
    const { address, auth, role } = this.#vault;
    const audience = encodeURIComponent(`vault/${role}`);
    const identity = await metadata.get(
      `/computeMetadata/v1/instance/service-accounts/default/identity?audience=${audience}&format=full`,
      deadline,
    );
    const { status } = identity;
    if (status !== 200)
      throw new Failure(
        status === 404 ? "no-service-account" : "metadata-refused",
        `No identity token: status ${status}`,
      );
    const body = JSON.stringify({ role, jwt: identity.body.toString().trim() });
    const started = edge.now();
    const answer = await this.#call(`login to ${address}`, { method: "POST", path: `/v1/auth/${auth}/login`, body });
    const { token, kept, seconds } = readLogin(answer.body);
    if (answer.status !== 200 || token === undefined) throw loginRefused(answer, this.#vault);
    this.#holds = { token, kept, until: started + seconds * 1_000, index: answer.headers["x-vault-index"] };
    return this.#holds;
  }

  #headers(login?: Login): Record<string, string> {
    const headers: Record<string, string> = { "X-Vault-Request": "true" };
    if (this.#vault.namespace !== undefined) headers["X-Vault-Namespace"] = this.#vault.namespace;
    if (login) headers["X-Vault-Token"] = login.token;
    if (login?.index !== undefined) headers["X-Vault-Index"] = login.index;
    return headers;
  }

  /** Answers that are for good. */
  #call(what: string, ask: Omit<Ask, "timeoutMs">, login?: Login): Promise<Answer> {
    const { edge, deadline } = this.#around;
    const headers = this.#headers(login);
    return retrying(what, "secret-unreachable", apiRetry, edge, deadline, async (timeoutMs) => {
      const answer = await this.#origin.ask({ ...ask, timeoutMs, headers });
      const why = passing(answer);
      if (why !== undefined) throw new Passing(why, retryAfterMs(answer.headers));
      return answer;
    });
  }
}

/**
 * Why an answer is not the last word. A redirect is not followed, since the token would go to a host that nobody named;
 * a standby answers so while it cannot forward, which passes, or its address is not that of the active server.
 * https://developer.hashicorp.com/vault/api-docs#http-status-codes
 */
function passing({ status, body }: Answer): string | undefined {
  if (status === 307) return "a standby redirects (307), which is not followed";
  if (status === 503 && body.includes("sealed")) return "it is sealed (503)";
  // Vault asks Google about the machine; what it cannot learn now is a 400 all the same.
  if (status === 400 && /unable to get public key|attempting to find instance(?!.*Error 40)/s.test(body.toString()))
    return "it cannot ask Google about this instance (400)";
  return isPassing(status) || [412, 472, 473].includes(status) ? `status ${status}` : undefined;
}

function rootsOf({ address, ca }: ManifestVault, root: string): string | undefined {
  if (ca === undefined) return undefined;
  try {
    return readFileSync(root + ca, "utf8");
  } catch {
    throw new Failure("manifest-invalid", `The roots of ${address} cannot be read at ${ca}`);
  }
}
