// Writes docs/emulator-coverage.md from the emulator's route table. With --record it first runs the tests that drive other
// people's clients, and notes in test/emulator/checked.json which of them called which method. Tests named after --record
// are run alone, and what they call is added to what was noted before.
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
  "test/contract/",
  "test/emulator/functions",
  "test/emulator/storage/client",
  "test/emulator/storage/retry",
  "test/emulator/storage/google",
  "test/emulator/pubsub/client",
  "test/emulator/pubsub/google",
  "test/emulator/secretmanager/client",
  "test/emulator/secretmanager/google",
  "test/emulator/faults/delivery",
];

const [, ...named] = process.argv.slice(process.argv.indexOf("--record"));
const recorded = process.argv.includes("--record") ? record(named.length > 0 ? named : TESTS) : undefined;

const emulator = await startEmulator({ instances: "virtual", clock: "manual" });
const { methods } = await (await fetch(`${emulator.url}/emulator/methods`)).json();
await emulator.close();
if (recorded) {
  const before = named.length > 0 ? JSON.parse(readFileSync(CHECKED, "utf8")) : {};
  // A line a method, as the formatter would have it.
  const lines = Object.entries(merged(before, recorded, methods)).map(
    ([method, clients]) =>
      `  ${JSON.stringify(method)}: [${clients.map((client) => JSON.stringify(client)).join(", ")}]`,
  );
  writeFileSync(CHECKED, `{\n${lines.join(",\n")}\n}\n`);
}
writeFileSync(inside("docs/emulator-coverage.md"), coveragePage(methods, JSON.parse(readFileSync(CHECKED, "utf8"))));

function record(tests) {
  const folder = mkdtempSync(join(tmpdir(), "moult-coverage-"));
  const calls = join(folder, "calls");
  try {
    const { status } = spawnSync("npx", ["vitest", "run", ...tests], {
      cwd: inside(""),
      stdio: "inherit",
      env: { ...process.env, MOULT_EMULATOR_CALLS: calls, MOULT_GCLOUD: "all" },
    });
    // What a client was answered, it was answered, whatever else a test then missed.
    if (status !== 0) console.error("coverage: some tests failed; calls that succeeded are noted all the same");
    const checked = {};
    for (const line of readFileSync(calls, "utf8").split("\n").filter(Boolean)) {
      const { method, agent } = JSON.parse(line);
      const client = clientOf(method, agent);
      if (client) checked[method] = [...new Set([...(checked[method] ?? []), client])].sort();
    }
    return checked;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Both notes as one, sorted, without what is not served any more. */
function merged(before, now, methods) {
  const served = new Set([...methods.map(({ id }) => id), "pubsub.projects.subscriptions.streamingPull"]);
  const ids = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((id) => served.has(id)).sort();
  return Object.fromEntries(ids.map((id) => [id, [...new Set([...(before[id] ?? []), ...(now[id] ?? [])])].sort()]));
}
