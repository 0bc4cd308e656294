import { type Operator, plain, QueryError, type Token, tokenize } from "./lexer.ts";

/** What a query of the Logging query language means. */
export type Query =
  | { and: Query[] }
  | { or: Query[] }
  | { not: Query }
  | Comparison
  /** Somewhere in the entry. */
  | { text: string }
  | { logId: string };

export interface Comparison {
  path: string[];
  operator: Operator;
  value: Value;
}

export interface Value {
  text: string;
  /** A quoted `"5"` is a text, an unquoted `5` a number where the field is one. */
  quoted: boolean;
}

type Term = Extract<Token, { kind: "term" }>;

/** Nested deeper than this, a query is refused rather than overflowing the stack. */
const DEEPEST = 100;

/**
 * Parses a query; an empty one is an empty `and`, which everything matches. NOT binds closest, then OR, then AND; terms
 * side by side are joined by AND. Throws QueryError. Functions other than log_id are not emulated and refused.
 */
export function parseQuery(query: string): Query {
  return new Parser(query).parse();
}

class Parser {
  readonly #query: string;
  readonly #tokens: Token[];
  #next = 0;
  #depth = 0;

  constructor(query: string) {
    this.#query = query;
    this.#tokens = tokenize(query);
  }

  #peek(ahead = 0): Token {
    return this.#tokens[this.#next + ahead] ?? { kind: "end", at: this.#query.length, source: "end of the filter" };
  }

  #fail(token: Token): never {
    throw new QueryError(this.#query, token.at, token.source);
  }

  #isMark(value: string): boolean {
    const token = this.#peek();
    return token.kind === "mark" && token.value === value;
  }

  #isWord(word: string): boolean {
    const token = this.#peek();
    return token.kind === "term" && token.source === word;
  }

  #want(mark: ")" | "("): void {
    if (!this.#isMark(mark)) this.#fail(this.#peek());
    this.#next++;
  }

  parse(): Query {
    if (this.#peek().kind === "end") return { and: [] };
    const query = this.#all(() => this.#primary());
    if (this.#peek().kind !== "end") this.#fail(this.#peek());
    return query;
  }

  #all(primary: () => Query): Query {
    if (++this.#depth > DEEPEST) this.#fail(this.#peek());
    const parts = [this.#any(primary)];
    for (;;) {
      if (this.#isWord("AND")) this.#next++;
      else if (this.#peek().kind === "end" || this.#isMark(")")) break;
      parts.push(this.#any(primary));
    }
    this.#depth--;
    return single(parts) ?? { and: parts };
  }

  #any(primary: () => Query): Query {
    const parts = [this.#unary(primary)];
    while (this.#isWord("OR")) {
      this.#next++;
      parts.push(this.#unary(primary));
    }
    return single(parts) ?? { or: parts };
  }

  #unary(primary: () => Query): Query {
    if (this.#isWord("NOT") || this.#isMark("-")) {
      if (++this.#depth > DEEPEST) this.#fail(this.#peek());
      this.#next++;
      const not = this.#unary(primary);
      this.#depth--;
      return { not };
    }
    if (this.#isMark("(")) {
      this.#next++;
      const inner = this.#all(primary);
      this.#want(")");
      return inner;
    }
    return primary();
  }

  #term(): Term {
    const token = this.#peek();
    if (token.kind !== "term" || ["AND", "OR", "NOT"].includes(token.source)) this.#fail(token);
    this.#next++;
    return token;
  }

  #primary(): Query {
    const term = this.#term();
    const after = this.#peek();
    if (after.kind === "mark" && after.value === "(" && after.at === term.at + term.source.length) {
      return this.#logId(term);
    }
    if (after.kind !== "operator") return { text: this.#value(term).text };
    this.#next++;
    const path = term.parts.map(({ text }) => text);
    const compare = (): Query => {
      const value = this.#value(this.#term(), after.value);
      return { path, operator: after.value, value };
    };
    if (!this.#isMark("(")) return compare();
    this.#next++;
    const values = this.#all(compare);
    this.#want(")");
    return values;
  }

  #logId(term: Term): Query {
    if (term.source !== "log_id") this.#fail(term);
    this.#want("(");
    const { text } = this.#value(this.#term());
    this.#want(")");
    return { logId: text };
  }

  #value(term: Term, operator?: Operator): Value {
    const [first, ...rest] = term.parts;
    if (first?.quoted) {
      if (rest.length > 0) this.#fail(term);
      return { text: operator === "=~" || operator === "!~" ? first.text : plain(first.text), quoted: true };
    }
    if (rest.some(({ quoted }) => quoted)) this.#fail(term);
    return { text: term.source, quoted: false };
  }
}

function single(parts: Query[]): Query | undefined {
  return parts.length === 1 ? parts[0] : undefined;
}
