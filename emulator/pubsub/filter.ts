import { ApiError } from "../frame/errors.ts";

/**
 * A subscription's filter: `attributes.x = "y"`, `attributes.x != "y"`, `attributes:x`, `hasPrefix(attributes.x, "y")`,
 * joined with AND, OR, NOT (or `-`) and parentheses. AND and OR may not be mixed without parentheses.
 * https://cloud.google.com/pubsub/docs/subscription-message-filter
 */
export type Filter = (attributes: Record<string, string>) => boolean;

const MAX_LENGTH = 256;

interface Token {
  kind: "word" | "text" | "mark" | "end";
  value: string;
  at: number;
}

function invalid(filter: string, at: number, why: string): ApiError {
  return new ApiError(400, `Invalid filter: ${why} at position ${at + 1} of ${JSON.stringify(filter)}.`);
}

const ESCAPES: Record<string, string> = { n: "\n", t: "\t", r: "\r", "0": "\0" };

function unquote(raw: string): string {
  return raw.slice(1, -1).replace(/\\(u[0-9a-fA-F]{4}|[\s\S])/g, (_, escaped: string) => {
    if (escaped.length === 5) return String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    return ESCAPES[escaped] ?? escaped;
  });
}

function tokens(filter: string): Token[] {
  const found: Token[] = [];
  const pattern = /\s+|("(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*')|(!=|[=:.,()-])|([A-Za-z0-9_][A-Za-z0-9_-]*)/y;
  let at = 0;
  while (at < filter.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(filter);
    if (!match) throw invalid(filter, at, `unexpected ${JSON.stringify(filter[at])}`);
    const [all, text, mark, word] = match;
    if (text !== undefined) found.push({ kind: "text", value: unquote(text), at });
    else if (mark !== undefined) found.push({ kind: "mark", value: mark, at });
    else if (word !== undefined) found.push({ kind: "word", value: word, at });
    at += all.length;
  }
  found.push({ kind: "end", value: "end of the filter", at });
  return found;
}

class Parser {
  readonly #filter: string;
  readonly #tokens: Token[];
  #next = 0;
  #depth = 0;

  constructor(filter: string) {
    this.#filter = filter;
    this.#tokens = tokens(filter);
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: "end", value: "end of the filter", at: this.#filter.length };
  }

  #take(): Token {
    const token = this.#peek();
    this.#next++;
    return token;
  }

  #fail(token: Token, wanted: string): never {
    throw invalid(this.#filter, token.at, `expected ${wanted} but found ${JSON.stringify(token.value)}`);
  }

  #is(kind: Token["kind"], value: string): boolean {
    const token = this.#peek();
    return token.kind === kind && token.value === value;
  }

  #want(kind: Token["kind"], value: string): void {
    if (!this.#is(kind, value)) this.#fail(this.#peek(), JSON.stringify(value));
    this.#next++;
  }

  parse(): Filter {
    const filter = this.#expression();
    if (this.#peek().kind !== "end") this.#fail(this.#peek(), "AND, OR or the end");
    return filter;
  }

  #expression(): Filter {
    const terms = [this.#term()];
    let joint: string | undefined;
    while (this.#is("word", "AND") || this.#is("word", "OR")) {
      const token = this.#take();
      joint ??= token.value;
      if (token.value !== joint) {
        throw invalid(this.#filter, token.at, "AND and OR must be grouped with parentheses when used together");
      }
      terms.push(this.#term());
    }
    return joint === "OR"
      ? (attributes) => terms.some((term) => term(attributes))
      : (attributes) => terms.every((term) => term(attributes));
  }

  #term(): Filter {
    if (this.#is("word", "NOT") || this.#is("mark", "-")) {
      const { at } = this.#take();
      if (++this.#depth > MAX_LENGTH) throw invalid(this.#filter, at, "too deep");
      const term = this.#term();
      return (attributes) => !term(attributes);
    }
    if (this.#is("mark", "(")) {
      this.#next++;
      const inner = this.#expression();
      this.#want("mark", ")");
      return inner;
    }
    if (this.#is("word", "hasPrefix")) {
      this.#next++;
      this.#want("mark", "(");
      this.#want("word", "attributes");
      this.#want("mark", ".");
      const key = this.#key();
      this.#want("mark", ",");
      const prefix = this.#text();
      this.#want("mark", ")");
      return (attributes) => Object.hasOwn(attributes, key) && (attributes[key] ?? "").startsWith(prefix);
    }
    this.#want("word", "attributes");
    if (this.#is("mark", ":")) {
      this.#next++;
      const key = this.#key();
      return (attributes) => Object.hasOwn(attributes, key);
    }
    this.#want("mark", ".");
    const key = this.#key();
    const operator = this.#take();
    if (operator.kind !== "mark" || (operator.value !== "=" && operator.value !== "!=")) {
      this.#fail(operator, `"=" or "!="`);
    }
    const value = this.#text();
    // A message without the attribute differs from every value.
    return operator.value === "="
      ? (attributes) => Object.hasOwn(attributes, key) && attributes[key] === value
      : (attributes) => !Object.hasOwn(attributes, key) || attributes[key] !== value;
  }

  #key(): string {
    const token = this.#take();
    if (token.kind !== "word" && token.kind !== "text") this.#fail(token, "the name of an attribute");
    return token.value;
  }

  #text(): string {
    const token = this.#take();
    if (token.kind !== "text") this.#fail(token, "a quoted text");
    return token.value;
  }
}

/** Throws a 400 ApiError (INVALID_ARGUMENT) that says what is wrong and where. */
export function parseFilter(filter: string): Filter {
  if (Buffer.byteLength(filter) > MAX_LENGTH) {
    throw new ApiError(400, `Invalid filter: it is longer than ${MAX_LENGTH} bytes.`);
  }
  return new Parser(filter).parse();
}
