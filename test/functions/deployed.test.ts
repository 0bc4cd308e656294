import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRest } from "../../cli/cloud.ts";
import { setUpProject } from "../../cli/project/setup.ts";
import { until } from "../../cli/waiting.ts";
import { type Emulator, startEmulator } from "../../emulator/index.ts";
import { buildFunctions } from "../../scripts/functions-bundle.mjs";

const PROJECT = "acme-prod";
const root = join(import.meta.dirname, "..", "..");
const framework = join(root, "node_modules/@google-cloud/functions-framework/build/src/main.js");
/** In the checkout, so that the framework is found. */
const folder = join(root, ".cache", `deployed-${process.pid}`);

let emulator: Emulator;
const children: ChildProcess[] = [];

beforeAll(async () => {
  await buildFunctions(folder);
  emulator = await startEmulator({ instances: "virtual", project: PROJECT });
  await setUpProject({ rest: openRest(`${emulator.url}/`), project: PROJECT, location: "us-central1" });
});
afterAll(async () => {
  for (const child of children.filter(({ exitCode }) => exitCode === null)) {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  await emulator.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts one function as Cloud Run does: the framework's own command on the deployed folder. Returns its address. */
async function deployed(target: string, type: "cloudevent" | "http"): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = Object(server.address()).port as number;
  server.close();
  await once(server, "close");
  const args = [framework, "--source", folder, "--target", target, "--signature-type", type, "--port", String(port)];
  const { PATH = "" } = process.env;
  const child = spawn(process.execPath, args, {
    env: { ...emulator.env, PATH, HOME: "/nonexistent" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  children.push(child);
  const listens = async () => {
    if (child.exitCode !== null) throw new Error(`${target} ended with ${child.exitCode}`);
    const socket = connect(port, "127.0.0.1");
    const open = await once(socket, "connect").catch(() => undefined);
    socket.destroy();
    return open;
  };
  await until(`${target} listens`, listens, { withinMs: 20_000, everyMs: 20 });
  return `http://127.0.0.1:${port}/`;
}

describe("what is deployed, started by the framework's own command", () => {
  it("puts an event that can never succeed with the dead letters, with its reason", async () => {
    const rest = openRest(`${emulator.url}/v1/`);
    const desk = `projects/${PROJECT}/subscriptions/dead-desk`;
    await rest.send("PUT", desk, { topic: `projects/${PROJECT}/topics/moult-dead-letters` });
    const url = await deployed("onCommand", "cloudevent");
    const answer = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "ce-id": "42",
        "ce-source": "//pubsub.googleapis.com/projects/p/topics/t",
        "ce-specversion": "1.0",
        "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
      },
      body: JSON.stringify({ nothing: true }),
    });
    expect(answer.status).toBeLessThan(300);
    const pulled = await rest.send<{ receivedMessages: { message: { attributes: object; data: string } }[] }>(
      "POST",
      `${desk}:pull`,
      { maxMessages: 9 },
    );
    expect(pulled.receivedMessages.map(({ message: { attributes, data } }) => [attributes, atob(data)])).toEqual([
      [{ function: "onCommand", reason: "the event holds no Pub/Sub message", event: "42" }, `{"nothing":true}`],
    ]);
  });

  it("serves the status page without the sources", async () => {
    const answer = await fetch(await deployed("status", "http"));
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(await answer.text()).toMatch(/^<!doctype html>/i);
  });
});
