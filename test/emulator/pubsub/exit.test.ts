import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { expect, it } from "vitest";

/** Run by Node in a process of its own, which must then end by itself. */
const PROGRAM = `
const { startEmulator } = await import(${JSON.stringify(resolve("emulator/index.ts"))});
const emulator = await startEmulator({ instances: "virtual" });
const root = emulator.url + "/v1/projects/" + emulator.project + "/";
const call = (method, path, body) => fetch(root + path, { method, body: JSON.stringify(body) });
const topic = "projects/" + emulator.project + "/topics/orders";
await call("PUT", "topics/orders", {});
await call("PUT", "subscriptions/pull", { topic });
await call("PUT", "subscriptions/push", { topic, pushConfig: { pushEndpoint: "http://127.0.0.1:1/" } });
await call("POST", "locations/here/jobs", { name: "projects/" + emulator.project + "/locations/here/jobs/j",
  schedule: "* * * * *", pubsubTarget: { topicName: topic, data: "YQ==" } });
await call("POST", "topics/orders:publish", { messages: [{ data: "YQ==" }] });
await call("POST", "subscriptions/pull:pull", { maxMessages: 1 });
await emulator.close();
`;

it("leaves no timer behind that keeps the program alive", async () => {
  const child = spawn(process.execPath, ["--input-type=module", "-e", PROGRAM], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const cut = setTimeout(() => child.kill(), 15_000);
  const code = await new Promise((done) => child.once("exit", done));
  clearTimeout(cut);
  expect(code).toBe(0);
});
