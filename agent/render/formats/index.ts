import type { FormatName } from "../../plan/manifest.ts";
import { env } from "./env.ts";
import { type Format, lineOf, mark, textOf, Unfit } from "./format.ts";
import { ini } from "./ini.ts";
import { json } from "./json.ts";
import { shell } from "./shell.ts";
import { toml } from "./toml.ts";
import { xml } from "./xml.ts";
import { yaml } from "./yaml.ts";

/** Anything else: nothing is escaped, so a value holds no control character, and line breaks only where `indent` is asked for. */
const text: Format = {
  places: (s) => [...s].filter((unit) => unit === mark).map(() => ({ in: "text" })),
  write: (_place, value, lines) => (lines ? textOf(value).split("\n").map(lineOf).join("\n") : lineOf(value)),
};

/** One value of an environment, or what stands in a link: the whole of it is text. */
const raw: Format = {
  places: text.places,
  write(_place, value) {
    const written = textOf(value);
    if (written.includes("\0")) throw new Unfit("it holds a NUL");
    return written;
  },
};

export const formatRules: Record<FormatName, Format> = { json, yaml, toml, ini, shell, env, xml, text, raw };
