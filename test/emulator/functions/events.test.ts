import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Bed, type Operation, type Shown } from "./bed.ts";

/** Says what it got; refuses what begins with `fail`. */
const LISTENER = `
require("@google-cloud/functions-framework").cloudEvent("main", (event) => {
  const text = Buffer.from(event.data.message.data ?? "", "base64").toString();
  console.log(JSON.stringify({ message: "got " + text, type: event.type, source: event.source, subscription: event.data.subscription }));
  if (text.startsWith("fail")) throw new Error("refused " + text);
});
`;
const PUBLISHED = "google.cloud.pubsub.topic.v1.messagePublished";

describe("a function with a Pub/Sub trigger", { timeout: 60_000 }, () => {
  let bed: Bed;
  beforeAll(async () => {
    bed = await Bed.open();
    for (const topic of ["orders", "others"]) await bed.ask("PUT", `/v1/projects/acme/topics/${topic}`, {});
  });
  afterAll(() => bed.close());

  const publish = (topic: string, text: string) =>
    bed.ask("POST", `/v1/projects/acme/topics/${topic}:publish`, {
      messages: [{ data: Buffer.from(text).toString("base64") }],
    });
  const got = async (service: string) => (await bed.logged(service)).filter((line) => line.startsWith("got "));

  async function subscriptionOf({ eventTrigger }: Shown) {
    const trigger = await bed.ask<{
      destination: object;
      transport: { pubsub: { topic: string; subscription: string } };
    }>("GET", `/v1/${eventTrigger?.trigger}`);
    const { subscription } = trigger.transport.pubsub;
    return { trigger, subscription: await bed.ask<{ name: string; topic: string }>("GET", `/v1/${subscription}`) };
  }

  it("is subscribed by Eventarc as the real one is", async () => {
    const shown = await bed.deployed(
      "On_Order",
      { "index.js": LISTENER },
      {
        eventTrigger: {
          eventType: PUBLISHED,
          pubsubTopic: "projects/acme/topics/orders",
          serviceAccountEmail: "e@acme.iam.gserviceaccount.com",
        },
      },
    );
    expect(shown.eventTrigger).toEqual({
      trigger: expect.stringMatching(/^projects\/acme\/locations\/us-central1\/triggers\/on-order-\d{6}$/),
      triggerRegion: "us-central1",
      eventType: PUBLISHED,
      pubsubTopic: "projects/acme/topics/orders",
      serviceAccountEmail: "e@acme.iam.gserviceaccount.com",
      retryPolicy: "RETRY_POLICY_DO_NOT_RETRY",
    });
    const { trigger, subscription } = await subscriptionOf(shown);
    expect(trigger.destination).toEqual({ cloudFunction: shown.name });
    expect(subscription).toMatchObject({
      name: expect.stringMatching(/\/eventarc-us-central1-on-order-\d{6}-sub-\d{3}$/),
      topic: "projects/acme/topics/orders",
      ackDeadlineSeconds: 600,
      messageRetentionDuration: "86400s",
      pushConfig: {
        pushEndpoint: `${shown.serviceConfig.uri}?__GCP_CloudEventsMode=CUSTOM_PUBSUB_projects%2Facme%2Ftopics%2Forders`,
        oidcToken: { serviceAccountEmail: "e@acme.iam.gserviceaccount.com", audience: shown.serviceConfig.uri },
      },
    });
  });

  it("gets a message as a CloudEvent, although only its trigger may call it", async () => {
    await publish("orders", "hello");
    await vi.waitFor(async () => expect(await got("on-order")).toEqual(["got hello"]), 10_000);
    const { uri } = (await bed.get("On_Order")).serviceConfig;
    expect((await fetch(uri, { method: "POST" })).status).toBe(403);
  });

  it("is not asked again when it fails, unless it wants to be", async () => {
    await publish("orders", "fail once");
    await publish("orders", "after");
    await vi.waitFor(async () => expect(await got("on-order")).toContain("got after"), 10_000);
    // Had the refusal been a nack, the message would be there still.
    const { subscription } = await subscriptionOf(await bed.get("On_Order"));
    await vi.waitFor(async () => {
      const failed = await bed.logged("on-order", 'logName:"requests" httpRequest.status=500');
      expect(failed).toHaveLength(1);
    }, 10_000);
    expect((await got("on-order")).filter((line) => line === "got fail once")).toHaveLength(1);

    const mask = "eventTrigger.retryPolicy";
    const retry = { eventTrigger: { retryPolicy: "RETRY_POLICY_RETRY" } };
    const updated = await bed.ended(
      await bed.ask<Operation>("PATCH", `${bed.path("On_Order")}?updateMask=${mask}`, retry),
    );
    expect((await subscriptionOf(updated.response as Shown)).subscription.name).toBe(subscription.name);
    await publish("orders", "fail again");
    await vi.waitFor(async () => {
      expect((await got("on-order")).filter((line) => line === "got fail again").length).toBeGreaterThan(1);
    }, 10_000);
  });

  it("listens to another topic once it is told so", async () => {
    const before = await subscriptionOf(await bed.get("On_Order"));
    const body = { eventTrigger: { eventType: PUBLISHED, pubsubTopic: "projects/acme/topics/others" } };
    await bed.ended(await bed.ask<Operation>("PATCH", `${bed.path("On_Order")}?updateMask=event_trigger`, body));
    await bed.ask("GET", `/v1/${before.subscription.name}`, undefined, 404);
    await publish("others", "elsewhere");
    await vi.waitFor(async () => expect(await got("on-order")).toContain("got elsewhere"), 10_000);
  });

  it("answers HTTP once its trigger is taken away, and hears no more", async () => {
    const both = `${LISTENER} require("@google-cloud/functions-framework").http("main2", (request, response) => response.send("web"));`;
    const given = { eventTrigger: { eventType: PUBLISHED, pubsubTopic: "projects/acme/topics/others" } };
    const shown = await bed.deployed("turned", { "index.js": both }, given);
    const body = { buildConfig: { entryPoint: "main2" } };
    const mask = "event_trigger,build_config.entry_point";
    const { response } = await bed.ended(
      await bed.ask<Operation>("PATCH", `${bed.path("turned")}?updateMask=${mask}`, body),
    );
    expect(response).not.toHaveProperty("eventTrigger");
    await bed.ask("GET", `/v1/${shown.eventTrigger?.trigger}`, undefined, 404);
    await bed.openToAll("turned");
    expect(await (await fetch(shown.url)).text()).toBe("web");
    await bed.remove("turned");
  });

  it("takes its trigger and subscription with it, and leaves the topic", async () => {
    const { trigger, subscription } = await subscriptionOf(await bed.get("On_Order"));
    const name = (await bed.get("On_Order")).eventTrigger?.trigger;
    await bed.remove("On_Order");
    await bed.ask("GET", `/v1/${name}`, undefined, 404);
    await bed.ask("GET", `/v1/${subscription.name}`, undefined, 404);
    await bed.ask("GET", `/v1/${trigger.transport.pubsub.topic}`);
  });

  it("cannot be made for a topic that is not there", async () => {
    const { error } = await bed.deploy(
      "lost",
      { "index.js": LISTENER },
      {
        eventTrigger: { eventType: PUBLISHED, pubsubTopic: "projects/acme/topics/nowhere" },
      },
    );
    expect(error).toEqual({
      code: 5,
      message: expect.stringMatching(/^Creating trigger failed for projects\/acme\/.*nowhere/),
    });
  });

  it("gets a topic of its own when it names none, which goes with it", async () => {
    const shown = await bed.deployed("own", { "index.js": LISTENER }, { eventTrigger: { eventType: PUBLISHED } });
    const topic = String(shown.eventTrigger?.pubsubTopic);
    expect(topic).toMatch(/^projects\/acme\/topics\/eventarc-us-central1-own-\d{6}-\d{3}$/);
    await publish(topic.split("/").at(-1) ?? "", "mine");
    await vi.waitFor(async () => expect(await got("own")).toEqual(["got mine"]), 10_000);
    const mask = "event_trigger.service_account_email";
    const other = { eventTrigger: { serviceAccountEmail: "other@acme.iam.gserviceaccount.com" } };
    const { response } = await bed.ended(
      await bed.ask<Operation>("PATCH", `${bed.path("own")}?updateMask=${mask}`, other),
    );
    expect(response?.eventTrigger).toMatchObject({ pubsubTopic: topic, ...other.eventTrigger });
    await publish(topic.split("/").at(-1) ?? "", "still mine");
    await vi.waitFor(async () => expect(await got("own")).toEqual(["got mine", "got still mine"]), 10_000);
    await bed.remove("own");
    await bed.ask("GET", `/v1/${topic}`, undefined, 404);
  });
});
