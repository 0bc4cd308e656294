import { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { credentials } from "@grpc/grpc-js";
import { OAuth2Client } from "google-auth-library";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, type Piece, startPiece } from "../iam/piece.ts";

/** Google's unmodified Node client over both transports: what it sees must be the same. */
describe.each(["REST", "gRPC"])("@google-cloud/secret-manager over %s", (transport) => {
  let piece: Piece;
  let client: SecretManagerServiceClient;
  const parent = "projects/acme";
  const numbered = "projects/123456789012";

  beforeAll(async () => {
    // The client would ask a metadata server, by name, which universe it is in.
    process.env.METADATA_SERVER_DETECTION = "none";
    piece = await startPiece();
    client = clientAs("ya29.someone");
  });
  afterAll(async () => {
    delete process.env.METADATA_SERVER_DETECTION;
    await client.close();
    await piece.close();
  });

  function clientAs(token: string): SecretManagerServiceClient {
    if (transport === "gRPC") {
      return new SecretManagerServiceClient({
        projectId: "acme",
        apiEndpoint: "127.0.0.1",
        port: piece.grpcPort,
        sslCreds: credentials.createInsecure(),
      });
    }
    const authClient = new OAuth2Client();
    authClient.setCredentials({ access_token: token });
    return new SecretManagerServiceClient({
      projectId: "acme",
      apiEndpoint: "127.0.0.1",
      port: Number(new URL(piece.url).port),
      protocol: "http",
      fallback: true,
      authClient,
    } as ConstructorParameters<typeof SecretManagerServiceClient>[0]);
  }

  const create = async (secretId: string, secret: object = {}) =>
    (await client.createSecret({ parent, secretId, secret: { replication: { automatic: {} }, ...secret } }))[0];
  const add = async (secret: string, data: string) =>
    (await client.addSecretVersion({ parent: `${parent}/secrets/${secret}`, payload: { data: Buffer.from(data) } }))[0];
  const access = async (name: string) => (await client.accessSecretVersion({ name: `${parent}/secrets/${name}` }))[0];
  const failure = async (work: Promise<unknown>) => {
    const problem = await work.then(
      () => undefined,
      (error: { code: number; message: string; reason?: string; errorInfoMetadata?: object; details: string }) => error,
    );
    if (!problem) throw new Error("it succeeded");
    return problem;
  };

  test("creates a secret, named by the project's number", async () => {
    const secret = await create("made", { labels: { app: "web" }, annotations: { note: "A b" } });
    expect(secret.name).toBe(`${numbered}/secrets/made`);
    expect(secret.labels).toEqual({ app: "web" });
    expect(secret.annotations).toEqual({ note: "A b" });
    expect(secret.replication?.automatic).toBeTruthy();
    expect(secret.etag).toMatch(/^"1[0-9a-f]+"$/);
    expect(Number(secret.createTime?.seconds)).toBe(Math.floor(piece.clock.now() / 1000));
    const [again] = await client.getSecret({ name: `${numbered}/secrets/made` });
    expect(again).toEqual(secret);
    expect(await failure(create("made"))).toMatchObject({ code: 6 });
  });

  test("gives back the newest payload as latest, with its checksum", async () => {
    await create("db");
    const version = await add("db", "first");
    expect(version.name).toBe(`${numbered}/secrets/db/versions/1`);
    expect(version.state).toBe("ENABLED");
    await add("db", "s3cret ü\0");
    const got = await access("db/versions/latest");
    expect(got.name).toBe(`${numbered}/secrets/db/versions/2`);
    expect(Buffer.from(got.payload?.data ?? "").toString()).toBe("s3cret ü\0");
    expect(Number(got.payload?.dataCrc32c)).toBeGreaterThan(0);
    expect(Buffer.from((await access("db/versions/1")).payload?.data ?? "").toString()).toBe("first");
  });

  test("refuses a payload that does not match its checksum, is empty, or is too long", async () => {
    await create("checked");
    const secret = `${parent}/secrets/checked`;
    const send = (payload: object) => failure(client.addSecretVersion({ parent: secret, payload }));
    expect(await send({ data: Buffer.from("x"), dataCrc32c: 1 })).toMatchObject({ code: 3 });
    expect((await send({ data: Buffer.alloc(0) })).message).toContain("Secret Payload cannot be empty.");
    expect(await send({ data: Buffer.alloc(65_537) })).toMatchObject({ code: 3 });
    const [longest] = await client.addSecretVersion({ parent: secret, payload: { data: Buffer.alloc(65_536) } });
    expect(longest.clientSpecifiedPayloadChecksum).toBeFalsy();
    // CRC-32C of "123456789", the check value of the algorithm's catalogue entry.
    const [good] = await client.addSecretVersion({
      parent: secret,
      payload: { data: Buffer.from("123456789"), dataCrc32c: 0xe3069283 },
    });
    expect(good.clientSpecifiedPayloadChecksum).toBe(true);
  });

  test("answers latest with the newest version even when it is disabled", async () => {
    await create("states");
    await add("states", "1");
    await add("states", "2");
    const name = `${parent}/secrets/states/versions/2`;
    const [disabled] = await client.disableSecretVersion({ name });
    expect(disabled.state).toBe("DISABLED");
    const problem = await failure(access("states/versions/latest"));
    expect(problem.code).toBe(9);
    expect(problem.message).toContain(`Secret Version [${numbered}/secrets/states/versions/2] is in DISABLED state.`);
    expect((await client.enableSecretVersion({ name }))[0].state).toBe("ENABLED");
    const [gone] = await client.destroySecretVersion({ name });
    expect(gone.state).toBe("DESTROYED");
    expect(gone.destroyTime?.seconds).toBeTruthy();
    expect((await failure(access("states/versions/2"))).message).toContain("is in DESTROYED state.");
    expect(await failure(client.enableSecretVersion({ name }))).toMatchObject({ code: 9 });
    const [versions] = await client.listSecretVersions({ parent: `${parent}/secrets/states` });
    expect(versions.map(({ state }) => state)).toEqual(["DESTROYED", "ENABLED"]);
    const [enabled] = await client.listSecretVersions({ parent: `${parent}/secrets/states`, filter: "state:ENABLED" });
    expect(enabled.map((one) => one.name)).toEqual([`${numbered}/secrets/states/versions/1`]);
  });

  test("says what is missing", async () => {
    await create("empty");
    expect(await failure(access("empty/versions/latest"))).toMatchObject({ code: 5 });
    expect((await failure(access("nothing/versions/1"))).message).toContain(
      `Secret [${numbered}/secrets/nothing] not found or has no versions.`,
    );
    await add("empty", "x");
    expect((await failure(access("empty/versions/7"))).message).toContain(
      `Secret Version [${numbered}/secrets/empty/versions/7] not found.`,
    );
  });

  test("changes what the mask names, and only with the etag that is current", async () => {
    const secret = await create("patched", { labels: { a: "1" } });
    await add("patched", "x");
    const [updated] = await client.updateSecret({
      secret: { name: secret.name ?? "", etag: secret.etag ?? "", labels: { b: "2" }, versionAliases: { good: 1 } },
      updateMask: { paths: ["labels", "version_aliases"] },
    });
    expect(updated.labels).toEqual({ b: "2" });
    expect(updated.versionAliases).toEqual({ good: "1" });
    expect(Buffer.from((await access("patched/versions/good")).payload?.data ?? "").toString()).toBe("x");
    const stale = client.updateSecret({
      secret: { name: secret.name ?? "", etag: secret.etag ?? "", labels: {} },
      updateMask: { paths: ["labels"] },
    });
    expect(await failure(stale)).toMatchObject({ code: 9 });
    const replicated = client.updateSecret({
      secret: { name: secret.name ?? "" },
      updateMask: { paths: ["replication"] },
    });
    expect(await failure(replicated)).toMatchObject({ code: 3 });
  });

  test("lists newest first, page by page, and by filter", async () => {
    for (const id of ["page-1", "page-2", "page-3"]) await create(id, { labels: { test: id } });
    const [first, next] = await client.listSecrets(
      { parent, pageSize: 2, filter: "name:page-" },
      { autoPaginate: false },
    );
    expect(first.map(({ name }) => name)).toEqual([`${numbered}/secrets/page-3`, `${numbered}/secrets/page-2`]);
    expect(next).toBeTruthy();
    const [all] = await client.listSecrets({ parent, pageSize: 1, filter: "name:page-" });
    expect(all).toHaveLength(3);
    const [one] = await client.listSecrets({ parent, filter: "labels.test=page-2" });
    expect(one.map(({ name }) => name)).toEqual([`${numbered}/secrets/page-2`]);
  });

  test("keeps regional secrets apart", async () => {
    const region = `${parent}/locations/europe-west4`;
    const [secret] = await client.createSecret({ parent: region, secretId: "made", secret: {} });
    expect(secret.name).toBe(`${numbered}/locations/europe-west4/secrets/made`);
    expect(secret.replication).toBeFalsy();
    await client.addSecretVersion({ parent: `${region}/secrets/made`, payload: { data: Buffer.from("here") } });
    const [got] = await client.accessSecretVersion({ name: `${region}/secrets/made/versions/latest` });
    expect(got.name).toBe(`${numbered}/locations/europe-west4/secrets/made/versions/1`);
    expect(await failure(access("made/versions/latest"))).toMatchObject({ code: 5 });
  });

  test("stores a policy and refuses a stale one", async () => {
    await create("policied");
    const resource = `${parent}/secrets/policied`;
    const [before] = await client.getIamPolicy({ resource });
    const bindings = [{ role: "roles/secretmanager.secretAccessor", members: ["serviceAccount:vm@acme.example"] }];
    const [policy] = await client.setIamPolicy({ resource, policy: { ...before, bindings } });
    expect(policy.bindings?.[0]?.members).toEqual(["serviceAccount:vm@acme.example"]);
    expect(await failure(client.setIamPolicy({ resource, policy: { ...before, bindings } }))).toMatchObject({
      code: 10,
    });
    const [held] = await client.testIamPermissions({ resource, permissions: ["secretmanager.versions.access"] });
    expect(held.permissions).toEqual(["secretmanager.versions.access"]);
  });

  test("answers a denied caller with the reason, whether the secret exists or not", async () => {
    const deny = `${piece.url}/emulator/iam/deny`;
    const permission = "secretmanager.versions.access";
    await ask(deny, { method: "POST", json: { permission, resource: "*/secrets/denied*" } });
    const problem = await failure(access("denied-and-missing/versions/latest"));
    const resource = `${parent}/secrets/denied-and-missing/versions/latest`;
    expect(problem.code).toBe(7);
    expect(problem.message).toContain(
      `Permission '${permission}' denied for resource '${resource}' (or it may not exist).`,
    );
    expect(problem.reason).toBe("IAM_PERMISSION_DENIED");
    expect(problem.errorInfoMetadata).toEqual({ permission, resource });
    await ask(deny, { method: "DELETE" });
  });

  test("deletes a secret with all its versions", async () => {
    await create("brief");
    await add("brief", "x");
    await client.deleteSecret({ name: `${parent}/secrets/brief` });
    expect(await failure(access("brief/versions/1"))).toMatchObject({ code: 5 });
    await create("brief");
    expect((await add("brief", "y")).name).toBe(`${numbered}/secrets/brief/versions/1`);
  });
});
