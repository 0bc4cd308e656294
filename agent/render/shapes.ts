import type { Finding } from "../finding.ts";
import type { Scalar } from "../plan/manifest.ts";
import { expand } from "./expand.ts";
import { type Fault, type Parsed, twice } from "./parse.ts";
import { faultsIn, findingsOf, type Template } from "./template.ts";

/** So many units of text are looked at. A boot looks at the one shape that it is going to place. */
const patience = 1 << 21;

/** What is wrong with a template in any shape it may take, for people who write one before there is an instance. */
export function faultsOfShapes(template: Template): Finding[] {
  const faults: Fault[][] = [];
  const { parsed, text } = template;
  let size = 0;
  for (const decided of decisions(parsed.deciders)) {
    if (size > patience) break;
    const { pieces } = expand(parsed.body, (path) => decided.get(path), false);
    size += text.length + 20 * pieces.length;
    faults.push(faultsIn(template, pieces));
  }
  return findingsOf(template, faults.flat());
}

/** All that decides a shape at its fullest and at its barest; then each alone at each of its values. */
function* decisions(deciders: Parsed["deciders"]): Generator<Map<string, Scalar>> {
  const full = new Map<string, Scalar>();
  for (const [path, values] of deciders)
    for (const value of values) if (full.get(path) !== twice) full.set(path, value);
  yield full;
  if (full.size > 0) yield new Map();
  for (const [path, values] of deciders) {
    const without = new Map(full);
    without.delete(path);
    yield without;
    for (const value of values) {
      yield new Map(full).set(path, value);
      yield new Map([[path, value]]);
    }
  }
}
