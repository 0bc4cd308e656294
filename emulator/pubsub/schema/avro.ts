/** Avro schemas, as much as Pub/Sub takes. https://avro.apache.org/docs/1.11.1/specification/ */

export type Avro =
  | { kind: "null" | "boolean" | "int" | "long" | "float" | "double" | "bytes" | "string" }
  | { kind: "record"; name: string; fields: { name: string; type: Avro }[] }
  | { kind: "enum"; name: string; symbols: string[] }
  | { kind: "fixed"; name: string; size: number }
  | { kind: "array" | "map"; of: Avro }
  | { kind: "union"; of: Avro[] };

const PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"] as const;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads a definition. Throws an Error that says what is wrong with it. */
export function parseAvro(definition: string): Avro {
  let json: unknown;
  try {
    json = JSON.parse(definition);
  } catch {
    throw new Error("the definition is not JSON");
  }
  return read(json, new Map(), "");
}

function read(json: unknown, named: Map<string, Avro>, space: string): Avro {
  if (typeof json === "string") return reference(json, named, space);
  if (Array.isArray(json)) {
    const of = json.map((one) => read(one, named, space));
    if (of.length === 0) throw new Error("a union is empty");
    if (of.some(({ kind }) => kind === "union")) throw new Error("a union stands directly in a union");
    const names = of.map(unionName);
    if (new Set(names).size < names.length) throw new Error("a union holds the same type twice");
    return { kind: "union", of };
  }
  if (!isObject(json)) throw new Error("a type must be a name, an object or a list");
  const { type } = json;
  if (type === "array") return { kind: "array", of: read(json.items, named, space) };
  if (type === "map") return { kind: "map", of: read(json.values, named, space) };
  if (type === "record" || type === "error" || type === "enum" || type === "fixed") return define(json, named, space);
  // `{"type": "int", "logicalType": "date"}`, or a type in one more pair of braces.
  if (type === undefined) throw new Error("a type has no type");
  return read(type, named, space);
}

function reference(name: string, named: Map<string, Avro>, space: string): Avro {
  const primitive = PRIMITIVES.find((one) => one === name);
  if (primitive) return { kind: primitive };
  const found = named.get(name) ?? named.get(`${space}.${name}`);
  if (!found) throw new Error(`there is no type ${name}`);
  return found;
}

function define(json: Json, named: Map<string, Avro>, outer: string): Avro {
  const { type, name } = json;
  const parts = typeof name === "string" ? name.split(".") : [];
  if (parts.length === 0 || !parts.every((part) => NAME.test(part))) {
    throw new Error(`${String(type)} has no valid name`);
  }
  const own = typeof json.namespace === "string" ? json.namespace : outer;
  const space = parts.length > 1 ? parts.slice(0, -1).join(".") : own;
  const short = parts.at(-1) ?? "";
  const full = space ? `${space}.${short}` : short;
  if (named.has(full)) throw new Error(`${full} is defined twice`);
  if (type === "enum") {
    const symbols = Array.isArray(json.symbols) ? json.symbols.map(String) : [];
    if (symbols.length === 0 || !symbols.every((symbol) => NAME.test(symbol)) || new Set(symbols).size < symbols.length)
      throw new Error(`the symbols of ${full} are not valid`);
    return keep(named, full, { kind: "enum", name: full, symbols });
  }
  if (type === "fixed") {
    const { size } = json;
    if (typeof size !== "number" || !Number.isInteger(size) || size < 0) throw new Error(`${full} has no valid size`);
    return keep(named, full, { kind: "fixed", name: full, size });
  }
  if (!Array.isArray(json.fields)) throw new Error(`${full} has no fields`);
  // Known by its name before its fields are read, which may be of it.
  const record: Avro & { kind: "record" } = { kind: "record", name: full, fields: [] };
  named.set(full, record);
  for (const field of json.fields as unknown[]) {
    if (!isObject(field) || typeof field.name !== "string" || !NAME.test(field.name)) {
      throw new Error(`a field of ${full} has no valid name`);
    }
    if (record.fields.some((other) => other.name === field.name)) {
      throw new Error(`${full} has two fields ${field.name}`);
    }
    record.fields.push({ name: field.name, type: read(field.type, named, space) });
  }
  return record;
}

function keep(named: Map<string, Avro>, name: string, type: Avro): Avro {
  named.set(name, type);
  return type;
}

/** How JSON names the branch of a union that a value is of. */
export function unionName(type: Avro): string {
  return "name" in type ? type.name : type.kind;
}
