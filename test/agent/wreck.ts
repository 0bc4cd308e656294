import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { builtAgent, ended, type Machine, type Run, testNode } from "./machine.ts";

/**
 * Loaded before the agent. It wraps every synchronous function of node:fs, counts the calls (what is printed and what
 * closes descriptors apart, which change nothing) and does one thing at one of them:
 *
 *     count                writes the names of all calls into MOULT_WRECK_FILE at the end
 *     before N             SIGKILL instead of call N
 *     half N               half of the bytes of the Nth write, then SIGKILL
 *     slow N               N ms before every call, so that others see what is between them
 *     fail CODE NAME N     the Nth call of NAME fails with CODE; NAME `change` means every call that would change the disk
 */
const preload = `
const fs = require("node:fs");
const [act, ...words] = process.env.MOULT_WRECK.split(" ");
const file = process.env.MOULT_WRECK_FILE;
const number = Number(words.at(-1));
const { writeFileSync, writeSync } = fs;
const names = [];
let writes = 0;
let matching = 0;
const still = new Int32Array(new SharedArrayBuffer(4));
const die = () => { process.kill(process.pid, "SIGKILL"); for (;;); };
const fail = (code, name) => { throw Object.assign(new Error(code), { code, errno: -1, syscall: name.replace("Sync", "") }); };
const { O_CREAT } = fs.constants;
const changes = (name, args) =>
  name === "openSync" ? (args[1] & O_CREAT) !== 0 : /^(mkdir|rmdir|rename|unlink|symlink|fchown|fchmod|write)Sync$/.test(name);
for (const name of Object.keys(fs)) {
  const real = fs[name];
  if (!name.endsWith("Sync") || typeof real !== "function") continue;
  fs[name] = function (...args) {
    if (name === "closeSync" || (name === "writeSync" && args[0] < 3)) return real.apply(fs, args);
    const nth = names.push(name);
    if (act === "before" && nth === number) die();
    if (name === "writeSync" && act === "half" && ++writes === number) {
      writeSync(args[0], Buffer.from(args[1]).subarray(0, Math.floor(args[1].length / 2)));
      die();
    }
    if (act === "fail" && words[1] === "change" && changes(name, args)) fail(words[0], name);
    if (act === "fail" && words[1] === name && ++matching === number) fail(words[0], name);
    if (act === "slow") Atomics.wait(still, 0, 0, number);
    return real.apply(fs, args);
  };
}
if (act === "count") process.on("exit", () => writeFileSync(file, names.join("\\n")));
`;

const folder = mkdtempSync(join(tmpdir(), "moult-wreck-"));
const preloadPath = join(folder, "preload.cjs");
writeFileSync(preloadPath, preload);
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/** Boots a machine with something going wrong. */
export async function wreck(machine: Machine, what: string): Promise<Run & { killed: boolean }> {
  machine.env = { NODE_OPTIONS: `--require ${preloadPath}`, MOULT_WRECK: what };
  try {
    const child = machine.start();
    const run = await ended(child);
    return { ...run, killed: child.signalCode === "SIGKILL" };
  } finally {
    machine.env = {};
  }
}

/** Names of the calls of one boot that goes well, in their order. */
export async function callsOf(machine: Machine): Promise<string[]> {
  const file = join(folder, `calls-${Math.random()}`);
  machine.env = { NODE_OPTIONS: `--require ${preloadPath}`, MOULT_WRECK: "count", MOULT_WRECK_FILE: file };
  const run = await machine.boot();
  machine.env = {};
  if (run.exit !== 0) throw new Error(`The boot to count failed: ${run.last}`);
  return readFileSync(file, "utf8").split("\n");
}

/** All of a root: path → kind, mode, owner and content. Times of the seal are left out, and what is kept of the course of boots. */
export function stateOf(root: string): Record<string, string> {
  const found: Record<string, string> = {};
  const walk = (folder: string) => {
    for (const name of readdirSync(root + folder)) {
      const path = `${folder}/${name}`;
      const stat = lstatSync(root + path);
      const about = `${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid}`;
      if (/moult(-|\/)boots\.json/.test(path)) continue;
      if (stat.isDirectory()) {
        found[path] = `folder ${about}`;
        walk(path);
      } else if (stat.isSymbolicLink()) found[path] = `-> ${readlinkSync(root + path)}`;
      else found[path] = `${about} ${contentOf(root, path)}`;
    }
  };
  walk("");
  return found;
}

function contentOf(root: string, path: string): string {
  const text = readFileSync(root + path, "latin1");
  if (!path.endsWith("/seal.json") || !text.endsWith("}")) return text;
  const { bootedAt: _, sealedAt: __, ...seal } = JSON.parse(text);
  return createHash("sha256").update(JSON.stringify(seal)).digest("hex");
}

export const isOwn = (path: string): boolean => /\/\.moult-|^\/var\/lib\/moult|^\/var(\/lib)?$|^\/run/.test(path);

/** Runs `act` for all items, as many at once as there are processors. */
export async function allAtOnce<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await act(item);
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, worker));
}

/** Why file systems of its own cannot be had here; undefined when they can. */
export function noNamespaces(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root";
  const tried = spawnSync("unshare", ["-m", "sh", "-c", "mount -t tmpfs tmpfs /mnt && umount /mnt"]);
  return tried.status === 0 ? undefined : "file systems cannot be mounted here";
}

/**
 * Boots a machine among file systems of its own: `before` (of sh, with $ROOT) mounts them, `after` looks at what came of
 * it while they are there, and prints.
 */
export function bootInNamespace(machine: Machine, before: string, after = ""): Promise<Run> {
  const { url, address } = machine.cloud;
  const endpoints = ["secretmanager", "storage", "pubsub"].map((api) => `--endpoint ${api}=${url}`).join(" ");
  const agent = `"$NODE" "$AGENT" boot --metadata ${address} ${endpoints}`;
  const script = `set -e\n${before}\nset +e\n\${IN:-} ${agent} \${ROOTFLAG---root "$ROOT"}\ncode=$?\n${after}\nexit $code`;
  const env = { PATH: process.env.PATH ?? "", ROOT: machine.root, NODE: testNode, AGENT: builtAgent() };
  return ended(spawn("unshare", ["-m", "sh", "-c", script], { env, stdio: ["ignore", "pipe", "pipe"] }));
}
