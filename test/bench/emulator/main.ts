import { parseArgs } from "node:util";
import type { ManualClock } from "../../../emulator/frame/clock.ts";
import { startEmulator } from "../../../emulator/index.ts";

/**
 * How long one group of many virtual machines takes to be made, to roll and to shrink on the driven clock, in seconds of
 * a wall clock, and what memory that takes. `node test/bench/emulator/main.ts [--machines N] [--surge N] [--regional]
 * [--checked]`; the last two choose a regional group and an autohealing check.
 */
const { values } = parseArgs({
  options: {
    machines: { type: "string", default: "10000" },
    surge: { type: "string", default: "1000" },
    regional: { type: "boolean", default: false },
    checked: { type: "boolean", default: false },
  },
});
const machines = Number(values.machines);
const surge = Number(values.surge);

const emulator = await startEmulator({ clock: "manual", instances: "virtual", seed: "bench" });
const clock = emulator.clock as ManualClock;
const project = `${emulator.url}/compute/v1/projects/${emulator.project}`;
const place = `${project}/${values.regional ? "regions/us-central1" : "zones/us-central1-a"}`;
const group = `${place}/instanceGroupManagers/many`;

async function call<T>(method: string, url: string, body?: unknown): Promise<T> {
  const response = await fetch(url, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
  return JSON.parse(text) as T;
}

interface Status {
  status: { isStable: boolean; versionTarget: { isReached: boolean } };
}

/** Advances until the group is stable; seconds of the driven clock that passed. */
async function stable(): Promise<number> {
  const from = clock.now();
  for (;;) {
    await clock.advance(1_000);
    const { status } = await call<Status>("GET", group);
    if (status.isStable && status.versionTarget.isReached) return (clock.now() - from) / 1_000;
  }
}

let peak = 0;
const watch = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage().rss);
}, 100);
const megabytes = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MiB`;

async function timed(what: string, work: () => Promise<unknown>): Promise<void> {
  const from = performance.now();
  await work();
  const driven = await stable();
  const seconds = ((performance.now() - from) / 1_000).toFixed(1);
  peak = Math.max(peak, process.memoryUsage().rss);
  console.log(
    `${what}: ${seconds} s, ${driven} s on the driven clock, ${megabytes(process.memoryUsage().rss)} resident`,
  );
}

async function template(name: string, machineType: string): Promise<string> {
  await call("POST", `${project}/global/instanceTemplates`, {
    name,
    properties: {
      machineType,
      disks: [
        { boot: true, initializeParams: { sourceImage: "projects/debian-cloud/global/images/family/debian-12" } },
      ],
      networkInterfaces: [{ network: "global/networks/default" }],
    },
  });
  return `global/instanceTemplates/${name}`;
}

const one = await template("one", "e2-small");
const two = await template("two", "e2-medium");
if (values.checked)
  await call("POST", `${project}/global/healthChecks`, {
    name: "hc",
    type: "HTTP",
    httpHealthCheck: { port: 8080 },
    checkIntervalSec: 5,
    healthyThreshold: 1,
  });

console.log(
  `${machines} machines, ${values.regional ? "regional" : "zonal"}${values.checked ? ", health-checked" : ""}, surge ${surge}`,
);
await timed("made", () =>
  call("POST", `${place}/instanceGroupManagers`, {
    name: "many",
    targetSize: machines,
    versions: [{ instanceTemplate: one }],
    ...(values.checked && { autoHealingPolicies: [{ healthCheck: "global/healthChecks/hc", initialDelaySec: 30 }] }),
    updatePolicy: { type: "PROACTIVE", maxSurge: { fixed: surge }, maxUnavailable: { fixed: 0 } },
  }),
);
await timed("rolled", () => call("PATCH", group, { versions: [{ instanceTemplate: two }] }));
await timed("shrunk to a tenth", () => call("POST", `${group}/resize?size=${Math.ceil(machines / 10)}`));
console.log(`peak ${megabytes(peak)}`);
clearInterval(watch);
await emulator.close();
