/**
 * The tree a metadata server shows. Names are kept in camelCase, as recursive JSON spells them; paths and listings spell
 * the same names in kebab-case. Opaque directories (attributes, accounts) keep their names as a person wrote them.
 */
export type Entry = Leaf | Directory | Endpoint;

export interface Leaf {
  kind: "leaf";
  text: string;
  /** Raw JSON: numbers beyond 2^53 must keep their digits, which `JSON.stringify` of a number would not. */
  json: string;
  /** How it is sent when the request does not say. */
  format: "text" | "json";
}

export interface Directory {
  kind: "directory";
  entries: Map<string, Entry>;
  opaque: boolean;
  /** Names are 0, 1, …; JSON shows an array. */
  array: boolean;
}

/** Answers requests for itself (a token, say); listed, but no part of recursive output. */
export interface Endpoint {
  kind: "endpoint";
  name: string;
}

export function leaf(text: string): Leaf {
  return { kind: "leaf", text, json: JSON.stringify(text), format: "text" };
}

/** `digits` go into JSON as they are. */
export function number(digits: string | number): Leaf {
  return { kind: "leaf", text: String(digits), json: String(digits), format: "text" };
}

/** Several values in one leaf: a line each as text, an array as JSON. */
export function lines(values: readonly string[], format: "text" | "json" = "text"): Leaf {
  return { kind: "leaf", text: values.map((value) => `${value}\n`).join(""), json: JSON.stringify(values), format };
}

export function directory(entries: Record<string, Entry>): Directory {
  return { kind: "directory", entries: new Map(Object.entries(entries)), opaque: false, array: false };
}

export function opaque(entries: Iterable<[string, Entry]>): Directory {
  return { kind: "directory", entries: new Map(entries), opaque: true, array: false };
}

export function array(entries: readonly Entry[]): Directory {
  return {
    kind: "directory",
    entries: new Map(entries.map((entry, i) => [String(i), entry])),
    opaque: true,
    array: true,
  };
}

export function endpoint(name: string): Endpoint {
  return { kind: "endpoint", name };
}

function kebab(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1-$2").toLowerCase();
}

function spelled(parent: Directory): [string, Entry][] {
  const entries = [...parent.entries].map(([name, entry]): [string, Entry] => [
    parent.opaque ? name : kebab(name),
    entry,
  ]);
  return parent.array ? entries : entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

/** The entry at a path of kebab-case names. */
export function find(root: Directory, path: readonly string[]): Entry | undefined {
  let entry: Entry | undefined = root;
  for (const name of path) {
    if (entry?.kind !== "directory") return undefined;
    entry = spelled(entry).find(([spelling]) => spelling === name)?.[1];
  }
  return entry;
}

/** Names in a directory; directories among them end in `/`. */
export function names(parent: Directory): string[] {
  return spelled(parent).map(([name, entry]) => (entry.kind === "directory" ? `${name}/` : name));
}

export function toJson(entry: Entry): string {
  if (entry.kind === "leaf") return entry.json;
  if (entry.kind === "endpoint") return "null";
  const shown = [...entry.entries].filter(([, child]) => child.kind !== "endpoint");
  if (entry.array) return `[${shown.map(([, child]) => toJson(child)).join(",")}]`;
  const sorted = shown.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${sorted.map(([name, child]) => `${JSON.stringify(name)}:${toJson(child)}`).join(",")}}`;
}

/** Recursive text: one line `path value` for each leaf. */
export function toText(entry: Entry, path = ""): string {
  if (entry.kind === "endpoint") return "";
  if (entry.kind === "leaf") {
    const values = entry.text.endsWith("\n") ? entry.text.slice(0, -1).split("\n") : [entry.text];
    return values.map((value) => `${path} ${value}\n`).join("");
  }
  return spelled(entry)
    .map(([name, child]) => toText(child, path === "" ? name : `${path}/${name}`))
    .join("");
}
