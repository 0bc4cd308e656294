import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Emulator, type EmulatorOptions, startEmulator } from "../../emulator/index.ts";

const folder = mkdtempSync(join(tmpdir(), "moult-start-"));
const started: Emulator[] = [];

async function open(options: EmulatorOptions = {}): Promise<Emulator> {
  const emulator = await startEmulator({ instances: "virtual", ...options });
  started.push(emulator);
  return emulator;
}

afterEach(async () => {
  for (const emulator of started.splice(0)) await emulator.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("starting the emulator", () => {
  it.each([
    ["GET", "/compute/v1/projects/moult-local/global/firewalls", /compute\.firewalls\.list/],
    ["POST", "/compute/v1/projects/moult-local/zones/us-central1-a/snapshots", /compute\.snapshots\.insert/],
    ["POST", "/v1/projects/moult-local/topics/t:publishMore", /pubsub/],
    ["POST", "/v2/entries:copy", /logging\.entries\.copy/],
  ])("an unknown method answers 501 with its name: %s %s", async (method, path, name) => {
    const { url } = await open();
    const answer = await fetch(url + path, { method });
    expect(answer.status).toBe(501);
    expect(await answer.text()).toMatch(name);
  });

  it("refuses an address that others could reach", async () => {
    await expect(startEmulator({ host: "0.0.0.0" })).rejects.toThrow(/not a loopback address/);
  });

  it("a folder has one emulator at a time, and the next one finds what was there", async () => {
    const first = await open({ state: folder });
    await fetch(`${first.url}/v1/projects/moult-local/topics/kept`, { method: "PUT", body: "{}" });
    await expect(startEmulator({ state: folder })).rejects.toThrow(/in use by the emulator with process id/);
    await first.close();
    started.splice(0);
    const second = await open({ state: folder });
    expect((await fetch(`${second.url}/v1/projects/moult-local/topics/kept`)).status).toBe(200);
  });

  it("a folder it cannot read is left as it is, unlocked, and the port is free again", async () => {
    const first = await open({ state: folder });
    await first.close();
    started.splice(0);
    const file = join(folder, "state.json");
    const damaged = JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), version: 99 });
    writeFileSync(file, damaged);
    const port = await freePort();
    await expect(startEmulator({ state: folder, port, instances: "virtual" })).rejects.toThrow(/version 99/);
    expect(existsSync(join(folder, "lock"))).toBe(false);
    expect(readFileSync(file, "utf8")).toBe(damaged);
    expect((await open({ port })).url).toContain(String(port));
  });

  it("says in its environment where every client finds it", async () => {
    const { env, url, grpc } = await open();
    expect(env).toMatchObject({
      STORAGE_EMULATOR_HOST: url,
      PUBSUB_EMULATOR_HOST: grpc,
      CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE: `${url}/compute/v1/`,
    });
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
