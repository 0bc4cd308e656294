import { v2 } from "@google-cloud/logging";
import { credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";

/** What gRPC carries of an entry beside what the contract suite sees of it. */
describe("Logging over gRPC", () => {
  let emulator: Emulator;
  let client: InstanceType<typeof v2.LoggingServiceV2Client>;
  const parent = "projects/acme";

  beforeAll(async () => {
    process.env.METADATA_SERVER_DETECTION = "none";
    emulator = await startEmulator({ instances: "virtual", project: "acme" });
    const [apiEndpoint, port] = emulator.grpc.split(":");
    client = new v2.LoggingServiceV2Client({
      projectId: "acme",
      apiEndpoint: apiEndpoint ?? "",
      port: Number(port),
      sslCreds: credentials.createInsecure(),
    });
  });
  afterAll(async () => {
    delete process.env.METADATA_SERVER_DETECTION;
    await client.close();
    await emulator.close();
  });

  const post = async (path: string, body: object) => {
    const response = await fetch(`${emulator.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(200);
    return (await response.json()) as { entries?: Record<string, unknown>[] };
  };
  const list = async (log: string) =>
    (await client.listLogEntries({ resourceNames: [parent], filter: `log_id("${log}")` }))[0];

  test("an instant keeps its nanoseconds either way", async () => {
    const logName = `${parent}/logs/nanos`;
    const timestamp = { seconds: 1_767_225_600, nanos: 123_456_789 };
    await client.writeLogEntries({
      entries: [{ logName, resource: { type: "global" }, timestamp, textPayload: "x" }],
    });
    const { entries } = await post("/v2/entries:list", { resourceNames: [parent], filter: 'log_id("nanos")' });
    expect(entries?.map((entry) => entry.timestamp)).toEqual(["2026-01-01T00:00:00.123456789Z"]);
    const [entry] = await list("nanos");
    expect([String(entry?.timestamp?.seconds), entry?.timestamp?.nanos]).toEqual(["1767225600", 123_456_789]);
  });

  test("a time of a response is kept to its nanoseconds, before the epoch too", async () => {
    const logName = `${parent}/logs/latency`;
    const httpRequest = { latency: { seconds: 1, nanos: 5_000_000 }, responseSize: "9007199254740993" };
    const timestamp = { seconds: -1, nanos: 500_000_000 };
    await client.writeLogEntries({ entries: [{ logName, resource: { type: "global" }, timestamp, httpRequest }] });
    const [entry] = await list("latency");
    expect(entry?.httpRequest).toMatchObject({ latency: { nanos: 5_000_000 } });
    expect(String(entry?.httpRequest?.responseSize)).toBe("9007199254740993");
    expect([String(entry?.timestamp?.seconds), entry?.timestamp?.nanos]).toEqual(["-1", 500_000_000]);
  });

  test("a payload of a type that is not known comes back in its bytes", async () => {
    const logName = `${parent}/logs/any`;
    const protoPayload = { type_url: "type.googleapis.com/acme.Thing", value: Buffer.from([10, 1, 120]) };
    await client.writeLogEntries({ entries: [{ logName, resource: { type: "global" }, protoPayload }] });
    const [entry] = await list("any");
    expect(entry?.protoPayload?.type_url).toBe("type.googleapis.com/acme.Thing");
    expect(Buffer.from((entry?.protoPayload?.value ?? "") as Uint8Array).equals(protoPayload.value)).toBe(true);
  });

  test("the parts that entries have in common are theirs", async () => {
    const logName = `${parent}/logs/common`;
    const common = { logName, resource: { type: "global" }, labels: { of: "all", who: "request" } };
    await client.writeLogEntries({ ...common, entries: [{ textPayload: "x", labels: { who: "entry" } }] });
    expect((await list("common"))[0]).toMatchObject({ logName, labels: { of: "all", who: "entry" } });
  });

  test("a name that is none is INVALID_ARGUMENT", async () => {
    const sinks = client.listLogs({ parent: "nothing" });
    await expect(sinks).rejects.toMatchObject({ code: 3, message: expect.stringContaining("nothing") });
  });

  test("a fault for the method strikes both transports", async () => {
    const fault = { match: { method: "logging.projects.logs.list" }, do: { fail: { status: 403 } }, times: 1 };
    await post("/emulator/faults", fault);
    await expect(client.listLogs({ parent })).rejects.toMatchObject({ code: 7 });
    expect((await client.listLogs({ parent }))[0]).toContain(`${parent}/logs/common`);
  });

  test("a method that is not served says which", async () => {
    const tail = client.tailLogEntries();
    const problem = new Promise<{ code: number; message: string }>((resolve) => tail.on("error", resolve));
    tail.write({ resourceNames: [parent] });
    expect(await problem).toMatchObject({ code: 12, message: expect.stringContaining("TailLogEntries") });
  });
});
