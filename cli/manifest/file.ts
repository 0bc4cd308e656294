import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Finding } from "../../agent/finding.ts";
import { anyInstance } from "../../agent/plan/anywhere.ts";
import { readJson } from "../../agent/plan/json.ts";
import { makePlan } from "../../agent/plan/plan.ts";
import { CliError, EXIT } from "../failure.ts";
import { readYaml } from "./yaml.ts";

export interface ManifestFile {
  /** The manifest as JSON; undefined when the file is not one. */
  document: unknown;
  findings: Finding[];
}

export function readInput(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (problem) {
    const code = problem instanceof Error && "code" in problem ? String(problem.code) : "";
    const why = code === "ENOENT" ? "there is no such file" : code;
    throw new CliError(EXIT.usage, `${file} cannot be read: ${why}`);
  }
}

/**
 * Reads a manifest and the sources in `files/` beside it, and judges them as a machine's agent does. Nothing is known of
 * the instance or its image: what either could have, it has.
 */
export function readManifestFile(file: string): ManifestFile {
  const text = readInput(file).toString();
  const manifest = file.endsWith(".json") ? readJson("manifest", text) : readYaml("manifest", text);
  const source = (name: string): Buffer | undefined => {
    try {
      return readFileSync(join(dirname(file), "files", name));
    } catch {
      return undefined;
    }
  };
  const { findings } = makePlan({ manifest, source }, anyInstance);
  const inManifest = findings.filter(({ where }) => where === "manifest");
  inManifest.sort((a, b) => a.line - b.line || a.column - b.column);
  return {
    document: manifest.value,
    findings: [...inManifest, ...findings.filter(({ where }) => where !== "manifest")],
  };
}

/** One line each, as compilers and editors write them. `whole` is what the file itself is called in them. */
export function printFindings(file: string, findings: readonly Finding[], whole = "manifest"): string {
  return findings
    .map(({ where, line, column, path, code, sentence }) => {
      const place = where === whole ? file : where.startsWith("manifest ") ? `${file} (${where.slice(9)})` : where;
      return `${place}:${line}:${column}: ${path ? `${path}: ` : ""}${sentence} [${code}]\n`;
    })
    .join("");
}

export function countFindings(count: number): string {
  return count === 1 ? "one thing is wrong" : `${count} things are wrong`;
}
