import { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Piece, START, startPiece } from "../../iam/piece.ts";

/**
 * What Google's samples for its Node client do, of global secrets and of regional ones, in our words and with the
 * unmodified client.
 */

const TOPIC = "projects/acme/topics/told";
let piece: Piece;
let client: SecretManagerServiceClient;

beforeAll(async () => {
  process.env.METADATA_SERVER_DETECTION = "none";
  piece = await startPiece();
  client = new SecretManagerServiceClient({
    projectId: "acme",
    apiEndpoint: "127.0.0.1",
    port: piece.grpcPort,
    sslCreds: credentials.createInsecure(),
  });
});
afterAll(async () => {
  delete process.env.METADATA_SERVER_DETECTION;
  await client.close();
  await piece.close();
});

const at = (seconds: number) => ({ seconds: Math.floor(START / 1000) + seconds });
const keyIn = (place: string) => `projects/acme/locations/${place}/keyRings/ring/cryptoKeys/key`;
const version1 = (place: string) => ({ kmsKeyVersionName: `${keyIn(place)}/cryptoKeyVersions/1` });

describe.each([
  ["global", "projects/acme", { replication: { automatic: {} } }],
  ["regional", "projects/acme/locations/us-central1", {}],
])("%s secrets", (kind, parent, base) => {
  let made = 0;
  /** A secret of its own for each case. */
  async function secret(settings: object = {}) {
    const secretId = `${kind}-${++made}`;
    await client.createSecret({ parent, secretId, secret: { ...base, ...settings } });
    return `${parent}/secrets/${secretId}`;
  }
  const add = async (name: string) =>
    (await client.addSecretVersion({ parent: name, payload: { data: Buffer.from("x") } }))[0];
  const update = async (name: string, change: object, ...paths: string[]) =>
    (await client.updateSecret({ secret: { name, ...change }, updateMask: { paths } }))[0];

  const rotation = {
    topics: [{ name: TOPIC }],
    rotation: { nextRotationTime: at(86_400), rotationPeriod: { seconds: 86_400 } },
  };
  const shown: [string, object, object][] = [
    ["labels", { labels: { a: "b" } }, { labels: { a: "b" } }],
    ["annotations", { annotations: { key: "Value" } }, { annotations: { key: "Value" } }],
    [
      "an end that a time to live sets",
      { ttl: { seconds: 900 } },
      { expireTime: { seconds: String(at(900).seconds) } },
    ],
    ["an end", { expireTime: at(7200) }, { expireTime: { seconds: String(at(7200).seconds) } }],
    ["topics", { topics: [{ name: TOPIC }] }, { topics: [{ name: TOPIC }] }],
    ["a rotation", rotation, { rotation: { rotationPeriod: { seconds: "86400" } } }],
    ["a delay of destruction", { versionDestroyTtl: { seconds: 86_400 } }, { versionDestroyTtl: { seconds: "86400" } }],
    ["a type", { secretType: "ACCESS_KEY" }, { secretType: "ACCESS_KEY" }],
  ];
  test.each(shown)("are created with %s", async (_sentence, settings, wanted) => {
    const name = await secret(settings);
    expect((await client.getSecret({ name }))[0]).toMatchObject(wanted);
  });

  const changed: [string, object, object, string[], object][] = [
    [
      "another rotation period",
      rotation,
      { rotation: { rotationPeriod: { seconds: 172_800 } } },
      ["rotation.rotation_period"],
      { rotation: { rotationPeriod: { seconds: "172800" } } },
    ],
    ["no rotation", rotation, {}, ["rotation"], { rotation: null }],
    [
      "another end",
      { expireTime: at(7200) },
      { expireTime: at(9000) },
      ["expire_time"],
      { expireTime: { seconds: String(at(9000).seconds) } },
    ],
    [
      "no delay of destruction",
      { versionDestroyTtl: { seconds: 86_400 } },
      {},
      ["version_destroy_ttl"],
      { versionDestroyTtl: null },
    ],
    ["no labels", { labels: { a: "b" } }, { labels: {} }, ["labels"], { labels: {} }],
    [
      "other annotations",
      { annotations: { a: "b" } },
      { annotations: { c: "d" } },
      ["annotations"],
      { annotations: { c: "d" } },
    ],
  ];
  test.each(changed)("are changed to have %s", async (_sentence, settings, change, paths, wanted) => {
    const name = await secret(settings);
    await update(name, change, ...paths);
    expect((await client.getSecret({ name }))[0]).toMatchObject(wanted);
  });

  test("no longer end when their end is taken away", async () => {
    const name = await secret({ expireTime: at(7200) });
    expect(await update(name, {}, "expire_time")).not.toHaveProperty("expireTime");
    expect((await client.getSecret({ name }))[0]).not.toHaveProperty("expireTime");
  });

  test("know a version by its alias", async () => {
    const name = await secret();
    await add(name);
    await update(name, { versionAliases: { test: 1 } }, "version_aliases");
    const [{ payload }] = await client.accessSecretVersion({ name: `${name}/versions/test` });
    expect(String(payload?.data)).toBe("x");
  });

  test("and their versions are changed and deleted only with the etag that is current", async () => {
    const name = await secret();
    const { name: version, etag } = await add(name);
    const stale = { code: 9 };
    await expect(client.disableSecretVersion({ name: version ?? "", etag: '"other"' })).rejects.toMatchObject(stale);
    const [disabled] = await client.disableSecretVersion({ name: version ?? "", etag: etag ?? "" });
    const [enabled] = await client.enableSecretVersion({ name: version ?? "", etag: disabled.etag ?? "" });
    await expect(client.destroySecretVersion({ name: version ?? "", etag: etag ?? "" })).rejects.toMatchObject(stale);
    await client.destroySecretVersion({ name: version ?? "", etag: enabled.etag ?? "" });
    await expect(client.deleteSecret({ name, etag: '"other"' })).rejects.toMatchObject(stale);
    const [{ etag: current }] = await client.getSecret({ name });
    await client.deleteSecret({ name, etag: current ?? "" });
  });

  test("are found by filters, and so are their versions", async () => {
    const name = await secret({ labels: { team: kind } });
    await add(name);
    const { name: second } = await add(name);
    await client.disableSecretVersion({ name: second ?? "" });
    const [secrets] = await client.listSecrets({ parent, filter: `labels.team=${kind}` });
    expect(secrets.map((one) => one.name?.split("/").at(-1))).toEqual([name.split("/").at(-1)]);
    const [versions] = await client.listSecretVersions({ parent: name, filter: "state=DISABLED" });
    expect(versions.map((one) => one.name)).toEqual([second]);
  });

  test("are granted and no longer granted to somebody", async () => {
    const resource = await secret();
    const [policy] = await client.getIamPolicy({ resource });
    const members = ["user:a@example.com"];
    policy.bindings = [...(policy.bindings ?? []), { role: "roles/secretmanager.secretAccessor", members }];
    await client.setIamPolicy({ resource, policy });
    const [granted] = await client.getIamPolicy({ resource });
    expect(granted.bindings).toMatchObject([{ members }]);
    // The etag of before is another's by now.
    await expect(
      client.setIamPolicy({ resource, policy: { ...policy, etag: Buffer.from("stale") } }),
    ).rejects.toMatchObject({ code: 10 });
    await client.setIamPolicy({ resource, policy: { ...granted, bindings: [] } });
    expect((await client.getIamPolicy({ resource }))[0].bindings).toEqual([]);
  });
});

describe("customer-managed encryption", () => {
  const encryption = (place: string) => ({ customerManagedEncryption: { kmsKeyName: keyIn(place) } });
  const rows: [string, string, object, object][] = [
    [
      "of an automatic secret",
      "projects/acme",
      { replication: { automatic: encryption("global") } },
      { replicationStatus: { automatic: { customerManagedEncryption: version1("global") } } },
    ],
    [
      "of each replica",
      "projects/acme",
      { replication: { userManaged: { replicas: [{ location: "us-east1", ...encryption("us-east1") }] } } },
      {
        replicationStatus: {
          userManaged: { replicas: [{ location: "us-east1", customerManagedEncryption: version1("us-east1") }] },
        },
      },
    ],
    [
      "of a regional secret",
      "projects/acme/locations/us-east1",
      encryption("us-east1"),
      { customerManagedEncryption: version1("us-east1") },
    ],
  ];
  test.each(rows)("%s is shown with the key's version in its versions", async (sentence, parent, settings, wanted) => {
    const secretId = sentence.replaceAll(" ", "-");
    await client.createSecret({ parent, secretId, secret: settings });
    const [version] = await client.addSecretVersion({
      parent: `${parent}/secrets/${secretId}`,
      payload: { data: Buffer.from("x") },
    });
    expect(version).toMatchObject(wanted);
  });

  const refused: [string, string, object][] = [
    ["a key of another place", "projects/acme/locations/us-east1", encryption("us-west1")],
    [
      "a key that is none",
      "projects/acme",
      { replication: { automatic: { customerManagedEncryption: { kmsKeyName: "key" } } } },
    ],
    [
      "a key for one of two replicas",
      "projects/acme",
      {
        replication: {
          userManaged: { replicas: [{ location: "us-east1", ...encryption("us-east1") }, { location: "us-east4" }] },
        },
      },
    ],
    [
      "a global secret's key outside its replication",
      "projects/acme",
      { replication: { automatic: {} }, ...encryption("global") },
    ],
    [
      "a database's credentials that are not regional",
      "projects/acme",
      { replication: { automatic: {} }, secretType: "CLOUD_SQL_DB_CREDENTIALS" },
    ],
  ];
  test.each(refused)("refuses %s", async (_sentence, parent, secret) => {
    await expect(client.createSecret({ parent, secretId: "refused", secret })).rejects.toMatchObject({ code: 3 });
  });
});
