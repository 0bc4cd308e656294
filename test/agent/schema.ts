/**
 * Just enough of JSON Schema 2020-12 to judge by the schemas in wire/: the keywords that stand in them, and an error for
 * any other, so that none is passed over.
 */
type Schema = Record<string, unknown>;

const annotations = new Set(["$schema", "$defs", "title", "description", "default", "then"]);

export function accepts(root: Schema, schema: Schema, value: unknown): boolean {
  return Object.entries(schema).every(([keyword, rule]) => {
    if (annotations.has(keyword)) return true;
    const judge = keywords[keyword];
    if (!judge) throw new Error(`keyword ${keyword} is not known here`);
    return judge(root, rule, value, schema);
  });
}

type Judge = (root: Schema, rule: unknown, value: unknown, schema: Schema) => boolean;

const schemaOf = (rule: unknown): Schema => {
  if (typeof rule !== "object" || rule === null || Array.isArray(rule)) throw new Error("no schema");
  return { ...rule };
};
const schemasOf = (rule: unknown): Schema[] => {
  if (!Array.isArray(rule)) throw new Error("no list of schemas");
  return rule.map(schemaOf);
};
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const keywords: Record<string, Judge> = {
  $ref: (root, rule, value) =>
    accepts(root, schemaOf(schemaOf(root.$defs)[String(rule).slice("#/$defs/".length)]), value),
  type: (_root, rule, value) =>
    rule === "integer"
      ? Number.isInteger(value)
      : rule === (Array.isArray(value) ? "array" : value === null ? "null" : typeof value),
  minimum: (_root, rule, value) => typeof value !== "number" || value >= Number(rule),
  maximum: (_root, rule, value) => typeof value !== "number" || value <= Number(rule),
  const: (_root, rule, value) => rule === value,
  enum: (_root, rule, value) => Array.isArray(rule) && rule.includes(value),
  pattern: (_root, rule, value) => typeof value !== "string" || new RegExp(String(rule), "u").test(value),
  minLength: (_root, rule, value) => typeof value !== "string" || [...value].length >= Number(rule),
  minItems: (_root, rule, value) => !Array.isArray(value) || value.length >= Number(rule),
  uniqueItems: (_root, rule, value) => rule !== true || !Array.isArray(value) || new Set(value).size === value.length,
  maxProperties: (_root, rule, value) => !isObject(value) || Object.keys(value).length <= Number(rule),
  required: (_root, rule, value) =>
    !isObject(value) || (Array.isArray(rule) && rule.every((name) => Object.hasOwn(value, name))),
  properties: (root, rule, value) =>
    !isObject(value) ||
    Object.entries(schemaOf(rule)).every(
      ([name, inner]) => !Object.hasOwn(value, name) || accepts(root, schemaOf(inner), value[name]),
    ),
  additionalProperties: (root, rule, value, { properties = {} }) =>
    !isObject(value) ||
    Object.entries(value).every(
      ([name, item]) =>
        Object.hasOwn(schemaOf(properties), name) || (rule !== false && accepts(root, schemaOf(rule), item)),
    ),
  propertyNames: (root, rule, value) =>
    !isObject(value) || Object.keys(value).every((name) => accepts(root, schemaOf(rule), name)),
  prefixItems: (root, rule, value) =>
    !Array.isArray(value) || schemasOf(rule).every((inner, i) => i >= value.length || accepts(root, inner, value[i])),
  items: (root, rule, value, { prefixItems = [] }) =>
    !Array.isArray(value) ||
    value.slice(schemasOf(prefixItems).length).every((item) => accepts(root, schemaOf(rule), item)),
  allOf: (root, rule, value) => schemasOf(rule).every((inner) => accepts(root, inner, value)),
  anyOf: (root, rule, value) => schemasOf(rule).some((inner) => accepts(root, inner, value)),
  oneOf: (root, rule, value) => schemasOf(rule).filter((inner) => accepts(root, inner, value)).length === 1,
  not: (root, rule, value) => !accepts(root, schemaOf(rule), value),
  if: (root, rule, value, { then: consequence = {} }) =>
    !accepts(root, schemaOf(rule), value) || accepts(root, schemaOf(consequence), value),
};

/** Every property that the schema has a description of, as dotted names; lists as []. */
export function propertiesOf(schema: Schema, at = ""): string[] {
  const own = isObject(schema.properties)
    ? Object.entries(schema.properties).flatMap(([name, inner]) => [
        `${at}${name}`,
        ...propertiesOf(schemaOf(inner), `${at}${name}.`),
      ])
    : [];
  const items = isObject(schema.items) ? propertiesOf(schema.items, `${at}[].`) : [];
  const each = isObject(schema.additionalProperties) ? propertiesOf(schema.additionalProperties, `${at}*.`) : [];
  const choices = Array.isArray(schema.anyOf)
    ? schemasOf(schema.anyOf).flatMap((inner) => propertiesOf(inner, at))
    : [];
  return [...new Set([...own, ...items, ...each, ...choices])];
}
