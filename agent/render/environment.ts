import type { Finding } from "../finding.ts";
import { tag } from "./parse.ts";
import { readTemplate, type Template } from "./template.ts";

/** A text that is no file, like a variable of a command: all of it is the value, line breaks too. */
export function readText(where: string, text: string): { template: Template; findings: Finding[] } {
  return readTemplate(where, text, "raw");
}

/** A file that systemd's EnvironmentFile= and a shell read as these variables. Values may hold tags of templates. */
export function environmentTemplate(
  where: string,
  variables: ReadonlyMap<string, string>,
): { template: Template; findings: Finding[] } {
  const findings: Finding[] = [];
  let file = "";
  for (const [name, text] of variables) {
    // Each is read alone too: no block goes from one into the next, and findings point into it.
    findings.push(...readText(`${where}.${name}`, text).findings);
    file += `${name}="${text.replace(new RegExp(`${tag}|[\\\\"$\`]`, "g"), (found) => (found.startsWith("{{") ? found : `\\${found}`))}"\n`;
  }
  const read = readTemplate(where, file, "env");
  return { template: read.template, findings: findings.length > 0 ? findings : read.findings };
}
