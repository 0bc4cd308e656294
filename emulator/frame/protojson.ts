import type { ServiceDefinition } from "@grpc/grpc-js";
import { type Field, fieldOf, type Package, WELL_KNOWN } from "./descriptors.ts";
import type { Json } from "./fields.ts";

/**
 * Messages as proto-loader has them and proto3's JSON, by a package's field tables.
 * https://protobuf.dev/programming-guides/json/
 */
export interface ProtoJson {
  toJson(type: string, message: Json): Json;
  toMessage(type: string, json: Json): Json;
}

interface Seconds {
  seconds?: string | number;
  nanos?: number;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}

/** `.5` of 500,000,000 nanoseconds: three, six or nine digits, or nothing. */
function fraction(nanos: number): string {
  if (nanos === 0) return "";
  return `.${String(nanos)
    .padStart(9, "0")
    .replace(/(000){1,2}$/, "")}`;
}

function timestampText({ seconds = 0, nanos = 0 }: Seconds): string {
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}${fraction(nanos)}Z`;
}

function timestampOf(text: string): Seconds {
  const nanos = Number((/\.(\d{1,9})/.exec(text)?.[1] ?? "").padEnd(9, "0"));
  return { seconds: String(Math.floor(Date.parse(text) / 1000)), nanos };
}

function durationText({ seconds = 0, nanos = 0 }: Seconds): string {
  const sign = Number(seconds) < 0 || nanos < 0 ? "-" : "";
  return `${sign}${Math.abs(Number(seconds))}${fraction(Math.abs(nanos))}s`;
}

function durationOf(text: string): Seconds {
  const total = Number(text.slice(0, -1));
  const seconds = Math.trunc(total);
  return { seconds: String(seconds), nanos: Math.round((total - seconds) * 1e9) };
}

function plain(value: Json): unknown {
  if (isObject(value.structValue)) return plainStruct(value.structValue);
  if (isObject(value.listValue)) return ((value.listValue.values ?? []) as Json[]).map(plain);
  return value.stringValue ?? value.numberValue ?? value.boolValue ?? null;
}

function plainStruct({ fields }: Json): Json {
  return Object.fromEntries(
    Object.entries((fields ?? {}) as Json).map(([name, value]) => [name, plain(value as Json)]),
  );
}

function structValue(plainValue: unknown): Json {
  if (plainValue === null || plainValue === undefined) return { nullValue: 0 };
  if (typeof plainValue === "string") return { stringValue: plainValue };
  if (typeof plainValue === "number") return { numberValue: plainValue };
  if (typeof plainValue === "boolean") return { boolValue: plainValue };
  if (Array.isArray(plainValue)) return { listValue: { values: plainValue.map(structValue) } };
  return { structValue: structOf(plainValue as Json) };
}

function structOf(json: Json): Json {
  return { fields: Object.fromEntries(Object.entries(json).map(([name, value]) => [name, structValue(value)])) };
}

/** @param codecs of the messages that an Any may hold; another Any is kept as base64 in `value`. */
export function protoJson({ messages }: Package, codecs: ServiceDefinition): ProtoJson {
  const tables = new Map(
    Object.entries(messages).map(([type, fields]) => [
      type,
      Object.entries(fields).map(([name, text]): [string, Field] => [name, fieldOf(text)]),
    ]),
  );
  const codecOf = (url: string) => codecs[url.slice(url.lastIndexOf(".") + 1)];

  function toJson(type: string, message: Json): Json {
    const json: Json = {};
    for (const [name, { type: kind, repeats, isMap }] of tables.get(type) ?? []) {
      const value = message[name];
      if (value === undefined || value === null || (repeats && (value as unknown[]).length === 0)) continue;
      if (isMap) json[name] = value;
      else json[name] = repeats ? (value as unknown[]).map((one) => oneToJson(kind, one)) : oneToJson(kind, value);
    }
    return json;
  }

  function oneToJson(kind: string, value: unknown): unknown {
    if (kind === "bytes") return Buffer.from(value as Uint8Array).toString("base64");
    if (!isObject(value)) return value;
    switch (kind) {
      case "Timestamp":
        return timestampText(value);
      case "Duration":
        return durationText(value);
      case "FieldMask":
        return ((value.paths ?? []) as string[]).join(",");
      case "Struct":
        return plainStruct(value);
      case "Any":
        return anyToJson(value);
      default:
        return toJson(kind, value);
    }
  }

  function anyToJson({ type_url: url = "", value = Buffer.alloc(0) }: Json): Json {
    const codec = codecOf(String(url));
    const bytes = Buffer.from(value as Uint8Array);
    if (!codec) return { "@type": url, value: bytes.toString("base64") };
    return { "@type": url, ...toJson(codecTypeOf(String(url)), codec.requestDeserialize(bytes) as Json) };
  }

  function toMessage(type: string, json: Json): Json {
    const message: Json = {};
    for (const [name, { type: kind, repeats, isMap }] of tables.get(type) ?? []) {
      const value = json[name];
      if (value === undefined || value === null) continue;
      if (isMap || !(repeats && Array.isArray(value))) message[name] = isMap ? value : oneToMessage(kind, value);
      else message[name] = value.map((one) => oneToMessage(kind, one));
    }
    return message;
  }

  function oneToMessage(kind: string, value: unknown): unknown {
    switch (kind) {
      case "bytes":
        return Buffer.from(String(value), "base64");
      case "Timestamp":
        return timestampOf(String(value));
      case "Duration":
        return durationOf(String(value));
      case "FieldMask":
        return { paths: String(value).split(",") };
      case "Struct":
        return structOf(value as Json);
      case "Any":
        return anyOf(value as Json);
      default:
        return isObject(value) && !Object.hasOwn(WELL_KNOWN, kind) ? toMessage(kind, value) : value;
    }
  }

  function anyOf(json: Json): Json {
    const url = String(json["@type"]);
    const codec = codecOf(url);
    const value = codec
      ? codec.requestSerialize(toMessage(codecTypeOf(url), json))
      : Buffer.from(String(json.value ?? ""), "base64");
    return { type_url: url, value };
  }

  return { toJson, toMessage };
}

function codecTypeOf(url: string): string {
  return url.slice(url.lastIndexOf(".") + 1);
}
