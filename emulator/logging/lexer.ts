/** The words of the Logging query language. https://cloud.google.com/logging/docs/view/logging-query-language */

export interface Part {
  text: string;
  quoted: boolean;
}

export type Operator = "=" | "!=" | ">" | "<" | ">=" | "<=" | ":" | "=~" | "!~";

export type Token =
  /** A path, a value or a keyword: parts joined by dots, some of them quoted. */
  | { kind: "term"; parts: Part[]; at: number; source: string }
  | { kind: "operator"; value: Operator; at: number; source: string }
  | { kind: "mark"; value: "(" | ")" | "," | "-"; at: number; source: string }
  | { kind: "end"; at: number; source: string };

/** A query that cannot be understood, and where: line and column count from 1. */
export class QueryError extends Error {
  readonly line: number;
  readonly column: number;

  constructor(query: string, at: number, token: string) {
    const before = query.slice(0, at).split("\n");
    const line = before.length;
    const column = (before.at(-1)?.length ?? 0) + 1;
    super(`Unparseable filter: syntax error at line ${line}, column ${column}, token '${token}'`);
    this.line = line;
    this.column = column;
  }
}

const BLANK = /(?:\s|--[^\n]*)+/y;
const OPERATOR = /=~|!~|!=|>=|<=|[=<>:]/y;
const QUOTED = /"(?:[^"\\]|\\[\s\S])*"/y;
const BARE = /[^\s"'()=!<>:~,.]+/y;

function at(pattern: RegExp, text: string, index: number): string | undefined {
  pattern.lastIndex = index;
  return pattern.exec(text)?.[0];
}

/**
 * What a quoted text means. Only `\"` and `\\` are taken as escapes here, because `\.` and `\b` in a regular expression
 * must arrive there as they are; `plain` says what the others mean elsewhere.
 */
function unquote(source: string): string {
  return source.slice(1, -1).replace(/\\(["\\])/g, "$1");
}

const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", f: "\f", v: "\v", b: "\b", "'": "'" };

/** The value of a quoted text outside of a regular expression. */
export function plain(text: string): string {
  return text.replace(/\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[nrtfvb'])/g, (_, code: string) =>
    code.length > 1 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (ESCAPES[code] ?? code),
  );
}

/** Throws QueryError. */
export function tokenize(query: string): Token[] {
  const tokens: Token[] = [];
  let index = 0;
  for (;;) {
    index += at(BLANK, query, index)?.length ?? 0;
    const next = query[index];
    if (next === undefined) break;
    const operator = at(OPERATOR, query, index);
    if (operator !== undefined) {
      tokens.push({ kind: "operator", value: operator as Operator, at: index, source: operator });
      index += operator.length;
    } else if (next === "(" || next === ")" || next === "," || (next === "-" && !afterOperator(tokens))) {
      tokens.push({ kind: "mark", value: next, at: index, source: next });
      index++;
    } else {
      const term = readTerm(query, index);
      tokens.push(term);
      index += term.source.length;
    }
  }
  tokens.push({ kind: "end", at: query.length, source: "end of the filter" });
  return tokens;
}

/** After an operator `-` begins a number; elsewhere it negates. */
function afterOperator(tokens: Token[]): boolean {
  return tokens.at(-1)?.kind === "operator";
}

function readTerm(query: string, start: number): Extract<Token, { kind: "term" }> {
  const parts: Part[] = [];
  let index = start;
  for (;;) {
    const quoted = at(QUOTED, query, index);
    const bare = quoted === undefined ? at(BARE, query, index) : undefined;
    const found = quoted ?? bare;
    if (found === undefined) throw new QueryError(query, index, query[index] ?? "end of the filter");
    parts.push({ text: quoted === undefined ? found : unquote(quoted), quoted: quoted !== undefined });
    index += found.length;
    if (query[index] !== ".") break;
    index++;
  }
  return { kind: "term", parts, at: start, source: query.slice(start, index) };
}
