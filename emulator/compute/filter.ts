import { errors } from "./errors.ts";
import { isObject } from "./schema/check.ts";

/**
 * List filters: AIP-160 comparisons (`=`, `!=`, `<`, `<=`, `>`, `>=`, `:`) joined by AND, OR, NOT and parentheses, or the
 * older `field eq|ne RE2`, where the expression must match the whole field. The kinds cannot be mixed.
 * https://cloud.google.com/compute/docs/reference/rest/v1/images/list
 */
type Test = (item: unknown) => boolean;

interface Token {
  kind: "(" | ")" | "op" | "word" | "text";
  text: string;
}

const OPERATORS = ["!=", "<=", ">=", "=", "<", ">", ":"];

export function parseFilter(text: string): Test {
  try {
    const tokens = tokenize(text);
    const kinds = new Set(tokens.filter((t) => t.kind === "op").map((t) => /^(eq|ne)$/.test(t.text)));
    if (kinds.size > 1) throw new Error("mixed");
    const parser = new Parser(tokens);
    const test = parser.either();
    if (!parser.done) throw new Error("rest");
    return test;
  } catch {
    throw errors.value("filter", text, "Invalid list filter expression.");
  }
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const c = text.charAt(at);
    if (/\s/.test(c)) {
      at++;
      continue;
    }
    const before = tokens.at(-1);
    const expectsValue = before?.kind === "op";
    const regex = expectsValue && /^(eq|ne)$/.test(before.text);
    if (c === '"' || c === "'") {
      const end = closing(text, at);
      tokens.push({ kind: "text", text: text.slice(at + 1, end).replace(/\\(["'\\])/g, "$1") });
      at = end + 1;
    } else if (regex) {
      const end = bareRegex(text, at);
      tokens.push({ kind: "text", text: text.slice(at, end) });
      at = end;
    } else if (c === "(" || c === ")") {
      tokens.push({ kind: c, text: c });
      at++;
    } else {
      const op = expectsValue ? undefined : OPERATORS.find((o) => text.startsWith(o, at));
      if (op) {
        tokens.push({ kind: "op", text: op });
        at += op.length;
        continue;
      }
      const pattern = expectsValue ? /[^\s()]+/y : /[^\s()=!<>:"']+/y;
      pattern.lastIndex = at;
      const word = pattern.exec(text)?.[0];
      if (!word) throw new Error("character");
      const relation = before?.kind === "word" && /^(eq|ne)$/.test(word);
      tokens.push({ kind: relation ? "op" : expectsValue ? "text" : "word", text: word });
      at += word.length;
    }
  }
  return tokens;
}

function closing(text: string, start: number): number {
  const quote = text[start];
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === quote) return at;
  }
  throw new Error("quote");
}

/** An unquoted expression ends at white space, or at the parenthesis that closes one opened before it. */
function bareRegex(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const c = text.charAt(at);
    if (c === "\\") at++;
    else if (c === "(") depth++;
    else if (c === ")" && depth-- === 0) return at;
    else if (/\s/.test(c) && depth === 0) return at;
  }
  return text.length;
}

class Parser {
  readonly #tokens: Token[];
  #at = 0;

  constructor(tokens: Token[]) {
    this.#tokens = tokens;
  }

  get done(): boolean {
    return this.#at >= this.#tokens.length;
  }

  #next(): Token {
    const token = this.#tokens[this.#at++];
    if (!token) throw new Error("end");
    return token;
  }

  #word(word: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== "word" || token.text !== word) return false;
    this.#at++;
    return true;
  }

  either(): Test {
    const tests = [this.#all()];
    while (this.#word("OR")) tests.push(this.#all());
    return (item) => tests.some((test) => test(item));
  }

  #all(): Test {
    const tests = [this.#one()];
    for (;;) {
      const explicit = this.#word("AND");
      const token = this.#tokens[this.#at];
      if (!explicit && (!token || token.kind === ")" || (token.kind === "word" && token.text === "OR"))) break;
      tests.push(this.#one());
    }
    return (item) => tests.every((test) => test(item));
  }

  #one(): Test {
    if (this.#word("NOT")) {
      const test = this.#one();
      return (item) => !test(item);
    }
    const token = this.#next();
    if (token.kind === "(") {
      const test = this.either();
      if (this.#next().kind !== ")") throw new Error("parenthesis");
      return test;
    }
    if (token.kind !== "word") throw new Error("field");
    if (token.text.startsWith("-") && token.text.length > 1) {
      const test = this.#comparison(token.text.slice(1));
      return (item) => !test(item);
    }
    return this.#comparison(token.text);
  }

  #comparison(field: string): Test {
    const op = this.#next();
    const value = this.#next();
    if (op.kind !== "op" || value.kind !== "text") throw new Error("comparison");
    const path = field.split(".");
    return (item) => compare(valuesAt(item, path), op.text, value.text);
  }
}

function valuesAt(item: unknown, path: string[]): unknown[] {
  const [first, ...rest] = path;
  if (Array.isArray(item)) return item.flatMap((element) => valuesAt(element, path));
  if (first === undefined) return item === undefined ? [] : [item];
  return isObject(item) ? valuesAt(item[first], rest) : [];
}

function compare(values: unknown[], op: string, wanted: string): boolean {
  const texts = values.map((value) => (typeof value === "object" ? JSON.stringify(value) : String(value)));
  if (op === "eq" || op === "ne") {
    const pattern = new RegExp(`^(?:${wanted})$`);
    const matches = (texts.length ? texts : [""]).some((text) => pattern.test(text));
    return op === "eq" ? matches : !matches;
  }
  if (op === ":") return wanted === "*" ? texts.length > 0 : texts.some((text) => has(text, wanted));
  if (op === "=") return texts.some((text) => equal(text, wanted));
  if (op === "!=") return !texts.some((text) => equal(text, wanted));
  return texts.some((text) => {
    const order = inOrder(text, wanted);
    return op === "<" ? order < 0 : op === "<=" ? order <= 0 : op === ">" ? order > 0 : order >= 0;
  });
}

const has = (text: string, wanted: string) => text.toLowerCase().includes(wanted.replaceAll("*", "").toLowerCase());

function equal(text: string, wanted: string): boolean {
  if (!wanted.includes("*")) return text === wanted;
  const source = wanted.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${source.join(".*")}$`).test(text);
}

function inOrder(text: string, wanted: string): number {
  const numbers = [text, wanted].map(Number);
  const instants = [text, wanted].map((value) => (/^\d{4}-\d\d-\d\d/.test(value) ? Date.parse(value) : Number.NaN));
  for (const [a = Number.NaN, b = Number.NaN] of [numbers, instants]) if (!Number.isNaN(a - b)) return a - b;
  return text < wanted ? -1 : text > wanted ? 1 : 0;
}
