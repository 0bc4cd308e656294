import type { FormatName } from "../../plan/manifest.ts";
import { env } from "./env.ts";
import { type Format, mark, textOf, Unfit } from "./format.ts";
import { ini } from "./ini.ts";
import { json } from "./json.ts";
import { shell } from "./shell.ts";
import { toml } from "./toml.ts";
import { xml } from "./xml.ts";
import { yaml } from "./yaml.ts";

/** Anything else: nothing is escaped, so a value holds no line break or control character. */
const text: Format = {
  places: (s) => [...s].filter((unit) => unit === mark).map(() => ({ in: "text" })),
  write(_place, value) {
    const written = textOf(value);
    if (/(?!\t)[\p{Cc}\u2028\u2029]/u.test(written)) throw new Unfit("it holds a line break or control character");
    return written;
  },
};

export const formatRules: Record<FormatName, Format> = { json, yaml, toml, ini, shell, env, xml, text };
