import { basename, dirname, join } from "node:path";
import type { Finding } from "../../../agent/finding.ts";
import { findingAt } from "../../../agent/finding.ts";
import { readJson } from "../../../agent/plan/json.ts";
import { readInput } from "../file.ts";
import { readYaml } from "../yaml.ts";
import { besideOf } from "./beside.ts";
import type { Translated } from "./draft.ts";
import { translateIgnition } from "./ignition.ts";
import { minorOf } from "./ignitionVersions.ts";
import { translateKolla } from "./kolla.ts";
import type { Untranslated } from "./reading.ts";

export const foreignFormats = ["kolla", "ignition"] as const;
export type ForeignFormat = (typeof foreignFormats)[number];

export type Translation = (Translated & { untranslated: Untranslated[] }) | { refused: Finding[] };

/** Reads a foreign configuration from a file. Refused is what is no such configuration at all. */
export function translateFile(format: ForeignFormat, file: string): Translation {
  const bytes = readInput(file);
  const { text, isText } = decode(bytes);
  if (!isText) return { refused: [findingAt("configuration", "", 0, "not-text", "The file is not UTF-8.")] };
  const isYaml = format === "kolla" && /\.ya?ml$/.test(file);
  const document = isYaml ? readYaml("configuration", text, "1.1") : readJson("configuration", text);
  if (document.value === undefined || document.findings.length > 0)
    return { refused: document.findings.map((finding) => withAdvice(finding, text)) };
  const name = basename(file);
  if (format === "kolla") {
    const { reading, ...translated } = translateKolla(document, besideOf(dirname(join(file))), name);
    return { ...translated, untranslated: reading.untranslated() };
  }
  const minor = minorOf(document);
  if (typeof minor !== "number") return { refused: [minor] };
  const { reading, ...translated } = translateIgnition(document, minor, name);
  return { ...translated, untranslated: reading.untranslated() };
}

function decode(bytes: Buffer): { text: string; isText: boolean } {
  const text = bytes.toString();
  return { text, isText: Buffer.from(text).equals(bytes) };
}

/** Butane is the form of Ignition that people write. */
function withAdvice(finding: Finding, text: string): Finding {
  const butane = finding.code === "not-json" && /^variant:/m.test(text);
  return butane
    ? { ...finding, code: "butane", sentence: "This is Butane: run butane FILE > config.ign, and give that." }
    : finding;
}
