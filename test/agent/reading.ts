import type { Finding } from "../../agent/finding.ts";
import type { FormatName } from "../../agent/plan/manifest.ts";
import { faultsOfShapes } from "../../agent/render/shapes.ts";
import { readTemplate, type Template } from "../../agent/render/template.ts";

/** As `check` reads a template: its tags, and any shape it may take. */
export function readInAnyShape(
  where: string,
  text: string,
  format: FormatName,
): { template: Template; findings: Finding[] } {
  const { template, findings } = readTemplate(where, text, format);
  return { template, findings: findings.length > 0 ? findings : faultsOfShapes(template) };
}
