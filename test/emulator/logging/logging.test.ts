import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";
import type { LogEntry } from "../../../wire/logging.d.ts";

describe("Logging over REST", () => {
  let emulator: Emulator;

  beforeEach(async () => {
    emulator = await startEmulator({ instances: "virtual", clock: "manual", project: "acme" });
  });
  afterEach(() => emulator.close());

  async function call(method: string, path: string, body?: object, status = 200): Promise<Record<string, unknown>> {
    const response = await fetch(`${emulator.url}${path}`, { method, ...(body && { body: JSON.stringify(body) }) });
    const json = (await response.json()) as Record<string, unknown>;
    expect([response.status, json]).toEqual([status, json]);
    return json;
  }

  const common = { logName: "projects/acme/logs/app", resource: { type: "global", labels: { project_id: "acme" } } };
  const write = (entries: object[], more: object = {}) =>
    call("POST", "/v2/entries:write", { ...common, entries, ...more });
  const list = async (body: object): Promise<LogEntry[]> =>
    ((await call("POST", "/v2/entries:list", { resourceNames: ["projects/acme"], ...body })).entries ??
      []) as LogEntry[];

  it("completes entries with the request's common parts, id and times, and finds them", async () => {
    await write([{ textPayload: "hello", severity: 400 }], { labels: { team: "x" } });
    expect(await list({ filter: "hello" })).toEqual([
      {
        ...common,
        textPayload: "hello",
        severity: "WARNING",
        labels: { team: "x" },
        insertId: expect.stringMatching(/^\w+$/),
        timestamp: "2026-01-01T00:00:00.000Z",
        receiveTimestamp: "2026-01-01T00:00:00.000Z",
      },
    ]);
    expect(await call("GET", "/v2/projects/acme/logs")).toEqual({ logNames: ["projects/acme/logs/app"] });
  });

  it("lists in either order and by pages, and one entry once", async () => {
    const at = (second: number) => `2026-01-01T00:00:0${second}Z`;
    await write([3, 1, 2].map((n) => ({ textPayload: `n${n}`, timestamp: at(n), insertId: `id${n}` })));
    await write([{ textPayload: "n1", timestamp: at(1), insertId: "id1" }]);
    const texts = async (body: object) => (await list(body)).map(({ textPayload }) => textPayload);
    expect(await texts({})).toEqual(["n1", "n2", "n3"]);
    expect(await texts({ orderBy: "timestamp desc" })).toEqual(["n3", "n2", "n1"]);
    const first = await call("POST", "/v2/entries:list", { resourceNames: ["projects/acme"], pageSize: 2 });
    expect(await texts({ pageSize: 2, pageToken: first.nextPageToken })).toEqual(["n3"]);
    expect(await texts({ resourceNames: ["projects/other"] })).toEqual([]);
  });

  it("exports to a sink what its filter takes, as the entry's JSON with one attribute", async () => {
    await call("PUT", "/v1/projects/acme/topics/events", {});
    await call("PUT", "/v1/projects/acme/subscriptions/reader", { topic: "projects/acme/topics/events" });
    const sink = await call("POST", "/v2/projects/acme/sinks?uniqueWriterIdentity=true", {
      name: "to-events",
      destination: "pubsub.googleapis.com/projects/acme/topics/events",
      filter: 'log_id("app") AND severity>=WARNING',
      exclusions: [{ name: "noise", filter: "jsonPayload.noise=true" }],
    });
    expect(sink).toMatchObject({
      writerIdentity: "serviceAccount:service-123456789012@gcp-sa-logging.iam.gserviceaccount.com",
    });
    await write([
      { severity: "INFO", jsonPayload: { n: 1 } },
      { severity: "ERROR", jsonPayload: { n: 2, noise: true } },
      { severity: "ERROR", jsonPayload: { n: 3 } },
    ]);
    const pulled = (await call("POST", "/v1/projects/acme/subscriptions/reader:pull", { maxMessages: 9 })) as {
      receivedMessages: { message: { data: string; attributes: object } }[];
    };
    expect(pulled.receivedMessages).toHaveLength(1);
    const [{ message } = { message: { data: "", attributes: {} } }] = pulled.receivedMessages;
    expect(message.attributes).toEqual({ "logging.googleapis.com/timestamp": "2026-01-01T00:00:00.000Z" });
    const [stored] = await list({ filter: "jsonPayload.n=3" });
    expect(JSON.parse(Buffer.from(message.data, "base64").toString())).toEqual(stored);

    await call("PATCH", "/v2/projects/acme/sinks/to-events?updateMask=disabled", { disabled: true });
    await write([{ severity: "ERROR", jsonPayload: { n: 4 } }]);
    const none = await call("POST", "/v1/projects/acme/subscriptions/reader:pull", {
      maxMessages: 9,
      returnImmediately: true,
    });
    expect(none).toEqual({});
  });

  it("keeps, lists and deletes sinks", async () => {
    const destination = "pubsub.googleapis.com/projects/acme/topics/events";
    for (const name of ["b-sink", "a-sink"]) await call("POST", "/v2/projects/acme/sinks", { name, destination });
    const { sinks } = await call("GET", "/v2/projects/acme/sinks");
    expect((sinks as { name: string }[]).map(({ name }) => name)).toEqual(["a-sink", "b-sink"]);
    await call("PUT", "/v2/projects/acme/sinks/a-sink", { destination, filter: "severity=ERROR" });
    expect(await call("GET", "/v2/projects/acme/sinks/a-sink")).toMatchObject({ filter: "severity=ERROR" });
    await call("DELETE", "/v2/projects/acme/sinks/a-sink");
    await call("GET", "/v2/projects/acme/sinks/a-sink", undefined, 404);
    await call("POST", "/v2/projects/acme/sinks", { name: "b-sink", destination }, 409);
    await call("POST", "/v2/projects/acme/sinks", { name: "bad", destination, filter: "((" }, 400);
    await call("POST", "/v2/projects/acme/sinks", { name: "odd", destination: "storage.googleapis.com/b" }, 501);
  });

  it("refuses a filter it cannot read, and entries without a log or resource", async () => {
    const { error } = await call("POST", "/v2/entries:list", { resourceNames: ["projects/acme"], filter: "a=(" }, 400);
    expect(error).toMatchObject({ status: "INVALID_ARGUMENT", message: expect.stringContaining("line 1, column 4") });
    await call("POST", "/v2/entries:write", { entries: [{ textPayload: "x" }] }, 400);
    await call(
      "POST",
      "/v2/entries:write",
      { logName: "projects/acme/logs/app", entries: [{ textPayload: "x" }] },
      400,
    );
    expect(await list({})).toEqual([]);
  });

  it("keeps the last 10,000 entries", async () => {
    for (let i = 0; i < 11; i++) {
      await write(
        Array.from({ length: 1000 }, (_, n) => ({
          textPayload: String(i * 1000 + n),
          timestamp: "2026-01-01T00:00:00Z",
        })),
      );
    }
    let count = 0;
    let pageToken: unknown;
    do {
      const page = await call("POST", "/v2/entries:list", {
        resourceNames: ["projects/acme"],
        pageSize: 1000,
        ...(pageToken !== undefined && { pageToken }),
      });
      count += (page.entries as unknown[]).length;
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
    expect(count).toBe(10_000);
    expect(await list({ filter: 'textPayload="999"' })).toEqual([]);
  });

  it("names what it does not serve", async () => {
    const { error } = await call("GET", "/v2/projects/acme/metrics", undefined, 501);
    expect(error).toMatchObject({ message: expect.stringContaining("logging.metrics") });
  });
});
