import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";
import { image, unit } from "../machines/image.ts";

/** Behind a backend service stand real processes here: what the probes find and what draining keeps is real. */
const APPLICATION = `
const { createServer } = require("node:http");
const metadata = process.env.GCE_METADATA_HOST;
let status = 200;
let beats = 0;
setInterval(() => beats++, 20);
createServer((request, response) => {
  if (request.url === "/ill") status = 503;
  if (request.url === "/slow") return setTimeout(() => response.end("done"), 1500);
  if (request.url === "/beats") return response.end(JSON.stringify({ pid: process.pid, beats }));
  response.statusCode = request.url === "/alive" ? status : 200;
  response.end("fine");
}).listen(8080, metadata.split(":")[0], () => console.log("listening"));
process.on("SIGTERM", async () => {
  const headers = { "metadata-flavor": "Google" };
  const answer = await fetch("http://" + metadata + "/computeMetadata/v1/instance/preempted", { headers });
  console.log("asked to stop, preempted: " + (await answer.text()));
  process.exit(0);
});
`;

let emulator: Emulator;
let base: string;
let zonal: string;

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(path.startsWith("http") ? path : `${emulator.url}${path}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const answer = (await response.json()) as T & { error?: { message: string } };
  if (!response.ok) throw new Error(`${method} ${path}: ${answer.error?.message}`);
  return answer;
}

beforeAll(async () => {
  emulator = await startEmulator({ instances: "process" });
  base = `/compute/v1/projects/${emulator.project}`;
  zonal = `${base}/zones/us-central1-a`;
  await call("POST", `/storage/v1/b?project=${emulator.project}`, { name: "images" });
  const disk = await image({
    "srv/web.js": APPLICATION,
    "etc/systemd/system/web.service": unit("ExecStart=/usr/bin/node /srv/web.js"),
  });
  await fetch(`${emulator.url}/upload/storage/v1/b/images/o?uploadType=media&name=web.tar.gz`, {
    method: "POST",
    headers: { "content-type": "application/gzip" },
    body: new Uint8Array(disk),
  });
  await call("POST", `${base}/global/images`, {
    name: "web",
    rawDisk: { source: "https://storage.googleapis.com/images/web.tar.gz" },
  });
  await vi.waitFor(async () =>
    expect(await call<object>("GET", `${base}/global/images/web`)).toMatchObject({ status: "READY" }),
  );
  await call("POST", `${base}/global/instanceTemplates`, {
    name: "one",
    properties: {
      machineType: "e2-small",
      disks: [{ boot: true, initializeParams: { sourceImage: `projects/${emulator.project}/global/images/web` } }],
      networkInterfaces: [{}],
      scheduling: { provisioningModel: "SPOT" },
    },
  });
  await call("POST", `${zonal}/instanceGroupManagers`, {
    name: "web",
    targetSize: 1,
    baseInstanceName: "web",
    versions: [{ instanceTemplate: `projects/${emulator.project}/global/instanceTemplates/one` }],
    namedPorts: [{ name: "http", port: 8080 }],
  });
  await call("POST", `${base}/global/healthChecks`, {
    name: "alive",
    type: "HTTP",
    checkIntervalSec: 1,
    timeoutSec: 1,
    healthyThreshold: 1,
    unhealthyThreshold: 1,
    httpHealthCheck: { portSpecification: "USE_SERVING_PORT", requestPath: "/alive", response: "fine" },
  });
  await call("POST", `${base}/global/backendServices`, {
    name: "web",
    healthChecks: [`projects/${emulator.project}/global/healthChecks/alive`],
    backends: [{ group: `projects/${emulator.project}/zones/us-central1-a/instanceGroups/web` }],
    connectionDraining: { drainingTimeoutSec: 2 },
  });
}, 60_000);
afterAll(() => emulator.close());

interface Found {
  healthState: string;
  instance: string;
  ipAddress: string;
}
const health = async (): Promise<Found | undefined> => {
  const group = `projects/${emulator.project}/zones/us-central1-a/instanceGroups/web`;
  const { healthStatus = [] } = await call<{ healthStatus?: Found[] }>(
    "POST",
    `${base}/global/backendServices/web/getHealth`,
    { group },
  );
  return healthStatus[0];
};
const becomes = (healthState: string) => expect.poll(health, { timeout: 20_000 }).toMatchObject({ healthState });

test("probes are answered by the process, and a connection it has outlives its deletion", {
  timeout: 60_000,
}, async () => {
  await becomes("HEALTHY");
  const before = await health();
  await fetch(`http://${before?.ipAddress}:8080/ill`);
  await becomes("UNHEALTHY");
  const slow = fetch(`http://${before?.ipAddress}:8080/slow`);
  const from = Date.now();
  await call("POST", `${zonal}/instanceGroupManagers/web/recreateInstances`, { instances: [before?.instance] });
  const list = () =>
    call<{ managedInstances: { id: string; instanceStatus: string; currentAction: string }[] }>(
      "POST",
      `${zonal}/instanceGroupManagers/web/listManagedInstances`,
    ).then(({ managedInstances }) => managedInstances[0]);
  const draining = await list();
  expect(draining).toMatchObject({ currentAction: "RECREATING", instanceStatus: "RUNNING" });
  expect(await health()).toBeUndefined();
  const answer = await slow;
  expect([answer.status, await answer.text()]).toEqual([200, "done"]);
  await expect.poll(list, { timeout: 30_000 }).toMatchObject({ currentAction: "NONE", instanceStatus: "RUNNING" });
  expect(Date.now() - from).toBeGreaterThan(2_000);
  expect((await list())?.id).not.toBe(draining?.id);
  await becomes("HEALTHY");
});

test("a suspended process is held still and goes on where it was", { timeout: 60_000 }, async () => {
  await becomes("HEALTHY");
  const found = await health();
  const one = `${zonal}/instances/${found?.instance.split("/").at(-1)}`;
  const becomesOf = (status: string) =>
    expect.poll(() => call<object>("GET", one), { timeout: 20_000 }).toMatchObject({ status });
  const beats = async (ms = 5000) => {
    const answer = await fetch(`http://${found?.ipAddress}:8080/beats`, { signal: AbortSignal.timeout(ms) });
    return (await answer.json()) as { pid: number; beats: number };
  };
  const before = await beats();
  await call("POST", `${one}/suspend`);
  await becomesOf("SUSPENDED");
  await expect(beats(300)).rejects.toThrow(/timeout/i);
  await call("POST", `${one}/resume`);
  await becomesOf("RUNNING");
  const after = await beats();
  expect([after.pid, after.beats > before.beats]).toEqual([before.pid, true]);
});

test("a preempted process is told by its metadata and by SIGTERM", { timeout: 60_000 }, async () => {
  await becomes("HEALTHY");
  const name = (await health())?.instance.split("/").at(-1) ?? "";
  // The group makes it again, and the console of the one before is gone with it: a machine of nobody keeps its own.
  await call("POST", `${zonal}/instanceGroupManagers/web/abandonInstances`, {
    instances: [`zones/us-central1-a/instances/${name}`],
  });
  await expect
    .poll(() => call<object>("POST", `${zonal}/instanceGroupManagers/web/listManagedInstances`), { timeout: 20_000 })
    .toEqual({});
  await call("POST", `/emulator/instances/us-central1-a/${name}:preempt`);
  await expect
    .poll(() => call<{ status: string }>("GET", `${zonal}/instances/${name}`), { timeout: 20_000 })
    .toMatchObject({ status: "TERMINATED" });
  const { contents } = await call<{ contents: string }>("GET", `${zonal}/instances/${name}/serialPort`);
  expect(contents).toContain("asked to stop, preempted: TRUE");
});
