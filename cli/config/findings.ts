import { join, relative } from "node:path";
import type { Finding } from "../../agent/finding.ts";
import { CliError, EXIT } from "../failure.ts";
import { countFindings } from "../manifest/file.ts";
import { FILES, MANIFEST } from "./worktree.ts";

/** With the file of each in place of the agent's word for it, as paths from where the person is. */
export function inFolder(folder: string, findings: readonly Finding[]): Finding[] {
  const from = relative(process.cwd(), folder);
  const base = from.startsWith("..") ? folder : from;
  const fileOf = (where: string): string => {
    if (where === "manifest") return join(base, MANIFEST);
    if (where.startsWith("manifest ")) return `${join(base, MANIFEST)} (${where.slice("manifest ".length)})`;
    return where.startsWith(`${FILES}/`) || where.startsWith("/") ? where : join(base, FILES, where);
  };
  const placed = findings.map((finding) => ({ ...finding, where: fileOf(finding.where) }));
  return placed.sort((a, b) =>
    a.where === b.where ? a.line - b.line || a.column - b.column : a.where < b.where ? -1 : 1,
  );
}

/** One line each, as compilers and editors write them. */
export function findingLines(findings: readonly Finding[]): string {
  return findings
    .map(
      ({ where, line, column, path, code, sentence }) =>
        `${where}:${line}:${column}: ${path ? `${path}: ` : ""}${sentence} [${code}]\n`,
    )
    .join("");
}

/** The refusal to go on with a folder that is not valid. */
export function notValid(folder: string, findings: readonly Finding[]): CliError {
  return new CliError(EXIT.usage, `${countFindings(findings.length)} with ${folder}`, findingLines(findings).trimEnd());
}
