import { isAlias, isMap, isScalar, isSeq, type Node, parseDocument } from "yaml";
import { type Finding, findingAt } from "../../agent/finding.ts";
import { type JsonDocument, member, placeOf } from "../../agent/plan/json.ts";

/** Aliases may make a short text very long. */
const mostNodes = 100_000;
const deepest = 100;

/**
 * Reads YAML 1.2 (and so JSON), or 1.1 where others do, as the JSON it stands for, with the place of every value. Findings quote nothing: the
 * parser's own messages do.
 */
export function readYaml(where: string, text: string, version: "1.1" | "1.2" = "1.2"): JsonDocument {
  const parsed = parseDocument<Node>(text, { version, prettyErrors: false, logLevel: "silent" });
  const offsets = new Map<string, number>();
  const findings: Finding[] = [];
  const note = (offset: number, code: string, sentence: string, path?: string) =>
    findings.push({ ...findingAt(where, text, offset, code, sentence), ...(path ? { path } : {}) });
  for (const { code, pos } of [...parsed.errors, ...parsed.warnings])
    if (code === "DUPLICATE_KEY") note(pos[0], "duplicate-key", "This key stands twice in the same object.");
    else note(pos[0], "not-yaml", `The text is not YAML here (${code.toLowerCase().replaceAll("_", " ")}).`);

  /** Name → what was last given it. The parser's own look-up goes through the whole document for each alias. */
  const anchors = new Map<string, Node>();
  /** What an alias stands for is read again, but not given its names again. */
  let again = 0;
  const remember = (node: unknown) => {
    if (again === 0 && (isScalar(node) || isMap(node) || isSeq(node)) && node.anchor) anchors.set(node.anchor, node);
  };
  let nodes = 0;
  const read = (node: unknown, path: string, depth: number, around: number): unknown => {
    const offset = startOf(node) ?? around;
    if (++nodes > mostNodes || depth > deepest) {
      if (nodes <= mostNodes || nodes === mostNodes + 1)
        note(offset, "too-large", "The document is too deep or too large.", path);
      return null;
    }
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target) {
        again++;
        const value = read(target, path, depth + 1, offset);
        again--;
        return value;
      }
      note(offset, "not-yaml", "No anchor before has this alias's name.", path);
    }
    remember(node);
    offsets.set(path, offset);
    if (isSeq(node)) return node.items.map((item, i) => read(item, `${path}[${i}]`, depth + 1, offset));
    if (isMap(node))
      return Object.fromEntries(
        node.items.map(({ key, value }) => {
          const name = isScalar(key) && typeof key.value === "string" ? key.value : undefined;
          remember(key);
          const start = startOf(key) ?? offset;
          if (name === undefined) note(start, "key-not-text", "A key is a text.", path);
          // A value left out is null, and stands where its key does.
          return [name ?? "", read(value, member(path, name ?? ""), depth + 1, start)];
        }),
      );
    const value: unknown = isScalar(node) ? node.value : null;
    if (value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value))
      return value;
    note(offset, "not-json", "JSON has no such value.", path);
    return null;
  };
  const value = findings.length > 0 ? undefined : read(parsed.contents, "", 0, 0);
  return {
    where,
    text,
    value: findings.length > 0 ? undefined : value,
    findings,
    at: (path) => placeOf(text, offsets, path),
  };
}

function startOf(node: unknown): number | undefined {
  const range = typeof node === "object" && node !== null && "range" in node ? node.range : undefined;
  return Array.isArray(range) && typeof range[0] === "number" ? range[0] : undefined;
}
