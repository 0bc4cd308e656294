import { afterEach, beforeEach, expect, test } from "vitest";
import { instantText, pacificText, parseInstant } from "../../../emulator/secretmanager/times.ts";
import { ask, type Piece, startPiece } from "../iam/piece.ts";

let piece: Piece;
const TOPIC = "projects/acme/topics/secret-events";
const NAME = "projects/123456789012/secrets/web-config";

beforeEach(async () => {
  piece = await startPiece({ topics: [TOPIC] });
});
afterEach(() => piece.close());

const url = (path = "") => `${piece.url}/v1/projects/acme/secrets${path}`;
const create = (more: object = {}) =>
  ask(url("?secretId=web-config"), {
    method: "POST",
    json: { replication: { automatic: {} }, topics: [{ name: TOPIC }], ...more },
  });
const add = () =>
  ask(url("/web-config:addVersion"), {
    method: "POST",
    json: { payload: { data: Buffer.from("hush-hush").toString("base64") } },
  });
const on = (version: number, verb: string) =>
  ask(url(`/web-config/versions/${version}:${verb}`), { method: "POST", json: {} });
const types = () => piece.published.map(({ attributes }) => attributes.eventType);

test("every change rings once with its type, and reading rings nothing", async () => {
  await create();
  await add();
  await on(1, "disable");
  await on(1, "enable");
  await ask(url("/web-config/versions/1:access"));
  await ask(url("/web-config"));
  await ask(url());
  await on(1, "destroy");
  await ask(url("/web-config?updateMask=labels"), { method: "PATCH", json: { labels: { a: "b" } } });
  await ask(url("/web-config"), { method: "DELETE" });
  expect(types()).toEqual([
    "TOPIC_CONFIGURED",
    "SECRET_CREATE",
    "SECRET_VERSION_ADD",
    "SECRET_VERSION_DISABLE",
    "SECRET_VERSION_ENABLE",
    "SECRET_VERSION_DESTROY",
    "SECRET_UPDATE",
    "SECRET_DELETE",
  ]);
});

test("messages have the attributes and data of the recorded ones, and never the payload", async () => {
  await create({ labels: { app: "web" } });
  await add();
  const [configured, created, added] = piece.published;
  expect(configured).toEqual({ topic: TOPIC, attributes: { eventType: "TOPIC_CONFIGURED" }, data: undefined });
  expect(created).toEqual({
    topic: TOPIC,
    attributes: {
      dataFormat: "JSON_API_V1",
      eventType: "SECRET_CREATE",
      secretId: NAME,
      timestamp: "2026-01-15T02:05:00.131-08:00",
    },
    data: {
      createTime: "2026-01-15T10:05:00.131Z",
      etag: expect.stringMatching(/^"1[0-9a-f]{13}"$/),
      labels: { app: "web" },
      name: NAME,
      replication: { automatic: {} },
      topics: [{ name: TOPIC }],
    },
  });
  expect(added).toEqual({
    topic: TOPIC,
    attributes: {
      dataFormat: "JSON_API_V1",
      eventType: "SECRET_VERSION_ADD",
      secretId: NAME,
      versionId: `${NAME}/versions/1`,
      timestamp: expect.stringMatching(/^2026-01-15T02:05:00\.131\d*-08:00$/),
    },
    data: {
      createTime: expect.any(String),
      etag: expect.any(String),
      name: `${NAME}/versions/1`,
      replicationStatus: { automatic: {} },
      state: "ENABLED",
    },
  });
  const all = JSON.stringify(piece.published);
  expect(all).not.toContain("hush-hush");
  expect(all).not.toContain(Buffer.from("hush-hush").toString("base64"));
});

test("a deletion says that it was asked for", async () => {
  await create();
  await ask(url("/web-config"), { method: "DELETE" });
  expect(piece.published.at(-1)?.attributes.deleteType).toBe("REQUESTED");
});

test("an expired secret is gone and says so", async () => {
  await create({ ttl: "90s" });
  expect((await ask(url("/web-config"))).json.expireTime).toBe("2026-01-15T10:06:30.131Z");
  await piece.clock.advance(89_000);
  expect((await ask(url("/web-config"))).status).toBe(200);
  await piece.clock.advance(1_000);
  expect((await ask(url("/web-config"))).status).toBe(404);
  expect(piece.published.at(-1)?.attributes).toMatchObject({ eventType: "SECRET_DELETE", deleteType: "EXPIRATION" });
});

test("rotation only tells, and already shows the next time", async () => {
  await create({ rotation: { nextRotationTime: "2026-01-15T11:00:00Z", rotationPeriod: "3600s" } });
  await add();
  await piece.clock.advance(2 * 3_600_000);
  const rotated = piece.published.filter(({ attributes }) => attributes.eventType === "SECRET_ROTATE");
  expect(rotated.map(({ data }) => data?.rotation)).toEqual([
    { nextRotationTime: "2026-01-15T12:00:00Z", rotationPeriod: "3600s" },
    { nextRotationTime: "2026-01-15T13:00:00Z", rotationPeriod: "3600s" },
  ]);
  expect((await ask(url("/web-config/versions/latest"))).json.name).toBe(`${NAME}/versions/1`);
});

test("a delayed destruction disables at once and destroys later", async () => {
  await create({ versionDestroyTtl: "86400s" });
  await add();
  const scheduled = (await on(1, "destroy")).json;
  expect(scheduled).toMatchObject({
    state: "DISABLED",
    scheduledDestroyTime: expect.stringMatching(/^2026-01-16T10:05:00/),
  });
  await piece.clock.advance(86_401_000);
  expect((await ask(url("/web-config/versions/1"))).json).toMatchObject({ state: "DESTROYED" });
  expect(types().slice(-2)).toEqual(["SECRET_VERSION_DESTROY_SCHEDULED", "SECRET_VERSION_DESTROY"]);
});

test("enabling takes a delayed destruction back", async () => {
  await create({ versionDestroyTtl: "86400s" });
  await add();
  await on(1, "destroy");
  await on(1, "enable");
  await piece.clock.advance(2 * 86_400_000);
  expect((await ask(url("/web-config/versions/1"))).json).toMatchObject({ state: "ENABLED" });
});

test("a topic that cannot be published to refuses the request, and nothing is left behind", async () => {
  const answer = await create({ topics: [{ name: "projects/acme/topics/missing" }] });
  expect(answer.status).toBe(400);
  expect(answer.json).toMatchObject({ error: { status: "FAILED_PRECONDITION" } });
  expect((await ask(url("/web-config"))).status).toBe(404);
});

test("eleven topics are too many", async () => {
  const topics = Array.from({ length: 11 }, () => ({ name: TOPIC }));
  expect((await create({ topics })).status).toBe(400);
});

test.each([
  ["a whole second", 1_790_946_170_000_000, "2026-10-02T13:02:50Z", "2026-10-02T06:02:50-07:00"],
  ["milliseconds", 1_790_946_170_120_000, "2026-10-02T13:02:50.120Z", "2026-10-02T06:02:50.12-07:00"],
  ["microseconds (recorded)", 1_790_946_170_882_009, "2026-10-02T13:02:50.882009Z", "2026-10-02T06:02:50.882009-07:00"],
  ["winter", 1_768_471_479_123_456, "2026-01-15T10:04:39.123456Z", "2026-01-15T02:04:39.123456-08:00"],
])("an instant with %s is written as recorded", (_, micros, utc, pacific) => {
  expect([instantText(micros), pacificText(micros)]).toEqual([utc, pacific]);
  expect(parseInstant(utc, "x")).toBe(micros);
  expect(parseInstant(pacific, "x")).toBe(micros);
});
