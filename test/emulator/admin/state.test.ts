import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { credentials } from "@grpc/grpc-js";
import { create } from "tar";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VERSION } from "../../../emulator/frame/state.ts";
import { startEmulator } from "../../../emulator/index.ts";
import { openPlace, type Place } from "../faults/place.ts";

let place: Place;
let folder: string;
const ends: (() => unknown)[] = [];

beforeEach(async () => {
  process.env.METADATA_SERVER_DETECTION = "none";
  folder = mkdtempSync(join(tmpdir(), "moult-test-"));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  place = await openPlace();
  ends.push(() => place.emulator.close());
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const COMPUTE = "/compute/v1/projects/moult-local";

/** Something of every service. */
async function furnish({ ask, send, fault, advance }: Place): Promise<void> {
  await ask("POST", "/storage/v1/b?project=moult-local", { name: "bucket" });
  await send("POST", "/upload/storage/v1/b/bucket/o?uploadType=media&name=file", "contents", {
    "content-type": "text/plain",
  });
  await ask("PUT", "/v1/projects/moult-local/topics/news", {});
  await ask("PUT", "/v1/projects/moult-local/subscriptions/desk", { topic: "projects/moult-local/topics/news" });
  await ask("POST", "/v1/projects/moult-local/topics/news:publish", { messages: [{ data: btoa("kept") }] });
  await ask("POST", "/v1/projects/moult-local/secrets?secretId=key", { replication: { automatic: {} } });
  await ask("POST", "/v1/projects/moult-local/secrets/key:addVersion", { payload: { data: btoa("hush") } });
  await ask("POST", `${COMPUTE}/global/images`, {
    name: "image-1",
    family: "web",
    sourceImage: "projects/debian-cloud/global/images/family/debian-12",
  });
  await advance(2);
  await ask("POST", `${COMPUTE}/global/instanceTemplates`, {
    name: "one",
    properties: {
      machineType: "e2-small",
      disks: [{ boot: true, initializeParams: { sourceImage: "projects/moult-local/global/images/image-1" } }],
      networkInterfaces: [{}],
    },
  });
  await advance(2);
  await ask("POST", `${COMPUTE}/zones/us-central1-a/instanceGroupManagers`, {
    name: "web",
    baseInstanceName: "web",
    targetSize: 3,
    versions: [{ instanceTemplate: "projects/moult-local/global/instanceTemplates/one" }],
  });
  await advance(10);
  await fault({ match: { method: "compute.images.list" }, do: { fail: { status: 503 } } });
}

/** What a client sees of all that. */
async function inventory({ ask, send, advance }: Place) {
  await advance(10);
  const text = async (path: string) => (await send("GET", path)).text();
  const { receivedMessages = [] } = await ask<{ receivedMessages?: { message: { data: string } }[] }>(
    "POST",
    "/v1/projects/moult-local/subscriptions/desk:pull",
    { maxMessages: 10, returnImmediately: true },
  );
  const instances = await ask<{ items?: { name: string; id: string; status: string }[] }>(
    "GET",
    `${COMPUTE}/zones/us-central1-a/instances`,
  );
  return {
    object: await text("/storage/v1/b/bucket/o/file?alt=media"),
    messages: receivedMessages.map(({ message }) => atob(message.data)),
    secret: atob(
      (await ask<{ payload: { data: string } }>("GET", "/v1/projects/moult-local/secrets/key/versions/1:access"))
        .payload.data,
    ),
    instances: (instances.items ?? []).map(({ name, id, status }) => `${name} ${id} ${status}`),
    faults: (await ask<{ faults: unknown[] }>("GET", "/emulator/faults")).faults.length,
  };
}

describe("reset", () => {
  it("leaves nothing of any service, on the same ports", async () => {
    await furnish(place);
    await place.ask("POST", "/emulator/reset");
    for (const path of [
      "/storage/v1/b/bucket",
      "/v1/projects/moult-local/topics/news",
      "/v1/projects/moult-local/secrets/key",
      `${COMPUTE}/global/images/image-1`,
      `${COMPUTE}/zones/us-central1-a/instanceGroupManagers/web`,
    ])
      expect([path, (await place.send("GET", path)).status]).toEqual([path, 404]);
    expect((await place.ask<{ instances: number }>("GET", "/emulator/overview")).instances).toBe(0);
    expect(await place.faults()).toEqual([]);
    await place.advance(600);
    expect((await place.ask<{ groups: unknown[] }>("GET", "/emulator/overview")).groups).toEqual([]);
  });

  it("begins the run again: the same calls give the same ids", async () => {
    await furnish(place);
    const { instances } = await inventory(place);
    await place.ask("POST", "/emulator/reset");
    await furnish(place);
    expect((await inventory(place)).instances).toEqual(instances);
  });

  it("a gRPC client goes on, and finds nothing", async () => {
    const [servicePath = "", port] = place.emulator.grpc.split(":");
    const client = new SecretManagerServiceClient({
      servicePath,
      port: Number(port),
      sslCreds: credentials.createInsecure(),
    });
    ends.push(() => client.close());
    await furnish(place);
    const name = "projects/moult-local/secrets/key";
    expect((await client.getSecret({ name }))[0].name).toMatch(/secrets\/key$/);
    await place.ask("POST", "/emulator/reset");
    await expect(client.getSecret({ name })).rejects.toMatchObject({ code: 5 });
  });

  it("a call that comes meanwhile is answered by the full cloud or the empty one, never by half of one", async () => {
    await furnish(place);
    const [, after] = await Promise.all([
      place.ask("POST", "/emulator/reset"),
      place.send("GET", "/storage/v1/b/bucket"),
    ]);
    expect([200, 404]).toContain(after.status);
    expect((await place.send("GET", "/storage/v1/b/bucket")).status).toBe(404);
  });
});

describe("export and import", () => {
  const exported = async () => Buffer.from(await (await place.send("GET", "/emulator/export")).arrayBuffer());
  const load = (to: Place, bytes: Buffer) =>
    fetch(`${to.url}/emulator/import`, { method: "POST", body: new Uint8Array(bytes) });

  it("brings everything to another emulator", async () => {
    await furnish(place);
    const archive = await exported();
    const wanted = await inventory(place);
    expect(wanted).toMatchObject({ object: "contents", messages: ["kept"], secret: "hush", faults: 1 });
    expect(wanted.instances).toHaveLength(3);
    const other = await openPlace({ seed: "another" });
    ends.push(() => other.emulator.close());
    await other.ask("POST", "/storage/v1/b?project=moult-local", { name: "to-be-replaced" });
    expect((await load(other, archive)).status).toBe(200);
    expect(await inventory(other)).toEqual(wanted);
    expect((await other.send("GET", "/storage/v1/b/to-be-replaced")).status).toBe(404);
  });

  it("is a state folder: unpacked, it works with --state", async () => {
    await furnish(place);
    const { extract } = await import("tar");
    const file = join(folder, "archive.tar.gz");
    writeFileSync(file, await exported());
    extract({ file, cwd: folder, sync: true });
    const other = await openPlace({ state: folder });
    ends.push(() => other.emulator.close());
    expect(await inventory(other)).toMatchObject({ object: "contents", secret: "hush" });
  });

  it("of what was reset brings it back, and it stays in the state folder", async () => {
    const kept = await openPlace({ state: folder });
    await furnish(kept);
    const archive = Buffer.from(await (await kept.send("GET", "/emulator/export")).arrayBuffer());
    await kept.ask("POST", "/emulator/reset");
    expect((await load(kept, archive)).status).toBe(200);
    await kept.emulator.close();
    const next = await openPlace({ state: folder });
    ends.push(() => next.emulator.close());
    expect(await inventory(next)).toMatchObject({ object: "contents", messages: ["kept"], secret: "hush" });
    expect(readdirSync(folder).filter((name) => /^(before|import|export)-/.test(name))).toEqual([]);
  });

  const packed = (files: Record<string, string>): Buffer => {
    const inside = mkdtempSync(join(folder, "pack-"));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(inside, name), text);
    const file = join(folder, `${createHash("sha1").update(inside).digest("hex")}.tar`);
    create({ file, cwd: inside, sync: true }, Object.keys(files));
    return gzipSync(readFileSync(file));
  };
  const state = (more: object) =>
    JSON.stringify({ version: VERSION, project: "moult-local", ids: 0, services: {}, ...more });
  const rows: [string, () => Buffer, RegExp][] = [
    ["no archive", () => Buffer.from("no archive"), /cannot be read/],
    ["an archive of something else", () => packed({ "readme.txt": "hello" }), /readme\.txt, which no emulator writes/],
    [
      "an older version",
      () => packed({ "state.json": state({ version: 0 }) }),
      new RegExp(`written in version 0 .* reads ${VERSION}`),
    ],
    ["another project", () => packed({ "state.json": state({ project: "acme" }) }), /of project acme.*--project acme/],
    [
      "a state whose objects are not in it",
      () =>
        packed({
          "state.json": state({
            services: {
              storage: {
                micros: 1,
                buckets: [{ name: "b", objects: [["o", [{ sha256: "ab".repeat(32) }]]], softDeleted: [] }],
              },
            },
          }),
        }),
      /cannot be loaded.*all is as it was/,
    ],
  ];
  it.each(rows)("refuses %s and changes nothing", async (_sentence, archive, message) => {
    await furnish(place);
    const answer = await load(place, archive());
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { error: { message: string } }).error.message).toMatch(message);
    expect(await inventory(place)).toMatchObject({ object: "contents", messages: ["kept"], secret: "hush", faults: 1 });
  });
});

describe("a state folder", () => {
  it("of an older version is left alone, with a sentence that says so", async () => {
    const file = join(folder, "state.json");
    writeFileSync(file, JSON.stringify({ version: 0, ids: 0, services: {} }));
    await expect(startEmulator({ state: folder, instances: "virtual" })).rejects.toThrow(
      new RegExp(
        `state\\.json was written in version 0 of the format, this emulator reads ${VERSION}; use a new folder`,
      ),
    );
    expect(existsSync(join(folder, "lock"))).toBe(false);
  });

  it("keeps faults over a restart", async () => {
    const first = await openPlace({ state: folder });
    await first.fault({ match: { service: "storage" }, do: { fail: { status: 503 } }, times: 2 });
    await first.send("GET", "/storage/v1/b/bucket");
    await first.emulator.close();
    const second = await openPlace({ state: folder });
    ends.push(() => second.emulator.close());
    expect(await second.faults()).toMatchObject([{ id: "fault-1", times: 2, fired: 1 }]);
  });
});
