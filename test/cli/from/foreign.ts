import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";
import { parse } from "yaml";
import { anyInstance } from "../../../agent/plan/anywhere.ts";
import { makePlan } from "../../../agent/plan/plan.ts";
import { renderTemplate } from "../../../agent/render/template.ts";
import type { Translated } from "../../../cli/manifest/from/draft.ts";
import type { Untranslated } from "../../../cli/manifest/from/reading.ts";
import { readYaml } from "../../../cli/manifest/yaml.ts";
import { type } from "../screen.ts";

const folder = mkdtempSync(join(tmpdir(), "moult-foreign-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

/** Writes files into a folder of their own. @returns its path. */
export function lay(files: Record<string, string | Buffer>): string {
  const made = join(folder, String(count++));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(made, name)), { recursive: true });
    writeFileSync(join(made, name), content);
  }
  return made;
}

export interface Outcome {
  code: number;
  manifest: Record<string, unknown>;
  untranslated: Untranslated[];
  /** `place code` of each thing that was said, in order. */
  said: string[];
  /** Of the resulting manifest. */
  findings: string[];
  files: Record<string, string>;
}

/** As a program would call it, and as a person would: both must say the same. */
export async function translate(format: "kolla" | "ignition", file: string): Promise<Outcome> {
  const forPrograms = await type(["manifest", "check", "--from", format, file, "--json"]);
  const { manifest, untranslated, findings, files } = JSON.parse(forPrograms.out);
  const forPeople = await type(["manifest", "check", file, "--from", format]);
  if (forPeople.code !== forPrograms.code)
    throw new Error(`exit code ${forPeople.code}, with --json ${forPrograms.code}`);
  if (manifest !== null && JSON.stringify(parse(forPeople.out)) !== JSON.stringify(manifest))
    throw new Error(`the manifest is another one than with --json: ${forPeople.out}`);
  for (const { line, column, code } of [...untranslated, ...findings])
    if (!forPeople.err.includes(`:${line}:${column}: `) || !forPeople.err.includes(`[${code}]\n`))
      throw new Error(`${line}:${column} ${code} is not said: ${forPeople.err}`);
  const texts = Object.entries<string>(files).map(([name, base64]) => [name, Buffer.from(base64, "base64").toString()]);
  return {
    code: forPrograms.code,
    manifest,
    untranslated,
    said: untranslated.map(({ path, code }: Untranslated) => `${path} ${code}`),
    findings: findings.map(({ path, code }: { path: string; code: string }) => `${path} ${code}`),
    files: Object.fromEntries(texts),
  };
}

/** What a machine would find at each path that a manifest gives it: bytes, or the name of what is asked for. */
export function placedBy({ yaml, sources }: Pick<Translated, "yaml" | "sources">): Map<string, Buffer | string> {
  const source = (name: string) => sources.get(name);
  const { plan } = makePlan({ manifest: readYaml("manifest", yaml), source }, anyInstance);
  return new Map(
    plan.files.map(({ path, content }): [string, Buffer | string] => {
      if ("bytes" in content) return [path, content.bytes];
      if ("secret" in content) return [path, `secret ${content.secret}`];
      return [path, Buffer.from(renderTemplate(content.template, () => undefined).text)];
    }),
  );
}

/** Every file below a folder, with its text. */
export function textsBelow(root: string, inner = ""): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(join(root, inner)).sort()) {
    const path = join(inner, name);
    if (statSync(join(root, path)).isDirectory()) Object.assign(found, textsBelow(root, path));
    else found[path] = readFileSync(join(root, path), "utf8");
  }
  return found;
}
