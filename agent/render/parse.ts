import type { Scalar } from "../plan/manifest.ts";

/** A name where a template asks for it. */
export interface Ref {
  /** As written. */
  name: string;
  at: number;
  /** The same with names of loops followed to what they go over: `values.peers[].host`; `#` for a key or counter. */
  path: string;
  /** Its bytes are those of a secret. */
  secret: boolean;
  /** May be absent: only a condition asks, one around it asks first, or it has a default. */
  optional: boolean;
}

export interface Slot {
  kind: "slot";
  at: number;
  from: Ref | { text: Scalar };
  filters: { name: string; argument: Scalar }[];
}

export interface Test {
  ref: Ref;
  negated: boolean;
  /** Undefined: whether there is something. */
  against: Scalar | undefined;
}

export interface Choice {
  kind: "if";
  at: number;
  branches: { test: Test | undefined; body: Part[] }[];
}

export interface Loop {
  kind: "for";
  at: number;
  over: Ref;
  /** An item; or a key and its value. */
  variables: string[];
  body: Part[];
}

export type Part = { kind: "text"; at: number; text: string } | Slot | Choice | Loop;

export interface Fault {
  offset: number;
  code: string;
  sentence: string;
}

export interface Parsed {
  body: Part[];
  /** Names from outside, in order; those of loops are not among them. */
  refs: Ref[];
  /** A secret's bytes stand in the finished text. */
  secret: boolean;
  /** For each path that decides the shape: values that make a difference, besides absence. */
  deciders: Map<string, Set<Scalar>>;
  faults: Fault[];
}

/** Two rounds, or a condition that holds; and one round. */
export const twice = true;
export const once = 1;

const name = String.raw`[A-Za-z_][\w-]*(?:\.\w[\w-]*)*`;
const literal = String.raw`"(?:[^"\\\0-\x1f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?|true|false|null`;
const choice = new RegExp(`^(else\\s+)?if\\s+(?:not\\s+(${name})|(${name})(?:\\s*([!=]=)\\s*(${literal}))?)$`);
const loop = new RegExp(`^for\\s+(\\w+)(?:\\s*,\\s*(\\w+))?\\s+in\\s+(${name})$`);
const slot = new RegExp(`^(?:(${literal})|(${name}))\\s*(?=\\||$)`);
const filter = new RegExp(`\\|\\s*(\\w*)\\s*(?:\\(\\s*(${literal})\\s*\\)\\s*)?`, "y");
/** A text in quotes may hold the closing braces. */
export const tag = String.raw`\{\{(?:"(?:[^"\\\n]|\\.)*"|[^"}\n]|\}(?!\}))*\}\}`;
const reserved = /^(?:if|else|for|in|end|not|true|false|null|first|last|index)$/;

/** Filter → what stands in its parentheses. */
const filters: Record<string, RegExp> = {
  default: /./,
  json: /^$/,
  base64: /^$/,
  indent: /^\d\d?$/,
  join: /^"/,
};
/** Each may double a text. */
const mostFilters = 4;
const deepest = 8;
/** Of a name, so that no time is spent on what is none. */
const longest = 256;

type Rule = [code: string, sentence: string];
const opaque: Rule = ["secret-opaque", "A secret is written, or asked for whether it is there. It has no parts."];
const stray: Rule = ["block-stray", "No block is open that it belongs to."];
const malformed: Rule = [
  "placeholder-malformed",
  "It is no name or text with filters, and no if, else, for or end; first, last and index are of loops.",
];

/** Reads a template's tags. `{{ "{{" }}` writes the braces themselves. */
export function parseTemplate(text: string): Parsed {
  const parsed: Parsed = { body: [], refs: [], secret: false, deciders: new Map(), faults: [] };
  /** Blocks that are open, each with what holds outside of it. */
  const open: { block: Choice | Loop; body: Part[]; loops: Map<string, string>; asked: Set<string> }[] = [];
  let { body } = parsed;
  /** Names of the loops around → path. */
  let loops = new Map<string, string>();
  /** Paths that conditions of the block around have asked for. */
  let asked = new Set<string>();

  const fault = (offset: number, code: string, sentence: string): void => {
    parsed.faults.push({ offset, code, sentence });
  };
  /** Whether a condition around has asked for it, or for what it is a part of. */
  const isAsked = (path: string) => {
    const parts = path.split(".", longest);
    const all = parts.map((_, i) => parts.slice(0, i + 1).join("."));
    return [asked, ...open.map((outer) => outer.asked)].some((known) => all.some((part) => known.has(part)));
  };
  const refer = (name: string, at: number, optional: boolean): Ref => {
    const [head = ""] = name.split(".", 1);
    const path = (loops.get(head) ?? head) + name.slice(head.length);
    const ref = {
      name,
      at,
      path,
      secret: /^secrets(?:\.|\[])/.test(path),
      optional: optional || isAsked(path),
    };
    if (!loops.has(head)) {
      parsed.refs.push(ref);
      if (reserved.test(name) || name.length > longest) fault(at, ...malformed);
    } else if (path.startsWith("secrets[].")) fault(at, ...opaque);
    return ref;
  };
  const decide = ({ path }: Ref, ...values: Scalar[]) => {
    const known = parsed.deciders.get(path) ?? new Set();
    if (!path.startsWith("#")) parsed.deciders.set(path, known);
    for (const value of values) known.add(value);
  };
  const begin = (block: Choice | Loop, inner: Part[]) => {
    if (open.length >= deepest) fault(block.at, "block-deep", `Blocks stand ${deepest} deep at most.`);
    body.push(block);
    open.push({ block, body, loops, asked });
    asked = new Set();
    body = inner;
  };

  /** A branch of the block that is open, or of a new one. */
  const branch = (at: number, test: Test | undefined, otherwise: boolean) => {
    const outer = open.at(-1)?.block;
    const inner: Part[] = [];
    const next = { test, body: inner };
    if (!otherwise) return begin({ kind: "if", at, branches: [next] }, inner);
    if (outer?.kind !== "if" || !outer.branches.at(-1)?.test) return fault(at, ...stray);
    body = inner;
    outer.branches.push(next);
  };
  const readChoice = ([, otherwise, absent, name = absent ?? "", sign, against]: string[], at: number) => {
    const ref = refer(name, at, true);
    const negated = absent !== undefined || sign === "!=";
    const test: Test = { ref, negated, against: against && JSON.parse(against) };
    if (sign && ref.secret) fault(at, ...opaque);
    decide(ref, test.against ?? twice);
    branch(at, test, otherwise !== undefined);
    asked.add(ref.path);
  };
  const readLoop = ([, first = "", second, name = ""]: string[], at: number) => {
    const over = refer(name, at, false);
    const { path } = over;
    if (over.secret) fault(at, ...opaque);
    if (reserved.test(first) || reserved.test(second ?? "") || first === second) fault(at, ...malformed);
    decide(over, twice, once);
    const inner: Part[] = [];
    begin({ kind: "for", at, over, variables: second ? [first, second] : [first], body: inner }, inner);
    // Whoever goes over secrets with one name gets names, not bytes.
    loops = new Map([...loops, ["first", "#"], ["last", "#"], ["index", "#"]]);
    loops.set(first, second || path === "secrets" ? "#" : `${path}[]`);
    if (second) loops.set(second, `${path}[]`);
  };
  const readSlot = ([head, text, name = ""]: string[], inside: string, at: number) => {
    const found: Slot["filters"] = [];
    filter.lastIndex = head?.length ?? 0;
    while (filter.lastIndex < inside.length) {
      const [, name = "", argument = ""] = filter.exec(inside) ?? [];
      const rule = found.length < mostFilters && Object.hasOwn(filters, name) ? filters[name] : undefined;
      if (!rule?.test(argument) || (name === "default" && found.length > 0)) {
        const sentence =
          'Filters are default(…) as the first, json, base64, indent(0 to 99) and join("…"); four at most.';
        return fault(at, "filter-unknown", sentence);
      }
      found.push({ name, argument: argument && JSON.parse(argument) });
    }
    const from = text ? { text: JSON.parse(text) } : refer(name, at, found[0]?.name === "default");
    if ("path" in from) {
      if (from.path === "secrets") fault(at, ...opaque);
      parsed.secret ||= from.secret;
    }
    body.push({ kind: "slot", at, from, filters: found });
  };

  const nul = text.indexOf("\0");
  if (nul >= 0) fault(nul, "template-not-text", "A template holds no NUL.");
  const tags = new RegExp(tag, "y");
  let from = 0;
  const take = (to: number) => {
    if (to > from) body.push({ kind: "text", at: from, text: text.slice(from, to) });
  };
  for (let at = text.indexOf("{{"); at >= 0; at = text.indexOf("{{", from)) {
    tags.lastIndex = at;
    const [whole] = tags.exec(text) ?? [];
    if (whole === undefined) {
      fault(at, "placeholder-open", "{{ without }} on the same line.");
      break;
    }
    // Whoever goes this deep has been told often enough.
    if (open.length >= 2 * deepest) return parsed;
    const inside = whole.slice(2, -2).trim();
    const blockLike = /^(?:if|else|for|end)(?![\w.-])/.test(inside);
    let end = at + whole.length;
    let start = at;
    if (blockLike) {
      // Alone on its line it takes the line with it.
      const before = text.slice(from, at);
      const line = before.lastIndexOf("\n") + 1;
      const [rest] = /^[ \t]*(?:\r?\n|$)/.exec(text.slice(end)) ?? [];
      const begins = line > 0 || from === 0 || text[from - 1] === "\n";
      if (begins && rest !== undefined && before.slice(line).trim() === "") {
        start = from + line;
        end += rest.length;
      }
    }
    take(start);
    from = end;
    const outer = open.at(-1);
    const condition = choice.exec(inside);
    const over = loop.exec(inside);
    const plain = slot.exec(inside);
    if (condition) readChoice(condition, at);
    else if (over) readLoop(over, at);
    else if (inside === "else") branch(at, undefined, true);
    else if (inside === "end" && outer) {
      open.pop();
      ({ body, loops, asked } = outer);
    } else if (inside === "end") fault(at, ...stray);
    else if (plain && !blockLike) readSlot(plain, inside, at);
    else fault(at, ...malformed);
  }
  take(text.length);
  for (const { block } of open) fault(block.at, "block-open", `{{ ${block.kind} }} without {{ end }}.`);
  return parsed;
}
