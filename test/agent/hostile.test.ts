import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeCloud, startCloud } from "./cloud.ts";
import { Machine, runAgent } from "./machine.ts";
import { bootInNamespace, noNamespaces, stateOf } from "./wreck.ts";

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

const root = process.getuid?.() === 0;
if (!root) console.log("skipped: folders of other users: needs root");

describe("a copied disk whose metadata server is away", () => {
  const uuid = "/sys/class/dmi/id/product_uuid";
  const first = "0f0b4ab6-9e5c-1f7e-a6a7-6a1c2f3b4d5e\n";
  const second = "c1c3a0a0-7f0e-2b55-8f5d-0a9b8c7d6e5f\n";

  const sealed = async (hardware: string | undefined) => {
    if (hardware !== undefined) machine.write(uuid, hardware);
    machine.bake({ manifest: 1, files: [{ path: "/etc/web", content: "{{ instance.id }}" }] });
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    machine.loseMemory();
  };

  test("does not start as the first one when its hardware is another", async () => {
    await sealed(first);
    machine.write(uuid, second);
    cloud.instance.id = "7774572792595385001";
    const at = cloud.address;
    await cloud.close();
    const away = await machine.boot("--deadline", "0.5");
    cloud = await startCloud();
    expect(away).toMatchObject({ exit: 12 });
    expect(away.stdout).toContain("this disk was sealed on other hardware");
    expect(at).not.toBe(cloud.address);
    expect(machine.read("/etc/web")).toBe("5184363046278950541");
  });

  test.each<[sentence: string, then: string | undefined, now: string | undefined]>([
    ["is the same", first, first],
    ["is not known now", first, undefined],
    ["was not known when it was sealed", undefined, first],
    ["has an empty name", first, "\n"],
  ])("starts where the hardware %s", async (_, then, now) => {
    await sealed(then);
    if (now === undefined) rmSync(machine.root + uuid);
    else machine.write(uuid, now);
    await cloud.close();
    const run = await machine.boot("--deadline", "1.5");
    cloud = await startCloud();
    expect(run).toMatchObject({ exit: 0 });
    expect(run.last).toContain("unverified: ");
  });

  test("with its metadata server, what that says counts, not the hardware", async () => {
    await sealed(first);
    machine.write(uuid, second);
    const run = await machine.boot();
    expect(run).toMatchObject({ exit: 0 });
    expect(run.stdout).not.toContain("what that one was given is removed");
  });
});

describe("whoever may write to a watched folder", () => {
  const at = "/srv/app";
  beforeEach(() => {
    machine.write("/usr/lib/systemd/system/moult-verify.timer", "[Timer]\n");
    machine.write(`${at}/conf`, "as baked");
    machine.bake({ manifest: 1, drift: { every: "5m", paths: [at] } });
  });
  const verify = async () => (await runAgent("verify", "--root", machine.root)).stdout;

  test.each<[sentence: string, does: (folder: string) => void, said: string]>([
    [
      "cannot fill the memory with a file of 64 GiB",
      (folder) => truncateSync(`${folder}/conf`, 2 ** 36),
      "conf differs: content",
    ],
    [
      "cannot hide a file behind a name that is no text",
      (folder) => writeFileSync(odd(folder), ""),
      "\ufffdx differs: added",
    ],
    ["cannot hide one deep down", (folder) => deep(folder, 200), `${"/d".repeat(101)} differs: added`],
    ["cannot hide one behind thousands of folders", crowd, "differs: added"],
  ])("%s", { timeout: 60_000 }, async (_, does, said) => {
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    does(machine.root + at);
    const started = Date.now();
    const differ = await verify();
    expect(differ.trimEnd().split("\n")).toHaveLength(1);
    expect(differ).toContain(`${at}`);
    expect(differ).toContain(said);
    expect(Date.now() - started).toBeLessThan(20_000);
    spawnSync("rm", ["-rf", machine.root + at]);
  });

  test.each<[sentence: string, does: (folder: string) => void]>([
    ["a name that is no text", (folder) => writeFileSync(odd(folder), "")],
    ["a folder too deep", (folder) => deep(folder, 150)],
  ])("an image with %s there is not sealed at all", async (_, does) => {
    does(machine.root + at);
    const run = await machine.boot();
    expect(run).toMatchObject({ exit: 10 });
    expect(run.last).toContain("drift.paths[0]");
    expect(run.last).toContain("What stands below it cannot be watched");
    expect(existsSync(`${machine.root}/var/lib/moult/seal.json`)).toBe(false);
  });

  function odd(folder: string): Buffer {
    return Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff]), Buffer.from("x")]);
  }
  /** Folders in folders, further than a path can name, and a file at the end. */
  function deep(folder: string, depth: number): void {
    const script = 'cd "$1"; i=0; while [ $i -lt $2 ]; do mkdir d; cd -P d; i=$((i+1)); done; : > hidden';
    expect(spawnSync("sh", ["-c", script, "sh", folder, String(depth)]).status).toBe(0);
  }
  function crowd(folder: string): void {
    for (let i = 0; i < 21_000; i++) mkdirSync(`${folder}/a${i}`);
    writeFileSync(`${folder}/hidden`, "");
  }
});

describe("/var/lib/moult, where what stands is done and believed", () => {
  const planted = () => {
    machine.bake({ manifest: 1 });
    machine.write("/etc/theirs", "theirs");
    machine.write("/etc/passwd", "root:x:0:0:::\n");
    const entries = [{ temporary: "/etc/theirs", path: "/etc/passwd" }];
    const journal = { journal: 1, state: "renaming", entries, folders: [] };
    machine.write("/var/lib/moult/journal.json", JSON.stringify(journal));
  };

  test.each<[sentence: string, skip: boolean, make: (folder: string) => void]>([
    ["is not another user's", !root, (folder) => chownSync(folder, 65534, 65534)],
    ["is not everybody's to write", false, (folder) => chmodSync(folder, 0o777)],
  ])("%s", async (_, skip, make) => {
    if (skip) return;
    planted();
    make(`${machine.root}/var/lib/moult`);
    const run = await machine.boot();
    expect(run).toMatchObject({ exit: 14 });
    expect(run.last).toContain("/var/lib/moult is another user's, or everybody may write to it");
    expect(machine.read("/etc/passwd")).toBe("root:x:0:0:::\n");
  });
});

describe("what cannot be replaced is found before anything is placed", () => {
  const manifest = {
    manifest: 1,
    files: [
      { path: "/etc/a", content: "a" },
      { path: "/etc/hostname", content: "new" },
      { path: "/etc/z", content: "z" },
    ],
  };

  test.skipIf(noNamespaces() !== undefined)(
    "a file that is mounted, as those of a container are, on this root's own file system",
    { timeout: 60_000 },
    async () => {
      machine.bake(manifest);
      machine.write("/etc/hostname", "theirs");
      machine.write("/other", "theirs");
      const run = await bootInNamespace(machine, 'mount --bind "$ROOT/other" "$ROOT/etc/hostname"');
      expect(run, run.stdout + run.stderr).toMatchObject({ exit: 13 });
      expect(run.last).toContain("path-refused: /etc/hostname is mounted there by somebody else");
      expect(readdirSync(`${machine.root}/etc`).sort()).toEqual(["hostname", "os-release"]);
      expect(existsSync(`${machine.root}/var/lib/moult/journal.json`)).toBe(false);
      expect(await machine.boot()).toMatchObject({ exit: 0 });
    },
  );

  const settable = () => {
    const folder = mkdtempSync(join(tmpdir(), "moult-flags-"));
    writeFileSync(`${folder}/file`, "");
    const can = spawnSync("chattr", ["+i", `${folder}/file`]).status === 0;
    spawnSync("chattr", ["-i", `${folder}/file`]);
    rmSync(folder, { recursive: true });
    return can;
  };
  const flags = settable();
  if (!flags) console.log("skipped: immutable destinations: no chattr, or its attributes are not kept here");

  test.each(["i", "a"])("a file with chattr's +%s", async (flag) => {
    if (!flags) return;
    machine.bake(manifest);
    machine.write("/etc/hostname", "theirs");
    const path = `${machine.root}/etc/hostname`;
    const before = stateOf(machine.root);
    spawnSync("chattr", [`+${flag}`, path]);
    try {
      const run = await machine.boot();
      expect(run).toMatchObject({ exit: 13 });
      expect(run.last).toContain("path-refused: /etc/hostname is immutable");
      expect(Object.keys(stateOf(machine.root)).filter((name) => name.startsWith("/etc"))).toEqual(
        Object.keys(before).filter((name) => name.startsWith("/etc")),
      );
      expect(existsSync(`${machine.root}/var/lib/moult/journal.json`)).toBe(false);
    } finally {
      spawnSync("chattr", [`-${flag}`, path]);
    }
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(readFileSync(path, "utf8")).toBe("new");
  });
});

test.skipIf(!root || noNamespaces() !== undefined)(
  "who owns the folders above a destination cannot have the agent touch what is elsewhere, however fast links come and go",
  { timeout: 120_000 },
  async () => {
    const victim = mkdtempSync(join(tmpdir(), "moult-victim-"));
    writeFileSync(`${victim}/keep`, "keep", { mode: 0o600 });
    chmodSync(victim, 0o700);
    const folder = `${machine.root}/srv/web`;
    machine.bake({
      manifest: 1,
      directories: [{ path: "/srv/web/conf", owner: "65534:65534", mode: "0777" }],
      files: ["keep", "deep/a", "deep/b/c"].map((name) => ({ path: `/srv/web/conf/${name}`, content: name })),
    });
    mkdirSync(folder, { recursive: true });
    chownSync(folder, 65534, 65534);
    // Swaps what the agent has just looked at, and what it has just made, as fast as a program can.
    const swap = `
      const fs = require("node:fs");
      const at = process.argv[1], victim = process.argv[2];
      const quietly = (act) => { try { act(); } catch {} };
      for (let n = 0; ; n++) {
        for (const name of ["conf", ...fs.readdirSync(at).filter((name) => name.startsWith(".moult-"))]) {
          quietly(() => fs.renameSync(at + "/" + name, at + "/was" + n));
          quietly(() => fs.symlinkSync(victim, at + "/" + name));
          quietly(() => fs.unlinkSync(at + "/" + name));
        }
      }`;
    const { spawn } = await import("node:child_process");
    // The folder of the machine's own root is closed to others.
    chmodSync(machine.root, 0o755);
    const attacker = spawn(
      "setpriv",
      ["--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, "-e", swap, folder, victim],
      { stdio: "ignore" },
    );
    try {
      const exits = [];
      for (let i = 0; i < 8; i++) {
        const run = await machine.boot();
        exits.push(run.exit);
        expect([0, 13, 14], run.last).toContain(run.exit);
        rmSync(`${machine.root}/var/lib/moult`, { recursive: true, force: true });
      }
      expect(attacker.exitCode).toBe(null);
      expect(exits.length).toBe(8);
    } finally {
      attacker.kill("SIGKILL");
    }
    const seen = stateOf(victim);
    expect(seen).toEqual({ "/keep": expect.stringMatching(/^600 0:0 keep$/) });
    expect(spawnSync("stat", ["-c", "%a %u:%g", victim], { encoding: "utf8" }).stdout).toBe("700 0:0\n");
    rmSync(victim, { recursive: true });
  },
);
