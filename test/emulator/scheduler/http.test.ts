import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ManualClock } from "../../../emulator/frame/clock.ts";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";

interface Received {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

describe("a scheduler's job that calls an address", () => {
  let emulator: Emulator;
  let server: Server;
  let received: Received[];
  let status: number;

  beforeEach(async () => {
    emulator = await startEmulator({ project: "acme", clock: "manual", instances: "virtual" });
    received = [];
    status = 200;
    server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { method = "", url = "", headers } = request;
      received.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(status).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(async () => {
    await emulator.close();
    await new Promise((resolve) => server.close(resolve));
  });

  const uri = (path = "/hook") => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  const jobs = "/v1/projects/acme/locations/us-central1/jobs";

  async function call(method: string, path: string, body?: object): Promise<{ status: number; json: object }> {
    const init = { method, ...(body && { body: JSON.stringify(body) }) };
    const response = await fetch(`${emulator.url}${path}`, init);
    return { status: response.status, json: (await response.json()) as object };
  }
  const make = (httpTarget: object, more: object = {}) =>
    call("POST", jobs, {
      name: "projects/acme/locations/us-central1/jobs/call",
      schedule: "*/10 * * * *",
      httpTarget,
      ...more,
    });
  const job = async () => (await call("GET", `${jobs}/call`)).json;
  async function advance(seconds: number): Promise<void> {
    if (!(emulator.clock instanceof ManualClock)) throw new Error("the clock is not driven");
    await emulator.clock.advance(seconds * 1000);
  }

  it("calls at the job's time, with the method POST when none is said, and as the service describes itself", async () => {
    const made = await make({ uri: uri(), body: Buffer.from("hello").toString("base64") });
    expect(made.json).toMatchObject({ httpTarget: { httpMethod: "POST" }, attemptDeadline: "180s" });
    await advance(600);
    await expect.poll(() => received).toHaveLength(1);
    expect(received[0]).toMatchObject({
      method: "POST",
      url: "/hook",
      body: "hello",
      headers: {
        "content-type": "application/octet-stream",
        "user-agent": "Google-Cloud-Scheduler",
        "x-cloudscheduler": "true",
        "x-cloudscheduler-jobname": "call",
        "x-cloudscheduler-scheduletime": "2026-01-01T00:10:00.000Z",
      },
    });
    await expect.poll(job).toMatchObject({ status: {} });
  });

  it("keeps a job's own headers, except those that the service sets", async () => {
    await make({
      uri: uri(),
      headers: { "X-Task": "a", "User-Agent": "mine", "Content-Type": "text/plain" },
      body: "aGk=",
    });
    await call("POST", `${jobs}/call:run`, {});
    await expect.poll(() => received).toHaveLength(1);
    expect(received[0]?.headers).toMatchObject({
      "x-task": "a",
      "user-agent": "Google-Cloud-Scheduler",
      "content-type": "text/plain",
    });
  });

  it("brings an identity token for its audience, the address when none is said", async () => {
    await make({ uri: uri(), oidcToken: { serviceAccountEmail: "web@acme.iam.gserviceaccount.com" } });
    await call("POST", `${jobs}/call:run`, {});
    await expect.poll(() => received).toHaveLength(1);
    const [, claims = ""] = (received[0]?.headers.authorization ?? "").split(".");
    expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({
      aud: uri(),
      email: "web@acme.iam.gserviceaccount.com",
    });
  });

  it("notes what was answered, and tries again as the retry configuration says", async () => {
    status = 503;
    await make({ uri: uri() }, { retryConfig: { retryCount: 1 }, schedule: "0 1 1 1 *" });
    await call("POST", `${jobs}/call:run`, {});
    await expect.poll(job).toMatchObject({ status: { code: 14 } });
    status = 200;
    await advance(5);
    await expect.poll(() => received).toHaveLength(2);
    await expect.poll(job).toMatchObject({ status: {} });
  });

  it("never leaves this machine", async () => {
    await make({ uri: "https://example.com/hook" });
    await call("POST", `${jobs}/call:run`, {});
    await expect.poll(job).toMatchObject({ status: { code: 14, message: "example.com is not on this machine" } });
  });

  it.each([
    ["an address that is none", { uri: "example.com" }, {}],
    ["a body with a method that has none", { uri: "http://x", httpMethod: "GET", body: "aGk=" }, {}],
    ["a method that does not exist", { uri: "http://x", httpMethod: "BREW" }, {}],
    ["two tokens", { uri: "http://x", oauthToken: {}, oidcToken: {} }, {}],
    ["a deadline that is too short", { uri: "http://x" }, { attemptDeadline: "14s" }],
    ["an unknown field", { uri: "http://x", cookies: "a" }, {}],
  ])("refuses %s", async (_, target, more) => {
    expect((await make(target, more)).status).toBe(400);
  });
});
