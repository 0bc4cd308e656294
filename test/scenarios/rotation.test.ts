import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { Storage } from "@google-cloud/storage";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { refText } from "../../cli/config/ref.ts";
import { send, taken } from "../../cli/fleet/order.ts";
import { type FunctionsHost, startFunctions } from "../../cli/project/functions.ts";
import { ringFor } from "../../cli/project/secrets.ts";
import { setUpProject, setUpTriggers } from "../../cli/project/setup.ts";
import { until } from "../../cli/waiting.ts";
import { type Cloud, makeCloud } from "../../functions/controller/cloud.ts";
import { loadRecord } from "../../functions/controller/records.ts";
import { readSettings } from "../../functions/controller/settings.ts";
import { realTime } from "../../functions/controller/time.ts";
import type { FleetRecord } from "../../functions/core/record.ts";
import { type Emulated, openEmulated, PROJECT } from "../functions/google/emulated.ts";

// Two fleets of virtual machines, the functions as they are in the source, and Google's own clients that change secrets and
// refs. What reaches the functions are the events of the emulated services.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

const SOON = { withinMs: 20_000, everyMs: 50 };
const ZONE = "us-central1-a";
const value = () => randomBytes(24).toString("hex");

let world: Emulated;
let cloud: Cloud;
let host: FunctionsHost;
let google: SecretManagerServiceClient;
let storage: Storage;
const values: string[] = [];
const lines: string[] = [];

const secret = (id: string) => `projects/${PROJECT}/secrets/${id}`;
const record = async (fleet: string): Promise<FleetRecord> => (await loadRecord(cloud.state, fleet)).record;

async function reach(fleet: string, what: string, there: (record: FleetRecord) => boolean): Promise<FleetRecord> {
  const now = async () => {
    const found = await record(fleet);
    return there(found) ? found : undefined;
  };
  const explain = async () => `${JSON.stringify((await record(fleet)).reasons)}\n${lines.slice(-20).join("\n")}`;
  return until(what, now, { withinMs: 60_000, everyMs: 100, explain });
}

const words = ({ reasons }: FleetRecord) => reasons.map(({ word }) => word);
const pinned = ({ stable }: FleetRecord) => stable?.release.secrets.key?.split("/").at(-1);

async function addVersion(id: string): Promise<void> {
  const text = value();
  values.push(text);
  await google.addSecretVersion({ parent: secret(id), payload: { data: Buffer.from(text) } });
}

/** Points the alias `current` of the secret to a version. */
async function point(id: string, version: number): Promise<void> {
  const named = { name: secret(id), versionAliases: { current: version } };
  await google.updateSecret({ secret: named, updateMask: { paths: ["version_aliases"] } });
}

async function ids(group: string): Promise<string[]> {
  const machines = await cloud.compute(PROJECT).managedInstances({ location: ZONE, regional: false, name: group });
  return machines.map(({ id }) => id ?? "").sort();
}

async function apply(fleet: string, more: object): Promise<void> {
  const policy = {
    fleet,
    project: PROJECT,
    groups: [{ zone: ZONE, name: fleet, base: "base" }],
    follows: { family: "web" },
    steps: [{ canary: 1, bake: "0s" }, { share: "100%" }],
    finalBake: "0s",
    gates: ["health"],
    replace: { above: 2, missing: 0 },
    ...more,
  };
  await taken(cloud, await send(cloud, fleet, { kind: "apply", policy }, "ada", { write: () => {} } as never));
  await reach(fleet, `${fleet} to be taken on`, ({ stable }) => stable !== null);
}

/** Puts a commit's pack and moves the ref to it, as the command line does. Returns the commit. */
async function push(ref: string, content: string): Promise<string> {
  const commit = createHash("sha256").update(content).digest("hex");
  const bucket = storage.bucket(`${PROJECT}-moult-config`);
  await bucket.file(`packs/${commit}.json`).save(content, { resumable: false });
  const moved = new Date().toISOString();
  await bucket.file(`refs/${ref}.json`).save(refText({ by: "ada", commit, moved, previous: [] }), { resumable: false });
  return commit;
}

beforeAll(async () => {
  world = await openEmulated();
  const { emulator, root } = world;
  for (const [name, text] of Object.entries(emulator.env)) vi.stubEnv(name, text);
  vi.stubEnv("METADATA_SERVER_DETECTION", "assume-present");
  cloud = makeCloud(readSettings(emulator.env), realTime, () => {});
  storage = new Storage({ projectId: PROJECT, apiEndpoint: emulator.url });
  const { hostname, port } = new URL(emulator.url);
  google = new SecretManagerServiceClient({
    apiEndpoint: hostname,
    port: Number(port),
    protocol: "http",
    fallback: true,
  });

  const place = { rest: root, project: PROJECT, location: "us-central1" };
  await setUpProject(place);
  host = await startFunctions({
    bundle: join(import.meta.dirname, "../../functions/serve.ts"),
    env: { ...emulator.env, PATH: process.env.PATH ?? "", HOME: "/nonexistent" },
    log: (line) => void lines.push(line),
  });
  await setUpTriggers(place, host.origin);

  await world.image("web-1");
  await world.template("base", "web-1");
  for (const name of ["web", "api"])
    await world.insert(`zones/${ZONE}/instanceGroupManagers`, {
      name,
      baseInstanceName: name,
      targetSize: 3,
      versions: [{ instanceTemplate: `projects/${PROJECT}/global/instanceTemplates/base` }],
    });
  for (const id of ["web-key", "api-key"]) {
    await google.createSecret({
      parent: `projects/${PROJECT}`,
      secretId: id,
      secret: { replication: { automatic: {} } },
    });
    await ringFor(root, PROJECT, secret(id));
    await addVersion(id);
  }
  await point("api-key", 1);
  await push("api", "the first configuration");
  await apply("web", { secrets: { key: { secret: "web-key", follows: "latest-enabled" } }, settle: "3s" });
  await apply("api", {
    secrets: { key: { secret: "api-key", follows: "current" } },
    config: { ref: "api" },
    settle: "1s",
  });
});

afterAll(async () => {
  await host?.close();
  await google?.close();
  await cloud?.topics.close();
  await world?.close();
  vi.unstubAllEnvs();
});

describe("rotating a secret", () => {
  it("replaces the machines that use it and no others, in one rollout for three versions at once", async () => {
    const [web, api] = [await ids("web"), await ids("api")];
    expect([web.length, api.length]).toEqual([3, 3]);
    for (let i = 0; i < 3; i++) await addVersion("web-key");
    const settling = await reach("web", "the new versions to settle", (now) => words(now).includes("settling"));
    expect(settling.reasons[0]?.until).toBeDefined();
    const { rollouts } = await reach("web", "the newest version", (now) => pinned(now) === "4" && !now.active);
    expect(rollouts).toBe(1);
    const after = await ids("web");
    expect(after).toHaveLength(3);
    expect(after.filter((id) => web.includes(id))).toEqual([]);
    expect(await ids("api")).toEqual(api);
    expect((await record("api")).rollouts).toBe(0);
  });

  it("by its alias happens when the alias is moved, and not when a version is added", async () => {
    await addVersion("api-key");
    await point("api-key", 2);
    await reach("api", "the version the alias points to", (now) => pinned(now) === "2" && !now.active);
    await addVersion("api-key");
    await google.disableSecretVersion({ name: `${secret("api-key")}/versions/3` });
    await point("api-key", 3);
    const stopped = await reach("api", "the disabled version to be seen", (now) =>
      words(now).includes("secret-missing"),
    );
    expect(stopped.reasons.map(({ text }) => text).join()).toMatch(
      /version 3 .* is DISABLED; alias current points to it/,
    );
    expect(pinned(stopped)).toBe("2");
    await point("api-key", 2);
    await reach("api", "to be up to date", (now) => words(now).includes("up-to-date"));
  });

  it("leaves the old version free to be destroyed, and says that there is no way back to it", async () => {
    await addVersion("web-key");
    await reach("web", "the next version", (now) => pinned(now) === "5" && !now.active);
    await google.destroySecretVersion({ name: `${secret("web-key")}/versions/4` });
    const after = await reach("web", "the missing way back", (now) => words(now).includes("no-way-back"));
    expect(words(after)).toEqual(["up-to-date", "no-way-back"]);
    expect(lines.filter((line) => line.includes('"ERROR"'))).toEqual([]);
  });
});

describe("a version that machines need", () => {
  it("is an alarm when it is disabled, before any machine fails, and none when it is enabled again", async () => {
    const version = `${secret("api-key")}/versions/2`;
    const before = await ids("api");
    await google.disableSecretVersion({ name: version });
    const now = await reach("api", "the alarm", (seen) => words(seen).includes("secret-unavailable"));
    const alarm = now.reasons.find(({ word }) => word === "secret-unavailable");
    expect(alarm?.text).toMatch(/"gcloud secrets versions enable 2 --secret api-key --project acme-prod"/);
    await until("the line in the log", async () => lines.some((line) => line.includes('"ERROR"')) || undefined, SOON);
    const [line = "{}"] = lines.filter((one) => one.includes('"ERROR"'));
    expect(JSON.parse(line)).toMatchObject({ severity: "ERROR", word: "secret-unavailable", fleet: "api" });
    await google.enableSecretVersion({ name: version });
    await reach("api", "the end of the alarm", (seen) => !words(seen).includes("secret-unavailable"));
    expect(await ids("api")).toEqual(before);
  });
});

describe("a configuration ref", () => {
  it("that is moved is a rollout, moved back another one; deleted, the fleet says so and stays as it is", async () => {
    const first = (await record("api")).stable?.release.configCommit;
    const { rollouts } = await record("api");
    const second = await push("api", "the second configuration");
    await reach("api", "the second", (now) => now.stable?.release.configCommit === second && !now.active);
    expect(await push("api", "the first configuration")).toBe(first);
    await reach("api", "the first again", (now) => now.stable?.release.configCommit === first && !now.active);
    expect((await record("api")).rollouts).toBe(rollouts + 2);
    await storage.bucket(`${PROJECT}-moult-config`).file("refs/api.json").delete();
    const gone = await reach("api", "the ref to be missed", (now) => words(now).includes("config-missing"));
    expect(gone.reasons[0]?.text).toMatch(/refs\/api\.json\) does not exist; the fleet stays as it is/);
    expect((await record("api")).rollouts).toBe(rollouts + 2);
    await push("api", "the first configuration");
    await reach("api", "to be up to date", (now) => words(now).includes("up-to-date"));
  });

  it("to a commit without its pack begins nothing until the pack is there", async () => {
    const { rollouts } = await record("api");
    const bucket = storage.bucket(`${PROJECT}-moult-config`);
    const commit = createHash("sha256").update("the third configuration").digest("hex");
    const ref = refText({ by: "ada", commit, moved: new Date().toISOString(), previous: [] });
    await bucket.file("refs/api.json").save(ref, { resumable: false });
    await reach("api", "the pack to be missed", (now) => words(now).includes("config-missing"));
    expect((await record("api")).rollouts).toBe(rollouts);
    await push("api", "the third configuration");
    await reach("api", "the third", (now) => now.stable?.release.configCommit === commit && !now.active);
  });
});

describe("events that come twice, late, and in another order", () => {
  it("change nothing: they only ring", async () => {
    const before = await Promise.all(
      ["web", "api"].map(async (fleet) => [await record(fleet), await ids(fleet)] as const),
    );
    const { projectNumber } = world.emulator;
    const named = (id: string) => `projects/${projectNumber}/secrets/${id}`;
    const types = ["SECRET_VERSION_DESTROY", "SECRET_VERSION_ADD", "SECRET_VERSION_DISABLE", "SECRET_UPDATE"];
    const bucketId = `${PROJECT}-moult-config`;
    for (let round = 0; round < 5; round++)
      for (const eventType of types)
        for (const id of ["web-key", "api-key"]) {
          await cloud.topics.ring("moult-secrets", { eventType, secretId: named(id), dataFormat: "JSON_API_V1" });
          await cloud.topics.ring("moult-config", { eventType: "OBJECT_DELETE", bucketId, objectId: "refs/api.json" });
        }
    // A secret that is really rotated after them is seen: so they were all heard.
    await addVersion("web-key");
    await reach("web", "the sixth version", (now) => pinned(now) === "6" && !now.active);
    const [[web], [api, machines]] = before as [(typeof before)[number], (typeof before)[number]];
    expect((await record("web")).rollouts).toBe(web.rollouts + 1);
    expect((await record("api")).rollouts).toBe(api.rollouts);
    expect((await record("api")).stable).toEqual(api.stable);
    expect(await ids("api")).toEqual(machines);
  });

  it("and what is no event goes to the dead letters", async () => {
    const from = lines.length;
    await cloud.topics.ring("moult-secrets", { eventType: "NONSENSE" });
    await cloud.topics.ring("moult-config", { eventType: "OBJECT_FINALIZE" });
    await until(
      "both to be put away",
      async () => {
        const put = lines.slice(from).filter((line) => line.includes('"hopeless"'));
        return put.length === 2 || undefined;
      },
      SOON,
    );
  });
});

it("no value of a secret is in anything the control plane wrote", async () => {
  expect(values.length).toBeGreaterThan(6);
  const texts = [...lines];
  for (const bucket of ["moult-state", "moult-config", "moult-reports"]) {
    const [files] = await storage.bucket(`${PROJECT}-${bucket}`).getFiles();
    for (const file of files) texts.push(file.name, String((await file.download())[0]));
  }
  expect(texts.length).toBeGreaterThan(20);
  const all = texts.join("\n");
  for (const text of values)
    for (const form of [text, Buffer.from(text).toString("base64"), Buffer.from(text).toString("hex")])
      expect(all.includes(form)).toBe(false);
});
