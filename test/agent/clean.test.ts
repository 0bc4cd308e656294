import { spawn } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeCloud, startCloud } from "./cloud.ts";
import { builtAgent, ended, Machine, runAgent, testNode } from "./machine.ts";

const rootHome = "/root";
const ada = "/home/ada";

const version = "projects/acme/secrets/db/versions/3";
const payload = "hunter2-of-the-database";

let cloud: FakeCloud;
let machine: Machine;

/** Everything that is to go, with the path's state before. */
const gone = [
  "/etc/ssh/ssh_host_ed25519_key",
  "/etc/ssh/ssh_host_ed25519_key.pub",
  "/etc/ssh/ssh_host_ed25519_key-cert.pub",
  "/var/lib/dbus/machine-id",
  "/var/lib/systemd/random-seed",
  "/var/lib/systemd/credential.secret",
  "/var/lib/systemd/coredump/core.web.zst",
  "/var/lib/cloud/instances/i/user-data.txt",
  "/var/lib/cloud/data/status.json",
  "/var/lib/cloud/sem/config_x.once",
  "/etc/google_instance_id",
  "/var/lib/dhcp/dhclient.eth0.leases",
  "/var/log/journal/0123/system.journal",
  "/var/log/syslog.1",
  "/var/log/auth.log.2.gz",
  "/tmp/build.sh",
  "/tmp/folder/inside",
  "/var/tmp/x",
  `${rootHome}/.bash_history`,
  `${ada}/.psql_history`,
];
const emptied = ["/etc/machine-id", "/var/log/syslog", "/var/log/wtmp", "/var/log/web/access.log"];
const stays = [
  "/etc/ssh/sshd_config",
  "/var/lib/cloud/scripts/per-boot/x",
  "/tmp/systemd-private-1-web/tmp/y",
  `${ada}/.profile`,
  `${ada}/.ssh/authorized_keys`,
  "/etc/app.conf",
];

beforeEach(async () => {
  cloud = await startCloud();
  cloud.secrets.set(version, Buffer.from(payload));
  machine = new Machine(cloud);
  for (const path of [...gone, ...emptied, ...stays]) machine.write(path, `was here: ${path}\n`);
  machine.bake({
    manifest: 1,
    secrets: { db: version },
    files: [
      { path: "/etc/web/db.key", secret: "db" },
      { path: "/etc/web/a.conf", content: "a" },
    ],
  });
});

afterEach(async () => {
  machine.remove();
  await cloud.close();
});

/** Nobody answers there, as while an image is built elsewhere. */
const nobody = "127.0.0.1:9";
const clean = (...args: string[]) => runAgent("clean", "--root", machine.root, "--metadata", nobody, ...args);

const there = (path: string) => {
  try {
    return lstatSync(machine.root + path) !== undefined;
  } catch {
    return false;
  }
};

function expectClean(): void {
  expect(gone.filter(there)).toEqual([]);
  expect(emptied.map((path) => machine.read(path))).toEqual(emptied.map(() => ""));
  for (const path of stays) expect(machine.read(path)).toBe(`was here: ${path}\n`);
  for (const path of [
    "/etc/web",
    "/run/moult",
    "/run/moult-verify",
    "/var/lib/moult/unsettled",
    "/var/lib/moult/seal.json",
    "/var/lib/moult/boots.json",
  ])
    expect(there(path)).toBe(false);
  expect(existsSync(`${machine.root}/usr/lib/moult/manifest.json`)).toBe(true);
}

describe("clean", () => {
  test("takes away what belongs to one machine, says each action before, and leaves the rest", async () => {
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    const run = await clean();
    expect(run).toMatchObject({ exit: 0, stderr: "" });
    expectClean();
    for (const path of [
      ...gone.filter((path) => !path.includes("/cloud/") && !path.includes("folder")),
      "/etc/web/db.key",
      "/etc/web/a.conf",
    ])
      expect(run.stdout).toContain(`remove ${path} (`);
    for (const path of emptied) expect(run.stdout).toContain(`empty ${path} (`);
    expect(run.stdout).toContain(`kept ${ada}/.ssh/authorized_keys: `);
    expect(run.stdout).not.toContain(payload);
  });

  test("begins with secrets and ends with the seal", async () => {
    await machine.boot();
    const { actions } = JSON.parse((await clean("--json")).stdout);
    const paths = actions.map(({ path }: { path: string }) => path);
    expect(paths[0]).toBe("/run/moult");
    expect(paths.at(-1)).toBe("/var/lib/moult/seal.json");
  });

  test("only says it with --dry-run", async () => {
    await machine.boot();
    const before = machine.persistent();
    const run = await clean("--dry-run");
    expect(run.exit).toBe(0);
    expect(machine.persistent()).toEqual(before);
    expect(run.lines[0]).toMatch(/^dry run, nothing is changed/);
    expect(run.stdout).toContain("\nremove /etc/ssh/ssh_host_ed25519_key (");
    expect(run.stdout).toContain("\nremove /var/lib/moult/seal.json (");
    const told = JSON.parse((await clean("--dry-run", "--json")).stdout);
    const done = JSON.parse((await clean("--json")).stdout);
    expect(done).toEqual({ ...told, dryRun: false });
  });

  test("a second time there is nothing to do", async () => {
    await machine.boot();
    await clean();
    const run = await clean("--keys");
    expect(run.lines).toEqual([`remove ${ada}/.ssh/authorized_keys (people who could log in)`]);
    expect(await clean()).toMatchObject({ exit: 0, stdout: "nothing to clean\n" });
  });

  test("a machine cleaned so is configured like a new one", async () => {
    await machine.boot();
    await clean();
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(machine.read("/etc/web/a.conf")).toBe("a");
  });

  test("refuses on the running instance this disk is sealed for, unless told to", async () => {
    await machine.boot();
    const before = machine.persistent();
    const here = ["clean", "--root", machine.root, "--metadata", cloud.address];
    const run = await runAgent(...here);
    expect(run).toMatchObject({ exit: 64, stdout: "" });
    expect(run.stderr).toContain("This is instance 5184363046278950541, which is sealed and at work");
    expect(machine.persistent()).toEqual(before);
    expect(await runAgent(...here, "--dry-run")).toMatchObject({ exit: 0 });
    expect(await runAgent(...here, "--force")).toMatchObject({ exit: 0 });
    expectClean();
  });

  test("goes on where another instance's metadata server answers", async () => {
    await machine.boot();
    cloud.instance.id = "77";
    expect(await runAgent("clean", "--root", machine.root, "--metadata", cloud.address)).toMatchObject({ exit: 0 });
    expectClean();
  });

  test("with a seal that cannot be read it stops, because nobody knows what was placed", async () => {
    await machine.boot();
    machine.write("/var/lib/moult/seal.json", "{");
    expect(await clean()).toMatchObject({ exit: 14, stdout: "" });
    expect(await clean("--force")).toMatchObject({ exit: 0 });
    expect(there("/var/lib/moult/seal.json")).toBe(false);
  });

  test("with a journal that cannot be read it stops, unless told to go on", async () => {
    await machine.boot();
    machine.write("/var/lib/moult/journal.json", "{");
    expect(await clean()).toMatchObject({ exit: 14 });
    expect(there("/var/lib/moult/seal.json")).toBe(true);
    expect(await clean("--force")).toMatchObject({ exit: 0 });
    expectClean();
    expect(there("/var/lib/moult/journal.json")).toBe(false);
  });

  test("first finishes what an interrupted boot began, so that all of it is known and goes", async () => {
    await machine.boot();
    const journal = {
      journal: 1,
      state: "renaming",
      entries: [{ temporary: "/etc/web/.moult-0", path: "/etc/web/a.conf" }],
      folders: [],
    };
    machine.write("/etc/web/.moult-0", "a");
    machine.write("/var/lib/moult/journal.json", JSON.stringify(journal));
    expect(await clean()).toMatchObject({ exit: 0 });
    expectClean();
  });

  test("follows no link out of the folders it cleans", async () => {
    const outside = join(machine.root, "precious");
    mkdirSync(outside);
    writeFileSync(join(outside, "x.log"), "kept");
    writeFileSync(join(outside, ".bash_history"), "kept");
    symlinkSync(outside, `${machine.root}/tmp/link`);
    symlinkSync(outside, `${machine.root}/var/log/link`);
    symlinkSync(join(outside, "x.log"), `${machine.root}/var/log/x.log`);
    symlinkSync(outside, `${machine.root}/home/bob`);
    expect(await clean()).toMatchObject({ exit: 0 });
    expect(there("/tmp/link")).toBe(false);
    for (const name of ["x.log", ".bash_history"]) expect(readFileSync(join(outside, name), "utf8")).toBe("kept");
  });

  test("leaves the D-Bus link to the machine id as it is", async () => {
    const root = new Machine(cloud);
    mkdirSync(`${root.root}/var/lib/dbus`, { recursive: true });
    symlinkSync("/etc/machine-id", `${root.root}/var/lib/dbus/machine-id`);
    expect(await runAgent("clean", "--root", root.root)).toMatchObject({ exit: 0, stdout: "nothing to clean\n" });
    root.remove();
  });

  test("killed after any of its removals, a second run ends the same", async () => {
    const preload = join(machine.root, "preload.cjs");
    writeFileSync(
      preload,
      `const fs = require("node:fs"); let left = Number(process.env.LEFT);
      for (const name of ["rmSync", "unlinkSync", "ftruncateSync", "rmdirSync"]) {
        const real = fs[name];
        fs[name] = (...args) => { if (left-- === 0) process.kill(process.pid, "SIGKILL"); return real(...args); };
      }`,
    );
    let killed = 0;
    for (let left = 0; ; left += 1 + killed) {
      expect(await machine.boot()).toMatchObject({ exit: 0 });
      const args = ["-r", preload, builtAgent(), "clean", "--root", machine.root, "--metadata", nobody];
      const cut = await ended(
        spawn(testNode, args, { env: { LEFT: String(left) }, stdio: ["ignore", "pipe", "pipe"] }),
      );
      if (cut.exit === 0) break;
      killed++;
      expect(await clean()).toMatchObject({ exit: 0, stderr: "" });
      expectClean();
      for (const path of [...gone, ...emptied]) machine.write(path, "again\n");
    }
    expect(killed).toBeGreaterThan(5);
  }, 60_000);
});
