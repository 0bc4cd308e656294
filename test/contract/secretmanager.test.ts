import { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { failure, isReal, openPlace, type Place } from "./place.ts";

let place: Place;
beforeAll(async () => {
  place = await openPlace();
});
afterAll(() => place.close());

/** A regional secret is replicated by being where it is. */
const KINDS = [
  { kind: "global", transport: "grpc" },
  { kind: "global", transport: "rest" },
  { kind: "regional", transport: "grpc" },
  { kind: "regional", transport: "rest" },
] as const;

describe.each(KINDS)("$kind secrets over $transport", ({ kind, transport }) => {
  let client: SecretManagerServiceClient;
  let parent: string;
  const replication = kind === "global" ? { replication: { automatic: {} } } : {};

  beforeAll(() => {
    // Regional secrets are served at an address of their region.
    const regional = isReal &&
      kind === "regional" && { apiEndpoint: `secretmanager.${place.region}.rep.googleapis.com` };
    const options = { ...place[transport], ...regional };
    client = place.opened(
      new SecretManagerServiceClient(options as ConstructorParameters<typeof SecretManagerServiceClient>[0]),
    );
    parent = `projects/${place.project}${kind === "regional" ? `/locations/${place.region}` : ""}`;
  });

  const create = async (what: string, more: object = {}) => {
    const secretId = place.name(what);
    const path = `${parent}/secrets/${secretId}`;
    place.later(path, () => client.deleteSecret({ name: path }));
    const [secret] = await client.createSecret({ parent, secretId, secret: { ...replication, ...more } });
    return { ...secret, name: secret.name ?? "", secretId, path };
  };
  const add = async (name: string, data: string | Buffer) =>
    (await client.addSecretVersion({ parent: name, payload: { data: Buffer.from(data) } }))[0];
  const read = async (name: string) => {
    const [{ payload }] = await client.accessSecretVersion({ name });
    return Buffer.from(payload?.data as Uint8Array).toString();
  };

  test("a secret is named by the project's number and has what it was given", async () => {
    const secret = await create("made", { labels: { app: "web" }, annotations: { note: "Ä ✓" } });
    expect(secret.name).toMatch(/^projects\/\d+\//);
    expect([secret.labels, secret.annotations]).toEqual([{ app: "web" }, { note: "Ä ✓" }]);
    expect(secret.etag).toMatch(/^"[0-9a-f]+"$/);
    const [found] = await client.getSecret({ name: secret.path });
    expect(found).toMatchObject({ name: secret.name, etag: secret.etag });
  });

  test("a second secret of the same name is ALREADY_EXISTS", async () => {
    const { secretId } = await create("twice");
    expect((await failure(client.createSecret({ parent, secretId, secret: replication }))).code).toBe(6);
  });

  test.each(["with space", "ünïcode", "a/b", "", "x".repeat(256)])(
    "the id %j is INVALID_ARGUMENT",
    async (secretId) => {
      expect((await failure(client.createSecret({ parent, secretId, secret: replication }))).code).toBe(3);
    },
  );

  test("what is not there is NOT_FOUND", async () => {
    const name = `${parent}/secrets/${place.name("absent")}`;
    for (const ask of [
      () => client.getSecret({ name }),
      () => client.deleteSecret({ name }),
      () => client.accessSecretVersion({ name: `${name}/versions/latest` }),
      () => client.addSecretVersion({ parent: name, payload: { data: Buffer.from("x") } }),
      () => client.getSecretVersion({ name: `${name}/versions/1` }),
      () => client.listSecretVersions({ parent: name }),
      () => client.updateSecret({ secret: { name, labels: { a: "b" } }, updateMask: { paths: ["labels"] } }),
    ]) {
      expect((await failure(ask())).code).toBe(5);
    }
  });

  test("versions count from one, and the newest is an alias", async () => {
    const { path } = await create("versions");
    expect((await add(path, "one ✓")).name).toMatch(/\/versions\/1$/);
    expect((await add(path, "two")).name).toMatch(/\/versions\/2$/);
    expect(await read(`${path}/versions/1`)).toBe("one ✓");
    expect(await read(`${path}/versions/latest`)).toBe("two");
    const [version] = await client.getSecretVersion({ name: `${path}/versions/latest` });
    expect(version).toMatchObject({ state: "ENABLED", name: expect.stringMatching(/\/versions\/2$/) });
  });

  test("bytes of every value come back, with their checksum", async () => {
    const { path } = await create("bytes");
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await add(path, bytes);
    const [{ payload, name }] = await client.accessSecretVersion({ name: `${path}/versions/1` });
    expect(Buffer.from(payload?.data as Uint8Array).equals(bytes)).toBe(true);
    expect(String(payload?.dataCrc32c)).toBe(String(crc32c(bytes)));
    expect(name).toMatch(/^projects\/\d+\//);
  });

  test("a wrong checksum is INVALID_ARGUMENT, a right one is noted", async () => {
    const { path } = await create("sums");
    const data = Buffer.from("hello");
    expect((await failure(client.addSecretVersion({ parent: path, payload: { data, dataCrc32c: "1" } }))).code).toBe(3);
    const [version] = await client.addSecretVersion({ parent: path, payload: { data, dataCrc32c: crc32c(data) } });
    expect(version.clientSpecifiedPayloadChecksum).toBe(true);
  });

  test("an empty payload and one beyond 64 KiB are INVALID_ARGUMENT; 64 KiB are not", async () => {
    const { path } = await create("sizes");
    expect((await failure(add(path, ""))).code).toBe(3);
    expect((await failure(add(path, Buffer.alloc(65_537, 1)))).code).toBe(3);
    expect((await add(path, Buffer.alloc(65_536, 1))).state).toBe("ENABLED");
  });

  test("disabled and destroyed versions are FAILED_PRECONDITION to read", async () => {
    const { path } = await create("states");
    await add(path, "one");
    const name = `${path}/versions/1`;
    expect((await client.disableSecretVersion({ name }))[0].state).toBe("DISABLED");
    expect((await failure(client.accessSecretVersion({ name }))).code).toBe(9);
    expect((await client.enableSecretVersion({ name }))[0].state).toBe("ENABLED");
    expect(await read(name)).toBe("one");
    const [destroyed] = await client.destroySecretVersion({ name });
    expect([destroyed.state, Number(destroyed.destroyTime?.seconds) > 0]).toEqual(["DESTROYED", true]);
    expect((await failure(client.accessSecretVersion({ name }))).code).toBe(9);
    expect((await failure(client.enableSecretVersion({ name }))).code).toBe(9);
  });

  test("an etag that is not the present one is FAILED_PRECONDITION", async () => {
    const { path, etag } = await create("etags");
    const [changed] = await client.updateSecret({
      secret: { name: path, labels: { v: "2" }, etag: etag ?? "" },
      updateMask: { paths: ["labels"] },
    });
    expect(changed.etag).not.toBe(etag);
    const stale = { name: path, labels: { v: "3" }, etag: etag ?? "" };
    expect((await failure(client.updateSecret({ secret: stale, updateMask: { paths: ["labels"] } }))).code).toBe(9);
    expect((await failure(client.deleteSecret({ name: path, etag: etag ?? "" }))).code).toBe(9);
  });

  test("a mask says what an update changes, and must name something that can be changed", async () => {
    const { path } = await create("masks", { labels: { a: "1" }, annotations: { b: "1" } });
    const [changed] = await client.updateSecret({
      secret: { name: path, labels: { a: "2" }, annotations: { b: "2" } },
      updateMask: { paths: ["labels"] },
    });
    expect([changed.labels, changed.annotations]).toEqual([{ a: "2" }, { b: "1" }]);
    expect((await failure(client.updateSecret({ secret: { name: path }, updateMask: { paths: [] } }))).code).toBe(3);
    const replace = { secret: { name: path }, updateMask: { paths: ["replication"] } };
    expect((await failure(client.updateSecret(replace))).code).toBe(3);
  });

  test("aliases name versions that are there", async () => {
    const { path } = await create("aliases");
    await add(path, "one");
    await add(path, "two");
    const update = (versionAliases: Record<string, string>) =>
      client.updateSecret({ secret: { name: path, versionAliases }, updateMask: { paths: ["version_aliases"] } });
    const [secret] = await update({ prod: "1" });
    expect(String(secret.versionAliases?.prod)).toBe("1");
    expect(await read(`${path}/versions/prod`)).toBe("one");
    expect((await failure(client.accessSecretVersion({ name: `${path}/versions/dev` }))).code).toBe(5);
    expect([3, 9]).toContain((await failure(update({ prod: "7" }))).code);
  });

  test("versions are listed newest first, by page and by state", async () => {
    const { path } = await create("listed");
    for (const data of ["a", "b", "c"]) await add(path, data);
    await client.disableSecretVersion({ name: `${path}/versions/2` });
    const [page, next] = await client.listSecretVersions({ parent: path, pageSize: 2 }, { autoPaginate: false });
    expect(page.map(({ name }) => name?.split("/").at(-1))).toEqual(["3", "2"]);
    const more = { parent: path, pageSize: 2, pageToken: next?.pageToken ?? "" };
    const [rest] = await client.listSecretVersions(more, { autoPaginate: false });
    expect(rest.map(({ name }) => name?.split("/").at(-1))).toEqual(["1"]);
    const [enabled] = await client.listSecretVersions({ parent: path, filter: "state:ENABLED" });
    expect(enabled.map(({ name }) => name?.split("/").at(-1))).toEqual(["3", "1"]);
  });

  test("secrets are listed by page and by label", async () => {
    const label = `x${place.name("l").replace(/\W/g, "")}`;
    const made = [await create("one", { labels: { [label]: "y" } }), await create("two", { labels: { [label]: "y" } })];
    const filter = `labels.${label}=y`;
    const [found] = await client.listSecrets({ parent, filter });
    expect(found.map(({ name }) => name).sort()).toEqual(made.map(({ name }) => name).sort());
    const [page, next] = await client.listSecrets({ parent, filter, pageSize: 1 }, { autoPaginate: false });
    expect([page.length, next?.pageToken !== ""]).toEqual([1, true]);
    const [none] = await client.listSecrets({ parent, filter: `labels.${label}=z` });
    expect(none).toEqual([]);
  });

  test("a negative page size and a filter that cannot be read are INVALID_ARGUMENT", async () => {
    expect((await failure(client.listSecrets({ parent, pageSize: -1 }))).code).toBe(3);
    expect((await failure(client.listSecrets({ parent, filter: "labels.(" }))).code).toBe(3);
  });

  test("a secret without versions has no newest", async () => {
    const { path } = await create("bare");
    expect((await failure(client.accessSecretVersion({ name: `${path}/versions/latest` }))).code).toBe(5);
    const [versions] = await client.listSecretVersions({ parent: path });
    expect(versions).toEqual([]);
  });

  test("an expiry is kept, and takes the place of a time to live", async () => {
    const { ttl: _, ...secret } = await create("expiring", { ttl: { seconds: 7200 } });
    const left = Number(secret.expireTime?.seconds) - Date.now() / 1000;
    expect(left).toBeGreaterThan(7000);
    expect(left).toBeLessThan(7300);
  });

  test("a policy is read, changed under its etag, and asked", async () => {
    const { path } = await create("policy");
    const [empty] = await client.getIamPolicy({ resource: path });
    expect(empty.bindings ?? []).toEqual([]);
    const binding = { role: "roles/secretmanager.viewer", members: ["allAuthenticatedUsers"] };
    const bindings = [isReal ? { ...binding, members: [`projectViewer:${place.project}`] } : binding];
    const policy = { bindings, etag: empty.etag ?? "" };
    const [changed] = await client.setIamPolicy({ resource: path, policy });
    expect(changed.bindings?.[0]?.role).toBe(binding.role);
    expect((await failure(client.setIamPolicy({ resource: path, policy }))).code).toBe(10);
    const permissions = ["secretmanager.versions.access"];
    const [{ permissions: granted }] = await client.testIamPermissions({ resource: path, permissions });
    expect(granted).toEqual(permissions);
  });

  test("a deleted secret is gone with its versions", async () => {
    const { path } = await create("deleted");
    await add(path, "x");
    await client.deleteSecret({ name: path });
    expect((await failure(client.accessSecretVersion({ name: `${path}/versions/1` }))).code).toBe(5);
  });

  test("the region is among the locations", async () => {
    // Typed as a location; it is the first of a list, as with every other method.
    const found: unknown = await client.getLocation({ name: `projects/${place.project}/locations/${place.region}` });
    expect([found].flat()[0]).toMatchObject({ locationId: place.region });
  });
});

/** CRC32C (Castagnoli), bit by bit: written here so that the emulator's own is checked by another. */
function crc32c(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
