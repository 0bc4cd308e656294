import { Failure } from "../outcome.ts";
import { lookupKept } from "../render/files.ts";
import { readTemplate, renderTemplate } from "../render/template.ts";
import type { SealedTemplate } from "./seal.ts";

/** Makes a text again from what the seal has kept of it, with the secrets of now. */
export function renderSealed(
  { template: text, where, format, names }: SealedTemplate,
  secrets: ReadonlyMap<string, Buffer>,
): string {
  const { template } = readTemplate(where, text, format);
  const rendered = renderTemplate(template, lookupKept(names, secrets));
  if (rendered.findings.length > 0)
    throw new Failure("value-unfit", "A secret cannot be written where it was before", rendered.findings);
  return rendered.text;
}
