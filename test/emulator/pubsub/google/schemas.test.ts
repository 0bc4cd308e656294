import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Encodings, type Message, PubSub, Schema, SchemaTypes, SchemaViews } from "@google-cloud/pubsub";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Emulator, startEmulator } from "../../../../emulator/index.ts";

/** Schemas as Google's own suites and samples use them. */

const AVRO = JSON.stringify({
  type: "record",
  name: "Province",
  namespace: "example",
  fields: [
    { name: "name", type: "string" },
    { name: "post_abbr", type: ["null", "string"] },
    { name: "codes", type: { type: "array", items: "int" } },
  ],
});
const PROTO = `syntax = "proto3";
message Province {
  string name = 1;
  string post_abbr = 2;
  Kind kind = 3;
  repeated Town towns = 4;
  message Town { string name = 1; int64 people = 2; }
  enum Kind { UNKNOWN = 0; LAND = 1; }
}`;

let emulator: Emulator;
let pubsub: PubSub;
let state: string;
let count = 0;

async function open() {
  emulator = await startEmulator({ instances: "virtual", state });
  Object.assign(process.env, { METADATA_SERVER_DETECTION: "none", PUBSUB_EMULATOR_HOST: emulator.grpc });
  pubsub = new PubSub({ projectId: emulator.project });
}
beforeAll(async () => {
  state = mkdtempSync(join(tmpdir(), "moult-schemas-"));
  await open();
});
afterAll(async () => {
  await pubsub.close();
  await emulator.close();
  rmSync(state, { recursive: true });
});

async function topicOf(type: "AVRO" | "PROTOCOL_BUFFER", definition: string, encoding: "JSON" | "BINARY") {
  const id = `schema-${++count}`;
  await pubsub.createSchema(id, type, definition);
  const schema = `projects/${emulator.project}/schemas/${id}`;
  const [topic] = await pubsub.createTopic({ name: `topic-${id}`, schemaSettings: { schema, encoding } });
  const [subscription] = await topic.createSubscription(`sub-${id}`);
  return { id, topic, subscription, schema };
}

/** `Province` in Avro's binary form: length-prefixed texts, the union's branch, one block of numbers, its end. */
function avroBytes(name: string, abbr: string): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length * 2]), Buffer.from(value)]);
  return Buffer.concat([text(name), Buffer.from([2]), text(abbr), Buffer.from([4, 2, 4, 0])]);
}
const protoBytes = Buffer.concat([Buffer.from([0x0a, 2]), Buffer.from("ON"), Buffer.from([0x18, 1, 0x22, 2, 0x10, 7])]);
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

const fitting: [string, "AVRO" | "PROTOCOL_BUFFER", "JSON" | "BINARY", Buffer][] = [
  ["an Avro record in JSON", "AVRO", "JSON", json({ name: "Alberta", post_abbr: { string: "AB" }, codes: [1] })],
  ["an Avro record with null in a union", "AVRO", "JSON", json({ name: "Alberta", post_abbr: null, codes: [] })],
  ["an Avro record in bytes", "AVRO", "BINARY", avroBytes("Ontario", "ON")],
  [
    "a protobuf message in JSON",
    "PROTOCOL_BUFFER",
    "JSON",
    json({ name: "Quebec", postAbbr: "QC", kind: "LAND", towns: [{ people: "7" }] }),
  ],
  [
    "a protobuf message in JSON by the definition's names",
    "PROTOCOL_BUFFER",
    "JSON",
    json({ post_abbr: "QC", kind: 1 }),
  ],
  ["a protobuf message in bytes", "PROTOCOL_BUFFER", "BINARY", protoBytes],
];
const definitions = { AVRO, PROTOCOL_BUFFER: PROTO };

describe("a topic with a schema", () => {
  it.each(fitting)("takes %s, and says which revision it fits", async (_sentence, type, encoding, data) => {
    const { topic, subscription, schema } = await topicOf(type, definitions[type], encoding);
    await topic.publishMessage({ data });
    const message = await new Promise<Message>((resolve, reject) => {
      subscription.once("message", resolve);
      subscription.once("error", reject);
    });
    message.ack();
    expect(message.data.equals(data)).toBe(true);
    expect(message.attributes).toMatchObject({
      googclient_schemaname: schema,
      googclient_schemarevisionid: expect.any(String),
    });
    expect(Schema.metadataFromMessage(message.attributes).encoding).toBe(
      Encodings[encoding === "JSON" ? "Json" : "Binary"],
    );
    await subscription.close();
  });

  const unfit: [string, "AVRO" | "PROTOCOL_BUFFER", "JSON" | "BINARY", Buffer][] = [
    ["an Avro record that lacks a field", "AVRO", "JSON", json({ name: "Alberta", codes: [] })],
    ["an Avro record with a field too many", "AVRO", "JSON", json({ name: "A", post_abbr: null, codes: [], more: 1 })],
    ["a union's value that does not name its type", "AVRO", "JSON", json({ name: "A", post_abbr: "AB", codes: [] })],
    ["a number that is none", "AVRO", "JSON", json({ name: "A", post_abbr: null, codes: ["1"] })],
    ["Avro bytes that end too early", "AVRO", "BINARY", avroBytes("Ontario", "ON").subarray(0, -2)],
    [
      "Avro bytes with more behind them",
      "AVRO",
      "BINARY",
      Buffer.concat([avroBytes("Ontario", "ON"), Buffer.from([0])]),
    ],
    ["text that is no JSON", "PROTOCOL_BUFFER", "JSON", Buffer.from("woohoo")],
    ["a protobuf field that is not in the definition", "PROTOCOL_BUFFER", "JSON", json({ capital: "Toronto" })],
    ["a protobuf value of another type", "PROTOCOL_BUFFER", "JSON", json({ name: 7 })],
    ["protobuf bytes with an unknown field", "PROTOCOL_BUFFER", "BINARY", Buffer.from([0x48, 1])],
    ["protobuf bytes with an unknown field further in", "PROTOCOL_BUFFER", "BINARY", Buffer.from([0x22, 2, 0x48, 1])],
  ];
  it.each(unfit)("refuses %s", async (_sentence, type, encoding, data) => {
    const { topic } = await topicOf(type, definitions[type], encoding);
    await expect(topic.publishMessage({ data })).rejects.toMatchObject({
      code: 3,
      details: expect.stringContaining("Message failed schema validation"),
    });
  });

  it("takes what fits any revision in its range, and nothing once the schema is gone", async () => {
    const { id, topic, schema } = await topicOf("AVRO", AVRO, "JSON");
    const call = (path: string, body: object) =>
      fetch(`${emulator.url}/v1/${schema}${path}`, { method: "POST", body: JSON.stringify(body) });
    const wider = AVRO.replace('"codes"', '"numbers"');
    const committed = await call(":commit", { schema: { name: schema, type: "AVRO", definition: wider } });
    const { revisionId } = (await committed.json()) as { revisionId: string };
    const old = json({ name: "A", post_abbr: null, codes: [] });
    const fresh = json({ name: "A", post_abbr: null, numbers: [] });
    await topic.publishMessage({ data: old });
    await topic.publishMessage({ data: fresh });
    await topic.setMetadata({ schemaSettings: { schema, encoding: "JSON", firstRevisionId: revisionId } });
    await expect(topic.publishMessage({ data: old })).rejects.toMatchObject({ code: 3 });
    await topic.publishMessage({ data: fresh });
    await pubsub.schema(id).delete();
    expect((await topic.getMetadata())[0].schemaSettings?.schema).toBe("_deleted-schema_");
    await expect(topic.publishMessage({ data: fresh })).rejects.toMatchObject({ code: 9 });
  });
});

describe("a schema", () => {
  const invalid: [string, "AVRO" | "PROTOCOL_BUFFER", string][] = [
    ["that is no JSON", "AVRO", "woohoo i am a schema, no really"],
    ["without a type", "AVRO", '{"not_actually":"avro"}'],
    ["with a field of a type there is not", "AVRO", '{"type":"record","name":"A","fields":[{"name":"a","type":"B"}]}'],
    ["with a union in a union", "AVRO", '{"type":"record","name":"A","fields":[{"name":"a","type":["null",["int"]]}]}'],
    ["that does not parse", "PROTOCOL_BUFFER", 'syntax = "proto3"; message {'],
    ["of two messages", "PROTOCOL_BUFFER", 'syntax = "proto3"; message A {} message B {}'],
    ["that imports", "PROTOCOL_BUFFER", 'syntax = "proto3"; import "other.proto"; message A {}'],
    ["of a type there is not", "PROTOCOL_BUFFER", 'syntax = "proto3"; message A { B b = 1; }'],
  ];
  it.each(invalid)("%s is refused, when validated and when created", async (_sentence, type, definition) => {
    await expect(pubsub.validateSchema({ type, definition })).rejects.toMatchObject({ code: 3 });
    await expect(pubsub.createSchema("refused", type, definition)).rejects.toMatchObject({ code: 3 });
  });

  it("that is good is said to be so, and a message is held against it", async () => {
    await pubsub.validateSchema({ type: SchemaTypes.Avro, definition: AVRO });
    await pubsub.createSchema("kept", SchemaTypes.ProtocolBuffer, PROTO);
    const schema = pubsub.schema("kept");
    // The client sends what it is given as bytes in base64.
    const given = (value: unknown) => json(value).toString("base64");
    await schema.validateMessage(given({ name: "Alberta" }), Encodings.Json);
    await expect(schema.validateMessage(given({ foo: "bar" }), Encodings.Json)).rejects.toMatchObject({ code: 3 });
  });

  it("has revisions: committed, listed newest first, gone back to, read by id and deleted", async () => {
    await pubsub.createSchema("revised", SchemaTypes.Avro, AVRO);
    const client = await pubsub.getSchemaClient();
    const name = `projects/${emulator.project}/schemas/revised`;
    const [one] = await client.getSchema({ name });
    const [two] = await client.commitSchema({
      name,
      schema: { name, type: "AVRO", definition: AVRO.replace("codes", "numbers") },
    });
    const [three] = await client.rollbackSchema({ name, revisionId: one.revisionId ?? "" });
    expect(three.definition).toBe(AVRO);
    const ids = async () => (await client.listSchemaRevisions({ name }))[0].map(({ revisionId }) => revisionId);
    expect(await ids()).toEqual([three, two, one].map(({ revisionId }) => revisionId));
    expect((await client.getSchema({ name: `${name}@${two.revisionId}` }))[0].definition).toContain("numbers");
    await client.deleteSchemaRevision({ name: `${name}@${two.revisionId}` });
    expect(await ids()).toEqual([three, one].map(({ revisionId }) => revisionId));
    await client.deleteSchemaRevision({ name: `${name}@${one.revisionId}` });
    await expect(client.deleteSchemaRevision({ name: `${name}@${three.revisionId}` })).rejects.toMatchObject({
      code: 3,
    });
    await expect(
      client.commitSchema({ name, schema: { name, type: "PROTOCOL_BUFFER", definition: PROTO } }),
    ).rejects.toMatchObject({ code: 3 });
  });

  it("is there with all its revisions after a restart, and so is who demands it", async () => {
    const { id, schema } = await topicOf("PROTOCOL_BUFFER", PROTO, "JSON");
    const definition = `${PROTO}\n// again`;
    await fetch(`${emulator.url}/v1/${schema}:commit`, {
      method: "POST",
      body: JSON.stringify({ schema: { name: schema, type: "PROTOCOL_BUFFER", definition } }),
    });
    await pubsub.close();
    await emulator.close();
    await open();
    const answer = await fetch(`${emulator.url}/v1/${schema}:listRevisions?view=FULL`);
    const { schemas } = (await answer.json()) as { schemas: { definition: string }[] };
    expect(schemas.map((one) => one.definition)).toEqual([definition, PROTO]);
    expect((await pubsub.schema(id).get(SchemaViews.Full)).definition).toBe(definition);
    await expect(pubsub.topic(`topic-${id}`).publishMessage({ data: Buffer.from("{") })).rejects.toMatchObject({
      code: 3,
    });
  });
});
