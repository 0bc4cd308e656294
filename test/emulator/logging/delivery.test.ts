import { afterEach, beforeEach, expect, test } from "vitest";
import type { LogEntry } from "../../../wire/logging.d.ts";
import { openPlace, type Place } from "../faults/place.ts";

const TOPIC = "projects/moult-local/topics/audit";
const SUBSCRIPTION = "projects/moult-local/subscriptions/audit";

let place: Place;
beforeEach(async () => {
  place = await openPlace();
  await place.ask("PUT", `/v1/${TOPIC}`, {});
  await place.ask("PUT", `/v1/${SUBSCRIPTION}`, { topic: TOPIC });
  await place.ask("POST", "/v2/projects/moult-local/sinks", {
    name: "out",
    destination: `pubsub.googleapis.com/${TOPIC}`,
    filter: 'protoPayload.methodName="google.pubsub.v1.Publisher.CreateTopic" AND severity=NOTICE',
  });
});
afterEach(() => place.emulator.close());

interface Received {
  ackId: string;
  message: { data: string; messageId: string };
}

/** Names of the topics whose entries arrived, in the order of their coming. */
async function arrived(): Promise<string[]> {
  const { receivedMessages = [] } = await place.ask<{ receivedMessages?: Received[] }>(
    "POST",
    `/v1/${SUBSCRIPTION}:pull`,
    {
      maxMessages: 100,
      returnImmediately: true,
    },
  );
  if (receivedMessages.length > 0)
    await place.ask("POST", `/v1/${SUBSCRIPTION}:acknowledge`, { ackIds: receivedMessages.map(({ ackId }) => ackId) });
  return receivedMessages
    .map(({ message }) => JSON.parse(Buffer.from(message.data, "base64").toString()) as LogEntry)
    .map(({ protoPayload }) => protoPayload?.resourceName.split("/").at(-1) ?? "");
}

const create = async (...names: string[]) => {
  for (const name of names) await place.ask("PUT", `/v1/projects/moult-local/topics/${name}`, {});
};
const strike = (action: object, more: object = {}) =>
  place.fault({ match: { method: "logging.export", resource: "sinks/out$" }, do: action, ...more });

test("entries come at once and in order when nothing is wrong", async () => {
  await create("one", "two", "three");
  expect(await arrived()).toEqual(["one", "two", "three"]);
});

test("a delayed entry comes later by the emulator's clock, and after those that followed it", async () => {
  await strike({ delay: 30_000 }, { times: 1 });
  await create("one", "two");
  expect(await arrived()).toEqual(["two"]);
  await place.advance(29);
  expect(await arrived()).toEqual([]);
  await place.advance(2);
  expect(await arrived()).toEqual(["one"]);
});

test("a reordered entry is overtaken by the next", async () => {
  await strike({ reorder: true }, { times: 1 });
  await create("one", "two", "three");
  expect(await arrived()).toEqual(["two", "one", "three"]);
});

test("a dropped entry never comes, though it stands in the log", async () => {
  await strike({ drop: true }, { times: 1 });
  await create("one", "two");
  expect(await arrived()).toEqual(["two"]);
  const { entries } = await place.ask<{ entries: LogEntry[] }>("POST", "/v2/entries:list", {
    resourceNames: ["projects/moult-local"],
    filter: 'protoPayload.resourceName:"topics/one"',
  });
  expect(entries).toHaveLength(1);
});

test("a doubled entry comes twice, with one insertId and two message ids", async () => {
  await strike({ duplicate: true }, { every: 2 });
  await create("one", "two", "three");
  expect(await arrived()).toEqual(["one", "two", "two", "three"]);
});

test("one in so many is lost by the seed: the same ones for the same seed", async () => {
  const names = Array.from({ length: 30 }, (_, i) => `topic-${i}`);
  const lost = async (seed: string) => {
    await place.emulator.close();
    place = await openPlace({ seed });
    await place.ask("PUT", `/v1/${TOPIC}`, {});
    await place.ask("PUT", `/v1/${SUBSCRIPTION}`, { topic: TOPIC });
    await place.ask("POST", "/v2/projects/moult-local/sinks", {
      name: "out",
      destination: `pubsub.googleapis.com/${TOPIC}`,
      filter: 'protoPayload.methodName:CreateTopic AND protoPayload.resourceName:"topics/topic-"',
    });
    await strike({ drop: true }, { probability: 0.5 });
    await create(...names);
    return arrived();
  };
  const first = await lost("one");
  expect(first.length).toBeGreaterThan(5);
  expect(first.length).toBeLessThan(25);
  expect(await lost("one")).toEqual(first);
  expect(await lost("two")).not.toEqual(first);
});
