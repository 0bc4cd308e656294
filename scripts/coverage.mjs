// Writes docs/emulator-coverage.md from the emulator's route table. With --record it first runs the tests that drive other
// people's clients, and notes in test/emulator/checked.json which of them called which method.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// The emulator is TypeScript, and npm's own Node may be too old to read it.
if (Number(process.versions.node.split(".")[0]) < 24) {
  const { status } = spawnSync("npx", ["node", ...process.argv.slice(1)], { stdio: "inherit" });
  process.exit(status ?? 1);
}

const { clientOf, coveragePage } = await import("../emulator/admin/coverage.ts");
const { startEmulator } = await import("../emulator/index.ts");

const inside = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const CHECKED = inside("test/emulator/checked.json");
/** Tests in which somebody else's client is the caller. */
const TESTS = [
  "test/emulator/storage/client",
  "test/emulator/storage/retry",
  "test/emulator/storage/gcloud",
  "test/emulator/pubsub/client",
  "test/emulator/pubsub/gcloud",
  "test/emulator/secretmanager/client",
  "test/emulator/compute/gcloud",
  "test/emulator/faults/delivery",
];

if (process.argv.includes("--record")) writeFileSync(CHECKED, `${JSON.stringify(record(), null, 2)}\n`);

const emulator = await startEmulator({ instances: "virtual", clock: "manual" });
const { methods } = await (await fetch(`${emulator.url}/emulator/methods`)).json();
await emulator.close();
writeFileSync(inside("docs/emulator-coverage.md"), coveragePage(methods, JSON.parse(readFileSync(CHECKED, "utf8"))));

function record() {
  const folder = mkdtempSync(join(tmpdir(), "moult-coverage-"));
  const calls = join(folder, "calls");
  try {
    const { status } = spawnSync("npx", ["vitest", "run", ...TESTS], {
      cwd: inside(""),
      stdio: "inherit",
      env: { ...process.env, MOULT_EMULATOR_CALLS: calls },
    });
    // What a client was answered, it was answered, whatever else a test then missed.
    if (status !== 0) console.error("coverage: some tests failed; calls that succeeded are noted all the same");
    const checked = {};
    for (const line of readFileSync(calls, "utf8").split("\n").filter(Boolean)) {
      const { method, agent } = JSON.parse(line);
      const client = clientOf(method, agent);
      if (client) checked[method] = [...new Set([...(checked[method] ?? []), client])].sort();
    }
    return Object.fromEntries(Object.entries(checked).sort(([a], [b]) => (a < b ? -1 : 1)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
