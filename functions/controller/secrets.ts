import type { Problem } from "../core/observation.ts";
import type { SecretRef } from "../core/policy.ts";
import type { UnusableVersion } from "../core/record.ts";
import { parseSecretName, secretPath, secretText, versionPath, versionText } from "../core/secretname.ts";
import { type Failure, isFailure } from "../google/failure.ts";
import type { Secrets, SecretVersionView } from "../google/secrets.ts";
import { orProblem } from "./problems.ts";

/** Requests at a time: a fleet may have hundreds of secrets, and Secret Manager allows 600 readings a minute in a project. */
const TOGETHER = 16;

/** Secret Manager as it was seen once: of each secret, which versions are enabled is asked at most once, and so is each version. */
export class SeenSecrets {
  readonly #secrets: Secrets;
  readonly #enabled = new Map<string, Promise<ReadonlySet<number>>>();
  readonly #versions = new Map<string, Promise<SecretVersionView>>();
  readonly #waiting: (() => void)[] = [];
  #free = TOGETHER;
  #busy: Failure | undefined;

  constructor(secrets: Secrets) {
    this.#secrets = secrets;
  }

  /** Full name of the version that is meant; a version that gives no value is a problem and never taken. */
  async resolve(ref: SecretRef): Promise<string | Problem> {
    const what = secretText(ref);
    if (ref.version === "newest") {
      const number = await orProblem(`an enabled version of ${what}`, this.#newest(secretPath(ref)));
      return typeof number === "number" ? versionPath(ref, number) : number;
    }
    if (typeof ref.version === "number") return this.#pinned(ref, ref.version, "enable it or name another");
    const { alias } = ref.version;
    const asked = this.#inTurn(() => this.#secrets.aliased(secretPath(ref), alias));
    const number = await orProblem(`alias ${alias} of ${what}`, asked);
    if (typeof number !== "number") return number;
    return this.#pinned(
      ref,
      number,
      `alias ${alias} points to it: enable it, or point the alias to another; no other version is taken in its place`,
    );
  }

  async #newest(secret: string): Promise<number | undefined> {
    const numbers = await this.#enabledOf(secret);
    return numbers.size > 0 ? Math.max(...numbers) : undefined;
  }

  async #pinned(ref: SecretRef, number: number, advice: string): Promise<string | Problem> {
    const name = versionPath(ref, number);
    if (await this.#isListed(secretPath(ref), number)) return name;
    const seen = await orProblem(versionText(name), this.#version(name));
    if ("problem" in seen) return seen;
    if (seen.state === "ENABLED") return name;
    return { problem: "missing", text: `${versionText(name)} is ${seen.state}; ${advice}` };
  }

  #enabledOf(secret: string): Promise<ReadonlySet<number>> {
    const asked =
      this.#enabled.get(secret) ??
      this.#inTurn(() => this.#secrets.enabled(secret)).then((numbers) => new Set(numbers));
    this.#enabled.set(secret, asked);
    return asked;
  }

  #version(name: string): Promise<SecretVersionView> {
    const asked = this.#versions.get(name) ?? this.#inTurn(() => this.#secrets.version(name));
    this.#versions.set(name, asked);
    return asked;
  }

  async #inTurn<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((go) => this.#waiting.push(go));
    try {
      // Who is busy is not asked the rest.
      if (this.#busy) throw this.#busy;
      return await ask();
    } catch (problem) {
      if (isFailure(problem, "unavailable")) this.#busy = problem;
      throw problem;
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }

  /** Those of the versions that are not enabled. Of a secret where all are, that costs the one list. */
  async unusable(versions: readonly string[]): Promise<UnusableVersion[]> {
    const states = await Promise.all(versions.map((name) => this.#unusable(name)));
    return states.filter((state) => state !== undefined);
  }

  /** Who may not list may still be allowed to ask for each. */
  async #isListed(secret: string, version: number): Promise<boolean> {
    try {
      return (await this.#enabledOf(secret)).has(version);
    } catch (problem) {
      if (isFailure(problem, "denied", "invalid")) return false;
      throw problem;
    }
  }

  async #unusable(name: string): Promise<UnusableVersion | undefined> {
    const read = parseSecretName(name);
    if (read?.version === undefined) return undefined;
    try {
      if (await this.#isListed(secretPath(read), read.version)) return undefined;
      const { state, destroyAt } = await this.#version(name);
      if (state === "ENABLED") return undefined;
      return {
        name,
        state: state === "DESTROYED" ? "DESTROYED" : "DISABLED",
        ...(destroyAt !== undefined && state !== "DESTROYED" && { destroyAt }),
      };
    } catch (problem) {
      if (isFailure(problem, "missing")) return { name, state: "GONE" };
      if (isFailure(problem, "denied", "invalid")) return { name, state: "UNREADABLE" };
      throw problem;
    }
  }
}
