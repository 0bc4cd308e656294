import type { Scalar } from "../plan/manifest.ts";
import { type Given, largest } from "./expand.ts";
import { quoteSafe, textOf, Unfit } from "./formats/format.ts";
import type { Slot } from "./parse.ts";

const large = "it grows beyond 4 MiB";

/** The value that is written in a slot. Throws `Unfit`. */
export function filtered(given: Given, filters: Slot["filters"]): Scalar {
  let value = given;
  for (const { name, argument } of filters) {
    if (name === "default") value ??= argument;
    else if (name === "base64")
      value = Buffer.from(value instanceof Uint8Array ? value : textOf(scalar(value))).toString(name);
    else if (name === "json") value = jsonOf(value instanceof Uint8Array ? scalar(value) : value);
    else if (name === "indent") value = textOf(scalar(value)).replaceAll("\n", `\n${" ".repeat(Number(argument))}`);
    else if (!Array.isArray(value)) throw new Unfit("it is no list to join");
    else if (value.length * String(argument).length > largest) throw new Unfit(large);
    else value = value.map((item) => textOf(scalar(item))).join(String(argument));
    if (typeof value === "string" && value.length > largest) throw new Unfit(large);
  }
  return scalar(value);
}

function scalar(value: Given): Scalar {
  if (value instanceof Uint8Array) {
    const text = Buffer.from(value).toString();
    if (Buffer.from(text).equals(value)) return text;
    throw new Unfit("it is not UTF-8: base64 writes any bytes");
  }
  if (value === undefined) throw new Unfit("it is not there");
  if (typeof value === "object" && value) throw new Unfit("it is a list or map: json writes it, join a list");
  return value;
}

function jsonOf(value: Given): string {
  if (value === undefined) throw new Unfit("it is not there");
  const text = JSON.stringify(value, (key, inner) => {
    textOf(key);
    return typeof inner === "string" ? textOf(inner) : inner;
  });
  return quoteSafe(text);
}
