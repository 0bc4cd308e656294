import { type Checker, type Rule, text } from "./checker.ts";
import type { Value } from "./manifest.ts";

/** Folders whose contents are not the image's to describe: the kernel's, or the agent's own. */
const forbidden = /^\/(proc|sys|dev|run\/moult|var\/lib\/moult|usr\/lib\/moult)(\/|$)/;
const badName = /^(\.{0,2})$|\p{Cc}/u;

/** A path in its one normal form, so that two spellings cannot name one file. */
export const absolute: Rule<string> = (check, at, value) => {
  const given = text(/^\//, "path-not-absolute", "A path starts with /.")(check, at, value);
  if (given === undefined) return undefined;
  if (given.includes("{{")) return check.fail(at, "path-with-placeholder", "A path holds no placeholder.");
  const names = given.slice(1).split("/");
  return names.some((name) => badName.test(name) || Buffer.byteLength(name) > 255)
    ? check.fail(at, "path-not-normal", "A path has no empty, . or .. names, no control characters, and no long ones.")
    : given;
};

/** Where something may be placed. */
export const path: Rule<string> = (check, at, value) => {
  const given = absolute(check, at, value);
  return given && forbidden.test(given) ? check.fail(at, "path-forbidden", "Nothing is placed there.") : given;
};

/** `0640`, `640` or `2755`, as text: a number would be decimal. */
export const mode: Rule<number> = (check, at, value) => {
  const digits = text(/^[0-7]{3,4}$/, "mode-not-octal", 'A mode is octal, like "0640".')(check, at, value);
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
};

const account = "([A-Za-z_][\\w.-]*\\$?|\\d{1,10})";
export const owner = text(
  new RegExp(`^${account}(:${account})?$`),
  "owner-malformed",
  "An owner is user, user:group or numbers.",
);
export const group = text(new RegExp(`^${account}$`), "group-malformed", "A group is a name or a number.");

/** As one text. A group alone belongs to the agent's own user. */
export function ownerOf(
  check: Checker,
  at: string,
  { owner, group }: { owner: string | undefined; group: string | undefined },
): string | undefined {
  if (group === undefined) return owner;
  return owner?.includes(":")
    ? check.fail(`${at}.group`, "group-twice", "The owner names a group already.")
    : `${owner ?? ""}:${group}`;
}

const units: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `500ms`, `60s`, `5m`, `1h`; in ms. */
export const duration: Rule<number> = (check, at, value) => {
  const given = text()(check, at, value);
  if (given === undefined) return undefined;
  const [, digits, unit] = /^(\d{1,9})(ms|s|m|h)$/.exec(given) ?? [];
  const ms = Number(digits) * (units[unit ?? ""] ?? Number.NaN);
  return ms > 0 && ms <= 86_400_000
    ? ms
    : check.fail(at, "not-a-duration", "A duration is like 500ms, 60s, 5m or 1h, up to 24h.");
};

/** Whether it is a path inside the configuration tree, in its one normal form. */
export function isSource(path: string): boolean {
  return !path.split("/").some((name) => badName.test(name) || name.includes("\\"));
}

/** Name of a template or source. */
export const source: Rule<string> = (check, at, value) => {
  const given = text()(check, at, value);
  return given === undefined || isSource(given)
    ? given
    : check.fail(at, "not-a-source", "A source is a relative path without `..`.");
};

const deepest = 16;

/** Any JSON. Whole numbers of more than 53 bits would have lost digits before anybody could see them. */
export const value: Rule<Value> = (check, at, given) => {
  const fits = (one: unknown, depth: number): one is Value => {
    if (typeof one === "number") return Number.isSafeInteger(one) || (Number.isFinite(one) && one % 1 !== 0);
    if (typeof one !== "object" || one === null) return one !== undefined;
    return depth < deepest && Object.values(one).every((inner) => fits(inner, depth + 1));
  };
  return fits(given, 0)
    ? given
    : check.fail(at, "not-a-value", "Numbers have at most 53 bits, and nesting ends at 16.");
};
