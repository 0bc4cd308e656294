import { ApiError } from "../../frame/errors.ts";
import { FIELDS } from "./fields.ts";

export interface Field {
  type: string;
  list: boolean;
  map: boolean;
}

const cache = new Map<string, Map<string, Field>>();

/** The fields of a message, or undefined when it is a scalar type. */
export function fieldsOf(message: string): Map<string, Field> | undefined {
  const line = FIELDS[message];
  if (line === undefined) return undefined;
  const known = cache.get(message);
  if (known) return known;
  const fields = new Map<string, Field>();
  for (const word of line.split(" ")) {
    const [left = "", type = ""] = word.split(":");
    fields.set(left.replace(/(\[\]|\{\})$/, ""), { type, list: left.endsWith("[]"), map: left.endsWith("{}") });
  }
  cache.set(message, fields);
  return fields;
}

export type Json = Record<string, unknown>;

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const invalid = (message: string) => new ApiError(400, message, { reason: "badRequest" });

/**
 * Checks a body against the published message as Google's front end does: unknown fields and wrong JSON types are refused
 * before the method sees them. Throws a 400 ApiError. `loose` lets unknown fields pass.
 */
export function checkBody(message: string, body: unknown, loose: boolean, at = "resource"): void {
  if (!isObject(body)) throw invalid(`Invalid value at '${at}' (Root), expected an object.`);
  const fields = fieldsOf(message);
  if (!fields) return;
  for (const [name, value] of Object.entries(body)) {
    const field = fields.get(name);
    if (!field) {
      if (loose) continue;
      throw invalid(`Invalid JSON payload received. Unknown name "${name}" at '${at}': Cannot find field.`);
    }
    if (value !== null) checkField(field, value, loose, `${at}.${name}`);
  }
}

function checkField(field: Field, value: unknown, loose: boolean, at: string): void {
  if (field.list) {
    if (!Array.isArray(value)) throw invalid(`Invalid value at '${at}', Proto field is repeated, expected a list.`);
    for (const [i, item] of value.entries()) checkValue(field.type, item, loose, `${at}[${i}]`);
  } else if (field.map) {
    if (!isObject(value)) throw invalid(`Invalid value at '${at}', expected a map.`);
    // A null takes an entry out of the map.
    for (const [key, item] of Object.entries(value))
      if (item !== null) checkValue(field.type, item, loose, `${at}.${key}`);
  } else checkValue(field.type, value, loose, at);
}

function checkValue(type: string, value: unknown, loose: boolean, at: string): void {
  if (FIELDS[type] !== undefined) {
    checkBody(type, value, loose, at);
    return;
  }
  const shown = JSON.stringify(value);
  const wrong = (name: string) => invalid(`Invalid value at '${at}' (${name}), ${shown}`);
  if (type === "string" && typeof value !== "string") throw wrong("TYPE_STRING");
  if (type === "bool" && typeof value !== "boolean") throw wrong("TYPE_BOOL");
  if (type === "double" && Number.isNaN(Number(value))) throw wrong("TYPE_DOUBLE");
  // Integers may come as JSON numbers or as text, 32 bits and 64 alike.
  if (/^u?int(32|64)$/.test(type) && !/^-?\d+$/.test(String(value))) throw wrong(`TYPE_${type.toUpperCase()}`);
}

/**
 * A body as the audit log renders it: maps become lists of key and value, every number becomes text (recorded for
 * `progress` and 64-bit fields).
 */
export function auditForm(message: string, body: Json): Json {
  const fields = fieldsOf(message);
  const form = (type: string, value: unknown): unknown => {
    if (isObject(value)) return auditForm(type, value);
    if (typeof value === "number") return String(value);
    return value;
  };
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => {
      const field = fields?.get(name);
      if (field?.map && isObject(value))
        return [name, Object.entries(value).map(([key, item]) => ({ key, value: form(field.type, item) }))];
      if (Array.isArray(value)) return [name, value.map((item) => form(field?.type ?? "", item))];
      if (typeof value === "string" && /fingerprint$/i.test(name))
        return [name, Buffer.from(value, "base64").toString("utf8")];
      return [name, form(field?.type ?? "", value)];
    }),
  );
}
