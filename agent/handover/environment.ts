import { Failure } from "../outcome.ts";
import { lookupKept } from "../render/files.ts";
import { readTemplate, renderTemplate } from "../render/template.ts";
import type { Seal } from "../seal/seal.ts";

/** The variables a command gets, on top of those the agent itself was started with. */
export function environmentOf(
  { environment }: Pick<Seal, "environment">,
  secrets: ReadonlyMap<string, Buffer>,
): Record<string, string> {
  const values = Object.entries(environment).map(([name, { where, template: text, format, names }]) => {
    const { template } = readTemplate(where, text, format);
    const rendered = renderTemplate(template, lookupKept(names, secrets));
    if (rendered.findings.length > 0)
      throw new Failure("value-unfit", "A value cannot stand in the environment", rendered.findings);
    return [name, rendered.text];
  });
  return Object.fromEntries(values);
}
