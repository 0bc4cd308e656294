import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ManualClock } from "../../../emulator/frame/clock.ts";
import { type Emulator, type EmulatorOptions, startEmulator } from "../../../emulator/index.ts";

describe("Cloud Scheduler", () => {
  const settings: EmulatorOptions = { instances: "virtual", clock: "manual", project: "acme" };
  let emulator: Emulator;

  beforeEach(async () => {
    emulator = await startEmulator(settings);
  });
  afterEach(() => emulator.close());

  async function call(method: string, path: string, body?: object, status = 200): Promise<Record<string, unknown>> {
    const response = await fetch(`${emulator.url}/v1/projects/acme/${path}`, {
      method,
      ...(body && { body: JSON.stringify(body) }),
    });
    const json = (await response.json()) as Record<string, unknown>;
    expect([response.status, json]).toEqual([status, json]);
    return json;
  }

  async function advance(seconds: number): Promise<void> {
    if (!(emulator.clock instanceof ManualClock)) throw new Error("the clock is not driven");
    await emulator.clock.advance(seconds * 1000);
  }

  const jobs = "locations/us-central1/jobs";
  const reconcile = `projects/acme/${jobs}/reconcile`;
  const job = {
    name: reconcile,
    schedule: "*/10 * * * *",
    timeZone: "Etc/UTC",
    pubsubTarget: {
      topicName: "projects/acme/topics/tick",
      data: "eyJyZWNvbmNpbGUiOnRydWV9",
      attributes: { task: "reconcile" },
    },
  };

  async function topic(): Promise<void> {
    await call("PUT", "topics/tick", {});
    await call("PUT", "subscriptions/ticks", { topic: "projects/acme/topics/tick" });
  }

  async function ticks(): Promise<object[]> {
    const { receivedMessages = [] } = (await call("POST", "subscriptions/ticks:pull", {
      maxMessages: 100,
      returnImmediately: true,
    })) as { receivedMessages?: { ackId: string; message: object }[] };
    if (receivedMessages.length > 0) {
      await call("POST", "subscriptions/ticks:acknowledge", { ackIds: receivedMessages.map(({ ackId }) => ackId) });
    }
    return receivedMessages.map(({ message }) => message);
  }

  it("publishes data and attributes at the job's times, with the documented defaults", async () => {
    await topic();
    expect(await call("POST", jobs, job)).toEqual({
      ...job,
      state: "ENABLED",
      userUpdateTime: "2026-01-01T00:00:00.000Z",
      scheduleTime: "2026-01-01T00:10:00.000Z",
      retryConfig: {
        retryCount: 0,
        maxRetryDuration: "0s",
        minBackoffDuration: "5s",
        maxBackoffDuration: "3600s",
        maxDoublings: 5,
      },
    });
    await advance(599);
    expect(await ticks()).toEqual([]);
    await advance(1);
    const [first, ...more] = await ticks();
    expect(more).toEqual([]);
    expect(first).toMatchObject({ data: job.pubsubTarget.data, attributes: { task: "reconcile" } });
    await advance(3600);
    expect(await ticks()).toHaveLength(6);
    expect(await call("GET", `${jobs}/reconcile`)).toMatchObject({
      lastAttemptTime: "2026-01-01T01:10:00.000Z",
      scheduleTime: "2026-01-01T01:20:00.000Z",
      status: {},
    });
  });

  it("runs at once when told, pauses and resumes", async () => {
    await topic();
    await call("POST", jobs, job);
    await call("POST", `${jobs}/reconcile:run`, {});
    expect(await ticks()).toHaveLength(1);
    expect(await call("POST", `${jobs}/reconcile:pause`, {})).toMatchObject({ state: "PAUSED" });
    await advance(3600);
    expect(await ticks()).toEqual([]);
    await call("POST", `${jobs}/reconcile:resume`, {});
    await advance(600);
    expect(await ticks()).toHaveLength(1);
  });

  it("changes the schedule, and deletes the job", async () => {
    await topic();
    await call("POST", jobs, job);
    await call("PATCH", `${jobs}/reconcile?updateMask=schedule`, { schedule: "0 * * * *", description: "ignored" });
    const changed = await call("GET", `${jobs}/reconcile`);
    expect(changed).toMatchObject({ schedule: "0 * * * *", scheduleTime: "2026-01-01T01:00:00.000Z" });
    expect(changed).not.toHaveProperty("description");
    await advance(3599);
    expect(await ticks()).toEqual([]);
    await call("DELETE", `${jobs}/reconcile`);
    await advance(3600);
    expect(await ticks()).toEqual([]);
    await call("GET", `${jobs}/reconcile`, undefined, 404);
    expect(await call("GET", jobs)).toEqual({});
  });

  it("notes why an attempt failed, and tries again as the retry configuration says", async () => {
    await call("POST", jobs, { ...job, schedule: "0 1 1 1 *", retryConfig: { retryCount: 2 } });
    expect(await call("POST", `${jobs}/reconcile:run`, {})).toMatchObject({ status: { code: 5 } });
    await advance(5);
    await topic();
    await advance(9);
    expect(await ticks()).toEqual([]);
    await advance(1);
    expect(await ticks()).toHaveLength(1);
    expect(await call("GET", `${jobs}/reconcile`)).toMatchObject({ status: {} });
  });

  it.each([
    ["a schedule it cannot read", { schedule: "every 5 mins" }, 400],
    ["an unknown zone", { timeZone: "Mars/Olympus" }, 400],
    ["an App Engine target", { appEngineHttpTarget: { relativeUri: "/x" } }, 501],
    ["an HTTP target beside another", { httpTarget: { uri: "http://x" } }, 400],
    ["a name elsewhere", { name: "projects/acme/locations/other/jobs/x" }, 400],
    ["an empty message", { pubsubTarget: { topicName: "projects/acme/topics/tick" } }, 400],
  ])("refuses %s", async (_, change, status) => {
    await call("POST", jobs, { ...job, ...change }, status);
  });

  it("refuses a second job of the same name", async () => {
    await call("POST", jobs, job);
    await call("POST", jobs, job, 409);
  });

  it("goes on after a restart", async () => {
    const state = await mkdtemp(join(tmpdir(), "moult-scheduler-"));
    try {
      await emulator.close();
      emulator = await startEmulator({ ...settings, state });
      await topic();
      await call("POST", jobs, job);
      await emulator.close();
      emulator = await startEmulator({ ...settings, state, startTime: Date.UTC(2026, 0, 2, 0, 5) });
      await advance(300);
      expect(await ticks()).toHaveLength(1);
      await emulator.close();
    } finally {
      await rm(state, { recursive: true, force: true });
      emulator = await startEmulator(settings);
    }
  });
});
