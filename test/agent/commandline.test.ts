import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parseCommandLine } from "../../agent/commandline.ts";
import { exits } from "../../agent/outcome.ts";
import { version } from "../../agent/version.ts";
import { builtAgent, runAgent } from "./machine.ts";

const folder = mkdtempSync(join(tmpdir(), "moult-check-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

describe("the command line", () => {
  test("takes all flags of boot", () => {
    const flags = [
      "--root",
      "/m/",
      "--metadata=127.0.0.1:80",
      "--endpoint",
      "storage=http://127.0.0.1:9",
      "--endpoint=pubsub=https://p",
      "--deadline",
      "2.5",
      "--json",
    ];
    expect(parseCommandLine(["boot", ...flags])).toEqual({
      command: "boot",
      root: "/m",
      metadata: "127.0.0.1:80",
      endpoints: { storage: "http://127.0.0.1:9/", pubsub: "https://p/" },
      deadlineMs: 2_500,
      json: true,
    });
  });

  test("has the machine's own root, its metadata server and three minutes when nothing is said", () => {
    const defaults = {
      command: "boot",
      root: "",
      metadata: undefined,
      endpoints: {},
      deadlineMs: 180_000,
      json: false,
    };
    expect(parseCommandLine(["boot"])).toEqual(defaults);
  });

  test.each([
    ["no command", []],
    ["an unknown command", ["reboot"]],
    ["an unknown flag", ["boot", "--rot", "/m"]],
    ["a flag of another command", ["verify", "--deadline", "3"]],
    ["a word too many", ["boot", "now"]],
    ["a flag without its value", ["boot", "--root"]],
    ["a relative root", ["boot", "--root", "m"]],
    ["an unknown API", ["boot", "--endpoint", "compute=http://a"]],
    ["an endpoint that is no URL", ["boot", "--endpoint", "storage=127.0.0.1"]],
    ["a metadata address without a port", ["boot", "--metadata", "127.0.0.1"]],
    ["a deadline of nothing", ["boot", "--deadline", "0"]],
    ["a deadline that is no number", ["boot", "--deadline", "1m"]],
    ["check without a file", ["check"]],
  ])("refuses %s", (_what, args) => {
    expect(() => parseCommandLine(args)).toThrow(/see --help/);
  });

  test("answers a wrong one on stderr with exit 64", async () => {
    const run = await runAgent("boot", "--rot");
    expect(run).toMatchObject({ exit: 64, stdout: "" });
    expect(run.stderr).toContain("moult-agent: usage: Unknown option '--rot'");
  });

  test("shows help and version", async () => {
    const [help, shown] = [await runAgent("--help"), await runAgent("--version")];
    expect(help).toMatchObject({ exit: 0 });
    for (const word of [
      "boot",
      "verify",
      "status",
      "check",
      "--root",
      "--metadata",
      "--endpoint",
      "--deadline",
      "--json",
    ])
      expect(help.stdout).toContain(word);
    expect(shown.stdout).toBe(`${version}\n`);
  });
});

describe("check", () => {
  test("says valid for a valid manifest", async () => {
    const manifest = file(
      "good.json",
      '{"manifest": 1, "files": [{"path": "/a", "content": "{{ attributes.a }} {{ secrets.b }}"}]}',
    );
    expect(await runAgent("check", manifest)).toMatchObject({ exit: 0, stdout: "valid\n" });
  });

  test("lists findings as a document with --json", async () => {
    const manifest = file("bad.json", '{"manifest": 2,\n "files": [{"path": "/a", "content": "{{ instance.nam }}"}]}');
    const run = await runAgent("check", "--json", manifest);
    expect(run.exit).toBe(10);
    expect(JSON.parse(run.stdout)).toMatchObject({
      valid: false,
      findings: [
        { where: "manifest", path: "manifest", line: 1, column: 14, code: "manifest-version" },
        { where: "manifest files[0].content", line: 1, column: 1, code: "unknown-name" },
      ],
    });
  });

  test("cannot read what is not there: exit 64", async () => {
    expect(await runAgent("check", join(folder, "none.json"))).toMatchObject({ exit: 64 });
  });
});

test("status of a machine that is not sealed", async () => {
  expect(await runAgent("status", "--root", folder)).toMatchObject({ exit: 0, stdout: "not sealed\n" });
});

test("the agent's version is the package's", () => {
  expect(version).toBe(JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version);
});

test("the README explains every reason word with its exit code", () => {
  const readme = readFileSync(new URL("../../agent/README.md", import.meta.url), "utf8");
  for (const [reason, exit] of Object.entries(exits))
    expect(readme).toMatch(new RegExp(`^\\| ${exit} +\\| \`${reason}\` +\\|`, "m"));
});

test("the bundle stays below 64 KiB", () => {
  expect(statSync(builtAgent()).size).toBeLessThan(64 * 1024);
});
