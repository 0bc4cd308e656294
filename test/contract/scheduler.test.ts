import { PubSub } from "@google-cloud/pubsub";
import { CloudSchedulerClient } from "@google-cloud/scheduler";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { emulatorOnly, failure, openPlace, type Place } from "./place.ts";

let place: Place;
let topicName: string;
let pubsub: PubSub;
beforeAll(async () => {
  place = await openPlace();
  pubsub = place.opened(new PubSub({ projectId: place.project }));
  const [topic] = await pubsub.createTopic(place.name("ticks"));
  topicName = topic.name;
  place.later(topicName, () => topic.delete());
});
afterAll(() => place.close());

describe.each([{ transport: "grpc" }, { transport: "rest" }] as const)("scheduler over $transport", ({ transport }) => {
  let client: CloudSchedulerClient;
  let parent: string;

  beforeAll(() => {
    client = place.opened(
      new CloudSchedulerClient(place[transport] as ConstructorParameters<typeof CloudSchedulerClient>[0]),
    );
    parent = client.locationPath(place.project, place.region);
  });

  const create = async (what: string, more: object = {}) => {
    const name = `${parent}/jobs/${place.name(what)}`;
    place.later(name, () => client.deleteJob({ name }));
    const pubsubTarget = { topicName, data: Buffer.from("tick ✓"), attributes: { from: "contract" } };
    const [job] = await client.createJob({ parent, job: { name, schedule: "0 3 * * *", pubsubTarget, ...more } });
    return { ...job, name };
  };

  test("a job has what it was made with, and the defaults", async () => {
    const job = await create("made", { description: "jede Nacht", timeZone: "Europe/Berlin" });
    expect(job).toMatchObject({
      description: "jede Nacht",
      schedule: "0 3 * * *",
      timeZone: "Europe/Berlin",
      state: "ENABLED",
    });
    expect(job.pubsubTarget).toMatchObject({ topicName, attributes: { from: "contract" } });
    expect(Buffer.from(job.pubsubTarget?.data as Uint8Array).toString()).toBe("tick ✓");
    expect(Number(job.scheduleTime?.seconds)).toBeGreaterThan(Date.now() / 1000);
    expect(Number(job.userUpdateTime?.seconds)).toBeGreaterThan(0);
    const [read] = await client.getJob({ name: job.name });
    expect(read).toEqual(job);
  });

  test("the next run is at the zone's own three o'clock", async () => {
    const job = await create("zoned", { timeZone: "Asia/Kolkata" });
    const at = new Date(Number(job.scheduleTime?.seconds) * 1000);
    expect(at.toISOString().slice(11, 16)).toBe("21:30");
  });

  test("UTC is the zone when none is given", async () => {
    const job = await create("utc");
    expect([job.timeZone, new Date(Number(job.scheduleTime?.seconds) * 1000).getUTCHours()]).toEqual(["UTC", 3]);
  });

  test("retries that are asked for are kept", async () => {
    const retryConfig = { retryCount: 3, minBackoffDuration: { seconds: 7 }, maxDoublings: 2 };
    const job = await create("retries", { retryConfig });
    expect(job.retryConfig).toMatchObject({ retryCount: 3, maxDoublings: 2 });
    expect(Number(job.retryConfig?.minBackoffDuration?.seconds)).toBe(7);
  });

  test("a second job of the same name is ALREADY_EXISTS", async () => {
    const { name } = await create("twice");
    const job = { name, schedule: "* * * * *", pubsubTarget: { topicName, data: Buffer.from("x") } };
    expect((await failure(client.createJob({ parent, job }))).code).toBe(6);
  });

  test("jobs that are not there are NOT_FOUND", async () => {
    const name = `${parent}/jobs/${place.name("absent")}`;
    for (const ask of [
      () => client.getJob({ name }),
      () => client.deleteJob({ name }),
      () => client.runJob({ name }),
      () => client.pauseJob({ name }),
      () => client.resumeJob({ name }),
    ]) {
      expect((await failure(ask())).code).toBe(5);
    }
  });

  test.each([
    ["a schedule that is none", { schedule: "every so often" }],
    ["an hour that is none", { schedule: "0 24 * * *" }],
    ["a time zone that is none", { timeZone: "Mars/Olympus" }],
    ["a topic's name that is none", { pubsubTarget: { topicName: "ticks", data: Buffer.from("x") } }],
    ["more retries than five", { retryConfig: { retryCount: 6 } }],
  ])("%s is INVALID_ARGUMENT", async (_, more) => {
    expect((await failure(create("bad", more))).code).toBe(3);
  });

  test("a name outside its parent is INVALID_ARGUMENT", async () => {
    const job = {
      name: `${parent}x/jobs/a`,
      schedule: "* * * * *",
      pubsubTarget: { topicName, data: Buffer.from("x") },
    };
    expect((await failure(client.createJob({ parent, job }))).code).toBe(3);
  });

  test("a mask says what an update changes", async () => {
    const { name, timeZone } = await create("masked", { description: "before", timeZone: "Europe/Paris" });
    const [changed] = await client.updateJob({
      job: { name, description: "after", timeZone: "Asia/Tokyo" },
      updateMask: { paths: ["description"] },
    });
    expect([changed.description, changed.timeZone]).toEqual(["after", timeZone]);
    const [again] = await client.updateJob({
      job: { name, schedule: "*/5 * * * *" },
      updateMask: { paths: ["schedule"] },
    });
    expect([again.description, again.schedule]).toEqual(["after", "*/5 * * * *"]);
  });

  test("paused jobs have no next run until they are resumed", async () => {
    const { name } = await create("paused");
    const [paused] = await client.pauseJob({ name });
    expect(paused.state).toBe("PAUSED");
    const [resumed] = await client.resumeJob({ name });
    expect(resumed.state).toBe("ENABLED");
    expect(Number(resumed.scheduleTime?.seconds)).toBeGreaterThan(0);
  });

  test("lists come page by page, sorted out by location", async () => {
    const made = [(await create("page-a")).name, (await create("page-b")).name];
    const [page, next] = await client.listJobs({ parent, pageSize: 1 }, { autoPaginate: false });
    expect(page).toHaveLength(1);
    expect(next?.pageToken).toMatch(/./);
    const all: (string | null | undefined)[] = [];
    for await (const { name } of client.listJobsAsync({ parent, pageSize: 2 })) all.push(name);
    expect(all).toEqual(expect.arrayContaining(made));
    const [elsewhere] = await client.listJobs({ parent: client.locationPath(place.project, "europe-west4") });
    expect(elsewhere.filter(({ name }) => made.includes(name ?? ""))).toEqual([]);
  });

  test("a run now publishes what the job says", async () => {
    const { name } = await create("run");
    const [subscription] = await pubsub.topic(topicName).createSubscription(place.name("sub"));
    place.later(subscription.name, () => subscription.delete());
    const received = new Promise<{ data: Buffer; attributes: Record<string, string> }>((resolve) => {
      subscription.on("message", (message) => {
        message.ack();
        resolve(message);
      });
    });
    await client.runJob({ name });
    const { data, attributes } = await received;
    await subscription.close();
    expect([data.toString(), attributes.from]).toEqual(["tick ✓", "contract"]);
    const [job] = await client.getJob({ name });
    expect(Number(job.lastAttemptTime?.seconds)).toBeGreaterThan(0);
    expect(job.status?.code ?? 0).toBe(0);
  });

  test("a deleted job is gone", async () => {
    const { name } = await create("deleted");
    await client.deleteJob({ name });
    expect((await failure(client.getJob({ name }))).code).toBe(5);
  });

  test("locations are listed and found", async () => {
    const all: string[] = [];
    for await (const { locationId } of client.listLocationsAsync({ name: `projects/${place.project}` })) {
      all.push(locationId ?? "");
    }
    expect(all).toContain(place.region);
    // Typed as a location; it is the first of a list, as with every other method.
    const found: unknown = await client.getLocation({ name: parent });
    expect([found].flat()[0]).toMatchObject({ name: parent, locationId: place.region });
  });

  test("a job can call an address", async () => {
    const headers = { "X-From": "contract" };
    const httpTarget = { uri: "https://example.com/x", httpMethod: "PUT" as const, headers, body: Buffer.from("✓") };
    const job = await create("http", { pubsubTarget: null, httpTarget, attemptDeadline: { seconds: 30 } });
    expect(job.httpTarget).toMatchObject({ uri: httpTarget.uri, httpMethod: "PUT", headers });
    expect(Buffer.from(job.httpTarget?.body as Uint8Array).toString()).toBe("✓");
    expect([job.pubsubTarget ?? null, Number(job.attemptDeadline?.seconds)]).toEqual([null, 30]);
  });

  emulatorOnly("App Engine targets are served there")("a target of App Engine is UNIMPLEMENTED", async () => {
    const failed = await failure(create("app", { pubsubTarget: null, appEngineHttpTarget: { relativeUri: "/x" } }));
    expect([failed.code, failed.message]).toEqual([12, expect.stringContaining("app_engine_http_target")]);
  });
});
