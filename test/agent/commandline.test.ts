import { spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { afterAll, describe, expect, test } from "vitest";
import { parseCommandLine } from "../../agent/commandline.ts";
import { exits } from "../../agent/outcome.ts";
import { rules } from "../../agent/tools/lint/lint.ts";
import { tools } from "../../agent/tools/main.ts";
import { version } from "../../agent/version.ts";
import { agentInOne } from "../../scripts/bundles.mjs";
import { builtAgent, ended, runAgent } from "./machine.ts";

const folder = mkdtempSync(join(tmpdir(), "moult-commandline-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
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
      metadata: ["127.0.0.1:80"],
      endpoints: { storage: "http://127.0.0.1:9/", pubsub: "https://p/" },
      deadlineMs: 2_500,
      json: true,
      exec: [],
    });
  });

  test("has the machine's own root, its metadata server and three minutes when nothing is said", () => {
    const defaults = {
      command: "boot",
      root: "",
      metadata: [],
      endpoints: {},
      deadlineMs: 180_000,
      json: false,
      exec: [],
    };
    expect(parseCommandLine(["boot"])).toEqual(defaults);
  });

  test("takes several metadata addresses", () => {
    expect(parseCommandLine(["boot", "--metadata", "127.0.0.1:1,[::1]:2,metadata:3"])).toMatchObject({
      metadata: ["127.0.0.1:1", "[::1]:2", "metadata:3"],
    });
  });

  test("takes a command to become, with everything that stands after it as it is", () => {
    expect(parseCommandLine(["boot", "--json", "--exec", "--", "web", "--root", "--", "-h", ""])).toMatchObject({
      root: "",
      json: true,
      exec: ["web", "--root", "--", "-h", ""],
    });
  });

  test("tells of drift, and asks for readiness, over the same network as a boot", () => {
    const network = ["--metadata", "127.0.0.1:1", "--deadline", "9"];
    const read = { metadata: ["127.0.0.1:1"], endpoints: {}, deadlineMs: 9_000, root: "", json: false };
    expect(parseCommandLine(["verify", "--report", ...network])).toEqual({ command: "verify", report: true, ...read });
    expect(parseCommandLine(["verify"])).toMatchObject({ report: false });
    expect(parseCommandLine(["ready", "--record", "{}", ...network])).toEqual({
      command: "ready",
      record: "{}",
      ...read,
    });
  });

  test("leaves the commands for people to their own bundle", () => {
    expect(parseCommandLine(["lint", "--root", "/m"])).toEqual({ command: "tools", args: ["lint", "--root", "/m"] });
  });

  test("the last of two values wins, and a value may look like anything but a flag", () => {
    expect(parseCommandLine(["verify", "--root", "/a", "--root=/b=c"])).toMatchObject({ root: "/b=c" });
    expect(parseCommandLine(["boot", "--help", "--root", "/a"])).toEqual({ command: "tools", args: ["--help"] });
    expect(parseCommandLine(["verify", "-h"])).toEqual({ command: "tools", args: ["--help"] });
  });

  test.each([
    ["an unknown flag", ["boot", "--rot", "/m"]],
    ["a flag of another command", ["boot", "--report"]],
    ["the network of a verify that tells nobody", ["verify", "--deadline", "3"]],
    ["a word too many", ["boot", "now"]],
    ["a flag without its value", ["boot", "--root"]],
    ["a relative root", ["boot", "--root", "m"]],
    ["an unknown API", ["boot", "--endpoint", "compute=http://a"]],
    ["an endpoint that is no URL", ["boot", "--endpoint", "storage=127.0.0.1"]],
    ["a metadata address without a port", ["boot", "--metadata", "127.0.0.1"]],
    ["a deadline of nothing", ["boot", "--deadline", "0"]],
    ["a deadline that is no number", ["boot", "--deadline", "1m"]],
    ["a second metadata address without a port", ["boot", "--metadata", "127.0.0.1:1,127.0.0.2"]],
    ["an empty metadata address", ["boot", "--metadata="]],
    ["a flag where a value belongs", ["boot", "--root", "--json"]],
    ["a value for a flag without one", ["boot", "--json=yes"]],
    ["a flag with one dash", ["boot", "-json"]],
    ["a flag named like something every object has", ["boot", "--constructor"]],
    ["--exec without a command", ["boot", "--exec"]],
    ["--exec without a command after --", ["boot", "--exec", "--"]],
    ["--exec before other flags", ["boot", "--exec", "--json", "--", "web"]],
    ["-- without --exec", ["boot", "--", "web"]],
    ["--exec of another command", ["verify", "--exec", "--", "web"]],
  ])("refuses %s", (_what, args) => {
    expect(() => parseCommandLine(args)).toThrow(/see --help/);
  });

  test("answers a wrong one on stderr with exit 64", async () => {
    const run = await runAgent("boot", "--rot");
    expect(run).toMatchObject({ exit: 64, stdout: "" });
    expect(run.stderr).toContain("moult-agent: usage: Unknown option '--rot'");
  });

  test.each([
    ["no command", [], "A command comes first: boot, "],
    ["a flag before the command", ["--json", "boot"], "A command comes first: boot, "],
    ["an unknown command", ["reboot"], "There is no command reboot; there are: boot, verify, ready, status, "],
    ["a command named like something every object has", ["constructor"], "There is no command constructor; "],
  ])("names the commands to whoever gives %s", async (_what, args, message) => {
    const run = await runAgent(...args);
    expect(run).toMatchObject({ exit: 64, stdout: "" });
    expect(run.stderr).toContain(message);
  });

  test("shows help and version", async () => {
    const [help, shown] = [await runAgent("--help"), await runAgent("--version")];
    expect(help).toMatchObject({ exit: 0 });
    for (const word of [
      "boot",
      "verify",
      "status",
      "ready",
      "status | analyze | render | check | clean | lint",
      "--exec",
      "--report",
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

describe("the commands for people", () => {
  test.each(Object.keys(tools))("%s has help and refuses what it does not know", async (name) => {
    const help = await runAgent(name, "--help");
    expect(help).toMatchObject({ exit: 0, stderr: "" });
    expect(help.stdout.startsWith(`moult-agent ${name} `)).toBe(true);
    const grammar = tools[name]?.grammar;
    for (const flag of `${grammar?.switches} ${grammar?.valued}`.split(" "))
      if (!/^(metadata|endpoint|deadline)$/.test(flag)) expect(help.stdout).toContain(`--${flag}`);
    expect(help.stdout.split("\n").filter((line) => line.length > 120)).toEqual([]);
    expect(await runAgent(name, "--rot")).toMatchObject({ exit: 64, stdout: "" });
  });

  test("say so when their bundle is not installed beside the agent's", async () => {
    const alone = join(folder, "alone.cjs");
    copyFileSync(builtAgent(), alone);
    const run = await ended(spawn(process.execPath, [alone, "lint"], { env: {}, stdio: ["ignore", "pipe", "pipe"] }));
    expect(run).toMatchObject({ exit: 64, stdout: "" });
    expect(run.stderr).toContain(`lint needs ${join(folder, "moult-tools.cjs")}, which is not installed`);
  });

  test("work in one file, as in a single executable", async () => {
    const one = join(folder, "one", "moult-agent.cjs");
    buildSync(agentInOne(one));
    const run = await ended(
      spawn(process.execPath, [one, "lint", "--help"], { env: {}, stdio: ["ignore", "pipe", "pipe"] }),
    );
    expect(run).toMatchObject({ exit: 0, stderr: "" });
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

test("the README shows every command, and every rule of lint with its severity", () => {
  const readme = readFileSync(new URL("../../agent/README.md", import.meta.url), "utf8");
  for (const name of [...Object.keys(tools), "verify"]) expect(readme).toContain(`moult-agent ${name}`);
  const shown = [...readme.matchAll(/^\| `([a-z-]+)` +\| (error|warning) +\|/gm)].map(
    ([, id, severity]) => `${id} ${severity}`,
  );
  expect(shown).toEqual(rules.map(({ id, severity }) => `${id} ${severity}`));
});
