import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { findCommand, requireFits } from "../../agent/handover/exec.ts";
import { type FakeCloud, startCloud } from "./cloud.ts";
import { builtAgent, ended, Machine, runAgent, testNode } from "./machine.ts";

let cloud: FakeCloud;
let machine: Machine;

beforeEach(async () => {
  cloud = await startCloud();
  machine = new Machine(cloud);
});
afterEach(async () => {
  await cloud.close();
  machine.remove();
});

const hasExecve =
  spawnSync(testNode, ["-p", "typeof process.execve"], { encoding: "utf8" }).stdout.trim() === "function";
if (!hasExecve) console.log("becoming a command by execve is not tested: this Node has none");

const version = "projects/acme/secrets/web-db/versions/3";

function release(): void {
  cloud.secrets.set(version, Buffer.from("p'w\"$ \\ é"));
  cloud.instance.attributes["moult-release"] = JSON.stringify({
    release: "a".repeat(64),
    fleet: "web",
    image: { name: "web-1", id: "1" },
    secrets: { db: version },
    reports: { bucket: "acme-reports", topic: "projects/acme/topics/moult-reports" },
  });
}

/** An executable of the machine, outside of its root: it is this computer that runs it. */
function program(script: string): string {
  machine.write("/opt/app", script, 0o755);
  return `${machine.root}/opt/app`;
}

/** Starts `boot --exec -- COMMAND`, with what is to stand before the agent's own file. */
function start(command: string[], before: string[] = [], env: Record<string, string> = {}) {
  const { address, url } = cloud;
  const endpoints = ["secretmanager", "storage", "pubsub"].flatMap((api) => ["--endpoint", `${api}=${url}`]);
  const args = [
    builtAgent(),
    "boot",
    "--root",
    machine.root,
    "--metadata",
    address,
    ...endpoints,
    "--exec",
    "--",
    ...command,
  ];
  return spawn(testNode, [...before, ...args], {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

const reports = () =>
  [...cloud.objects]
    .filter(([name]) => name.startsWith("acme-reports/reports/"))
    .map(([, bytes]) => JSON.parse(JSON.parse(bytes.toString()).report));

/** As on a Node that has no execve: the agent stays as the command's parent. */
function withoutExecve(): string[] {
  const file = join(machine.root, "no-execve.cjs");
  writeFileSync(file, "delete process.execve;\n");
  return ["--require", file];
}

const ways: [way: string, preload: () => string[]][] = [["as its parent, where there is no execve", withoutExecve]];
if (hasExecve) ways.unshift(["by execve", () => []]);

describe.each(ways)("becomes the command %s", (way, preload) => {
  test("with files and environment in place, and stdout to itself", async () => {
    release();
    machine.bake({
      manifest: 1,
      values: { empty: "" },
      environment: { DB: "{{ secrets.db }}", LINES: "a\nb\t'\"$x\n", EMPTY: "{{ values.empty }}", MINE: "manifest's" },
      files: [{ path: "/etc/app", content: "{{ instance.name }}" }],
    });
    const app = program(`#!/bin/sh
printf '%s|' "$DB" "$LINES" "\${EMPTY-unset}" "$MINE" "$OTHER" "$1" "$2" "$#"; cat "${machine.root}/etc/app"; exit 7
`);
    const run = await ended(start([app, "a b", "--json"], preload(), { MINE: "theirs", OTHER: "kept" }));
    expect(run.stdout).toBe("p'w\"$ \\ é|a\nb\t'\"$x\n||manifest's|kept|a b|--json|2|web-b7kq");
    expect(run.exit).toBe(7);
    expect(run.stderr).toMatch(/moult-agent: ready: sealed; becomes /);
    expect(run.stderr).not.toContain("p'w");
  });

  test("is one process, and reports once", async () => {
    release();
    machine.bake({ manifest: 1, files: [{ path: "/etc/app", content: "x" }] });
    const child = start([program(`#!/bin/sh\necho "$$"\nexec sleep 0.2\n`)], preload());
    const run = await ended(child);
    expect(run.exit).toBe(0);
    if (way === "by execve") expect(run.stdout.trim()).toBe(String(child.pid));
    await vi.waitFor(() => expect(reports()).toHaveLength(1), { timeout: 10_000 });
    expect(reports()[0]).toMatchObject({
      verdict: "ready",
      reason: "ready",
      message: expect.stringContaining("files sealed"),
    });
    expect(cloud.published).toHaveLength(1);
    expect(machine.persistent()["/var/lib/moult/seal.json"]).toBeDefined();
    // Again, of a sealed machine.
    expect((await ended(start(["true"], preload()))).exit).toBe(0);
    await vi.waitFor(() => expect(reports()).toHaveLength(2), { timeout: 10_000 });
  });

  test.each(["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGQUIT"] as const)(
    "%s arrives exactly once",
    async (signal) => {
      machine.bake({ manifest: 1 });
      const name = signal.slice(3);
      const child = start(
        [
          program(
            `#!/bin/sh\ntrap 'echo got' ${name}\ntrap 'echo end; exit 3' ALRM\necho up\nwhile :; do sleep 0.02; done\n`,
          ),
        ],
        preload(),
      );
      const run = ended(child);
      let shown = "";
      child.stdout?.on("data", (chunk) => {
        shown += chunk;
      });
      await vi.waitFor(() => expect(shown).toContain("up"), { timeout: 10_000 });
      child.kill(signal);
      await vi.waitFor(() => expect(shown).toContain("got"), { timeout: 10_000 });
      child.kill("SIGALRM");
      expect(await run).toMatchObject({ stdout: "up\ngot\nend\n", exit: 3 });
    },
  );

  test("ends by the signal that ends the command", async () => {
    machine.bake({ manifest: 1 });
    const child = start([program("#!/bin/sh\nkill -KILL $$\n")], preload());
    const signal = await new Promise((resolve) => child.on("exit", (_code, name) => resolve(name)));
    expect(signal).toBe("SIGKILL");
  });

  test("SIGPIPE is not ignored in it", async () => {
    machine.bake({ manifest: 1 });
    const app = program("#!/bin/sh\n(sleep 0.1; kill -PIPE $$) &\nsleep 5\necho survived\n");
    const child = start([app], preload());
    child.stdout?.resume();
    child.stderr?.resume();
    const signal = await new Promise((resolve) => child.on("exit", (_code, name) => resolve(name)));
    expect(signal).toBe("SIGPIPE");
  });

  test("starts at once, and somebody else reports whether it became ready", async () => {
    const server = createServer((_request, response) => response.end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    release();
    machine.bake({ manifest: 1, ready: { tcp: `127.0.0.1:${port}`, within: "20s" } });
    const app = program(
      `#!${testNode}\nrequire("node:net").createServer().listen(${port}, "127.0.0.1", () => console.log("up"));\nprocess.on("SIGTERM", () => process.exit(0));\n`,
    );
    const child = start([app], preload());
    const run = ended(child);
    await vi.waitFor(() => expect(reports()).toHaveLength(1), { timeout: 15_000 });
    expect(reports()[0]).toMatchObject({ verdict: "ready", reason: "ready" });
    expect(reports()[0].message).toContain(`answers on tcp 127.0.0.1:${port}`);
    expect(reports()[0].phases.map(({ name }: { name: string }) => name)).toContain("ready");
    // Neither a child it does not know of, nor a zombie.
    if (way === "by execve" && process.platform === "linux")
      expect(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim()).toBe("");
    child.kill("SIGTERM");
    expect((await run).exit).toBe(0);
  });
});

test("a command that never becomes ready is reported as failed, and runs on", async () => {
  release();
  machine.bake({ manifest: 1, ready: { tcp: "127.0.0.1:1", within: "1s" } });
  const child = start([program("#!/bin/sh\necho up\nexec sleep 30\n")]);
  await vi.waitFor(() => expect(reports()).toHaveLength(1), { timeout: 10_000 });
  expect(reports()[0]).toMatchObject({ verdict: "failed", reason: "not-ready" });
  expect(child.exitCode).toBeNull();
  child.kill("SIGTERM");
});

test.each<[sentence: string, command: () => string, says: RegExp]>([
  ["is not there", () => "/opt/none", /there is no such program/],
  ["is not on the fixed path", () => "moult-no-such-program", /there is no such program/],
  [
    "may not be executed",
    () => {
      machine.write("/opt/x", "#!/bin/sh\n", 0o644);
      return `${machine.root}/opt/x`;
    },
    /may not be executed/,
  ],
  ["is a folder", () => "/etc", /there is no such program/],
  [
    "is a script whose interpreter is not there",
    () => program("#!/no/such\n"),
    /interpreter "\/no\/such" is not there/,
  ],
  ["has the line ends of Windows", () => program("#!/bin/sh\r\necho x\r\n"), /interpreter "\/bin\/sh\\r" is not there/],
  ["is for another processor", foreignProgram, /it is a program for another kind of processor/],
  ["has no first line that says what it is", () => program("echo x\n"), /neither a program nor a script/],
])("nothing is placed when the command %s", async (_, command, says) => {
  release();
  machine.bake({ manifest: 1, files: [{ path: "/etc/app", content: "x" }] });
  const run = await ended(start([command()]));
  expect(run.exit).toBe(13);
  expect(run.stderr.trimEnd().split("\n").at(-1)).toMatch(/^moult-agent: failed exec-failed: /);
  expect(run.stderr).toMatch(says);
  expect(existsSync(`${machine.root}/etc/app`)).toBe(false);
  expect(reports()).toMatchObject([{ verdict: "failed", reason: "exec-failed" }]);
});

/** Of a machine with bytes the other way round, which no Node of today runs on and off. */
function foreignProgram(): string {
  const head = Buffer.alloc(64);
  head.write("\x7fELF\x01\x02\x01", 0, "latin1");
  head.set([0, 2, 0, 8], 16);
  machine.write("/opt/app", head, 0o755);
  return `${machine.root}/opt/app`;
}

test("an environment too large for a process is found and reported before the command is tried", async () => {
  release();
  cloud.secrets.set(version, Buffer.alloc(64 * 1024, "s"));
  machine.bake({ manifest: 1, environment: { LARGE: "{{ secrets.db }}{{ secrets.db }}" } });
  const run = await ended(start(["true"]));
  expect(run.exit).toBe(13);
  expect(run.stderr).toContain(
    "failed exec-failed: true cannot be started: LARGE is longer than 128 KiB: files have no such limit",
  );
  expect(run.stderr).not.toContain("sss");
  expect(reports()).toMatchObject([{ verdict: "failed", reason: "exec-failed" }]);
});

const kib = (count: number) => "x".repeat(count * 1024);

test.each<[sentence: string, command: string[], environment: NodeJS.ProcessEnv, says: string | undefined]>([
  ["what is usual fits", ["app", "a"], { A: "b" }, undefined],
  ["the largest argument fits", ["app", kib(128).slice(1)], {}, undefined],
  ["a larger one does not", ["app", kib(128)], {}, "app cannot be started: an argument is longer than 128 KiB"],
  ["the name counts in a variable", ["app"], { NAME: kib(128).slice(3) }, "NAME is longer than 128 KiB"],
  ["many that fit by themselves do not fit", ["app", ...Array(70).fill(kib(100))], {}, "together are more than"],
])("arguments and environment: %s", (_, command, environment, says) => {
  if (says === undefined) requireFits(command, environment);
  else expect(() => requireFits(command, environment)).toThrow(says);
});

test("a command that could not be started after all is reported so, and not as ready", async () => {
  release();
  machine.bake({ manifest: 1 });
  expect(await machine.boot()).toMatchObject({ exit: 0 });
  cloud.objects.clear();
  const record = { boot: "0".repeat(32), bootedAt: "2026-11-20T16:00:00.000Z", phases: [], unverified: false };
  const { address, url } = cloud;
  const flags = ["--root", machine.root, "--metadata", address, "--endpoint", `storage=${url}`];
  const run = await runAgent(
    ...["ready", "--record", JSON.stringify({ ...record, failed: "app cannot be started: ENOMEM" })],
    ...[...flags, "--endpoint", `pubsub=${url}`],
  );
  expect(run).toMatchObject({ exit: 13 });
  expect(reports()).toMatchObject([
    { verdict: "failed", reason: "exec-failed", message: "app cannot be started: ENOMEM" },
  ]);
});

test("a boot that fails never starts the command", async () => {
  release();
  cloud.secrets.clear();
  machine.bake({ manifest: 1, files: [{ path: "/etc/app", secret: "db" }] });
  const run = await ended(start([program("#!/bin/sh\necho started\n")]));
  expect(run.exit).toBe(11);
  expect(run.stdout).toBe("");
  expect(reports()).toMatchObject([{ verdict: "failed", reason: "secret-missing" }]);
});

test("commands are found as execvp does, in folders that the environment does not choose", () => {
  const path = process.env.PATH;
  process.env.PATH = "/nowhere";
  try {
    expect(findCommand("sh")).toMatch(/^\/(usr\/)?bin\/sh$/);
  } finally {
    process.env.PATH = path;
  }
});

const pidns = process.getuid?.() === 0 && spawnSync("unshare", ["-p", "-f", "true"]).status === 0;
if (!pidns) console.log("process 1 of a container is not tested: no root, or no namespaces");

test.skipIf(!pidns).each(ways)(
  "as process 1 of a container, %s, it is stopped by a signal and its exit code comes through",
  async (_, preload) => {
    machine.bake({ manifest: 1 });
    const app = program("#!/bin/sh\ntrap 'exit 5' TERM\necho pid $$\nwhile :; do sleep 0.02; done\n");
    const { address } = cloud;
    const agent = [
      testNode,
      ...preload(),
      builtAgent(),
      "boot",
      "--root",
      machine.root,
      "--metadata",
      address,
      "--exec",
      "--",
      app,
    ];
    const child = spawn("unshare", ["-p", "-f", "--mount-proc", ...agent], {
      env: { PATH: process.env.PATH ?? "" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const run = ended(child);
    let shown = "";
    child.stdout?.on("data", (chunk) => {
      shown += chunk;
    });
    await vi.waitFor(() => expect(shown).toContain("pid"), { timeout: 10_000 });
    if (preload().length === 0) expect(shown).toBe("pid 1\n");
    const init = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim();
    process.kill(Number(init), "SIGTERM");
    expect((await run).exit).toBe(5);
  },
);
