import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Storage } from "@google-cloud/storage";
import { startEmulator } from "../../../emulator/index.ts";

/**
 * What commit, push and checkout of a configuration of many files cost when few or many of them changed, beside git on the
 * same files in the same run: medians of whole programs, start included. `node test/bench/config/run.ts [--files N] [--runs N]`.
 */
const { values } = parseArgs({
  options: { files: { type: "string", default: "2000" }, runs: { type: "string", default: "5" } },
});
const files = Number(values.files);
const runs = Number(values.runs);
const root = join(import.meta.dirname, "..", "..", "..");
const moult = join(root, "dist", "cli", "moult.mjs");
if (!existsSync(moult)) throw new Error("dist/cli/moult.mjs is not there: npm run build");

let calls = 0;
const emulator = await startEmulator({
  instances: "virtual",
  project: "bench",
  onAnswered: ({ id }) => {
    if (id.startsWith("storage.objects")) calls++;
  },
});
await new Storage({ apiEndpoint: emulator.url, projectId: "bench" }).createBucket("bench-moult-config");
const scratch = mkdtempSync(join(tmpdir(), "moult-bench-"));
const env = { ...process.env, ...emulator.env, GOOGLE_CLOUD_PROJECT: "bench", NO_COLOR: "1" };

/** The emulator answers from this process, so programs run beside it. Returns what the program printed. */
async function run(command: string, args: string[], cwd: string): Promise<string> {
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}: ${err}`);
  return out;
}

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; value: T }> {
  const from = performance.now();
  const value = await work();
  return { ms: performance.now() - from, value };
}

const median = (list: number[]) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;
const config = (cwd: string, ...args: string[]) => run(process.execPath, [moult, "config", ...args], cwd);

let edits = 0;
const nameOf = (i: number) => `dir${i % 40}/file${i}.conf`;
function edit(folder: string, count: number): void {
  edits++;
  for (let i = 0; i < count; i++)
    writeFileSync(join(folder, nameOf(i)), `# ${edits}\n${`setting-${i} = value ${i}\n`.repeat(12)}`);
}

const ours = join(scratch, "ours");
const tree = join(ours, "files");
for (let i = 0; i < 40; i++) mkdirSync(join(tree, `dir${i}`), { recursive: true });
edit(tree, files);
writeFileSync(join(ours, "manifest.yaml"), "manifest: 1\nfiles: []\n");
await config(scratch, "init", ours, "--bucket", "bench-moult-config");
const theirs = join(scratch, "theirs");
cpSync(tree, theirs, { recursive: true });
const git = (...args: string[]) => run("git", ["-c", "user.name=b", "-c", "user.email=b@example.com", ...args], theirs);
await git("init", "-q", "-b", "main");
await config(ours, "commit", "--ref", "web", "-m", "first");
await git("add", "-A");
await git("commit", "-q", "-m", "first");

const floor = median(
  await Promise.all(
    [1, 2, 3].map(async () => (await timed(() => run(process.execPath, [moult, "--version"], root))).ms),
  ),
);
calls = 0;
const first = await timed(() => config(ours, "push", "web", "--json"));
console.log(
  `# ${files} files, medians of ${runs}; node ${process.version}; a program that only says its version: ${floor.toFixed(0)} ms`,
);
console.log(`first push: ${first.ms.toFixed(0)} ms, ${calls} calls\n`);
console.log("| changed | commit | git add+commit | ratio | push | calls | written | checkout | git checkout | ratio |");
console.log("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");

const out = join(scratch, "out");
await config(ours, "checkout", "web", out);
for (const changed of [0, 1, 10, 100, files]) {
  const times = { commit: [], gitCommit: [], push: [], checkout: [], gitCheckout: [] } as Record<string, number[]>;
  const note = (what: string, ms: number) => times[what]?.push(ms);
  let [pushCalls, written] = [0, 0];
  for (let turn = 0; turn < runs; turn++) {
    edit(tree, changed);
    edits--;
    edit(theirs, changed);
    note("commit", (await timed(() => config(ours, "commit", "--ref", "web", "-m", "next"))).ms);
    note(
      "gitCommit",
      (
        await timed(async () => {
          await git("add", "-A");
          await git("commit", "-q", "--allow-empty", "-m", "next");
        })
      ).ms,
    );
    calls = 0;
    const pushed = await timed(() => config(ours, "push", "web", "--json"));
    note("push", pushed.ms);
    pushCalls = calls;
    written = JSON.parse(pushed.value)[0].bytes;
    note("checkout", (await timed(() => config(ours, "checkout", "web", out))).ms);
    // There and back again, of which the way back counts.
    if (changed > 0) await git("checkout", "-q", "HEAD~1");
    note("gitCheckout", (await timed(() => git("checkout", "-q", "main"))).ms);
  }
  const at = (what: string) => median(times[what] ?? []);
  const ms = (what: string) => `${at(what).toFixed(0)} ms`;
  const ratio = (a: string, b: string) => (at(a) / at(b)).toFixed(2);
  const cells = [
    changed,
    ms("commit"),
    ms("gitCommit"),
    ratio("commit", "gitCommit"),
    ms("push"),
    pushCalls,
    `${(written / 1024).toFixed(0)} KiB`,
    ms("checkout"),
    ms("gitCheckout"),
    ratio("checkout", "gitCheckout"),
  ];
  console.log(`| ${cells.join(" | ")} |`);
}
if (spawnSync("ostree", ["--version"]).error) console.log("\nostree is not installed here: not compared");
await emulator.close();
rmSync(scratch, { recursive: true, force: true });
process.exit(0);
