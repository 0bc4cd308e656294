import { execFile } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const run = promisify(execFile);

/**
 * The walls of DESIGN §4, proved by breaking them: a small copy of the folders with their real tsconfig files, one forbidden
 * line each, and the compiler's own error expected.
 */
const scratch = join(root, ".cache", "walls");

const folders = [
  "agent",
  "emulator",
  "functions/core",
  "functions/google",
  "functions/controller",
  "functions",
  "cli",
  "test",
];

async function compile(file: string, line: string): Promise<string> {
  const path = join(scratch, file);
  writeFileSync(path, `${line}\n`);
  try {
    await run(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-b", scratch, "--force"], {
      cwd: scratch,
    });
    return "";
  } catch (problem) {
    return (problem as { stdout: string }).stdout;
  } finally {
    rmSync(path);
  }
}

beforeAll(async () => {
  rmSync(scratch, { recursive: true, force: true });
  const { copyFile } = await import("node:fs/promises");
  for (const folder of [...folders, "wire"]) mkdirSync(join(scratch, folder), { recursive: true });
  for (const folder of folders) {
    await copyFile(join(root, folder, "tsconfig.json"), join(scratch, folder, "tsconfig.json"));
    writeFileSync(join(scratch, folder, "own.ts"), "export const own: number = 1;\n");
  }
  for (const file of ["tsconfig.json", "tsconfig.base.json", "package.json"])
    await copyFile(join(root, file), join(scratch, file));
  writeFileSync(join(scratch, "wire", "fact.d.ts"), "export interface Fact { name: string }\n");
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const importing = (what: string, to: string) =>
  `import { own } from "${to}/own.ts";\nexport const ${what}: number = own;`;

describe("what the compiler refuses", () => {
  it.each([
    ["the agent imports the functions", "agent/bad.ts", importing("bad", "../functions/core")],
    ["the agent imports the emulator", "agent/bad.ts", importing("bad", "../emulator")],
    ["the emulator imports the functions", "emulator/bad.ts", importing("bad", "../functions/core")],
    ["the emulator imports the agent", "emulator/bad.ts", importing("bad", "../agent")],
    ["core imports a Google client", "functions/core/bad.ts", importing("bad", "../google")],
    [
      "core imports node:",
      "functions/core/bad.ts",
      `import { readFileSync } from "node:fs";\nexport const bad: unknown = readFileSync;`,
    ],
    ["core fetches", "functions/core/bad.ts", `export const bad = (): unknown => fetch("http://127.0.0.1");`],
    ["core reads the environment", "functions/core/bad.ts", "export const bad = (): unknown => process.env;"],
    ["core sets a timer", "functions/core/bad.ts", "export const bad = (): unknown => setTimeout(() => {}, 1);"],
    ["a Google client imports the controller", "functions/google/bad.ts", importing("bad", "../controller")],
    ["the controller imports an entry point", "functions/controller/bad.ts", importing("bad", "..")],
    ["the functions import the agent", "functions/bad.ts", importing("bad", "../agent")],
    ["the functions import the command line", "functions/bad.ts", importing("bad", "../cli")],
    ["the command line imports an entry point", "cli/bad.ts", importing("bad", "../functions")],
  ])("%s", async (_, file, line) => {
    expect(await compile(file, line)).toMatch(/error TS(6059|6307|2304|2307|2580|2591|2584|2591|5097)/);
  });
});

describe("what the compiler takes", () => {
  it.each([
    [
      "types of the wire, from anywhere",
      "agent/good.ts",
      `import type { Fact } from "../wire/fact.d.ts";\nexport const good: Fact = { name: "a" };`,
    ],
    ["a Google client imports core", "functions/google/good.ts", importing("good", "../core")],
    ["the controller imports both", "functions/controller/good.ts", `${importing("good", "../core")}`],
    ["the command line imports the emulator", "cli/good.ts", importing("good", "../emulator")],
    ["a test imports anything", "test/good.ts", importing("good", "../functions")],
  ])("%s", async (_, file, line) => {
    expect(await compile(file, line)).toBe("");
  });
});
