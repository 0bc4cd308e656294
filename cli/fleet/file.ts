import { readFile } from "node:fs/promises";
import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from "yaml";
import type { Finding } from "../../functions/core/findings.ts";
import { readPolicy } from "../../functions/core/fleetfile/read.ts";
import type { Policy } from "../../functions/core/policy.ts";
import { CliError, EXIT } from "../failure.ts";

/** A finding with its place in the text; lines and columns count from 1. */
export interface PlacedFinding {
  line: number;
  column: number;
  path: string;
  code: Finding["code"] | "yaml";
  message: string;
}

/** `document` is what the file says; the control plane reads it again by itself. */
export type PolicyFile<T> = { document: unknown; policy: T } | { findings: PlacedFinding[] };

/** Judges what a document says. */
export type ReadDocument<T> = (document: unknown) => { policy: T } | { findings: Finding[] };

/** Reads a fleet file's text. All findings are returned, in the order of the text. */
export function parseFleetFile(text: string): PolicyFile<Policy> {
  return parsePolicyFile(text, readPolicy);
}

export function parsePolicyFile<T>(text: string, readDocument: ReadDocument<T>): PolicyFile<T> {
  const lines = new LineCounter();
  const parsed = parseDocument<Node>(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const broken = [...parsed.errors, ...parsed.warnings];
  if (broken.length > 0) {
    return {
      findings: broken.map(({ pos, message }) => ({ ...at(pos[0]), path: "", code: "yaml" as const, message })),
    };
  }
  let document: unknown;
  try {
    document = parsed.toJS();
  } catch (problem) {
    return { findings: [{ line: 1, column: 1, path: "", code: "yaml", message: (problem as Error).message }] };
  }
  const read = readDocument(document);
  if ("policy" in read) return { document, policy: read.policy };
  const findings = read.findings.map((finding) => ({ ...at(offsetOf(parsed.contents, finding)), ...finding }));
  return { findings: findings.sort((a, b) => a.line - b.line || a.column - b.column) };
}

/** Throws a usage error that names every finding as `file:line:column`. */
export function readFleetFile(file: string): Promise<{ document: unknown; policy: Policy }> {
  return readPolicyFile(file, readPolicy);
}

/** Throws a usage error that names every finding as `file:line:column`. */
export async function readPolicyFile<T>(
  file: string,
  readDocument: ReadDocument<T>,
): Promise<{ document: unknown; policy: T }> {
  const text = await readFile(file, "utf8").catch((problem: NodeJS.ErrnoException) => {
    const why = problem.code === "ENOENT" ? "there is no such file" : problem.message;
    throw new CliError(EXIT.usage, `${file} cannot be read: ${why}`);
  });
  const read = parsePolicyFile(text, readDocument);
  if ("policy" in read) return read;
  const { findings } = read;
  const count = findings.length === 1 ? "one thing is wrong" : `${findings.length} things are wrong`;
  const list = findings.map(
    ({ line, column, path, code, message }) =>
      `${file}:${line}:${column}: ${path ? `${path}: ` : ""}${message} [${code}]`,
  );
  throw new CliError(EXIT.usage, `${count} with ${file}`, list.join("\n"));
}

const ABOUT_THE_KEY = new Set<Finding["code"]>(["unknown-field", "not-supported"]);

/** Where in the text a finding's path leads; for what is missing, the place where it should be. */
function offsetOf(contents: Node | null, { path, code }: Finding): number {
  let node: unknown = contents;
  let offset = startOf(contents);
  let rest = path;
  while (rest !== "") {
    const index = /^\[(\d+)\]\.?/.exec(rest);
    if (index && isSeq(node)) {
      node = node.items[Number(index[1])];
      rest = rest.slice(index[0].length);
    } else if (isMap(node)) {
      const pair = pairFor(node.items, rest);
      if (!pair) return offset;
      const key = keyOf(pair);
      rest = rest.slice(key.length).replace(/^\./, "");
      if (rest === "" && ABOUT_THE_KEY.has(code)) return startOf(pair.key);
      node = pair.value ?? pair.key;
    } else return offset;
    offset = startOf(node) || offset;
  }
  return offset;
}

/** A key may hold dots itself, so the longest one that fits is meant. */
function pairFor(items: readonly Pair[], path: string): Pair | undefined {
  return items
    .filter((pair) => {
      const key = keyOf(pair);
      return path.startsWith(key) && (path.length === key.length || /[.[]/.test(path.charAt(key.length)));
    })
    .sort((a, b) => keyOf(b).length - keyOf(a).length)[0];
}

function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : "";
}

function startOf(node: unknown): number {
  const range = typeof node === "object" && node !== null && "range" in node ? node.range : undefined;
  return Array.isArray(range) && typeof range[0] === "number" ? range[0] : 0;
}
