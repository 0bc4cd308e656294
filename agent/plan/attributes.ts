import type { Finding } from "../finding.ts";
import { findingsOf, type Template } from "../render/template.ts";
import type { Manifest, ManifestAttribute, Scalar } from "./manifest.ts";

/** What a text of the metadata stands for; undefined when it is not of the type. */
function typed(type: ManifestAttribute["type"], text: string): Scalar | undefined {
  if (type === "text") return text;
  // Google's own keys are TRUE and FALSE.
  if (type === "boolean") return /^(true|false)$/i.test(text) ? text.toLowerCase() === "true" : undefined;
  const number = Number(text);
  return /^(0|-?[1-9]\d*)$/.test(text) && Number.isSafeInteger(number) ? number : undefined;
}

/** Whether a value of the type is one that is taken. */
export function fits({ allowed, pattern, min, max }: ManifestAttribute, value: Scalar): boolean {
  return (
    (!allowed || allowed.includes(value)) &&
    (!pattern || new RegExp(`^${pattern}$`).test(String(value))) &&
    (min === undefined || Number(value) >= min) &&
    (max === undefined || Number(value) <= max)
  );
}

function ruleOf({ type, allowed, pattern, min, max }: ManifestAttribute): string {
  const rules = [
    { text: "a text", integer: "a whole number", boolean: "true or false" }[type],
    min === undefined ? "" : `from ${min}`,
    max === undefined ? "" : `up to ${max}`,
    allowed ? `out of ${allowed.join(", ")}` : "",
    pattern === undefined ? "" : `like ${pattern}`,
  ];
  return rules.filter((rule) => rule !== "").join(" ");
}

/** The value that templates see, or what is wrong. Of a value that does not fit nothing is said. */
function judge(
  name: string,
  attribute: ManifestAttribute,
  metadata: Record<string, string>,
): { value: Scalar } | { code: string; sentence: string } {
  const given = Object.hasOwn(metadata, name) ? metadata[name] : undefined;
  if (given === undefined)
    return attribute.fallback === undefined
      ? { code: "attribute-missing", sentence: `The metadata key ${name} is needed: it has no default.` }
      : { value: attribute.fallback };
  const value = typed(attribute.type, given);
  return value !== undefined && fits(attribute, value)
    ? { value }
    : { code: "attribute-unfit", sentence: `The metadata key ${name} is not ${ruleOf(attribute)}.` };
}

type Declared = Pick<Manifest, "attributes">;

/** Those that this instance has, or that have a default. What is wrong is left out. */
export function attributeValues({ attributes }: Declared, metadata: Record<string, string>): Record<string, Scalar> {
  return Object.fromEntries(
    [...attributes].flatMap(([name, attribute]): [string, Scalar][] => {
      const found = judge(name, attribute, metadata);
      return "value" in found ? [[name, found.value]] : [];
    }),
  );
}

export function checkAttributes(
  { attributes }: Declared,
  metadata: Record<string, string>,
  note: (path: string, code: string, sentence: string) => void,
): void {
  for (const [name, attribute] of attributes) {
    const found = judge(name, attribute, metadata);
    if ("code" in found) note(`attributes.${name}`, found.code, found.sentence);
  }
}

/** Name of the attribute that a template name asks for; undefined when it asks for something else. */
export function attributeOf(name: string): string | undefined {
  return name.startsWith("attributes.") ? name.slice("attributes.".length) : undefined;
}

/** What a template asks for and nobody has declared, also where it may be absent. */
export function undeclaredAttributes(template: Template, { attributes }: Declared): Finding[] {
  const faults = template.parsed.refs.flatMap(({ name, at }) => {
    const attribute = attributeOf(name);
    if (attribute === undefined || attributes.has(attribute)) return [];
    const sentence = "The manifest does not declare this metadata key under attributes.";
    return [{ offset: at, code: "attribute-undeclared", sentence }];
  });
  return findingsOf(template, faults);
}
