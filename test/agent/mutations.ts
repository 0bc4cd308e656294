import fc from "fast-check";
import type { Random } from "./random.ts";

/** Paths of all values in a document, as the agent writes them. */
export function pathsIn(value: unknown, at = ""): string[] {
  if (typeof value !== "object" || value === null) return at === "" ? [] : [at];
  const inner = Array.isArray(value)
    ? value.flatMap((item, i) => pathsIn(item, `${at}[${i}]`))
    : Object.entries(value).flatMap(([key, item]) => pathsIn(item, at === "" ? key : `${at}.${key}`));
  return at === "" ? inner : [at, ...inner];
}

type Step = { at: number; how: number; with: unknown };

/** What tends to be wrong or nearly right somewhere. */
const odd = [
  null,
  true,
  false,
  0,
  1,
  -1,
  1.5,
  2 ** 60,
  "",
  "a",
  "/",
  "/a",
  "/a/",
  "/a/../b",
  "/proc/x",
  "/srv/web/x",
  "/etc/web",
  "0640",
  "4755",
  "web:web",
  "1s",
  "25h",
  "0s",
  "web.service",
  "web.timer",
  "a@1.service",
  "moult-agent.service",
  "cache.container",
  "{{ instance.name }}",
  "{{ secrets.db }}",
  "{{",
  "keep",
  "json",
  "vault://v:8200/kv/a?version=1#f",
  "projects/p/secrets/s/versions/latest",
  "https://vault.acme.example:8200",
  "http://a",
  "a:1",
  [],
  {},
  [[]],
  ["/bin/true"],
  { path: "/a" },
  { secret: "a" },
  { content: "a" },
  { "": "" },
];

/** Documents like this one, in which up to `most` values are dropped, retyped, doubled, renamed or replaced. */
export function mutations(
  document: unknown,
  most: number,
  texts: fc.Arbitrary<string> = fc.string(),
): fc.Arbitrary<unknown> {
  const step: fc.Arbitrary<Step> = fc.record({
    at: fc.nat(),
    how: fc.nat({ max: 5 }),
    with: fc.oneof(fc.constantFrom(...odd), texts, fc.jsonValue({ maxDepth: 2 })),
  });
  return fc.array(step, { maxLength: most }).map((steps) => steps.reduce(mutate, document));
}

/** The same by chance of a seed, with `marker` among the values that take the place of others. */
export function mutated(document: unknown, random: Random, marker: string): unknown {
  let changed = document;
  for (let i = 0; i <= random.below(4); i++) {
    const other = random.pick([
      random.pick(odd),
      marker,
      [marker],
      `/${marker}/../x`,
      `{{ "${marker}`,
      { path: marker },
    ]);
    changed = mutate(changed, { at: random.below(2 ** 30), how: random.below(6), with: other });
  }
  return changed;
}

function mutate(document: unknown, { at, how, with: other }: Step): unknown {
  const paths = pathsIn(document);
  const path = paths[at % Math.max(1, paths.length)];
  if (path === undefined) return other;
  return change(document, "", path, (parent, key) => {
    const value = Reflect.get(parent, key);
    if (Array.isArray(parent)) {
      const i = Number(key);
      if (how === 0) parent.splice(i, 1);
      else if (how === 1) parent.splice(i, 0, value);
      else parent[i] = how === 2 ? retyped(value) : other;
    } else if (how === 0) Reflect.deleteProperty(parent, key);
    else if (how === 1) Reflect.set(parent, typeof other === "string" && other.length < 8 ? other : "extra", value);
    else Reflect.set(parent, key, how === 2 ? retyped(value) : other);
  });
}

function retyped(value: unknown): unknown {
  if (typeof value === "string") return /^\d+$/.test(value) ? Number(value) : [value];
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return Array.isArray(value) ? (value[0] ?? null) : [value];
}

/** A copy in which `act` has changed what is at `path`. */
function change(value: unknown, at: string, path: string, act: (parent: object, key: string) => void): unknown {
  if (typeof value !== "object" || value === null) return value;
  const list = Array.isArray(value);
  const copy: object = list ? [...value] : { ...value };
  for (const key of Object.keys(copy)) {
    const inner = list ? `${at}[${key}]` : at === "" ? key : `${at}.${key}`;
    if (inner === path) {
      act(copy, key);
      return copy;
    }
    if (path.startsWith(`${inner}.`) || path.startsWith(`${inner}[`)) {
      Reflect.set(copy, key, change(Reflect.get(value, key), inner, path, act));
      return copy;
    }
  }
  return copy;
}
