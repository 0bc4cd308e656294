import type { Value } from "../plan/manifest.ts";
import { type Fault, type Loop, once, type Part, type Ref, type Slot, type Test } from "./parse.ts";

/** Bytes are a secret's payload. `secrets` itself is the list of names that have one. */
export type Given = Value | Uint8Array | undefined;

export type Piece = { kind: "text"; at: number; text: string } | (Slot & { given: Given });

/** Of a finished text, in UTF-16 code units. A slot, block or round counts as 20 of them. */
export const largest = 4 << 20;
export const largeFault = { offset: 0, code: "template-too-large", sentence: "It grows beyond 4 MiB." };

type Scope = ReadonlyMap<string, Given>;

/**
 * Decides conditions and loops, which never see a secret's bytes: what comes out has the same shape whatever these are.
 * @param bound whether names of loops have values. If not, `ask` is asked for their paths, and gives `once` or `twice`
 * for what a loop goes over.
 */
export function expand(
  body: readonly Part[],
  ask: (path: string) => Given,
  bound: boolean,
): { pieces: Piece[]; faults: Fault[] } {
  const pieces: Piece[] = [];
  const faults: Fault[] = [];
  let size = 0;

  const given = ({ name, path }: Ref, scope: Scope): Given => {
    const [head = "", ...rest] = name.split(".");
    return scope.has(head) ? partOf(scope.get(head), rest) : ask(path);
  };
  const unfit = ({ at, name }: Ref, sentence: string) =>
    faults.push({ offset: at, code: "value-unfit", sentence: `${name} ${sentence}.` });

  const holds = ({ ref, negated, against }: Test, scope: Scope): boolean => {
    const value = given(ref, scope) ?? null;
    const composed = typeof value === "object" && value !== null && !ref.secret;
    if (against === undefined) return (composed ? Object.keys(value).length > 0 : Boolean(value)) !== negated;
    if (composed) unfit(ref, "cannot be compared: it is a list or map");
    // Compared as they are written, so that nobody has to know whether 8080 was put in quotes.
    return (value === null || against === null ? value === against : String(value) === String(against)) !== negated;
  };

  /** For each round what its names are. */
  const roundsOf = ({ over, variables }: Loop, scope: Scope): Given[][] => {
    const value = given(over, scope);
    if (!bound) return Array(value === undefined ? 0 : value === once ? 1 : 2).fill([]);
    if (over.path === "secrets" && Array.isArray(value)) return value.map((name) => [name, ask(`secrets.${name}`)]);
    if (Array.isArray(value)) return value.map((item, i) => (variables.length > 1 ? [i, item] : [item]));
    if (typeof value === "object" && value) return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    unfit(over, "cannot be gone over: it is no list or map");
    return [];
  };

  const walk = (parts: readonly Part[], scope: Scope): void => {
    for (const part of parts) {
      size += part.kind === "text" ? part.text.length : 20;
      if (size > largest) return;
      if (part.kind === "text") pieces.push(part);
      else if (part.kind === "slot") {
        const { from } = part;
        pieces.push({ ...part, given: "text" in from ? from.text : given(from, scope) });
      } else if (part.kind === "if") {
        walk(part.branches.find(({ test }) => !test || holds(test, scope))?.body ?? [], scope);
      } else {
        const rounds = roundsOf(part, scope);
        for (const [index, values] of rounds.entries()) {
          size += 20;
          if (size > largest) return;
          const inner = new Map<string, Given>(scope);
          if (bound) for (const [i, name] of part.variables.entries()) inner.set(name, values[i]);
          inner
            .set("index", index)
            .set("first", index === 0)
            .set("last", index === rounds.length - 1);
          walk(part.body, inner);
        }
      }
    }
  };

  walk(body, new Map());
  if (size > largest) faults.push(largeFault);
  return { pieces, faults };
}

/** A secret's bytes have no parts. */
function partOf(value: Given, parts: readonly string[]): Given {
  let found = value;
  for (const part of parts) {
    if (typeof found !== "object" || found === null || found instanceof Uint8Array || Array.isArray(found)) return;
    found = Object.hasOwn(found, part) ? found[part] : undefined;
  }
  return found;
}
