import { fits } from "../attributes.ts";
import { type Checker, list, map, object, oneOf, optional, type Rule, text } from "../checker.ts";
import { member } from "../json.ts";
import type { ManifestAttribute, Scalar } from "../manifest.ts";

/**
 * Keys that Google's systems read, or moult. Who sets a value for an application must not open a door with it.
 * https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys
 */
const reserved =
  /^(?:(?:moult|google|gce|cos|sysprep|windows|wsfc|osconfig|serial-port|startup-script|shutdown-script|user-data|enable-oslogin)(?:-.*)?|(?:block-project-)?ssh-keys|sshKeys|enable-(?:guest-attributes|os-inventory|osconfig|windows-ssh|wsfc|diagnostics)|disable-(?:account-manager|address-manager|agent-updates|https-mds-setup|legacy-endpoints)|VmDnsSetting|created-by|instance-template)$/;

/**
 * Characters and classes of them, each with its count, of which one may vary: whoever sets the metadata cannot make such a
 * pattern take long.
 */
const one = String.raw`(?:[\w:/@=-]|\[[\w :@/.,+=~%-]+\])`;
const fixed = String.raw`(?:${one}(?:\{\d{1,3}\})?)*`;
const grammar = new RegExp(String.raw`^(?=.{1,100}$)${fixed}(?:${one}\{\d{1,3},\d{1,3}\}${fixed})?$`);

const pattern: Rule<string> = (check, at, value) => {
  const sentence = "A pattern is of characters and classes like [a-z0-9] with counts {n}; one may be {m,n}.";
  const given = text(grammar, "not-a-pattern", sentence)(check, at, value);
  try {
    return given === undefined ? undefined : new RegExp(given).source;
  } catch {
    return check.fail(at, "pattern-backwards", "A range or count goes backwards.");
  }
};

const integer: Rule<number> = (check, at, value) =>
  typeof value === "number" && Number.isSafeInteger(value)
    ? value
    : check.fail(at, "not-an-integer", "A whole number of at most 53 bits is needed.");
const boolean = oneOf([true, false]);

const orNull =
  <T>(rule: Rule<T>): Rule<T | null> =>
  (check, at, value) =>
    value === null ? null : rule(check, at, value);
const type = oneOf(["text", "integer", "boolean"] as const);
/** What every type has. */
const common = <T extends Scalar>(rule: Rule<T>) => ({
  type,
  default: optional(orNull(rule)),
});

const shapes = {
  text: object({ ...common(text()), allowed: optional(list(text())), pattern: optional(pattern) }),
  integer: object({
    ...common(integer),
    allowed: optional(list(integer)),
    min: optional(integer),
    max: optional(integer),
  }),
  boolean: object(common(boolean)),
};
const typeOf = object({ type }, true);

type Given = { [K in keyof Omit<ManifestAttribute, "type" | "fallback">]?: ManifestAttribute[K] | undefined } & {
  default?: Scalar | undefined;
};

const attribute: Rule<ManifestAttribute> = (check, at, value) => {
  const type = typeOf(check, at, value)?.type;
  const given: Given | undefined = type && shapes[type](check, at, value);
  if (!type || !given) return undefined;
  const { allowed, pattern, min, max, default: fallback } = given;
  const read = { type, allowed, pattern, min, max, fallback };
  if (allowed?.length === 0) check.fail(`${at}.allowed`, "list-empty", "A list of what is allowed allows something.");
  if (min !== undefined && max !== undefined && min > max)
    check.fail(`${at}.max`, "range-backwards", "The greatest is below the least.");
  else if (fallback != null && allowed?.length !== 0 && !fits(read, fallback))
    check.fail(`${at}.default`, "default-unfit", "The default is not one of the values that are taken.");
  return read;
};

// https://cloud.google.com/compute/docs/metadata/setting-custom-metadata has the rules for keys.
const named = map(/^\w[\w-]{0,127}$/, attribute);

export const attributes: Rule<Map<string, ManifestAttribute>> = (check: Checker, at, value) => {
  const found = named(check, at, value);
  for (const name of found?.keys() ?? [])
    if (reserved.test(name)) check.fail(member(at, name), "attribute-reserved", "This key is Google's own or moult's.");
  return found;
};
