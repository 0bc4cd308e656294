import { createPublicKey, verify } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, type Piece, startPiece } from "./piece.ts";

let piece: Piece;
let accounts: string;
beforeAll(async () => {
  piece = await startPiece();
  accounts = `${piece.url}/v1/projects/acme/serviceAccounts`;
});
afterAll(() => piece.close());

const post = (path: string, json: object = {}) => ask(`${accounts}${path}`, { method: "POST", json });
const EMAIL = "robot-one@acme.iam.gserviceaccount.com";

describe("service accounts", () => {
  test("are made, found by address and number, changed, listed, disabled and deleted", async () => {
    const made = await post("", { accountId: "robot-one", serviceAccount: { displayName: "One" } });
    expect(made.json).toMatchObject({
      email: EMAIL,
      projectId: "acme",
      displayName: "One",
      uniqueId: expect.stringMatching(/^\d{21}$/),
    });
    expect((await post("", { accountId: "robot-one" })).json).toMatchObject({
      error: { code: 409, status: "ALREADY_EXISTS" },
    });
    expect((await ask(`${accounts}/${String(made.json.uniqueId)}`)).json.email).toBe(EMAIL);
    const change = { serviceAccount: { description: "walks" }, updateMask: "description" };
    const changed = await ask(`${accounts}/${EMAIL}`, { method: "PATCH", json: change });
    expect(changed.json).toMatchObject({ displayName: "One", description: "walks" });
    const listed = (await ask(accounts)).json.accounts as { email: string }[];
    expect(listed.map(({ email }) => email)).toEqual([
      "123456789012-compute@developer.gserviceaccount.com",
      "acme@appspot.gserviceaccount.com",
      EMAIL,
    ]);
    await post(`/${EMAIL}:disable`);
    expect((await ask(`${accounts}/${EMAIL}`)).json.disabled).toBe(true);
    await post(`/${EMAIL}:enable`);
    expect((await ask(`${accounts}/${EMAIL}`)).json).not.toHaveProperty("disabled");
    await ask(`${accounts}/${EMAIL}`, { method: "DELETE" });
    expect((await ask(`${accounts}/${EMAIL}`)).status).toBe(404);
  });

  test.each([
    ["an id that is too short", { accountId: "abc" }, 400],
    ["an id in capitals", { accountId: "Robot-One" }, 400],
    ["a field there is not", { accountId: "robot-two", colour: "red" }, 400],
  ])("refuse %s", async (_sentence, body, status) => {
    expect((await post("", body)).status).toBe(status);
  });

  test("of another project may not be seen", async () => {
    expect((await ask(`${piece.url}/v1/projects/other/serviceAccounts`)).status).toBe(403);
  });

  test("keep a policy, with its etag", async () => {
    await post("", { accountId: "shared-robot" });
    const at = "/shared-robot@acme.iam.gserviceaccount.com";
    const policy = { bindings: [{ role: "roles/iam.serviceAccountUser", members: ["user:a@example.com"] }] };
    const { json } = await post(`${at}:setIamPolicy`, { policy });
    expect((await post(`${at}:getIamPolicy`)).json).toMatchObject({ ...policy, etag: json.etag });
    await post(`${at}:setIamPolicy`, { policy: { ...policy, etag: json.etag } });
    expect((await post(`${at}:setIamPolicy`, { policy: { ...policy, etag: json.etag } })).status).toBe(409);
  });
});

describe("keys", () => {
  test("are given out once, as the file that clients read", async () => {
    await post("", { accountId: "key-owner" });
    const at = "/key-owner@acme.iam.gserviceaccount.com/keys";
    const { json } = await post(at, { keyAlgorithm: "KEY_ALG_RSA_2048" });
    const file = JSON.parse(Buffer.from(String(json.privateKeyData), "base64").toString("utf8")) as Record<
      string,
      string
    >;
    expect(file).toMatchObject({ type: "service_account", client_email: "key-owner@acme.iam.gserviceaccount.com" });
    const listed = (await ask(`${accounts}${at}`)).json.keys as { name: string }[];
    expect(listed).toEqual([expect.objectContaining({ name: json.name, keyType: "USER_MANAGED" })]);
    expect(JSON.stringify(listed)).not.toContain("PRIVATE");
    const id = String(json.name).split("/").at(-1);
    const publicKey = (await ask(`${accounts}${at}/${id}?publicKeyType=TYPE_RAW_PUBLIC_KEY`)).json.publicKeyData;
    const pem = createPublicKey(file.private_key ?? "")
      .export({ type: "spki", format: "pem" })
      .toString();
    expect(Buffer.from(String(publicKey), "base64").toString("utf8")).toBe(pem);
    await ask(`${accounts}${at}/${id}`, { method: "DELETE" });
    expect((await ask(`${accounts}${at}/${id}`)).status).toBe(404);
  });

  test("of others are uploaded as certificates, and nothing else is one", async () => {
    await post("", { accountId: "cert-owner" });
    const at = "/cert-owner@acme.iam.gserviceaccount.com/keys:upload";
    const [pem] = Object.values((await ask(`${piece.url}/oauth2/v1/certs`)).json);
    const publicKeyData = Buffer.from(String(pem)).toString("base64");
    expect((await post(at, { publicKeyData })).json).toMatchObject({ keyOrigin: "USER_PROVIDED" });
    expect((await post(at, { publicKeyData: Buffer.from("nonsense").toString("base64") })).status).toBe(400);
    expect(piece.iam.publicKeys("cert-owner@acme.iam.gserviceaccount.com")).toHaveLength(1);
  });
});

describe("in an account's name, without its key", () => {
  const at = (verb: string) => `${piece.url}/v1/projects/-/serviceAccounts/any@acme.iam.gserviceaccount.com:${verb}`;
  const call = (verb: string, json: object) => ask(at(verb), { method: "POST", json });

  test("bytes are signed, by a key that is then known to be the account's", async () => {
    const payload = Buffer.from("sign me");
    expect(piece.iam.publicKeys("any@acme.iam.gserviceaccount.com")).toEqual([]);
    const { json } = await call("signBlob", { payload: payload.toString("base64") });
    const [key] = piece.iam.publicKeys("any@acme.iam.gserviceaccount.com");
    if (!key) throw new Error("no key is known");
    expect(verify("RSA-SHA256", payload, key, Buffer.from(String(json.signedBlob), "base64"))).toBe(true);
  });

  test("tokens are made that are the account's", async () => {
    const access = await call("generateAccessToken", {
      scope: ["https://www.googleapis.com/auth/cloud-platform"],
      lifetime: "600s",
    });
    expect(piece.iam.principal({ authorization: `Bearer ${String(access.json.accessToken)}` })).toBe(
      "any@acme.iam.gserviceaccount.com",
    );
    const identity = await call("generateIdToken", { audience: "https://me", includeEmail: true });
    const claims = JSON.parse(
      Buffer.from(String(identity.json.token).split(".")[1] ?? "", "base64url").toString("utf8"),
    ) as object;
    expect(claims).toMatchObject({ aud: "https://me", email: "any@acme.iam.gserviceaccount.com" });
    const jwt = await call("signJwt", { payload: '{"iss":"me"}' });
    expect(String(jwt.json.signedJwt).split(".")).toHaveLength(3);
  });

  test.each([
    ["a token without a scope", "generateAccessToken", {}, 400],
    ["a token for longer than an hour", "generateAccessToken", { scope: ["s"], lifetime: "7200s" }, 400],
    ["an identity without an audience", "generateIdToken", {}, 400],
    ["a JWT that is no object", "signJwt", { payload: "1" }, 400],
    ["what nobody serves", "signEverything", {}, 501],
  ])("%s is refused", async (_sentence, verb, json, status) => {
    expect((await call(verb, json)).status).toBe(status);
  });

  test("nothing is signed where a rule denies it", async () => {
    const rule = { permission: "iam.serviceAccounts.signBlob" };
    await ask(`${piece.url}/emulator/iam/deny`, { method: "POST", json: rule });
    expect((await call("signBlob", { payload: "" })).status).toBe(403);
    await ask(`${piece.url}/emulator/iam/deny`, { method: "DELETE" });
  });
});
