import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { LogEntry } from "../../../wire/logging.d.ts";
import { type Gcloud, installed, openGcloud } from "../compute/gcloud.ts";

/** What the unmodified gcloud command reads of the audit log; it adds a time of its own unless it is told otherwise. */
describe.skipIf(!installed)("gcloud logging read", () => {
  let cloud: Gcloud;
  beforeAll(async () => {
    cloud = await openGcloud();
    const { url, project } = cloud.emulator;
    const post = (path: string, body: object, method = "POST") =>
      fetch(`${url}${path}`, {
        method,
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    await post(`/v1/projects/${project}/topics/orders`, {}, "PUT");
    await post(`/v1/projects/${project}/topics/orders`, {}, "PUT");
    await post(`/storage/v1/b?project=${project}`, { name: "ledger-2" });
    await post(`/compute/v1/projects/${project}/regions/us-central1/addresses`, { name: "web" });
    const entry = (textPayload: string, severity: string, timestamp?: string) => ({
      logName: `projects/${project}/logs/app`,
      resource: { type: "global" },
      textPayload,
      severity,
      ...(timestamp && { timestamp }),
    });
    await post("/v2/entries:write", {
      entries: [
        entry("long ago", "ERROR", "2020-01-01T00:00:00Z"),
        entry("starting up", "INFO"),
        entry("cannot go on", "CRITICAL"),
      ],
    });
    await vi.waitFor(
      async () => expect(await read("operation.last=true AND protoPayload.methodName:addresses", "")).toHaveLength(1),
      { timeout: 30_000 },
    );
  }, 60_000);
  afterAll(() => cloud.close());

  const read = async (filter: string, more: string): Promise<LogEntry[]> => {
    const words = ["logging read", `'${filter}'`, more].filter(Boolean).join(" ");
    return (await cloud.run<LogEntry[] | undefined>(words)) ?? [];
  };
  const told = (entries: LogEntry[]) =>
    entries.map(
      ({ textPayload, protoPayload }) => textPayload ?? protoPayload?.methodName.split(".").slice(-2).join("."),
    );

  const ROWS: [sentence: string, filter: string, more: string, expected: (string | undefined)[]][] = [
    ["the log of a name", 'log_id("app")', "", ["cannot go on", "starting up"]],
    ["a log by its full name", "logName=projects/moult-local/logs/app AND severity>=ERROR", "", ["cannot go on"]],
    [
      "what is old, too, when it is asked for",
      'log_id("app")',
      "--freshness=9000d --order=asc",
      ["long ago", "starting up", "cannot go on"],
    ],
    ["no more than the limit, newest first", 'log_id("app")', "--limit=1", ["cannot go on"]],
    ["an instant on", 'log_id("app") AND timestamp<"2021-01-01T00:00:00Z"', "", ["long ago"]],
    [
      "a payload's field",
      'protoPayload.methodName="google.pubsub.v1.Publisher.CreateTopic" AND severity=NOTICE',
      "",
      ["Publisher.CreateTopic"],
    ],
    ["a text in it", 'protoPayload.resourceName:"buckets/ledger"', "", ["buckets.create"]],
    [
      "a regular expression",
      'protoPayload.methodName=~"^v1\\.compute\\.(addresses|images)\\.insert$" AND operation.first=true',
      "",
      ["addresses.insert"],
    ],
    [
      "what does not match",
      'log_id("cloudaudit.googleapis.com/activity") AND NOT protoPayload.serviceName="compute.googleapis.com" AND NOT protoPayload.status.code=6 AND protoPayload.methodName:Publisher',
      "--order=asc",
      ["Publisher.CreateTopic"],
    ],
    [
      "one or the other",
      '(textPayload:"starting" OR protoPayload.serviceName="storage.googleapis.com") AND severity=INFO OR severity=NOTICE',
      "",
      ["starting up", "buckets.create"],
    ],
    ["a status", "protoPayload.status.code=6", "", ["Publisher.CreateTopic"]],
    [
      "what has a field at all",
      "protoPayload.authorizationInfo.granted:* AND protoPayload.methodName:buckets",
      "",
      ["buckets.create"],
    ],
    ["words anywhere", '"CANNOT"', "", ["cannot go on"]],
    [
      "labels of a resource",
      'resource.type="pubsub_topic" AND resource.labels.topic_id:orders AND severity<ERROR',
      "",
      ["Publisher.CreateTopic"],
    ],
  ];
  test.each(ROWS)("finds %s", { timeout: 30_000 }, async (_sentence, filter, more, expected) => {
    expect(told(await read(filter, more))).toEqual(expected);
  });

  test("says what is wrong with a filter that cannot be read", { timeout: 30_000 }, async () => {
    await expect(read("severity >= (", "")).rejects.toThrow(/INVALID_ARGUMENT/);
  });
});
