// The boot agent's tests on every Node that images have: binaries pinned in test/agent/nodes, installed when missing.
//   node scripts/matrix.mjs            all of test/agent once on each, and a table
//   node scripts/matrix.mjs --install  only installs; where there is no registry, that is said and is no failure
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "test/agent/nodes");

/** Pinned for this machine's kind, oldest first; `binary` may not be there. */
export function pinnedNodes() {
  const { optionalDependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return Object.entries(optionalDependencies).flatMap(([alias, pin]) => {
    const [, major, system] = /^node(\d+)-(.+)$/.exec(alias) ?? [];
    if (system !== `${process.platform}-${process.arch}`) return [];
    const binary = join(folder, "node_modules", alias, "bin/node");
    return [{ major: Number(major), version: pin.split("@").at(-1), binary, installed: existsSync(binary) }];
  });
}

/** Installs exactly what a lock file names, without running anything of it. @returns npm's trouble, or undefined. */
export function installPinned(prefix) {
  const args = ["ci", "--prefix", prefix, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const patience = ["--fetch-retries=1", "--fetch-timeout=30000"];
  const { status, stderr, error } = spawnSync("npm", [...args, ...patience], {
    cwd: prefix,
    encoding: "utf8",
    timeout: 180_000,
  });
  if (status === 0) return undefined;
  return error?.message ?? stderr.split("\n").find((line) => /npm error/.test(line)) ?? `npm ends with ${status}`;
}

/** @returns the Nodes that can be run, having installed those that were missing. */
export function installedNodes() {
  const pinned = pinnedNodes();
  const trouble = pinned.every(({ installed }) => installed) ? undefined : installPinned(folder);
  const all = pinnedNodes();
  // npm counts a missing optional dependency as no failure.
  const missing = all.filter(({ installed }) => !installed).map(({ version }) => version);
  if (missing.length > 0)
    console.log(`Node ${missing.join(", ")} cannot be installed: ${trouble ?? "npm left them out"}`);
  if (all.length === 0) console.log(`No Node is pinned for ${process.platform}-${process.arch}`);
  return all.filter(({ installed }) => installed);
}

function testAll(filters) {
  const nodes = installedNodes();
  const scratch = mkdtempSync(join(tmpdir(), "moult-matrix-"));
  const rows = nodes.map(({ version, binary }) => {
    console.log(`\nThe agent on Node ${version}`);
    const file = join(scratch, `${version}.json`);
    const reporters = ["--reporter=dot", "--reporter=json", `--outputFile.json=${file}`];
    // The test of all Nodes at once is the one that needs no turn for each.
    const what = filters.length > 0 ? filters : ["test/agent", "--exclude=test/agent/matrix.test.ts"];
    const env = { ...process.env, MOULT_TEST_NODE: binary };
    const { status } = spawnSync("npx", ["vitest", "run", ...reporters, ...what], { cwd: root, stdio: "inherit", env });
    const counted = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
    const { numPassedTests: passed = 0, numFailedTests: failed = 0, numPendingTests: skipped = 0 } = counted;
    return { Node: version, passed, failed, skipped: skipped + (counted.numTodoTests ?? 0), ended: status ?? "killed" };
  });
  rmSync(scratch, { recursive: true });
  console.table(rows);
  return rows.length > 0 && rows.every(({ ended, passed }) => ended === 0 && passed > 0) ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [first, ...rest] = process.argv.slice(2);
  if (first === "--install") installedNodes();
  else process.exitCode = testAll(first === undefined ? [] : [first, ...rest]);
}
