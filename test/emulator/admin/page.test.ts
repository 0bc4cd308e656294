import { PubSub } from "@google-cloud/pubsub";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Happening } from "../../../emulator/admin/feed.ts";
import { openPlace, type Place } from "../faults/place.ts";

let place: Place;
beforeEach(async () => {
  place = await openPlace();
});
afterEach(() => place.emulator.close());

/** The first `count` events after the one with this id. */
async function events(count: number, after = 0): Promise<Happening[]> {
  const gone = new AbortController();
  const answer = await fetch(`${place.url}/emulator/events`, {
    signal: gone.signal,
    headers: { "last-event-id": String(after) },
  });
  expect(answer.headers.get("content-type")).toBe("text/event-stream");
  const got: Happening[] = [];
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const [, data = ""] = /^data: (.*)$/m.exec(text.slice(0, end)) ?? [];
      got.push(JSON.parse(data) as Happening);
      text = text.slice(end + 2);
    }
    if (got.length >= count) break;
  }
  gone.abort();
  return got.slice(0, count);
}

describe("the emulator's root", () => {
  it("is a page for a browser, and JSON for everybody else", async () => {
    const page = await place.send("GET", "/", undefined, { accept: "text/html,application/xhtml+xml" });
    expect(page.headers.get("content-type")).toMatch(/^text\/html/);
    expect(await page.text()).toContain("<title>moult emulator</title>");
    expect(await place.ask("GET", "/")).toMatchObject({
      project: "moult-local",
      clock: "manual",
      instances: "virtual",
    });
  });

  it("asks nobody else for anything: it works without a network", async () => {
    const page = await (await place.send("GET", "/", undefined, { accept: "text/html" })).text();
    const outside = page.match(/(src|href)="(?!data:)[^"]*"|@import|https?:\/\/(?!www\.w3\.org)[^\s"']+/g);
    expect(outside).toBeNull();
  });

  it("asks only for what is served", async () => {
    const page = await (await place.send("GET", "/", undefined, { accept: "text/html" })).text();
    const { methods } = await place.ask<{ methods: { path: string }[] }>("GET", "/emulator/methods");
    const paths = methods.map(({ path }) => path);
    const asked = [...page.matchAll(/["`](\/emulator[^"`$]*)/g)].map(([, path = ""]) => path);
    expect(asked.length).toBeGreaterThan(6);
    // What ends in a slash goes on with a name.
    const isServed = (path: string) =>
      paths.some((one) => (path.endsWith("/") ? one.startsWith(`${path}{`) : one === path));
    expect(asked.filter((path) => !isServed(path))).toEqual([]);
  });
});

describe("what the page shows", () => {
  const project = "/compute/v1/projects/moult-local";
  const disks = [
    { boot: true, initializeParams: { sourceImage: "projects/debian-cloud/global/images/family/debian-12" } },
  ];
  const networkInterfaces = [{ network: "global/networks/default" }];
  const scheduling = {
    provisioningModel: "SPOT",
    instanceTerminationAction: "STOP",
    onHostMaintenance: "TERMINATE",
    automaticRestart: false,
  };

  it("is each group with its autoscaler, and the machines of no group", async () => {
    const properties = { machineType: "e2-small", disks, networkInterfaces };
    await place.ask("POST", `${project}/global/instanceTemplates`, { name: "web-1", properties });
    await place.advance(60);
    const group = { name: "web", targetSize: 2, versions: [{ instanceTemplate: "global/instanceTemplates/web-1" }] };
    await place.ask("POST", `${project}/zones/us-central1-a/instanceGroupManagers`, group);
    const bastion = {
      name: "bastion",
      machineType: "zones/us-central1-b/machineTypes/e2-small",
      disks,
      networkInterfaces,
    };
    await place.ask("POST", `${project}/zones/us-central1-b/instances`, bastion);
    await place.advance(60);
    const autoscalingPolicy = { minNumReplicas: 2, maxNumReplicas: 5, cpuUtilization: { utilizationTarget: 0.5 } };
    const target = "projects/moult-local/zones/us-central1-a/instanceGroupManagers/web";
    await place.ask("POST", `${project}/zones/us-central1-a/autoscalers`, { name: "web", target, autoscalingPolicy });
    await place.advance(60);
    expect(await place.ask("GET", "/emulator/overview")).toMatchObject({
      groups: [
        {
          name: "web",
          where: "us-central1-a",
          templates: ["web-1"],
          autoscaler: { mode: "ON", least: 2, most: 5 },
          members: [
            { template: "web-1", status: "RUNNING", action: "NONE" },
            { template: "web-1", status: "RUNNING", action: "NONE" },
          ],
        },
      ],
      machines: [{ name: "bastion", zone: "us-central1-b", status: "RUNNING" }],
      instances: 3,
    });
  });

  it("is what the host does to a machine, and that it was Google's own doing", async () => {
    const zone = `${project}/zones/us-central1-b`;
    const spot = {
      name: "spot",
      machineType: "zones/us-central1-b/machineTypes/e2-small",
      disks,
      networkInterfaces,
      scheduling,
    };
    await place.ask("POST", `${zone}/instances`, spot);
    await place.advance(60);
    const machines = async () => (await place.ask<{ machines: object[] }>("GET", "/emulator/overview")).machines;
    expect(await machines()).toMatchObject([{ name: "spot", status: "RUNNING", isSpot: true }]);
    await place.ask("POST", "/emulator/instances/us-central1-b/spot:preempt");
    expect(await machines()).toMatchObject([{ name: "spot", host: "PREEMPTED" }]);
    await place.advance(60);
    expect((await events(3)).at(-1)).toMatchObject({
      kind: "system",
      what: "compute.instances.preempted",
      note: "Instance was preempted.",
    });
  });
});

describe("the event stream", () => {
  it("tells of calls, of audit entries and of faults, and goes on where a reader left", async () => {
    await place.ask("PUT", "/v1/projects/moult-local/topics/news", {});
    await place.fault({ match: { method: "compute.images.*" }, do: { fail: { status: 503 } }, times: 1 });
    const image = { name: "one", sourceImage: "projects/debian-cloud/global/images/family/debian-12" };
    const path = "/compute/v1/projects/moult-local/global/images";
    expect((await place.send("POST", path, image)).status).toBe(503);
    await place.ask("POST", path, image);
    const told = await events(3);
    expect(told).toMatchObject([
      { id: 1, kind: "audit", what: "google.pubsub.v1.Publisher.CreateTopic", about: "topics/news" },
      {
        id: 2,
        kind: "fault",
        what: "fault-1: fail compute.images.insert",
        about: expect.stringContaining("global/images"),
      },
      { id: 3, kind: "audit", what: "compute.images.insert", about: "global/images/one" },
    ]);
    expect((await events(1, 2))[0]).toEqual(told[2]);
  });

  it("tells of calls over gRPC as of others, and not of what a subscriber does all the time", async () => {
    process.env.PUBSUB_EMULATOR_HOST = place.emulator.grpc;
    const pubsub = new PubSub({ projectId: "moult-local" });
    const [topic] = await pubsub.createTopic("news");
    await topic.getMetadata();
    await topic.publishMessage({ data: Buffer.from("one") });
    await pubsub.close();
    delete process.env.PUBSUB_EMULATOR_HOST;
    expect((await events(2)).map(({ kind, what }) => [kind, what])).toEqual([
      ["audit", "google.pubsub.v1.Publisher.CreateTopic"],
      ["call", "pubsub.projects.topics.publish"],
    ]);
  });

  it("tells that the emulator was emptied, and goes on", async () => {
    await place.ask("POST", "/emulator/reset");
    await place.ask("PUT", "/v1/projects/moult-local/topics/news", {});
    expect((await events(2)).map(({ kind }) => kind)).toEqual(["emptied", "audit"]);
  });
});
