import type { Finding } from "../finding.ts";
import { type JsonDocument, member } from "./json.ts";

/** Collects everything wrong with a document. */
export class Checker {
  readonly findings: Finding[];
  readonly #document: JsonDocument;

  constructor(document: JsonDocument) {
    this.#document = document;
    this.findings = [...document.findings];
  }

  fail(path: string, code: string, sentence: string): undefined {
    const document = this.#document;
    this.findings.push({ where: document.where, path, ...document.at(path), code, sentence });
    return undefined;
  }
}

/** Reads one value. Says what is wrong with it and gives undefined, so that the rest is read all the same. */
export type Rule<T> = (check: Checker, path: string, value: unknown) => T | undefined;

/** A text, whole in `pattern`. */
export function text(pattern = /^/, code = "", sentence = ""): Rule<string> {
  return (check, path, value) => {
    if (value === undefined) return check.fail(path, "missing", "This field is needed.");
    if (typeof value !== "string") return check.fail(path, "not-a-text", "A text in quotes is needed.");
    return pattern.test(value) ? value : check.fail(path, code, sentence);
  };
}

/** One of these words. */
export function oneOf<T extends string | boolean>(words: readonly T[], code = "unknown-word"): Rule<T> {
  return (check, path, value) =>
    words.find((word) => word === value) ?? check.fail(path, code, `Known: ${words.join(", ")}.`);
}

/** May be left out. */
export function optional<T>(rule: Rule<T>): Rule<T> {
  return (check, path, value) => (value === undefined ? undefined : rule(check, path, value));
}

/** A list; empty when left out. Items that cannot be read are missing in it. */
export function list<T>(rule: Rule<T>): Rule<T[]> {
  return (check, path, value) => {
    if (value === undefined) return [];
    if (!Array.isArray(value)) return check.fail(path, "not-a-list", "A list is needed.");
    return value.flatMap((item, i) => rule(check, `${path}[${i}]`, item) ?? []);
  };
}

/** An object from names to values; empty when left out. */
export function map<T>(names: RegExp, rule: Rule<T>): Rule<Map<string, T>> {
  return (check, path, value) => {
    const found = new Map<string, T>();
    for (const [name, item] of Object.entries(value === undefined ? {} : (asObject(check, path, value) ?? {}))) {
      const inner = member(path, name);
      const one = names.test(name)
        ? rule(check, inner, item)
        : check.fail(inner, "not-a-name", `A name here matches ${names.source}`);
      if (one !== undefined) found.set(name, one);
    }
    return found;
  };
}

export type Fields<S> = { [K in keyof S]: S[K] extends Rule<infer T> ? T | undefined : never };

/** An object of these fields; `open` ones may have others, which mean nothing here. */
export function object<S extends Record<string, Rule<unknown>>>(shape: S, open = false): Rule<Fields<S>> {
  return (check, path, value) => {
    const given = asObject(check, path, value);
    if (!given) return undefined;
    for (const key of Object.keys(given))
      if (!open && !Object.hasOwn(shape, key))
        check.fail(member(path, key), "unknown-field", `Known here: ${Object.keys(shape).join(", ")}.`);
    const read = Object.entries(shape).map(([key, rule]) => [key, rule(check, member(path, key), given[key])]);
    return Object.fromEntries(read);
  };
}

/** Whether exactly one of `names` is there (or none, where `none` may be). */
export function exactlyOne(
  check: Checker,
  at: string,
  value: unknown,
  names: readonly string[],
  none = false,
): boolean {
  const given = names.filter((name) => typeof value === "object" && value !== null && Object.hasOwn(value, name));
  const fits = given.length === 1 || (none && given.length === 0);
  if (!fits) check.fail(at, "exactly-one", `${none ? "At most" : "Exactly"} one of ${names.join(", ")} is needed.`);
  return fits;
}

function asObject(check: Checker, path: string, value: unknown): Record<string, unknown> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return check.fail(path, value === undefined ? "missing" : "not-an-object", "An object is needed.");
  return Object.assign(Object.create(null), value);
}
