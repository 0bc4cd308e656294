import { invalid } from "./problems.ts";

/** A field's values as text; several for repeated fields, none when unset, undefined for a field there is not. */
export type Look = (field: string) => string[] | undefined;

type Test = (look: Look) => boolean;

/**
 * `filter` of the lists, as much as its documentation shows: `name:x`, `labels.env=prod`, `state:(ENABLED OR DISABLED)`,
 * `create_time>2026-01-01T00:00:00Z`, `rotation:*`, AND, OR, NOT, `-`, parentheses. OR binds tighter than AND (AIP-160).
 * https://cloud.google.com/secret-manager/docs/filtering
 */
export function parseFilter(text: string): Test {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[()]|<=|>=|!=|[:=<>]|-(?=[\w(])|[^\s()":=<>!]+/g) ?? [];
  // A time holds colons, which the operators above have cut apart.
  const words = joinTimes(tokens);
  let at = 0;
  const fail = () => invalid(`Invalid filter: ${text}`);

  const expression = (): Test => {
    const parts = [sequence()];
    while (words[at] === "AND") {
      at++;
      parts.push(sequence());
    }
    return (look) => parts.every((part) => part(look));
  };
  const sequence = (): Test => {
    const parts = [factor()];
    while (at < words.length && words[at] !== ")" && words[at] !== "AND") parts.push(factor());
    return (look) => parts.every((part) => part(look));
  };
  const factor = (): Test => {
    const parts = [term()];
    while (words[at] === "OR") {
      at++;
      parts.push(term());
    }
    return (look) => parts.some((part) => part(look));
  };
  const term = (): Test => {
    if (words[at] === "NOT" || words[at] === "-") {
      at++;
      const inner = term();
      return (look) => !inner(look);
    }
    if (words[at] === "(") {
      at++;
      const inner = expression();
      if (words[at++] !== ")") throw fail();
      return inner;
    }
    return restriction();
  };
  const value = (): string => {
    const word = words[at++];
    if (word === undefined || /^([()]|AND|OR|NOT)$/.test(word)) throw fail();
    return word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, "$1") : word;
  };
  const restriction = (): Test => {
    const field = value();
    const operator = words[at];
    if (operator === undefined || !/^([:=<>]|<=|>=|!=)$/.test(operator)) {
      return (look) => compare(look("name"), ":", field);
    }
    at++;
    if (words[at] === "(") {
      at++;
      const values = [value()];
      while (words[at] === "OR") {
        at++;
        values.push(value());
      }
      if (words[at++] !== ")") throw fail();
      return (look) => values.some((one) => compare(known(look, field), operator, one));
    }
    const wanted = value();
    return (look) => compare(known(look, field), operator, wanted);
  };
  const known = (look: Look, field: string): string[] => {
    const values = look(field.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()));
    if (!values) throw invalid(`Invalid filter: unknown field ${field}`);
    return values;
  };

  const test = expression();
  if (at !== words.length) throw fail();
  return test;
}

function joinTimes(tokens: readonly string[]): string[] {
  const words: string[] = [];
  for (let at = 0; at < tokens.length; at++) {
    let word = tokens[at] ?? "";
    if (/^\d{4}-\d\d-\d\dT\d\d$/.test(word)) {
      while (tokens[at + 1] === ":") {
        word += `:${tokens[at + 2] ?? ""}`;
        at += 2;
      }
    }
    words.push(word);
  }
  return words;
}

function compare(values: string[] | undefined, operator: string, wanted: string): boolean {
  const all = values ?? [];
  const order = (value: string) => {
    const [a, b] = [Date.parse(value), Date.parse(wanted)];
    if (!Number.isNaN(a) && !Number.isNaN(b)) return a - b;
    return value < wanted ? -1 : value > wanted ? 1 : 0;
  };
  switch (operator) {
    case ":":
      return wanted === "*" ? all.length > 0 : all.some((one) => one.toLowerCase().includes(wanted.toLowerCase()));
    case "=":
      return all.includes(wanted);
    case "!=":
      return !all.includes(wanted);
    case "<":
      return all.some((one) => order(one) < 0);
    case "<=":
      return all.some((one) => order(one) <= 0);
    case ">":
      return all.some((one) => order(one) > 0);
    default:
      return all.some((one) => order(one) >= 0);
  }
}
