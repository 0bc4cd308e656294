import { type Finding, findingAt } from "../finding.ts";
import type { FormatName, Value } from "../plan/manifest.ts";
import { mark, Unfit } from "./formats/format.ts";
import { formatRules } from "./formats/index.ts";
import { type Expression, parseTemplate } from "./parse.ts";

/** A template read once: its own text, and for each placeholder what it asks for and how it stands in the format. */
export interface Template {
  /** For messages: the source's name, or the manifest's field. */
  where: string;
  format: FormatName;
  text: string;
  literals: string[];
  placeholders: { expression: Expression; offset: number; place: string }[];
  /** Every name it uses. */
  names: Set<string>;
}

export type Lookup = (name: string) => Value | undefined;

/** Reads a template without any value; all that is wrong with it comes back at once. */
export function readTemplate(
  where: string,
  text: string,
  format: FormatName,
): { template: Template; findings: Finding[] } {
  const { literals, placeholders, faults } = parseTemplate(text);
  const findings = faults.map(({ offset, code, sentence }) => findingAt(where, text, offset, code, sentence));
  const template: Template = { where, format, text, literals, placeholders: [], names: new Set() };
  // Places are only counted right in a text whose braces and NULs are.
  if (findings.length > 0) return { template, findings };
  const places = formatRules[format].places(literals.join(mark));
  placeholders.forEach(({ expression, offset }, i) => {
    if (expression.kind === "name") template.names.add(expression.name);
    const place = places[i] ?? { refused: "this place" };
    if ("in" in place) template.placeholders.push({ expression, offset, place: place.in });
    else
      findings.push(
        findingAt(
          where,
          text,
          offset,
          "placeholder-misplaced",
          `In ${format} no placeholder stands in ${place.refused}.`,
        ),
      );
  });
  return { template, findings };
}

/** Names that `known` does not know, each where it stands. */
export function unknownNames({ where, text, placeholders }: Template, known: (name: string) => boolean): Finding[] {
  return placeholders.flatMap(({ expression, offset }) =>
    expression.kind !== "name" || known(expression.name)
      ? []
      : [findingAt(where, text, offset, "unknown-name", `This instance has no ${expression.name}.`)],
  );
}

/** Fills a template in. With findings the text is not to be used. */
export function renderTemplate(template: Template, lookup: Lookup): { text: string; findings: Finding[] } {
  const { where, format } = template;
  const rule = formatRules[format];
  const findings: Finding[] = [];
  let text = template.literals[0] ?? "";
  template.placeholders.forEach(({ expression, offset, place }, i) => {
    const value = expression.kind === "text" ? expression.text : lookup(expression.name);
    try {
      if (value === undefined || (typeof value === "object" && value !== null)) throw new Unfit("it is not text");
      text += rule.write(place, value) + (template.literals[i + 1] ?? "");
    } catch (error) {
      if (!(error instanceof Unfit)) throw error;
      const what = expression.kind === "text" ? "The text" : expression.name;
      const sentence = `${what} cannot stand here in ${format}: ${error.message}.`;
      findings.push(findingAt(where, template.text, offset, "value-unfit", sentence));
    }
  });
  if (findings.length > 0) return { text: "", findings };
  const fault = rule.fault?.(text);
  // The place is one of the finished file.
  if (fault !== undefined)
    findings.push(findingAt(where, text, fault, "not-in-format", `The finished file is not ${format} here.`));
  return { text, findings };
}
