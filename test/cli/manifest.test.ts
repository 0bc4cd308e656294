import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readJson } from "../../agent/plan/json.ts";
import { validateManifest } from "../../agent/plan/validate.ts";
import { exampleSources, exampleYaml } from "../agent/example.ts";
import { type } from "./screen.ts";

const folder = mkdtempSync(join(tmpdir(), "moult-manifest-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

mkdirSync(join(folder, "files"));
for (const [name, text] of Object.entries(exampleSources)) write(join("files", name), text);

describe("moult manifest compile", () => {
  it("turns the annotated manifest into JSON that machines take, the same bytes however it is written", async () => {
    const yaml = await type(["manifest", "compile", write("whole.yaml", exampleYaml)]);
    expect(yaml).toMatchObject({ code: 0, err: "" });
    expect(validateManifest(readJson("manifest", yaml.out)).findings).toEqual([]);
    const json = write("whole.json", JSON.stringify(JSON.parse(yaml.out), null, 4));
    expect((await type(["manifest", "compile", json])).out).toBe(yaml.out);
  });

  it("prints nothing of a manifest that is not valid", async () => {
    const shown = await type(["manifest", "compile", write("bad.yaml", "manifest: 2\n")]);
    expect(shown).toMatchObject({ code: 2, out: "" });
    expect(shown.err).toContain("bad.yaml:1:11: manifest: This agent reads version 1. [manifest-version]");
  });
});

describe("moult manifest check", () => {
  it("says what is wrong at its line and column, also in templates, and no value", async () => {
    write(join("files", "web.tmpl"), "a\n  {{ secretly }}\n");
    const file = write(
      "wrong.yaml",
      [
        "manifest: 1",
        "files:",
        "  - path: etc/hidden-value",
        "    template: web.tmpl",
        "    mode: 0640",
        "  - { path: /a, content: hidden-value, colour: hidden-value }",
        "units: [web]",
      ].join("\n"),
    );
    const { code, out, err } = await type(["manifest", "check", file]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err.replaceAll(file, "FILE").trimEnd().split("\n")).toEqual([
      "moult: 4 things are wrong with FILE",
      "FILE:3:11: files[0].path: A path starts with /. [path-not-absolute]",
      "FILE:5:11: files[0].mode: A text in quotes is needed. [not-a-text]",
      expect.stringMatching(/^FILE:6:48: files\[1\]\.colour: Known here: .*\. \[unknown-field\]$/),
      "FILE:7:9: units[0]: A unit's full name is needed, like web.service (not moult's own). [not-a-unit]",
    ]);
    expect(err).not.toContain("hidden-value");
  });

  it("has the place in a template", async () => {
    const file = write("template.yaml", "manifest: 1\nfiles: [{ path: /a, template: web.tmpl }]\n");
    const { code, out } = await type(["manifest", "check", file, "--json"]);
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject({ valid: false, findings: [{ where: "web.tmpl", line: 2, column: 3 }] });
  });

  it.each([
    ["a key twice", "manifest: 1\nhost: { name: a }\nhost: { name: b }\n", /:3:1: .*\[duplicate-key\]/],
    ["text that is no YAML", "manifest: [1\n", /\[not-yaml\]/],
    ["a tag", "manifest: 1\nvalues: { a: !secret hidden-value }\n", /:2:14: .*\[not-yaml\]/],
    ["a number that JSON lacks", "manifest: 1\nvalues: { a: .inf }\n", /:2:14: .*\[not-json\]/],
    ["a key that is a number", "manifest: 1\nvalues: { 1: a }\n", /:2:11: .*\[key-not-text\]/],
    ["an alias of nothing", "manifest: 1\nvalues: { a: *hidden-value }\n", /\[not-yaml\]|\[not-json\]/],
    ["an alias of itself", "manifest: 1\nvalues: &a { b: *a }\n", /\[too-large\]/],
    [
      "aliases that would fill the memory",
      `manifest: 1\nvalues:\n  a0: &a0 [${"x, ".repeat(20)}]\n${Array.from({ length: 8 }, (_, i) => `  a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(10)}]\n`).join("")}`,
      /\[too-large\]/,
    ],
  ])("finds %s, value-free", async (_sentence, text, expected) => {
    const shown = await type(["manifest", "check", write("odd.yaml", text)]);
    expect(shown.code).toBe(2);
    expect(shown.err).toMatch(expected);
    expect(shown.err).not.toContain("hidden-value");
  });

  it("says when there is no file", async () => {
    const file = join(folder, "none.yaml");
    expect(await type(["manifest", "check", file])).toMatchObject({
      code: 2,
      err: `moult: ${file} cannot be read: there is no such file\n`,
    });
  });

  it("takes what is right", async () => {
    const file = write("right.yaml", "manifest: 1\nvalues: { a: &a [1], b: *a }\n");
    expect(await type(["manifest", "check", file])).toEqual({ code: 0, out: `${file} is valid\n`, err: "" });
  });
});
