import { afterAll, beforeEach, expect, test } from "vitest";
import { ask, type Piece, START, startPiece } from "../iam/piece.ts";

let piece: Piece;
const TOPIC = "projects/acme/topics/config";

beforeEach(async () => {
  await piece?.close();
  piece = await startPiece();
});
afterAll(() => piece.close());

const bucket = (versioned: boolean) =>
  ask(`${piece.url}/storage/v1/b?project=acme`, {
    method: "POST",
    json: { name: "bkt", versioning: { enabled: versioned } },
  });
const notify = (more: object = {}) =>
  ask(`${piece.url}/storage/v1/b/bkt/notificationConfigs`, {
    method: "POST",
    json: { topic: `//pubsub.googleapis.com/${TOPIC}`, payload_format: "JSON_API_V1", ...more },
  });
const put = async (name: string) =>
  (
    await ask(`${piece.url}/upload/storage/v1/b/bkt/o?uploadType=media&name=${encodeURIComponent(name)}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    })
  ).json;
const types = () => piece.published.map(({ attributes }) => attributes.eventType);

test("a new object rings with the attributes and the resource of the recorded sample", async () => {
  await bucket(false);
  await notify({ custom_attributes: { fleet: "web" } });
  const object = await put("refs/web/prod.json");
  expect(piece.published).toEqual([
    {
      topic: TOPIC,
      attributes: {
        bucketId: "bkt",
        eventTime: expect.stringMatching(/^2026-01-15T10:05:00\.131\d{3}Z$/),
        eventType: "OBJECT_FINALIZE",
        notificationConfig: "projects/_/buckets/bkt/notificationConfigs/1",
        objectGeneration: object.generation,
        objectId: "refs/web/prod.json",
        payloadFormat: "JSON_API_V1",
        fleet: "web",
      },
      data: object,
    },
  ]);
  expect(object).toMatchObject({
    kind: "storage#object",
    id: `bkt/refs/web/prod.json/${String(object.generation)}`,
    contentType: "application/json",
    timeCreated: new Date(START).toISOString(),
    size: "2",
    md5Hash: "mZFLkyvTelC5g8XnyQrpOw==",
  });
});

test("an overwrite deletes the old generation and each names the other", async () => {
  await bucket(false);
  await notify();
  const [first, second] = [await put("x"), await put("x")];
  expect(types()).toEqual(["OBJECT_FINALIZE", "OBJECT_DELETE", "OBJECT_FINALIZE"]);
  expect(piece.published[1]?.attributes).toMatchObject({
    objectGeneration: first.generation,
    overwrittenByGeneration: second.generation,
  });
  expect(piece.published[2]?.attributes).toMatchObject({
    objectGeneration: second.generation,
    overwroteGeneration: first.generation,
  });
});

test("a versioned bucket archives, and deletes only what is named by generation", async () => {
  await bucket(true);
  await notify();
  const first = await put("x");
  await put("x");
  const url = `${piece.url}/storage/v1/b/bkt/o/x`;
  await ask(url, { method: "DELETE" });
  await ask(`${url}?generation=${String(first.generation)}`, { method: "DELETE" });
  expect(types()).toEqual(["OBJECT_FINALIZE", "OBJECT_ARCHIVE", "OBJECT_FINALIZE", "OBJECT_ARCHIVE", "OBJECT_DELETE"]);
  expect(piece.published[1]?.attributes).toHaveProperty("overwrittenByGeneration");
  expect(piece.published[3]?.attributes).not.toHaveProperty("overwrittenByGeneration");
});

test("changed metadata rings with the new metageneration", async () => {
  await bucket(false);
  await put("x");
  await notify();
  await ask(`${piece.url}/storage/v1/b/bkt/o/x`, { method: "PATCH", json: { metadata: { a: "b" } } });
  expect(types()).toEqual(["OBJECT_METADATA_UPDATE"]);
  expect(piece.published[0]?.data).toMatchObject({ metageneration: "2", metadata: { a: "b" } });
});

test("only the prefix and the types asked for ring, and NONE carries no data", async () => {
  await bucket(false);
  await notify({ object_name_prefix: "refs/", event_types: ["OBJECT_DELETE"], payload_format: "NONE" });
  await put("refs/x");
  await put("packs/x");
  for (const name of ["refs%2Fx", "packs%2Fx"]) {
    await ask(`${piece.url}/storage/v1/b/bkt/o/${name}`, { method: "DELETE" });
  }
  expect(piece.published.map(({ attributes, data }) => [attributes.objectId, data])).toEqual([["refs/x", undefined]]);
});

test.each([
  ["a topic that is no name", { topic: "config" }],
  ["an unknown format", { payload_format: "XML" }],
  ["an unknown event type", { event_types: ["OBJECT_RENAMED"] }],
  ["eleven attributes", { custom_attributes: Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`k${i}`, ""])) }],
])("a configuration with %s is refused", async (_, wrong) => {
  await bucket(false);
  expect((await notify(wrong)).status).toBe(400);
});

test("ten configurations for one event are allowed, an eleventh is not", async () => {
  await bucket(false);
  for (let i = 0; i < 10; i++) expect((await notify()).status).toBe(200);
  expect((await notify()).status).toBe(400);
});
