import { type Finding, positionAt } from "../finding.ts";

/** A JSON text read with the place of every value, so that a finding can point at it. */
export interface JsonDocument {
  where: string;
  text: string;
  /** undefined when the text is not JSON; `findings` then says where. */
  value: unknown;
  /** What JSON itself forbids or leaves open: syntax, a key twice. */
  findings: Finding[];
  /** Position of the value at a path like `files[2].mode`, or of the nearest one around it. */
  at(path: string): { line: number; column: number };
}

class SyntaxFault extends Error {
  readonly offset: number;
  constructor(offset: number) {
    super();
    this.offset = offset;
  }
}

export function member(path: string, key: string): string {
  const plain = /^[A-Za-z_][\w-]*$/.test(key);
  return plain ? (path === "" ? key : `${path}.${key}`) : `${path}[${JSON.stringify(key)}]`;
}

/** A path without its last name; the same when there is none to take. */
const lastName = /(\.[\w-]+|\["(?:[^"\\]|\\.)*"\]|\[\d+\]|^[\w-]+)$/;

/** Position of the value at a path, or of the nearest one around it. `offsets`: path → where its value begins. */
export function placeOf(text: string, offsets: ReadonlyMap<string, number>, path: string) {
  let near = path;
  while (near !== "" && !offsets.has(near)) {
    const around = near.replace(lastName, "");
    near = around === near ? "" : around;
  }
  return positionAt(text, offsets.get(near) ?? 0);
}

const deepest = 100;

/** Strict JSON (RFC 8259). JSON.parse is not asked first because its errors quote the text. */
export function readJson(where: string, text: string): JsonDocument {
  const offsets = new Map<string, number>();
  const findings: Finding[] = [];
  const at = (path: string) => placeOf(text, offsets, path);
  const note = (offset: number, code: string, sentence: string, path?: string) =>
    findings.push({ where, ...(path ? { path } : {}), ...positionAt(text, offset), code, sentence });

  let i = 0;
  const blank = () => {
    while (/[ \t\r\n]/.test(text[i] ?? "")) i++;
  };
  const token = (pattern: RegExp): string => {
    pattern.lastIndex = i;
    const found = pattern.exec(text)?.[0];
    if (found === undefined) throw new SyntaxFault(i);
    i += found.length;
    return found;
  };
  const expect = (mark: string) => {
    blank();
    if (text[i] !== mark) throw new SyntaxFault(i);
    i++;
  };
  const string = (): string =>
    JSON.parse(token(/"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy));

  const value = (path: string, depth: number): unknown => {
    blank();
    if (depth > deepest) throw new SyntaxFault(i);
    offsets.set(path, i);
    if (text[i] === '"') return string();
    if (text[i] === "[") return list(path, depth);
    if (text[i] === "{") return map(path, depth);
    return JSON.parse(token(/true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y));
  };
  const list = (path: string, depth: number): unknown[] => {
    const items: unknown[] = [];
    expect("[");
    blank();
    if (text[i] === "]") expect("]");
    else
      for (;;) {
        items.push(value(`${path}[${items.length}]`, depth + 1));
        blank();
        if (text[i] !== ",") {
          expect("]");
          break;
        }
        i++;
      }
    return items;
  };
  const map = (path: string, depth: number): Record<string, unknown> => {
    const entries = new Map<string, unknown>();
    expect("{");
    blank();
    if (text[i] === "}") i++;
    else
      for (;;) {
        blank();
        const start = i;
        const key = string();
        const inner = member(path, key);
        if (entries.has(key)) note(start, "duplicate-key", "This key stands twice in the same object.", inner);
        expect(":");
        entries.set(key, value(inner, depth + 1));
        blank();
        if (text[i] !== ",") {
          expect("}");
          break;
        }
        i++;
      }
    return Object.fromEntries(entries);
  };

  try {
    const read = value("", 0);
    blank();
    if (i < text.length) throw new SyntaxFault(i);
    return { where, text, value: read, findings, at };
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error;
    note(error.offset, "not-json", "The text is not JSON here.");
    return { where, text, value: undefined, findings, at };
  }
}
