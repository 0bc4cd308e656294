import { type Finding, findingAt } from "../finding.ts";
import type { FormatName } from "../plan/manifest.ts";
import { expand, type Given, largeFault, largest, type Piece } from "./expand.ts";
import { filtered } from "./filters.ts";
import { bare, mark, type Place, Unfit } from "./formats/format.ts";
import { formatRules } from "./formats/index.ts";
import { type Fault, type Parsed, parseTemplate } from "./parse.ts";

/** A template read once: its own text, and what it asks for. */
export interface Template {
  /** For messages: the source's name, or the manifest's field. */
  where: string;
  format: FormatName;
  text: string;
  parsed: Parsed;
  /** What it may turn into, with marks for slots → how each slot stands. */
  shapes: Map<string, Place[]>;
  /** Every dotted name it asks for; `secrets` itself when it goes over all of them. */
  names: Set<string>;
  /** Those of them that may be absent. */
  optionalNames: Set<string>;
  /** Its finished text holds a secret. */
  secret: boolean;
}

/** Payloads of secrets come as bytes; `secrets` is the list of the names that have one. */
export type Lookup = (name: string) => Given;

/** Findings of one template, since finding the line of each takes its time. */
const most = 500;

/** Reads a template's tags, and says all that is wrong with them. Whether values may stand where they do depends on its shape. */
export function readTemplate(
  where: string,
  text: string,
  format: FormatName,
): { template: Template; findings: Finding[] } {
  const parsed = parseTemplate(text.length > largest ? "" : text);
  const { refs, faults, secret } = parsed;
  const names = new Set(refs.map(({ name }) => name));
  const optionalNames = new Set(names);
  for (const { name, optional } of refs) if (!optional) optionalNames.delete(name);
  const template: Template = { where, format, text, parsed, shapes: new Map(), names, optionalNames, secret };
  return { template, findings: findingsOf(template, text.length > largest ? [largeFault] : faults) };
}

/** What is wrong with the shape it takes with these values. Where they decide none, rendering says so. */
export function faultsOfShape(template: Template, lookup: Lookup): Finding[] {
  const { pieces, faults } = expand(template.parsed.body, lookup, true);
  return faults.length > 0 ? [] : findingsOf(template, faultsIn(template, pieces));
}

/** Of one shape, whatever the values in its slots will be. */
export function faultsIn(template: Template, pieces: readonly Piece[]): Fault[] {
  return compose(template, pieces, (_slot, place) => (place === bare ? "0" : "")).faults;
}

/** Names that `known` does not know, each where it stands. Of those that may be absent the group must be known. */
export function unknownNames(template: Template, known: (name: string) => boolean): Finding[] {
  const unknown = template.parsed.refs.filter(
    ({ name, optional }) => !known(optional ? name.replace(/\..*/, "") : name),
  );
  return findingsOf(
    template,
    unknown.map(({ name, at }) => ({ offset: at, code: "unknown-name", sentence: `This instance has no ${name}.` })),
  );
}

/** Fills a template in. With findings the text is not to be used. */
export function renderTemplate(template: Template, lookup: Lookup): { text: string; findings: Finding[] } {
  const { pieces, faults } = expand(template.parsed.body, lookup, true);
  const rule = formatRules[template.format];
  const composed = compose(template, pieces, ({ filters, given }, place) => {
    const value = filtered(given, filters);
    const last = filters.at(-1)?.name;
    // TOML and JSON differ in maps.
    return last === "json" && place === bare && template.format !== "toml"
      ? String(value)
      : rule.write(place, value, last === "indent");
  });
  const findings = findingsOf(template, [...faults, ...composed.faults]);
  return { text: findings.length > 0 ? "" : composed.text, findings };
}

export function findingsOf({ where, text }: Template, faults: readonly Fault[]): Finding[] {
  const once = new Map(faults.map((fault) => [`${fault.offset} ${fault.code}`, fault]));
  return [...once.values()]
    .sort((a, b) => a.offset - b.offset)
    .slice(0, most)
    .map(({ offset, code, sentence }) => findingAt(where, text, offset, code, sentence));
}

/** Puts pieces together; `write` may throw `Unfit`. */
function compose(
  { format, shapes }: Template,
  pieces: readonly Piece[],
  write: (slot: Exclude<Piece, { kind: "text" }>, place: string) => string,
): { text: string; faults: Fault[] } {
  const rule = formatRules[format];
  const skeleton = pieces.map((piece) => (piece.kind === "text" ? piece.text : mark)).join("");
  const places = shapes.get(skeleton) ?? rule.places(skeleton);
  shapes.set(skeleton, places);
  const faults: Fault[] = [];
  const starts: number[] = [];
  let text = "";
  let slots = 0;
  for (const piece of pieces) {
    starts.push(text.length);
    if (piece.kind === "text") {
      text += piece.text;
      continue;
    }
    const { at, from } = piece;
    const place = places[slots++] ?? { refused: "this place" };
    if ("refused" in place) {
      const sentence = `In ${format} no placeholder stands in ${place.refused}.`;
      faults.push({ offset: at, code: "placeholder-misplaced", sentence });
      continue;
    }
    try {
      text += write(piece, place.in);
    } catch (error) {
      if (!(error instanceof Unfit)) throw error;
      const what = "text" in from ? "The text" : from.name;
      faults.push({
        offset: at,
        code: "value-unfit",
        sentence: `${what} cannot stand here in ${format}: ${error.message}.`,
      });
    }
    if (text.length > largest) return { text: "", faults: [largeFault] };
  }
  const fault = faults.length > 0 ? undefined : rule.fault?.(text);
  if (fault !== undefined) {
    const near = starts.findLastIndex((start) => start <= fault);
    const piece = pieces[near];
    const inside = piece?.kind === "text" ? fault - (starts[near] ?? 0) : 0;
    const sentence = `The finished file is not ${format} here.`;
    faults.push({ offset: (piece?.at ?? 0) + inside, code: "not-in-format", sentence });
  }
  return { text, faults };
}
