import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";
import { buildAgentInto } from "../../agent/machine.ts";
import { image, unit } from "../machines/image.ts";

const folder = mkdtempSync(join(tmpdir(), "moult-agent-"));
buildAgentInto(folder);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ZONE = "/compute/v1/projects/moult-local/zones/us-central1-a";
const GLOBAL = "/compute/v1/projects/moult-local/global";
const GROUP = `${ZONE}/instanceGroupManagers/db`;
const soon = { timeout: 20_000, interval: 50 };

let emulator: Emulator;
beforeEach(async () => {
  emulator = await startEmulator({ instances: "process", agent: join(folder, "moult-agent.cjs") });
});
afterEach(() => emulator.close());

async function ask<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T> {
  const bytes = body instanceof Buffer ? new Uint8Array(body) : JSON.stringify(body);
  const response = await fetch(`${emulator.url}${path}`, {
    method,
    headers: { "content-type": "application/json" },
    ...(body !== undefined && { body: bytes }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return JSON.parse(text || "{}") as T;
}

interface Managed {
  name: string;
  id?: string;
  currentAction: string;
}
const member = async () =>
  (await ask<{ managedInstances?: Managed[] }>("POST", `${GROUP}/listManagedInstances`)).managedInstances?.[0];
const serial = async (name: string) =>
  (await ask<{ contents: string }>("GET", `${ZONE}/instances/${name}/serialPort`)).contents;
const shows = (text: string) =>
  vi.waitFor(async () => {
    const { name = "", currentAction } = (await member()) ?? {};
    expect(currentAction).toBe("NONE");
    expect(await serial(name)).toContain(text);
  }, soon);

test("a group of processes keeps a data disk over replacement, healing and the group's end", {
  timeout: 90_000,
}, async () => {
  await ask("POST", "/storage/v1/b?project=moult-local", { name: "images-1" });
  const root = await image({
    "srv/count":
      '#!/bin/sh\necho x >> "$INSTANCE_ROOT/var/lib/db/data/boots"\necho "boots: $(wc -l < "$INSTANCE_ROOT/var/lib/db/data/boots")"\n',
    "etc/systemd/system/count.service": unit(
      "Type=oneshot\nExecStart=/srv/count",
      "Requires=moult-agent.service\nAfter=moult-agent.service",
    ),
    "usr/lib/moult/manifest.json": JSON.stringify({
      manifest: 1,
      disks: [{ device: "data", mount: "/var/lib/db" }],
      directories: [{ path: "/var/lib/db/data", mode: "0750" }],
      units: ["count.service"],
    }),
  });
  await ask("POST", "/upload/storage/v1/b/images-1/o?uploadType=media&name=db.tar.gz", root);
  await ask("POST", `${GLOBAL}/images`, { name: "db", rawDisk: { source: "gs://images-1/db.tar.gz" } });
  await vi.waitFor(
    async () => expect(await ask("GET", `${GLOBAL}/images/db`)).toMatchObject({ status: "READY" }),
    soon,
  );
  await ask("POST", `${GLOBAL}/instanceTemplates`, {
    name: "db",
    properties: {
      machineType: "e2-small",
      disks: [
        { boot: true, autoDelete: true, initializeParams: { sourceImage: "projects/moult-local/global/images/db" } },
        { deviceName: "data", initializeParams: { diskSizeGb: "20" } },
      ],
      networkInterfaces: [{ network: "global/networks/default" }],
    },
  });
  await ask("POST", `${ZONE}/instanceGroupManagers`, {
    name: "db",
    targetSize: 1,
    versions: [{ instanceTemplate: "projects/moult-local/global/instanceTemplates/db" }],
    statefulPolicy: { preservedState: { disks: { data: { autoDelete: "NEVER" } }, internalIPs: { nic0: {} } } },
  });
  await shows("boots: 1");
  const { name = "", id } = (await member()) ?? {};

  await ask("POST", `${GROUP}/recreateInstances`, { instances: [`zones/us-central1-a/instances/${name}`] });
  await shows("boots: 2");
  expect(await member()).toMatchObject({ name });
  expect((await member())?.id).not.toBe(id);

  // Somebody deletes the machine behind the group's back.
  await ask("DELETE", `${ZONE}/instances/${name}`);
  await shows("boots: 3");

  await ask("DELETE", GROUP);
  await vi.waitFor(async () => expect(await ask("GET", `${ZONE}/instances`)).not.toHaveProperty("items"), soon);
  const left = await ask<{ items: { name: string; users?: string[] }[] }>("GET", `${ZONE}/disks`);
  expect(left.items.map(({ name: disk, users }) => [disk, users])).toEqual([[`${name}-1`, undefined]]);
});
