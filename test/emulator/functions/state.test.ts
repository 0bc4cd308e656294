import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Bed, isAlive } from "./bed.ts";
import { sourceOf } from "./zip.ts";

const SAYS_PID = `
const functions = require("@google-cloud/functions-framework");
functions.http("main", (request, response) => response.send(String(process.pid)));
functions.cloudEvent("heard", (event) => console.log("heard " + event.data.message.data));
`;

describe("functions and the life of the emulator", { timeout: 60_000 }, () => {
  let state: string;
  const beds: Bed[] = [];
  const open = async (options: object = { state }) => {
    const bed = await Bed.open(options);
    beds.push(bed);
    return bed;
  };
  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), "moult-state-"));
  });
  afterEach(async () => {
    for (const bed of beds.splice(0)) await bed.close();
    rmSync(state, { recursive: true, force: true });
  });

  const pidAt = async (url: string) => Number(await (await fetch(url)).text());
  const heard = {
    eventTrigger: {
      eventType: "google.cloud.pubsub.topic.v1.messagePublished",
      pubsubTopic: "projects/acme/topics/tidings",
    },
  };

  it("end with it and run again when it is started on its state, at the same URL", async () => {
    const first = await open();
    const { url, serviceConfig } = await first.deployed("kept", { "index.js": SAYS_PID });
    await first.openToAll("kept");
    const before = await pidAt(url);
    await first.close();
    expect(isAlive(before)).toBe(false);
    beds.pop();

    const second = await open();
    expect(await second.get("kept")).toMatchObject({
      url,
      state: "ACTIVE",
      serviceConfig: { revision: serviceConfig.revision },
    });
    const after = await vi.waitFor(
      async () => {
        const pid = await pidAt(url);
        if (!pid) throw new Error("not yet");
        return pid;
      },
      { timeout: 20_000 },
    );
    expect(after).not.toBe(before);
    expect(isAlive(after)).toBe(true);
  });

  it("hear what was published while their URL was another's, at their new one", async () => {
    const first = await open();
    await first.ask("PUT", "/v1/projects/acme/topics/tidings", {});
    const { url } = await first.deployed(
      "ear",
      { "index.js": SAYS_PID },
      { ...heard, buildConfig: { entryPoint: "heard" } },
    );
    await first.close();
    beds.pop();

    const squatter = createServer((_, response) => response.writeHead(503).end());
    await new Promise<void>((done) => squatter.listen(Number(new URL(url).port), "127.0.0.1", done));
    try {
      const second = await open();
      await vi.waitFor(async () => expect((await second.get("ear")).url).not.toBe(url), 10_000);
      await second.ask("POST", "/v1/projects/acme/topics/tidings:publish", { messages: [{ data: "YQ==" }] });
      await vi.waitFor(async () => expect(await second.logged("ear")).toContain("heard YQ=="), 20_000);
    } finally {
      squatter.close();
    }
  });

  it("are gone after a reset, processes and all", async () => {
    const bed = await open();
    const { url } = await bed.deployed("gone", { "index.js": SAYS_PID });
    await bed.openToAll("gone");
    const pid = await pidAt(url);
    await fetch(`${bed.emulator.url}/emulator/reset`, { method: "POST" });
    expect(isAlive(pid)).toBe(false);
    await bed.ask("GET", bed.path("gone"), undefined, 404);
  });

  it("that are being deployed do not keep a reset waiting", async () => {
    const bed = await open();
    await bed.ask("POST", "/v1/projects/acme/secrets?secretId=slow", { replication: { automatic: {} } });
    const payload = { data: "YQ==" };
    await bed.ask("POST", "/v1/projects/acme/secrets/slow:addVersion", { payload });
    // A deployment that is asking for its secret when everything is emptied.
    await bed.ask("POST", "/emulator/faults", {
      match: { service: "secretmanager" },
      do: { delay: 60_000 },
    });
    const storageSource = await bed.upload(sourceOf({ "index.js": SAYS_PID }));
    await bed.ask("POST", `${bed.path()}?functionId=slow`, {
      buildConfig: { runtime: "nodejs22", entryPoint: "main", source: { storageSource } },
      serviceConfig: { secretEnvironmentVariables: [{ key: "A", secret: "slow", version: "1" }] },
    });
    await vi.waitFor(async () => {
      const { faults } = await bed.ask<{ faults: { fired: number }[] }>("GET", "/emulator/faults");
      expect(faults[0]?.fired).toBe(1);
    }, 10_000);
    expect((await fetch(`${bed.emulator.url}/emulator/reset`, { method: "POST" })).status).toBe(200);
    expect(await bed.ask<object>("GET", bed.path())).toEqual({});
  });

  it("come with an export", async () => {
    const from = await open();
    await from.deployed("moved", { "index.js": SAYS_PID });
    await from.openToAll("moved");
    const archive = await (await fetch(`${from.emulator.url}/emulator/export`)).arrayBuffer();
    await from.close();
    beds.pop();
    const to = await open({});
    const imported = await fetch(`${to.emulator.url}/emulator/import`, { method: "POST", body: archive });
    expect(imported.status).toBe(200);
    const { url } = await to.get("moved");
    await vi.waitFor(async () => expect(isAlive(await pidAt(url))).toBe(true), { timeout: 20_000 });
  });
});
