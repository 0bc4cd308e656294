import { ApiError } from "./errors.ts";

/**
 * What a message of the API may hold. One table per message serves both transports: REST bodies are checked against it,
 * and gRPC messages are turned into the JSON form (durations and instants as text, bytes as base64) and back.
 */
export interface Shape {
  readonly [field: string]: Kind;
}

/**
 * `json` is kept as it came. `absent` is a field of the real API that this emulator does not have: setting it is answered
 * with 501 rather than ignored; `absentMap` is one whose value is a map.
 */
export type Kind =
  | "string"
  | "boolean"
  | "int32"
  | "duration"
  | "timestamp"
  | "bytes"
  | "strings"
  | "map"
  | "json"
  | "output"
  | "absent"
  | "absentMap"
  | { one: Shape }
  | { many: Shape };

export type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}

export function camel(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

export function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function badValue(at: string, kind: string, value: unknown): ApiError {
  return new ApiError(400, `Invalid value at '${at}' (${kind}), ${JSON.stringify(value) ?? "undefined"}`);
}

/** Seconds in a JSON duration, e.g. `600s` or `1.5s`. Throws a 400 ApiError for anything else. */
export function durationSeconds(text: string, at = "duration"): number {
  if (!/^-?\d+(\.\d{1,9})?s$/.test(text)) throw badValue(at, "type.googleapis.com/google.protobuf.Duration", text);
  return Number(text.slice(0, -1));
}

function readScalar(kind: Exclude<Kind, object>, value: unknown, at: string): unknown {
  switch (kind) {
    case "string":
      if (typeof value !== "string") throw badValue(at, "TYPE_STRING", value);
      return value;
    case "boolean":
      if (typeof value !== "boolean") throw badValue(at, "TYPE_BOOL", value);
      return value;
    case "int32": {
      const number = typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value;
      if (typeof number !== "number" || !Number.isInteger(number)) throw badValue(at, "TYPE_INT32", value);
      return number;
    }
    case "duration":
      if (typeof value !== "string") throw badValue(at, "type.googleapis.com/google.protobuf.Duration", value);
      return `${durationSeconds(value, at)}s`;
    case "timestamp":
      if (typeof value !== "string" || Number.isNaN(Date.parse(value))) {
        throw badValue(at, "type.googleapis.com/google.protobuf.Timestamp", value);
      }
      return value;
    case "bytes":
      if (typeof value !== "string" || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) throw badValue(at, "TYPE_BYTES", value);
      return Buffer.from(value, "base64").toString("base64");
    case "strings":
      if (!Array.isArray(value) || value.some((item) => typeof item !== "string")) {
        throw badValue(at, "TYPE_STRING", value);
      }
      return value;
    case "map":
      if (!isObject(value) || Object.values(value).some((item) => typeof item !== "string")) {
        throw badValue(at, "TYPE_STRING", value);
      }
      return value;
    default:
      return value;
  }
}

/** Clients send the lists and maps that nobody filled in. An empty message, in contrast, was set by somebody. */
function isUnset(kind: "absent" | "absentMap", value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return kind === "absentMap" && isObject(value) && Object.keys(value).length === 0;
}

/**
 * Checks a JSON body against a shape and returns it with camelCase names; snake_case names are accepted, as proto3 JSON
 * does. `null` means unset. Fields that are output only are dropped. Unknown fields are a 400 unless `loose`.
 */
export function readFields(shape: Shape, body: unknown, loose: boolean, at = ""): Json {
  if (!isObject(body)) throw badValue(at || "body", "message", body);
  const read: Json = {};
  for (const [given, value] of Object.entries(body)) {
    const name = camel(given);
    const kind = Object.hasOwn(shape, name) ? shape[name] : undefined;
    const here = at ? `${at}.${snake(name)}` : snake(name);
    if (kind === undefined) {
      if (loose) continue;
      const where = at ? ` at '${at}'` : "";
      throw new ApiError(400, `Invalid JSON payload received. Unknown name "${given}"${where}: Cannot find field.`);
    }
    if (value === null || kind === "output") continue;
    if (kind === "absent" || kind === "absentMap") {
      if (isUnset(kind, value)) continue;
      throw new ApiError(501, `the field ${here} is not emulated`);
    }
    if (typeof kind === "string") read[name] = readScalar(kind, value, here);
    else if ("one" in kind) read[name] = readFields(kind.one, value, loose, here);
    else {
      if (!Array.isArray(value)) throw badValue(here, "repeated message", value);
      read[name] = value.map((item, i) => readFields(kind.many, item, loose, `${here}[${i}]`));
    }
  }
  return read;
}

interface ProtoTime {
  seconds?: string | number;
  nanos?: number;
}

function secondsText({ seconds = 0, nanos = 0 }: ProtoTime): string {
  return `${Number(seconds) + nanos / 1e9}s`;
}

/** From what proto-loader decodes to the JSON form. Unset fields stay unset. */
export function fromProto(shape: Shape, message: Json): Json {
  const json: Json = {};
  for (const [name, kind] of Object.entries(shape)) {
    const value = message[name];
    // Repeated fields are decoded as empty lists when unset.
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) continue;
    if (kind === "duration") json[name] = secondsText(value as ProtoTime);
    else if (kind === "timestamp") {
      const { seconds = 0, nanos = 0 } = value as ProtoTime;
      json[name] = new Date(Number(seconds) * 1000 + nanos / 1e6).toISOString();
    } else if (kind === "bytes") json[name] = Buffer.from(value as Uint8Array).toString("base64");
    else if (typeof kind === "string") json[name] = value;
    else if ("one" in kind) json[name] = fromProto(kind.one, value as Json);
    else json[name] = (value as Json[]).map((item) => fromProto(kind.many, item));
  }
  return json;
}

/** From the JSON form to what proto-loader encodes. */
export function toProto(shape: Shape, json: Json): Json {
  const message: Json = {};
  for (const [name, kind] of Object.entries(shape)) {
    const value = json[name];
    if (value === undefined) continue;
    if (kind === "duration") {
      const total = durationSeconds(String(value));
      const seconds = Math.trunc(total);
      message[name] = { seconds: String(seconds), nanos: Math.round((total - seconds) * 1e9) };
    } else if (kind === "timestamp") {
      const ms = Date.parse(String(value));
      message[name] = { seconds: String(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1e6 };
    } else if (kind === "bytes") message[name] = Buffer.from(String(value), "base64");
    else if (typeof kind === "string") message[name] = value;
    else if ("one" in kind) message[name] = toProto(kind.one, value as Json);
    else message[name] = (value as Json[]).map((item) => toProto(kind.many, item));
  }
  return message;
}
