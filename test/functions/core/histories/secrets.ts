import type { Problem } from "../../../../functions/core/observation.ts";
import type { UnusableVersion } from "../../../../functions/core/record.ts";
import type { Nature } from "./machines.ts";

const SECRET = "projects/acme-prod/secrets/web-key/versions/";

/** One secret of the fleet, and its versions: how machines behave that get one, and which of them are disabled. */
export class ModelSecret {
  readonly #natures: Nature[] = ["good"];
  readonly #disabled = new Set<string>();

  add(nature: Nature): void {
    this.#natures.push(nature);
  }

  disable(index: number): void {
    this.#disabled.add(`${SECRET}${(index % this.#natures.length) + 1}`);
  }

  enableAll(): void {
    this.#disabled.clear();
  }

  /** Full names, the newest first. */
  get #names(): string[] {
    return this.#natures.map((_, i) => `${SECRET}${i + 1}`).reverse();
  }

  newest(): string | Problem {
    const enabled = this.#names.find((name) => !this.#disabled.has(name));
    return enabled ?? { problem: "missing", text: "secret web-key has no enabled version; enable one or add one" };
  }

  isDisabled(name: string): boolean {
    return this.#disabled.has(name);
  }

  nature(name: string): Nature {
    return this.#natures[Number(name.slice(SECRET.length)) - 1] ?? "good";
  }

  unusable(needed: string[]): UnusableVersion[] {
    return needed.filter((name) => this.#disabled.has(name)).map((name) => ({ name, state: "DISABLED" }));
  }
}
