import { createRequire } from "node:module";
import type { Field, Namespace, Type } from "protobufjs";

/** Protocol buffer definitions, read by the library that the gRPC port reads Google's own with. */

type Library = typeof import("protobufjs");

let loaded: Library | undefined;

function library(): Library {
  if (loaded) return loaded;
  const require = createRequire(import.meta.url);
  loaded = createRequire(require.resolve("@grpc/proto-loader"))("protobufjs") as Library;
  return loaded;
}

/** The one top-level message of a definition. Throws an Error that says what is wrong. */
export function parseProtobuf(definition: string): Type {
  const { parse, Type: TypeClass, Enum } = library();
  const { root, imports, package: packageName } = parse(definition, { keepCase: true });
  if (imports && imports.length > 0) throw new Error("a definition cannot import others");
  root.resolveAll();
  const at = packageName ? (root.lookup(packageName) as Namespace) : root;
  const messages = at.nestedArray.filter((one): one is Type => one instanceof TypeClass);
  const [only] = messages;
  if (
    !only ||
    messages.length > 1 ||
    at.nestedArray.some((one) => !(one instanceof TypeClass || one instanceof Enum))
  ) {
    throw new Error("a definition must have exactly one top-level message");
  }
  return only;
}

/** True for a message that holds only fields of its type, in protobuf's binary form. Throws an Error for any other. */
export function checkProtobuf(type: Type, bytes: Buffer): void {
  type.decode(bytes);
  checkTags(type, bytes);
}

/** Decoding passes over fields it does not know; Pub/Sub does not. */
function checkTags(type: Type, bytes: Uint8Array): void {
  const reader = library().Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const field = type.fieldsById[tag >>> 3];
    if (!field) throw new Error(`the message has a field ${tag >>> 3} that is not in the schema`);
    const inner = messageOf(field);
    if (inner && (tag & 7) === 2 && !field.map) checkTags(inner, reader.bytes());
    else reader.skipType(tag & 7);
  }
}

function messageOf(field: Field): Type | undefined {
  return field.resolvedType instanceof library().Type ? field.resolvedType : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Protobuf's JSON form, under the names of the definition or in camelCase. Throws an Error. */
export function checkProtobufJson(type: Type, value: unknown): void {
  if (!isObject(value)) throw new Error(`the value of ${type.name} is no object`);
  const known: Record<string, unknown> = {};
  for (const [given, one] of Object.entries(value)) {
    const snake = given.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const field = type.fields[given] ?? type.fields[snake];
    if (!field) throw new Error(`${type.name} has no field ${given}`);
    if (one !== null) checkField(field, one);
    known[field.name] = one;
  }
  const missing = type.fieldsArray.find((field) => field.required && known[field.name] === undefined);
  if (missing) throw new Error(`${type.name} lacks its field ${missing.name}`);
}

function checkField(field: Field, value: unknown): void {
  if (field.map) {
    if (!isObject(value)) throw new Error(`${field.name} is no map`);
    for (const one of Object.values(value)) checkValue(field, one);
  } else if (field.repeated) {
    if (!Array.isArray(value)) throw new Error(`${field.name} is no list`);
    for (const one of value) checkValue(field, one);
  } else checkValue(field, value);
}

function checkValue(field: Field, value: unknown): void {
  const inner = messageOf(field);
  if (inner) {
    checkProtobufJson(inner, value);
    return;
  }
  const fits = () => {
    if (field.resolvedType instanceof library().Enum) {
      return typeof value === "number" || (typeof value === "string" && value in field.resolvedType.values);
    }
    if (field.type === "bool") return typeof value === "boolean";
    if (field.type === "string" || field.type === "bytes") return typeof value === "string";
    const isNumber = typeof value === "number" || (typeof value === "string" && value.trim() !== "");
    if (field.type === "float" || field.type === "double")
      return isNumber && (!Number.isNaN(Number(value)) || value === "NaN");
    return isNumber && Number.isInteger(Number(value));
  };
  if (!fits()) throw new Error(`the value of ${field.name} is not of type ${field.type}`);
}
