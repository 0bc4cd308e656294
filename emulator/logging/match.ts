import type { LogEntry } from "../../wire/logging.d.ts";
import { ApiError } from "../frame/errors.ts";
import { DEFAULTS, LOG_ENTRY, nanoseconds, severityRank } from "./entry.ts";
import { QueryError } from "./lexer.ts";
import { type Comparison, parseQuery, type Query, type Value } from "./query.ts";

export type Matcher = (entry: LogEntry) => boolean;

const LONGEST = 20_000;

/** A filter as an API takes it: what cannot be understood is a 400 ApiError that says where. */
export function compileFilter(filter: string): Matcher {
  if (filter.length > LONGEST) throw new ApiError(400, `Filter cannot be longer than ${LONGEST} characters.`);
  try {
    return compile(parseQuery(filter));
  } catch (problem) {
    if (problem instanceof QueryError) throw new ApiError(400, problem.message);
    throw problem;
  }
}

function compile(query: Query): Matcher {
  if ("and" in query) {
    const parts = query.and.map(compile);
    return (entry) => parts.every((part) => part(entry));
  }
  if ("or" in query) {
    const parts = query.or.map(compile);
    return (entry) => parts.some((part) => part(entry));
  }
  if ("not" in query) {
    const inner = compile(query.not);
    return (entry) => !inner(entry);
  }
  if ("text" in query) {
    const text = query.text.toLowerCase();
    return (entry) => mentions(entry, text);
  }
  if ("logId" in query) {
    const suffix = `/logs/${encodeURIComponent(query.logId)}`.toLowerCase();
    return (entry) => entry.logName.toLowerCase().endsWith(suffix);
  }
  return comparison(query);
}

/** Does any text of the value, at any depth, contain this (lower case) text? */
function mentions(value: unknown, text: string): boolean {
  if (typeof value === "object" && value !== null) return Object.values(value).some((inner) => mentions(inner, text));
  return value !== undefined && value !== null && String(value).toLowerCase().includes(text);
}

function comparison(query: Comparison): Matcher {
  const { path, operator, value } = query;
  const [root = ""] = path;
  if (!Object.hasOwn(LOG_ENTRY, root)) {
    throw new ApiError(400, `Field not found: '${root}'.`);
  }
  if (operator === ":" && value.text === "*" && !value.quoted) {
    return (entry) => lookUp(entry, path).some((found) => found !== undefined && found !== null);
  }
  const test = tester(query);
  const fallback = DEFAULTS[path.join(".")];
  return (entry) => {
    const found = lookUp(entry, path);
    if (found.length > 0) return found.some(test);
    return fallback !== undefined && test(fallback);
  };
}

/** The values at a path; lists along it are entered. Empty when there is none. */
function lookUp(value: unknown, path: string[]): unknown[] {
  if (Array.isArray(value)) return value.flatMap((item) => lookUp(item, path));
  const [first, ...rest] = path;
  if (first === undefined) return value === undefined ? [] : [value];
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, first)) return [];
  return lookUp((value as Record<string, unknown>)[first], rest);
}

function tester({ path, operator, value }: Comparison): (found: unknown) => boolean {
  if (operator === "=~" || operator === "!~") {
    const pattern = regularExpression(value.text);
    const wanted = operator === "=~";
    return (found) => pattern.test(asText(found)) === wanted;
  }
  if (operator === ":") {
    const text = value.text.toLowerCase();
    return (found) => mentions(found, text);
  }
  const order = comparer(path, value);
  return (found) => {
    const difference = order(found);
    if (difference === undefined) return operator === "!=";
    switch (operator) {
      case "=":
        return difference === 0;
      case "!=":
        return difference !== 0;
      case ">":
        return difference > 0;
      case "<":
        return difference < 0;
      case ">=":
        return difference >= 0;
      default:
        return difference <= 0;
    }
  };
}

/** How a found value stands to the literal: negative, 0 or positive; undefined when they cannot be compared. */
function comparer(path: string[], value: Value): (found: unknown) => number | undefined {
  const [root] = path;
  if (path.length === 1 && (root === "timestamp" || root === "receiveTimestamp")) {
    const literal = nanoseconds(value.text);
    if (literal === undefined) throw new ApiError(400, `Invalid timestamp: '${value.text}'.`);
    return (found) => {
      const at = nanoseconds(asText(found));
      return at === undefined ? undefined : at < literal ? -1 : at > literal ? 1 : 0;
    };
  }
  if (path.length === 1 && root === "severity") {
    const literal = severityRank(value.text);
    if (literal === undefined) throw new ApiError(400, `Invalid severity: '${value.text}'.`);
    return (found) => (severityRank(asText(found)) ?? 0) - literal;
  }
  const text = value.text.toLowerCase();
  const number = text.trim() === "" ? Number.NaN : Number(text);
  return (found) => {
    if (found === null) return !value.quoted && value.text === "NULL_VALUE" ? 0 : undefined;
    if (typeof found === "object") return undefined;
    const numeric = typeof found === "number" || (!value.quoted && typeof found === "string" && found.trim() !== "");
    if (numeric && !Number.isNaN(number)) {
      const difference = Number(found) - number;
      // Ids exceed 2^53: texts of digits that only look equal as numbers are compared as texts.
      if (!Number.isNaN(difference) && (difference !== 0 || typeof found === "number")) return difference;
    }
    const mine = asText(found).toLowerCase();
    return mine < text ? -1 : mine > text ? 1 : 0;
  };
}

function asText(value: unknown): string {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

/** RE2 syntax as far as JavaScript's engine shares it, unanchored; a leading `(?i)` is understood. */
function regularExpression(source: string): RegExp {
  const flags = /^\(\?([ims]+)\)/.exec(source);
  try {
    return new RegExp(flags ? source.slice(flags[0].length) : source, flags?.[1] ?? "");
  } catch {
    throw new ApiError(400, `Invalid regular expression: '${source}'.`);
  }
}
