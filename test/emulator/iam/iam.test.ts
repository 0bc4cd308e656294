import { createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { JWT, OAuth2Client } from "google-auth-library";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { denies } from "../../../emulator/iam/deny.ts";
import { ask, type Piece, START, startPiece } from "./piece.ts";

let piece: Piece;
const AGENT = "agent@acme.iam.gserviceaccount.com";

beforeAll(async () => {
  piece = await startPiece();
});
afterAll(() => piece.close());
beforeEach(async () => {
  await ask(`${piece.url}/emulator/iam/deny`, { method: "DELETE" });
});

const principal = (authorization?: string) => piece.iam.principal(authorization === undefined ? {} : { authorization });

describe("who calls", () => {
  test("is the owner without a header and with a token nobody here knows", () => {
    expect(principal()).toBe("owner@example.com");
    expect(principal("Bearer gcloud-fixed-token")).toBe("owner@example.com");
    expect(principal("Basic x")).toBe("owner@example.com");
  });

  test("is the account an access token was made for, until it expires", async () => {
    const { token, expiresInSeconds } = piece.iam.accessToken(AGENT);
    expect(token).toMatch(/^ya29\.moult-/);
    expect(expiresInSeconds).toBe(3599);
    expect(principal(`Bearer ${token}`)).toBe(AGENT);
    await piece.clock.advance(3_598_000);
    expect(principal(`Bearer ${token}`)).toBe(AGENT);
    await piece.clock.advance(1_000);
    expect(() => principal(`Bearer ${token}`)).toThrow(/invalid authentication credentials/);
  });

  test("is nobody with a forged token of ours", () => {
    const { token } = piece.iam.accessToken(AGENT);
    const [content, mac] = token.split(".").slice(1);
    const forged = Buffer.from(JSON.stringify(["boss@acme.example", Number.MAX_SAFE_INTEGER, ""])).toString(
      "base64url",
    );
    expect(() => principal(`Bearer ya29.moult-${forged}.${mac}`)).toThrow(/invalid authentication credentials/);
    expect(() => principal(`Bearer ya29.${content}`)).toThrow(/invalid authentication credentials/);
    expect(() => principal("Bearer ya29.moult-")).toThrow(/invalid authentication credentials/);
  });

  test("is the account in an identity token of ours, and in a JWT a service account signed itself", () => {
    const claims = { aud: "https://f", email: "caller@acme.example" };
    expect(principal(`Bearer ${piece.iam.identityToken(claims)}`)).toBe("caller@acme.example");
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    expect(principal(`Bearer ${part({ alg: "RS256" })}.${part({ iss: AGENT, sub: AGENT })}.sig`)).toBe(AGENT);
  });
});

describe("an identity token", () => {
  test("verifies against the published certificates, as google-auth-library does it", async () => {
    // The library compares with the real time.
    const present = await startPiece({ start: Date.now() });
    const token = present.iam.identityToken({ aud: "moult:digest", email: AGENT });
    const { json: certs } = await ask(`${present.url}/oauth2/v1/certs`);
    const verify = (audience: string, text = token) =>
      new OAuth2Client().verifySignedJwtWithCertsAsync(text, certs as Record<string, string>, audience, [
        "https://accounts.google.com",
      ]);
    expect((await verify("moult:digest")).getPayload()).toMatchObject({ email: AGENT });
    await expect(verify("moult:other")).rejects.toThrow("Wrong recipient");
    const [head, , signature] = token.split(".");
    const claims = Buffer.from(JSON.stringify({ aud: "moult:digest", email: "boss@acme.example" })).toString(
      "base64url",
    );
    await expect(verify("moult:digest", `${head}.${claims}.${signature}`)).rejects.toThrow("Invalid token signature");
    await present.close();
  });

  test("carries the usual claims, by the emulated clock, and those asked for", () => {
    const now = Math.floor(piece.clock.now() / 1000);
    const google = { compute_engine: { instance_id: "5184363046278950541" } };
    const token = piece.iam.identityToken({ aud: "moult:digest", sub: "1", email: AGENT, google });
    const payload = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    expect(payload).toEqual({
      iss: "https://accounts.google.com",
      iat: now,
      exp: now + 3600,
      aud: "moult:digest",
      sub: "1",
      email: AGENT,
      google,
    });
  });

  test("is signed by the key of the JWKS, which is that of the certificate", async () => {
    const token = piece.iam.identityToken({ aud: "a" });
    const { json } = await ask(`${piece.url}/oauth2/v3/certs`);
    const [key] = (json as { keys: { kid: string; kty: string; n: string; e: string }[] }).keys;
    if (!key) throw new Error("no key was published");
    const header = JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString("utf8"));
    expect(header).toEqual({ alg: "RS256", kid: key.kid, typ: "JWT" });
    const imported = await crypto.subtle.importKey("jwk", key, { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, false, [
      "verify",
    ]);
    const [head, body, signature = ""] = token.split(".");
    const verify = (text: string) =>
      crypto.subtle.verify("RSASSA-PKCS1-v1_5", imported, Buffer.from(signature, "base64url"), Buffer.from(text));
    expect(await verify(`${head}.${body}`)).toBe(true);
    expect(await verify(`${head}.${body}x`)).toBe(false);

    const { json: pems } = await ask(`${piece.url}/oauth2/v1/certs`);
    const certificate = new X509Certificate(String(pems[key.kid]));
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.publicKey.equals(createPublicKey({ key: { ...key }, format: "jwk" }))).toBe(true);
    expect(certificate.validFromDate.getTime()).toBeLessThan(piece.clock.now());
    expect(certificate.validToDate.getTime()).toBeGreaterThan(piece.clock.now());
  });
});

describe("POST /token", () => {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const assertion = (claims: object) => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    return `${part({ alg: "RS256" })}.${part(claims)}.c2ln`;
  };
  const post = (fields: Record<string, string>) =>
    ask(`${piece.url}/token`, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams(fields).toString(),
    });
  const grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer";

  test("exchanges a service account's assertion", async () => {
    const { json } = await post({ grant_type, assertion: assertion({ iss: AGENT, scope: "x" }) });
    expect(json).toMatchObject({ token_type: "Bearer", expires_in: 3599 });
    expect(principal(`Bearer ${String(json.access_token)}`)).toBe(AGENT);
  });

  test("gives an identity token for a target audience", async () => {
    const { json } = await post({ grant_type, assertion: assertion({ iss: AGENT, target_audience: "https://f" }) });
    const claims = JSON.parse(Buffer.from(String(json.id_token).split(".")[1] ?? "", "base64url").toString("utf8"));
    expect(claims).toMatchObject({ aud: "https://f", email: AGENT, email_verified: true });
  });

  test("answers google-auth-library's JWT client", async () => {
    const client = new JWT({ email: AGENT, key: privateKey, scopes: ["x"] });
    client.transporter.defaults.adapter = async (options, next) => {
      const url = new URL(String(options.url));
      return next({ ...options, url: new URL(`${piece.url}${url.pathname}`) });
    };
    const { access_token } = await client.authorize();
    expect(principal(`Bearer ${access_token}`)).toBe(AGENT);
  });

  test.each([
    ["another grant", { grant_type: "password" }, "unsupported_grant_type"],
    ["no assertion", { grant_type }, "invalid_grant"],
    ["an assertion of nobody", { grant_type, assertion: assertion({}) }, "invalid_grant"],
  ])("refuses %s", async (_, fields, error) => {
    const answer = await post(fields);
    expect([answer.status, answer.json.error]).toEqual([400, error]);
  });
});

describe("deny rules", () => {
  const RULE = { principal: "*", permission: "*", resource: "*" };
  test.each([
    ["a rule of stars denies everything", RULE, true],
    ["another principal is not denied", { ...RULE, principal: "other@*" }, false],
    ["a star in the middle spans slashes", { ...RULE, resource: "projects/*/objects/x" }, true],
    ["a question mark is one character", { ...RULE, resource: "projects/_/buckets/b/objects/?" }, true],
    ["a dot is a dot", { ...RULE, permission: "storage-objects-get" }, false],
    ["a whole service can be denied", { ...RULE, permission: "storage.*" }, true],
    ["a prefix alone is not a match", { ...RULE, permission: "storage.objects" }, false],
  ])("%s", (_, rule, expected) => {
    expect(denies(rule, AGENT, "storage.objects.get", "projects/_/buckets/b/objects/x")).toBe(expected);
  });

  test("are added, listed, removed one by one and all at once", async () => {
    const url = `${piece.url}/emulator/iam/deny`;
    const [a, b] = [{ permission: "a.*" }, { principal: AGENT }];
    await ask(url, { method: "POST", json: a });
    await ask(url, { method: "POST", json: a });
    await ask(url, { method: "POST", json: b });
    expect((await ask(url)).json.rules).toEqual([
      { principal: "*", permission: "a.*", resource: "*" },
      { principal: AGENT, permission: "*", resource: "*" },
    ]);
    expect(piece.iam.allowed("x@y", "a.b", "r")).toBe(false);
    await ask(url, { method: "DELETE", json: a });
    expect(piece.iam.allowed("x@y", "a.b", "r")).toBe(true);
    expect(piece.iam.allowed(AGENT, "a.b", "r")).toBe(false);
    expect((await ask(url, { method: "DELETE", json: a })).status).toBe(404);
    await ask(url, { method: "DELETE" });
    expect((await ask(url)).json.rules).toEqual([]);
  });

  test.each([[{}], [{ permissions: "a" }], [{ permission: 1 }]])("%o is refused", async (rule) => {
    expect((await ask(`${piece.url}/emulator/iam/deny`, { method: "POST", json: rule })).status).toBe(400);
  });
});

test("the project says its number and that its services are enabled; another project is forbidden", async () => {
  expect((await ask(`${piece.url}/v1/projects/acme`)).json).toMatchObject({
    projectId: "acme",
    projectNumber: "123456789012",
    lifecycleState: "ACTIVE",
  });
  expect((await ask(`${piece.url}/v1/projects/acme/services/run.googleapis.com`)).json.state).toBe("ENABLED");
  expect((await ask(`${piece.url}/v1/projects/other`)).status).toBe(403);
});

test("the project's policy is written only with its current etag", async () => {
  const { json: policy } = await ask(`${piece.url}/v1/projects/acme:getIamPolicy`, { method: "POST", json: {} });
  const set = (bindings: object[]) =>
    ask(`${piece.url}/v1/projects/acme:setIamPolicy`, { method: "POST", json: { policy: { ...policy, bindings } } });
  expect((await set([{ role: "roles/viewer", members: ["user:a@example.com"] }])).status).toBe(200);
  expect((await set([])).status).toBe(409);
});

test("tokens and keys outlive a restart", async () => {
  const { token } = piece.iam.accessToken(AGENT);
  const jwt = piece.iam.identityToken({ aud: "a", email: AGENT });
  const before = (await ask(`${piece.url}/oauth2/v3/certs`)).json;
  const again = await startPiece({ saved: piece.save(), folder: piece.folder });
  expect(again.clock.now()).toBe(START);
  expect((await ask(`${again.url}/oauth2/v3/certs`)).json).toEqual(before);
  expect(again.iam.principal({ authorization: `Bearer ${token}` })).toBe(AGENT);
  expect(again.iam.principal({ authorization: `Bearer ${jwt}` })).toBe(AGENT);
  await again.close();
});
