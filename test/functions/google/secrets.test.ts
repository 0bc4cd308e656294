import { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";
import { SeenSecrets } from "../../../functions/controller/secrets.ts";
import { makeSecrets, type Secrets } from "../../../functions/google/secrets.ts";

const PROJECT = "acme-prod";
let emulator: Emulator;
let google: SecretManagerServiceClient;

beforeAll(async () => {
  emulator = await startEmulator({ instances: "virtual", project: PROJECT });
  // Credentials come from the metadata server, as on Google Cloud.
  vi.stubEnv("GCE_METADATA_HOST", emulator.env.GCE_METADATA_HOST);
  vi.stubEnv("METADATA_SERVER_DETECTION", "assume-present");
  const { hostname, port } = new URL(emulator.url);
  google = new SecretManagerServiceClient({
    apiEndpoint: hostname,
    port: Number(port),
    protocol: "http",
    fallback: true,
  });
});
afterAll(async () => {
  await google?.close();
  await emulator?.close();
  vi.unstubAllEnvs();
});

interface Options {
  location?: string;
  versionDestroyTtl?: { seconds: number };
}

/** A secret with so many versions, made with Google's own client. */
async function make(id: string, count: number, { location = "", ...more }: Options = {}): Promise<string> {
  const parent = `projects/${PROJECT}${location && `/locations/${location}`}`;
  const secret = { ...(location === "" && { replication: { automatic: {} } }), ...more };
  await google.createSecret({ parent, secretId: id, secret });
  const name = `${parent}/secrets/${id}`;
  for (let i = 1; i <= count; i++)
    await google.addSecretVersion({ parent: name, payload: { data: Buffer.from(`value ${i}`) } });
  return name;
}

let shared: Secrets | undefined;
function secrets(): Secrets {
  shared ??= makeSecrets(`${emulator.url}/`);
  return shared;
}

describe.each([
  ["a global secret", ""],
  ["a regional secret", "europe-west4"],
])("of %s", (_, location) => {
  const id = location === "" ? "everywhere" : "somewhere";
  let name: string;
  beforeAll(async () => {
    name = await make(id, 4, { location, versionDestroyTtl: { seconds: 86_400 } });
    await google.disableSecretVersion({ name: `${name}/versions/4` });
    await google.destroySecretVersion({ name: `${name}/versions/1` });
    const aliased = { name, versionAliases: { blue: 2, green: 4 } };
    await google.updateSecret({ secret: aliased, updateMask: { paths: ["version_aliases"] } });
  });

  it("the enabled versions are told, and each with its state", async () => {
    expect((await secrets().enabled(name)).sort()).toEqual([2, 3]);
    const versions = await secrets().versions(name);
    expect(versions.map(({ number, state }) => `${number} ${state}`).sort()).toEqual([
      "1 DISABLED",
      "2 ENABLED",
      "3 ENABLED",
      "4 DISABLED",
    ]);
  });

  it("a version that is to be destroyed says when", async () => {
    const { state, destroyAt = "" } = await secrets().version(`${name}/versions/1`);
    expect(state).toBe("DISABLED");
    expect(Math.abs(Date.parse(destroyAt) - Date.now() - 86_400_000)).toBeLessThan(60_000);
  });

  it("aliases are version numbers", async () => {
    expect([await secrets().aliased(name, "blue"), await secrets().aliased(name, "red")]).toEqual([2, undefined]);
  });

  it("the value of a version is read", async () => {
    expect(Buffer.from(await secrets().value(`${name}/versions/3`)).toString()).toBe("value 3");
  });

  it("any answer teaches which number the project has", async () => {
    const fresh = makeSecrets(`${emulator.url}/`);
    const [{ name: answered }] = await google.getSecret({ name });
    const number = answered?.split("/")[1] ?? "";
    expect(number).toMatch(/^\d+$/);
    expect(fresh.projectOf(number)).toBeUndefined();
    await fresh.enabled(name);
    expect(fresh.projectOf(number)).toBe(PROJECT);
  });

  it("a release takes the newest enabled version, and no alias that points to a disabled one", async () => {
    const seen = new SeenSecrets(secrets());
    const ref = { secret: id, project: PROJECT, ...(location !== "" && { location }) };
    expect(await seen.resolve({ ...ref, version: "newest" })).toBe(`${name}/versions/3`);
    expect(await seen.resolve({ ...ref, version: { alias: "blue" } })).toBe(`${name}/versions/2`);
    expect(await seen.resolve({ ...ref, version: { alias: "green" } })).toMatchObject({
      text: expect.stringMatching(/version 4 of secret .* is DISABLED; alias green points to it/),
    });
  });

  it("versions that releases need and that give no value are found", async () => {
    const names = [1, 2, 3, 4, 9].map((number) => `${name}/versions/${number}`);
    expect(await new SeenSecrets(secrets()).unusable(names)).toEqual([
      { name: names[0], state: "DISABLED", destroyAt: expect.any(String) },
      { name: names[3], state: "DISABLED" },
      { name: names[4], state: "GONE" },
    ]);
  });
});

it("a secret that is not there is a failure of that kind", async () => {
  const missing = `projects/${PROJECT}/secrets/nobody`;
  await expect(secrets().enabled(missing)).rejects.toMatchObject({ kind: "missing" });
  await expect(secrets().aliased(missing, "blue")).rejects.toMatchObject({ kind: "missing" });
});
