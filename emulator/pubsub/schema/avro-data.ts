import { type Avro, unionName } from "./avro.ts";

/** Values held against an Avro schema, in both of Avro's encodings. Throws an Error at the first that does not fit. */

const INT = 2 ** 31;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function need(fits: boolean, at: string, type: Avro): void {
  if (!fits) throw new Error(`${at || "the message"} is not of type ${unionName(type)}`);
}

/** https://avro.apache.org/docs/1.11.1/specification/#json-encoding */
export function checkJson(type: Avro, value: unknown, at = ""): void {
  switch (type.kind) {
    case "null":
      need(value === null, at, type);
      return;
    case "boolean":
      need(typeof value === "boolean", at, type);
      return;
    case "int":
      need(Number.isInteger(value) && Number(value) >= -INT && Number(value) < INT, at, type);
      return;
    case "long":
      need(Number.isInteger(value), at, type);
      return;
    case "float":
    case "double":
      need(typeof value === "number", at, type);
      return;
    case "bytes":
    case "string":
      need(typeof value === "string", at, type);
      return;
    case "enum":
      need(typeof value === "string" && type.symbols.includes(value), at, type);
      return;
    case "fixed":
      need(typeof value === "string" && value.length === type.size, at, type);
      return;
    case "array":
      need(Array.isArray(value), at, type);
      for (const [i, one] of (value as unknown[]).entries()) checkJson(type.of, one, `${at}[${i}]`);
      return;
    case "map":
      need(isObject(value), at, type);
      for (const [key, one] of Object.entries(value as object)) checkJson(type.of, one, `${at}.${key}`);
      return;
    case "union":
      checkUnion(type, value, at);
      return;
    case "record": {
      need(isObject(value), at, type);
      const given = value as Record<string, unknown>;
      for (const { name, type: inner } of type.fields) {
        if (!Object.hasOwn(given, name)) throw new Error(`${at || "the message"} lacks the field ${name}`);
        checkJson(inner, given[name], at ? `${at}.${name}` : name);
      }
      const extra = Object.keys(given).find((name) => !type.fields.some((field) => field.name === name));
      if (extra !== undefined) throw new Error(`${at || "the message"} has a field ${extra} that is not in the schema`);
    }
  }
}

/** A value of a union is `null`, or stands in an object under the name of its type. */
function checkUnion(type: Avro & { kind: "union" }, value: unknown, at: string): void {
  if (value === null) {
    const takesNull = type.of.some(({ kind }) => kind === "null");
    need(takesNull, at, type);
    return;
  }
  const [[name, inner] = []] = isObject(value) ? Object.entries(value) : [];
  const branch = type.of.find((one) => unionName(one) === name);
  if (!branch || Object.keys(value as object).length !== 1) throw new Error(`${at} names no type of the union`);
  checkJson(branch, inner, at);
}

/** https://avro.apache.org/docs/1.11.1/specification/#binary-encoding */
export function checkBinary(type: Avro, bytes: Buffer): void {
  const reader = new Reader(bytes);
  reader.value(type);
  if (reader.at !== bytes.length) throw new Error("there is more in the message than the schema has");
}

class Reader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  #skip(count: number): void {
    if (count < 0 || this.at + count > this.#bytes.length) throw new Error("the message ends too early");
    this.at += count;
  }

  /** A zig-zag number of variable length. */
  #long(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.at];
      this.#skip(1);
      value |= BigInt((byte ?? 0) & 0x7f) << shift;
      if (((byte ?? 0) & 0x80) === 0) return (value >> 1n) ^ -(value & 1n);
    }
    throw new Error("a number is too long");
  }

  #block(run: () => void): void {
    for (let count = this.#long(); count !== 0n; count = this.#long()) {
      // A negative count is followed by the block's size in bytes.
      if (count < 0n) this.#long();
      const items = count < 0n ? -count : count;
      if (items > BigInt(this.#bytes.length)) throw new Error("a block holds more items than the message has bytes");
      for (let i = 0n; i < items; i++) run();
    }
  }

  value(type: Avro): void {
    switch (type.kind) {
      case "null":
        return;
      case "boolean":
        this.#skip(1);
        return;
      case "int":
      case "long":
        this.#long();
        return;
      case "float":
        this.#skip(4);
        return;
      case "double":
        this.#skip(8);
        return;
      case "bytes":
      case "string":
        this.#skip(Number(this.#long()));
        return;
      case "fixed":
        this.#skip(type.size);
        return;
      case "enum":
        need(Number(this.#long()) in type.symbols, "a value", type);
        return;
      case "array":
        this.#block(() => this.value(type.of));
        return;
      case "map":
        this.#block(() => {
          this.#skip(Number(this.#long()));
          this.value(type.of);
        });
        return;
      case "union": {
        const branch = type.of[Number(this.#long())];
        if (!branch) throw new Error("a union's branch is not one of the schema");
        this.value(branch);
        return;
      }
      case "record":
        for (const field of type.fields) this.value(field.type);
    }
  }
}
