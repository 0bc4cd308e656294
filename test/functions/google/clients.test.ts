import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";
import { buildFunctions } from "../../../scripts/functions-bundle.mjs";
import { type Clients, type Code, type Front, openFront, startClients } from "./clients.ts";

const PROJECT = "acme-prod";
const SECRET = `projects/${PROJECT}/secrets/web-db`;
const REGIONAL = `projects/${PROJECT}/locations/us-central1/secrets/web-eu`;
const DENIED = { kind: "denied", status: 403 };
const value = randomBytes(40).toString("base64");

const root = join(import.meta.dirname, "..", "..", "..");
/** In the checkout, so that the sources find what they import. */
const folder = join(root, ".cache", `clients-${process.pid}`);
const codeIn = (place: string, ending: string): Code => ({
  topics: join(place, `topics${ending}`),
  secrets: join(place, `secrets${ending}`),
  rest: join(place, `rest${ending}`),
});
const source = codeIn(join(root, "functions", "google"), ".ts");
const built = codeIn(join(folder, "built"), ".js");

let emulator: Emulator;
let front: Front;
const answered: string[] = [];

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  emulator = await startEmulator({
    instances: "virtual",
    project: PROJECT,
    onAnswered: ({ id, status }) => answered.push(`${id} ${status}`),
  });
  front = await openFront(folder, emulator.url);
  const entryPoints = codeIn("functions/google", ".ts");
  await buildFunctions(join(folder, "built"), { entryPoints });
  await ask("PUT", `/v1/projects/${PROJECT}/topics/news`, {});
  await ask("PUT", `/v1/${DESK}`, { topic: `projects/${PROJECT}/topics/news` });
  await ask("POST", `/v1/projects/${PROJECT}/secrets?secretId=web-db`, { replication: { automatic: {} } });
  await ask("POST", `/v1/projects/${PROJECT}/locations/us-central1/secrets?secretId=web-eu`, {});
  for (const secret of [SECRET, SECRET, SECRET, REGIONAL])
    await ask("POST", `/v1/${secret}:addVersion`, { payload: { data: value } });
  await ask("POST", `/v1/${SECRET}/versions/2:disable`, {});
  await ask("PATCH", `/v1/${SECRET}?updateMask=versionAliases`, { versionAliases: { current: "3" } });
});
afterAll(async () => {
  await front.close();
  await emulator.close();
  rmSync(folder, { recursive: true, force: true });
});

const DESK = `projects/${PROJECT}/subscriptions/desk`;

async function ask<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await fetch(emulator.url + path, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
  return (await answer.json()) as T;
}

interface Pulled {
  receivedMessages?: { ackId: string; message: { data?: string; attributes?: Record<string, string> } }[];
}

/** What was published since it was last asked: data and attributes. */
async function arrived(): Promise<[string, Record<string, string>][]> {
  const { receivedMessages = [] } = await ask<Pulled>("POST", `/v1/${DESK}:pull`, {
    maxMessages: 100,
    returnImmediately: true,
  });
  const ackIds = receivedMessages.map(({ ackId }) => ackId);
  if (ackIds.length > 0) await ask("POST", `/v1/${DESK}:acknowledge`, { ackIds });
  return receivedMessages.map(({ message: { data = "", attributes = {} } }) => [
    Buffer.from(data, "base64").toString("utf8"),
    attributes,
  ]);
}

describe.each([
  ["the sources, at an emulator's address", source, false],
  ["the sources, at Google's own addresses", source, true],
  ["what is deployed, at an emulator's address", built, false],
  ["what is deployed, at Google's own addresses", built, true],
])("%s", (_, code, own) => {
  let clients: Clients;

  beforeAll(() => {
    const { MOULT_PUBSUB_ENDPOINT = "", MOULT_SECRETMANAGER_ENDPOINT = "", ...others } = emulator.env;
    const { GCE_METADATA_HOST = "", MOULT_COMPUTE_ENDPOINT = "" } = others;
    const env = own ? front.env : { MOULT_PUBSUB_ENDPOINT, MOULT_SECRETMANAGER_ENDPOINT };
    const always = { GCE_METADATA_HOST, MOULT_COMPUTE_ENDPOINT };
    clients = startClients(folder, code, PROJECT, { ...always, ...env }, own ? [front.preload] : []);
  });
  beforeEach(async () => {
    await arrived();
    front.calls.length = 0;
    answered.length = 0;
    await ask("DELETE", "/emulator/iam/deny");
    await ask("DELETE", "/emulator/faults");
  });
  afterAll(() => clients.close());

  const hosts = () => [...new Set(front.calls.map((call) => call.split(/[:/]/)[0]))];

  it.each([
    ["publishes a message with its attributes", "ä 😀"],
    ["publishes a message of attributes alone", ""],
  ])("%s", async (_sentence, data) => {
    expect(await clients.ring("news", { fleet: "web" }, data)).toEqual({ value: undefined });
    expect(await arrived()).toEqual([[data, { fleet: "web" }]]);
    if (own) expect(hosts()).toEqual(["pubsub.googleapis.com"]);
  });

  it("reads a secret's value, versions and alias", async () => {
    expect(await clients.secrets("value", `${SECRET}/versions/1`)).toEqual({ value });
    expect(await clients.secrets("versions", SECRET)).toEqual({
      value: [
        { number: 3, state: "ENABLED" },
        { number: 2, state: "DISABLED" },
        { number: 1, state: "ENABLED" },
      ],
    });
    expect(await clients.secrets("enabled", SECRET)).toEqual({ value: [3, 1] });
    expect(await clients.secrets("aliased", SECRET, "current")).toEqual({ value: 3 });
    expect(await clients.secrets("version", `${SECRET}/versions/2`)).toEqual({
      value: { number: 2, state: "DISABLED" },
    });
    if (own) expect(hosts()).toEqual(["secretmanager.googleapis.com"]);
  });

  it("reads a regional secret where it lies", async () => {
    expect(await clients.secrets("value", `${REGIONAL}/versions/1`)).toEqual({ value });
    if (own) expect(hosts()).toEqual(["secretmanager.us-central1.rep.googleapis.com"]);
  });

  it("reads from Compute", async () => {
    const answer = await clients.get(`projects/${PROJECT}/zones/us-central1-a`);
    expect(answer).toMatchObject({ value: { kind: "compute#zone", name: "us-central1-a" } });
  });

  it.each([
    ["a topic that is not there is missing", { topic: "nowhere" }, { kind: "missing", status: 404 }],
    ["a version that is not there is missing", { version: 9 }, { kind: "missing", status: 404 }],
    ["a value that is disabled is invalid", { version: 2 }, { kind: "invalid", status: 400 }],
    ["a topic one may not publish to is denied", { topic: "news", deny: "pubsub.topics.publish" }, DENIED],
    ["a value one may not read is denied", { version: 1, deny: "secretmanager.versions.access" }, DENIED],
  ] as const)("%s", async (_sentence, row, wanted) => {
    if ("deny" in row) await ask("POST", "/emulator/iam/deny", { permission: row.deny });
    const got = await ("topic" in row
      ? clients.ring(row.topic, { fleet: "web" }, "")
      : clients.secrets("value", `${SECRET}/versions/${row.version}`));
    const place =
      "topic" in row ? `publish to ${row.topic}: ` : `read the value of ${SECRET}/versions/${row.version}: `;
    expect(got).toEqual({ ...wanted, message: expect.stringMatching(`^${place}\\S`) });
  });

  it.each([
    ["publishing", "pubsub.projects.topics.publish", "pubsub"],
    ["reading a value", "secretmanager.projects.secrets.versions.access", "secretmanager"],
  ])("%s is tried again when the service is away for a moment", async (what, method, service) => {
    const fault = { match: { service }, do: { fail: { status: 503, rpc: "UNAVAILABLE" } }, times: 2 };
    await ask("POST", "/emulator/faults", fault);
    const got = await (what === "publishing"
      ? clients.ring("news", {}, "again")
      : clients.secrets("value", `${SECRET}/versions/1`));
    expect(got).toEqual({ value: what === "publishing" ? undefined : value });
    expect(answered.filter((line) => line.startsWith(`${service}.`))).toEqual([
      `${method} 503`,
      `${method} 503`,
      `${method} 200`,
    ]);
  });

  it("writes nothing beside its answers", () => {
    expect(clients.noise()).toBe("");
  });
});
