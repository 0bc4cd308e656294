import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { runAgent } from "./machine.ts";

const folder = mkdtempSync(join(tmpdir(), "moult-check-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, text: string): string => {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

const good =
  '{"manifest": 1, "attributes": {"a": {"type": "text"}}, "files": [{"path": "/a", "content": "{{ attributes.a }} {{ secrets.b }}"}]}';
/** A word that stands in values only and must not be printed. */
const planted = "hunter2";

describe("check", () => {
  test("says valid for a valid manifest", async () => {
    expect(await runAgent("check", file("good.json", good))).toMatchObject({ exit: 0, stdout: "valid\n" });
  });

  test("lists findings as a document with --json", async () => {
    const manifest = file("bad.json", '{"manifest": 2,\n "files": [{"path": "/a", "content": "{{ instance.nam }}"}]}');
    const run = await runAgent("check", "--json", manifest);
    expect(run.exit).toBe(10);
    expect(JSON.parse(run.stdout)).toMatchObject({
      valid: false,
      findings: [
        { file: manifest, where: "manifest", path: "manifest", line: 1, column: 14, code: "manifest-version" },
        { file: manifest, where: "manifest files[0].content", line: 1, column: 1, code: "unknown-name" },
      ],
    });
  });

  test("shows the line with a caret below the column, and dots for every value", async () => {
    const manifest = file("caret.json", `{"manifest": 1,\n "files": [{"path": "${planted}", "content": "x"}]}`);
    const { stdout, exit } = await runAgent("check", manifest);
    expect(exit).toBe(10);
    const lines = stdout.split("\n");
    const at = lines.findIndex((line) => line.startsWith("manifest:2:21 "));
    expect(at).toBeGreaterThanOrEqual(0);
    expect(lines[at + 1]).toBe('     "files": [{"path": "·······", "content": "·"}]}');
    expect(lines[at + 2]).toBe(`    ${" ".repeat(20)}^`);
    expect(stdout).not.toContain(planted);
  });

  test("points into templates, whose text is dots as well", async () => {
    const manifest = file(
      "tree/manifest.json",
      '{"manifest":1,"files":[{"path":"/a","template":"a.tmpl","format":"text"}]}',
    );
    file("tree/files/a.tmpl", `pass ${planted}\nname {{ instance.nam }} ${planted}\n`);
    const { stdout, exit } = await runAgent("check", manifest);
    expect(exit).toBe(10);
    expect(stdout).toContain("a.tmpl:2:6 unknown-name");
    expect(stdout).toContain("    ···· {{ instance.nam }} ·······\n         ^\n");
    expect(stdout).not.toContain(planted);
  });

  test("keeps a caret in view on a line of any length", async () => {
    const manifest = file("long.json", `{"manifest":1,"values":{"a":"${"x".repeat(5_000)}"},"nonsense":"${planted}"}`);
    const { stdout } = await runAgent("check", manifest);
    const [, line = "", caret = ""] = stdout.split("\n");
    expect(line.length).toBeLessThanOrEqual(80);
    expect(line.trim().length).toBeGreaterThan(0);
    expect(line[caret.indexOf("^")]).toMatch(/\S/);
    expect(stdout).not.toContain(planted);
  });

  test("reads several files, and one bad one makes all bad", async () => {
    const [a, b] = [file("a.json", good), file("b.json", '{"manifest":3}')];
    const run = await runAgent("check", a, b);
    expect(run.exit).toBe(10);
    expect(run.lines[0]).toBe(`${a}: valid`);
    expect(run.lines[1]).toMatch(new RegExp(`^${b}: manifest:1:13 manifest manifest-version: `));
    expect(await runAgent("check", a, a)).toMatchObject({ exit: 0 });
  });

  test("points at the place where text stops being JSON", async () => {
    const run = await runAgent("check", file("yaml.json", `manifest: 1\nvalues: { a: ${planted} }\n`));
    expect(run.exit).toBe(10);
    expect(run.stdout).toContain("manifest:1:1 not-json");
    expect(run.stdout).not.toContain(planted);
  });

  test("cannot read what is not there: exit 64", async () => {
    expect(await runAgent("check", join(folder, "none.json"))).toMatchObject({ exit: 64, stdout: "" });
    expect(await runAgent("check", folder)).toMatchObject({ exit: 64, stdout: "" });
    expect(await runAgent("check")).toMatchObject({ exit: 64, stdout: "" });
  });
});
