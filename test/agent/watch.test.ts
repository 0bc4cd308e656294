import { type ChildProcess, spawn } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FakeCloud, sha256, startCloud } from "./cloud.ts";
import { ended, Machine } from "./machine.ts";
import { wreck } from "./wreck.ts";

let cloud: FakeCloud;
let machine: Machine;
const version = "projects/acme/secrets/web-db/versions/3";
const root = process.getuid?.() === 0;

beforeEach(async () => {
  cloud = await startCloud();
  cloud.secrets.set(version, Buffer.from("hunter2"));
  machine = new Machine(cloud);
});
afterEach(async () => {
  await cloud.close();
  machine.remove();
});

/** A process of its own that runs `body` again and again as fast as it can, until it is stopped, and then prints `told`. */
function beside(body: string, ...args: string[]): { child: ChildProcess; stop(): Promise<string> } {
  const script = `
    const fs = require("node:fs"), crypto = require("node:crypto");
    const [${args.map((_, i) => `arg${i}`).join(", ")}] = process.argv.slice(1);
    let told = "", stopped = false, rounds = 0;
    process.stdin.on("end", () => { stopped = true; }).resume();
    const quietly = (act) => { try { return act(); } catch {} };
    ${body}
    const turn = () => {
      for (let i = 0; i < 50; i++) { round(); rounds++; }
      if (stopped) { last(); process.stdout.write(JSON.stringify({ rounds, told })); } else setImmediate(turn);
    };
    turn();`;
  const child = spawn(process.execPath, ["-e", script, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const over = ended(child);
  return {
    child,
    stop: async () => {
      child.stdin?.end();
      return (await over).stdout;
    },
  };
}

const owner = root ? "1234:2345" : undefined;
const own = root ? "1234:2345" : `${process.getuid?.()}:${process.getgid?.()}`;
const self = `${process.getuid?.()}:${process.getgid?.()}`;
const text = (path: string) => `${path} `.repeat(2000);
const files = [
  { path: "/etc/there/replaced", mode: "0640" },
  { path: "/etc/there/new", mode: "0604" },
  { path: "/etc/there/suid", mode: "4711" },
  { path: "/etc/made/deep/a", mode: "0600" },
  { path: "/etc/made/b", mode: "0444" },
];

test("owner, mode and bytes are what they were, or what they are to be, at every instant of many boots", {
  timeout: 120_000,
}, async () => {
  machine.bake({
    manifest: 1,
    secrets: { db: version },
    directories: [{ path: "/etc/made", owner, mode: "2750" }],
    files: [
      ...files.map((file) => ({ ...file, owner, content: text(file.path) })),
      { path: "/etc/there/key", secret: "db", owner, mode: "0440" },
    ],
  });
  const round = `
    const look = (path) => quietly(() => {
      const stat = fs.lstatSync(path);
      const about = (stat.mode & 0o7777).toString(8) + " " + stat.uid + ":" + stat.gid;
      if (stat.isSymbolicLink()) return "-> " + fs.readlinkSync(path);
      if (stat.isDirectory()) return "folder " + about;
      // One descriptor: attributes and bytes of the same file.
      const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
      const bytes = fs.readFileSync(fd), now = fs.fstatSync(fd);
      fs.closeSync(fd);
      return (now.mode & 0o7777).toString(8) + " " + now.uid + ":" + now.gid + " " + (bytes.length ? crypto.createHash("sha256").update(bytes).digest("hex") + " " + bytes.subarray(0, 60) : "");
    }) ?? "absent";
    const seen = new Set();
    const paths = JSON.parse(arg1);
    const temporaries = (folder) => {
      for (const name of quietly(() => fs.readdirSync(folder)) ?? []) {
        const path = folder + "/" + name;
        if (!path.includes("/.moult-")) continue;
        seen.add("temporary\\t" + look(path));
        if (!name.startsWith(".moult-") || quietly(() => fs.lstatSync(path).isDirectory())) temporaries(path);
      }
    };
    const round = () => {
      for (const path of paths) seen.add(path + "\\t" + look(arg0 + path));
      for (const folder of ["/etc", "/etc/there", "/run/moult"]) temporaries(arg0 + folder);
    };
    const last = () => { told = [...seen]; };`;
  const key = "/run/moult/files/etc/there/key";
  const watched = [...files.map(({ path }) => path), "/etc/there/key", "/etc/made", "/etc/made/deep", key];
  const watcher = beside(round, machine.root, JSON.stringify(watched));
  for (let boot = 0; boot < 12; boot++) {
    rmSync(`${machine.root}/etc`, { recursive: true, force: true });
    rmSync(`${machine.root}/var`, { recursive: true, force: true });
    rmSync(`${machine.root}/run`, { recursive: true, force: true });
    // Whole at once: the watcher looks at what the test does, too.
    machine.write("/aside", "old", 0o600);
    mkdirSync(`${machine.root}/etc/there`, { recursive: true });
    renameSync(`${machine.root}/aside`, `${machine.root}/etc/there/replaced`);
    const run = boot % 3 === 2 ? await machine.boot() : await wreck(machine, "slow 1");
    expect(run).toMatchObject({ exit: 0 });
  }
  const { rounds, told } = JSON.parse(await watcher.stop());
  const line = (path: string, mode: string) =>
    `${mode.replace(/^0/, "")} ${own} ${sha256(text(path))} ${text(path).slice(0, 60)}`;
  const finals = new Map(files.map(({ path, mode }) => [path, line(path, mode)]));
  const allowed: Record<string, string[]> = {
    ...Object.fromEntries([...finals].map(([path, final]) => [path, ["absent", final]])),
    "/etc/there/key": ["absent", "-> ../../run/moult/files/etc/there/key"],
    [key]: ["absent", `440 ${own} ${sha256("hunter2")} hunter2`],
    "/etc/made": ["absent", `folder 2750 ${own}`],
    "/etc/made/deep": ["absent", `folder 755 ${self}`],
  };
  allowed["/etc/there/replaced"]?.push(`600 ${self} ${sha256("old")} old`);
  const bySight = new Map<string, Set<string>>();
  for (const sight of told as string[]) {
    const [path = "", what = ""] = sight.split("\t");
    bySight.set(path, (bySight.get(path) ?? new Set()).add(what));
  }
  for (const path of watched) {
    const seen = [...(bySight.get(path) ?? [])].filter((what) => what !== "absent" || allowed[path]?.includes(what));
    // A watched path may be absent while the test itself clears it.
    for (const what of seen) expect(allowed[path], path).toContain(what);
    expect(seen.length, `${path} was seen in both of its states`).toBeGreaterThan(1);
  }
  const temporaries = [...(bySight.get("temporary") ?? [])].filter(
    (what) => what !== "absent" && !what.startsWith("->"),
  );
  expect(temporaries.length).toBeGreaterThan(6);
  for (const what of temporaries.filter((one) => !one.startsWith("folder"))) {
    const [mode = "", , digest = "", path = ""] = what.split(" ");
    const wide = Number.parseInt(mode, 8);
    if (digest === "") expect([0, 0o640, 0o604, 0o711, 0o600, 0o444, 0o440], what).toContain(wide);
    else if (path === "hunter2") expect(what).toBe(allowed[key]?.[1]);
    else
      expect(what.replace(/^711 /, "4711 ").replace(/ [0-9a-f]{64} /, " "), what).toBe(
        (finals.get(path) ?? "none").replace(/ [0-9a-f]{64} /, " "),
      );
  }
  console.log(`${rounds} looks, ${told.length} different sights`);
  expect(rounds).toBeGreaterThan(2_000);
});

test("a folder above a destination that turns into a link and back, all the time, leads nowhere else", {
  timeout: 120_000,
}, async () => {
  const outside = `${machine.root}-outside`;
  mkdirSync(outside, { mode: 0o777 });
  machine.bake({
    manifest: 1,
    secrets: { db: version },
    directories: [{ path: "/srv/app/folder", mode: "0700" }],
    files: [
      ...Array.from({ length: 6 }, (_, i) => ({ path: `/srv/app/${i}`, content: text(`${i}`) })),
      { path: "/srv/app/deep/a", content: "a" },
      { path: "/srv/app/key", secret: "db" },
    ],
  });
  mkdirSync(`${machine.root}/srv/app`, { recursive: true });
  const flip = `
    const real = arg0 + "/srv/app", away = arg0 + "/srv/away";
    const round = () => {
      // The agent made the folder anew while it was away.
      try { fs.renameSync(real, away); } catch (error) { if (error.code !== "ENOENT") fs.rmSync(away, { recursive: true, force: true }); }
      quietly(() => fs.symlinkSync(arg1, real));
      wait(0.5);
      quietly(() => fs.unlinkSync(real));
      quietly(() => fs.renameSync(away, real));
      // A folder for most of the time, so that the agent gets beyond its first look.
      wait(3 * Math.random());
    };
    const wait = (ms) => { for (const end = performance.now() + ms; performance.now() < end; ); };
    const last = () => { quietly(() => fs.unlinkSync(real)); quietly(() => fs.renameSync(away, real)); };`;
  const flipper = beside(flip, machine.root, outside);
  // What would happen to someone who looks first and then writes by path: otherwise this test would show nothing.
  let fooled = 0;
  for (let until = Date.now() + 10_000; fooled === 0 && Date.now() < until; ) {
    try {
      if (!lstatSync(`${machine.root}/srv/app`).isDirectory()) continue;
      writeFileSync(`${machine.root}/srv/app/naive`, "");
      fooled = readdirSync(outside).length;
    } catch {}
  }
  expect(fooled).toBeGreaterThan(0);
  rmSync(`${outside}/naive`);
  // Changes with every name that comes or goes, so what was there for a moment counts as well.
  const { ctimeMs: untouched } = lstatSync(outside);
  const exits = new Map<string, number>();
  for (let boot = 0; boot < 20; boot++) {
    // Each time a machine that was never sealed, so that it places.
    for (const folder of ["var", "run"]) rmSync(`${machine.root}/${folder}`, { recursive: true, force: true });
    const run = boot % 2 === 0 ? await machine.boot() : await wreck(machine, "slow 0.2");
    const word = run.exit === 0 ? "ready" : (/failed ([\w-]+)/.exec(run.stdout)?.[1] ?? `exit ${run.exit}`);
    exits.set(word, (exits.get(word) ?? 0) + 1);
    expect(lstatSync(outside).ctimeMs, run.stdout).toBe(untouched);
    expect(["ready", "path-refused", "place-failed", "seal-broken"], run.stdout).toContain(word);
  }
  await flipper.stop();
  console.log(`outcomes while it flipped: ${[...exits].map(([word, times]) => `${times}x ${word}`).join(", ")}`);
  // By now the folder may be one of several: what shows that the description is good is a machine without history.
  for (const folder of ["srv", "var", "run"]) rmSync(`${machine.root}/${folder}`, { recursive: true, force: true });
  const run = await machine.boot();
  expect(run, run.stdout).toMatchObject({ exit: 0 });
  expect(readdirSync(`${machine.root}/srv/app`)).toHaveLength(9);
  expect(readdirSync(outside)).toEqual([]);
  expect(lstatSync(outside).ctimeMs).toBe(untouched);
  rmSync(outside, { recursive: true });
});
