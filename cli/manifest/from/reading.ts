import type { Finding } from "../../../agent/finding.ts";
import { Checker, type Fields, object, type Rule } from "../../../agent/plan/checker.ts";
import type { JsonDocument } from "../../../agent/plan/json.ts";

/**
 * `left-out`: the manifest does not have it. `assumed`: the manifest has it, and says something that the source left open.
 * `secret`: it looks like something that belongs into Secret Manager.
 */
export type Kind = "left-out" | "assumed" | "secret";

/** Something of a foreign configuration that a person should know of. Holds no value of it. */
export interface Untranslated {
  /** Place in the document, like `storage.files[2].mode`. */
  path: string;
  /** From 1. */
  line: number;
  /** From 1, in UTF-16 code units. */
  column: number;
  kind: Kind;
  /** Stable machine word. */
  code: string;
  why: string;
  instead: string;
}

/** What a document in a foreign format turned out not to be able to say in a manifest. */
export class Reading extends Checker {
  readonly #document: JsonDocument;
  readonly #notes: Untranslated[] = [];

  constructor(document: JsonDocument) {
    super(document);
    this.#document = document;
  }

  leave(path: string, code: string, why: string, instead: string): undefined {
    return this.note("left-out", path, code, why, instead);
  }

  assume(path: string, code: string, why: string, instead: string): undefined {
    return this.note("assumed", path, code, why, instead);
  }

  note(kind: Kind, path: string, code: string, why: string, instead: string): undefined {
    this.#notes.push({ path, ...this.#document.at(path), kind, code, why, instead });
    return undefined;
  }

  /** In the order of the document. */
  untranslated(): Untranslated[] {
    const all = [...this.findings.map(toUntranslated), ...this.#notes];
    return all.sort((a, b) => a.line - b.line || a.column - b.column);
  }
}

function toUntranslated({ path = "", line, column, code, sentence }: Finding): Untranslated {
  const instead =
    code === "unknown-field"
      ? "Look whether it is misspelt; otherwise nothing reads it."
      : "Put it right, and translate again.";
  return { path, line, column, kind: "left-out", code, why: sentence, instead };
}

export type EntryOf<S, K extends keyof S> = Fields<S> & { [P in K]: NonNullable<Fields<S>[P]> } & {
  /** Its place in the document. */
  at: string;
};

/**
 * An object of these fields. Nothing, when any of them is not as it should be: half an entry would be another entry. Fields
 * nobody knows do not matter. `needed` are those that it is nothing without.
 */
export function entry<S extends Record<string, Rule<unknown>>, K extends keyof S>(
  shape: S,
  ...needed: K[]
): Rule<EntryOf<S, K>> {
  const rule = object(shape);
  const complete = (read: Fields<S> & { at: string }): read is EntryOf<S, K> =>
    needed.every((name) => read[name] !== undefined);
  return (check, path, value) => {
    const before = check.findings.length;
    const read = rule(check, path, value);
    const sound = check.findings.slice(before).every(({ code }) => code === "unknown-field");
    const whole = read && { ...read, at: path };
    return whole && sound && complete(whole) ? whole : undefined;
  };
}
