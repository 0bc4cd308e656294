import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type FakeCloud, startCloud } from "./cloud.ts";
import { ended, Machine, runAgent } from "./machine.ts";

let cloud: FakeCloud;
let machine: Machine;
const children: ChildProcess[] = [];

beforeEach(async () => {
  cloud = await startCloud();
  machine = new Machine(cloud);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await cloud.close();
  machine.remove();
});

const claims = () =>
  existsSync(`${machine.root}/run`)
    ? readdirSync(`${machine.root}/run`).filter((name) => name.startsWith("moult-boot-"))
    : [];

/** Field 22 of proc_pid_stat(5). */
const startOf = (pid: number) =>
  readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ")[19];

/** A boot that has sealed its machine and looked over what it wrote, and asks for readiness until it is ended. */
async function bootAtWork(): Promise<ChildProcess> {
  machine.bake({
    manifest: 1,
    files: [{ path: "/etc/web", content: "{{ instance.name }}" }],
    ready: { tcp: "127.0.0.1:1", within: "60s" },
  });
  const child = machine.start();
  children.push(child);
  // Who touches a file between the seal and the look makes that boot fail, as it should.
  let said = "";
  child.stdout?.on("data", (chunk) => {
    said += chunk;
  });
  await vi.waitFor(() => expect(said).toContain("moult-agent: check "), { timeout: 10_000 });
  expect(claims()).toHaveLength(1);
  return child;
}

describe("one boot at a time", () => {
  test("a second one says who is at work, touches nothing and reports nothing", async () => {
    const first = await bootAtWork();
    const before = machine.persistent();
    const asked = cloud.objects.size;
    const second = await machine.boot();
    expect(second).toMatchObject({ exit: 13, stdout: "" });
    expect(second.stderr).toBe(`moult-agent: busy: Another boot is at work on this machine: process ${first.pid}\n`);
    expect(machine.persistent()).toEqual(before);
    expect(cloud.objects.size).toBe(asked);
    expect(claims()).toHaveLength(1);
  });

  test("SIGKILL gives the claim back, also while nobody has asked how it ended", async () => {
    const first = await bootAtWork();
    first.kill("SIGKILL");
    await ended(first);
    expect(claims()).toHaveLength(1);
    machine.bake({ manifest: 1 });
    expect(await runAgent("verify", "--root", machine.root)).toMatchObject({ exit: 0 });
    const next = machine.start();
    children.push(next);
    await vi.waitFor(() => expect(claims()).toEqual([`moult-boot-${next.pid}-${startOf(next.pid ?? 0)}`]), {
      timeout: 10_000,
    });
  });

  test.each<[sentence: string, left: () => string | Promise<string>]>([
    ["of a process that is over", () => `moult-boot-${spawnSync("true").pid}-1`],
    ["of a process whose number another one has now", () => `moult-boot-${process.pid}-1`],
    ["of a zombie", zombie],
    ["that names nobody", () => "moult-boot-"],
  ])("a claim %s is none, and goes", async (_, left) => {
    const name = await left();
    machine.write(`/run/${name}`, "");
    machine.bake({ manifest: 1 });
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(claims().filter((claim) => claim !== "moult-boot-")).toEqual([]);
  });

  async function zombie(): Promise<string> {
    const parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 61"], { stdio: ["ignore", "pipe", "ignore"] });
    children.push(parent);
    const pid = await new Promise<number>((resolve) => parent.stdout.on("data", (data) => resolve(Number(data))));
    // A shell would ask how its child ended; sleep does not.
    const name = () => readFileSync(`/proc/${parent.pid}/comm`, "utf8");
    await vi.waitFor(() => expect(name()).toBe("sleep\n"), { timeout: 10_000 });
    process.kill(pid, "SIGKILL");
    await vi.waitFor(() => expect(readFileSync(`/proc/${pid}/stat`, "utf8")).toMatch(/\) Z /), { timeout: 10_000 });
    return `moult-boot-${pid}-${startOf(pid)}`;
  }

  test("of many that start at the same moment some go through, one after another, and the rest gives way", async () => {
    machine.bake({ manifest: 1, files: [{ path: "/etc/web", content: "{{ instance.name }}" }] });
    const runs = await Promise.all(Array.from({ length: 6 }, () => machine.boot()));
    const ends = runs.map(({ exit, stderr }) => (exit === 13 && stderr.includes("busy: ") ? "busy" : exit));
    expect(ends.filter((end) => end !== "busy" && end !== 0)).toEqual([]);
    expect(ends).toContain(0);
    expect(runs.filter(({ stdout }) => / plan /.test(stdout))).toHaveLength(1);
    expect(claims()).toEqual([]);
    expect(await machine.boot()).toMatchObject({ exit: 0 });
  });

  test("with --exec the claim is gone when the command comes", async () => {
    machine.bake({ manifest: 1 });
    const run = await machine.boot("--exec", "--", "ls", "-A", `${machine.root}/run`);
    expect(run).toMatchObject({ exit: 0 });
    expect(run.stdout).not.toContain("moult-boot-");
  });
});

describe("beside a boot", () => {
  test("verify --report takes nothing half placed for drift, and stops nothing", async () => {
    await bootAtWork();
    machine.write("/etc/web", "other");
    const flags = ["--root", machine.root, "--metadata", cloud.address, "--deadline", "1"];
    const run = await runAgent("verify", "--report", ...flags);
    expect(run).toMatchObject({ exit: 0 });
    expect(run.stderr).toContain("a boot is at work (process ");
    expect(await runAgent("verify", "--root", machine.root)).toMatchObject({ exit: 14 });
  });

  test("clean refuses", async () => {
    await bootAtWork();
    const before = machine.persistent();
    const run = await runAgent("clean", "--root", machine.root, "--force");
    expect(run).toMatchObject({ exit: 13 });
    expect(run.stderr).toContain("busy: A boot is at work on this machine: process ");
    expect(machine.persistent()).toEqual(before);
  });
});
