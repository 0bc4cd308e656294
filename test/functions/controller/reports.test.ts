import { createHash, createSign, generateKeyPairSync } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readReports } from "../../../functions/controller/reports.ts";
import { makeIdentityVerifier } from "../../../functions/google/identity.ts";
import type { DriftReport } from "../../../wire/moult.d.ts";
import { fakeCloud } from "./fakes.ts";

const google = generateKeyPairSync("rsa", { modulusLength: 2048 });
const forger = generateKeyPairSync("rsa", { modulusLength: 2048 });
const release = "a".repeat(64);

let certs: Server;
let certsUrl: string;

beforeAll(async () => {
  const jwk = { ...google.publicKey.export({ format: "jwk" }), kid: "g1", alg: "RS256", use: "sig" };
  certs = createServer((_, response) => response.end(JSON.stringify({ keys: [jwk] })));
  await new Promise<void>((resolve) => certs.listen(0, "127.0.0.1", resolve));
  certsUrl = `http://127.0.0.1:${(certs.address() as AddressInfo).port}/certs`;
});

afterAll(() => certs.close());

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

function token(
  claims: object,
  key = google.privateKey,
  header: object = { alg: "RS256", kid: "g1", typ: "JWT" },
): string {
  const body = `${part(header)}.${part(claims)}`;
  return `${body}.${createSign("RSA-SHA256").update(body).sign(key).toString("base64url")}`;
}

const reportOf = (more: object = {}) =>
  JSON.stringify({
    report: 1,
    fleet: "web",
    release,
    instance: {
      id: "5184363046278950541",
      name: "web-b7kq",
      zone: "us-central1-a",
      project: "acme-prod",
      projectNumber: "1",
    },
    verdict: "ready",
    reason: "ready",
    message: "it answers",
    ...more,
  });

async function judge(
  change: { report?: string; claims?: object; token?: (claims: object) => string; lateMs?: number } = {},
) {
  const cloud = fakeCloud();
  cloud.verifyIdentity = makeIdentityVerifier(certsUrl, cloud.time.now);
  const report = change.report ?? reportOf();
  const seconds = Math.floor(cloud.time.now() / 1000);
  const claims = {
    iss: "https://accounts.google.com",
    aud: `moult:${createHash("sha256").update(report).digest("hex")}`,
    iat: seconds,
    exp: seconds + 3600,
    google: {
      compute_engine: {
        instance_id: "5184363046278950541",
        instance_name: "web-b7kq",
        project_id: "acme-prod",
        zone: "us-central1-a",
      },
    },
    ...change.claims,
  };
  const signed = { report, token: (change.token ?? token)(claims) };
  if (change.lateMs) await cloud.time.pass(change.lateMs);
  await cloud.reports.write(
    `reports/web/${release}/5184363046278950541/${Math.random()}.json`,
    JSON.stringify(signed),
    "0",
  );
  const views = await readReports(cloud, "web", release);
  return { views, said: cloud.logged.join("\n") };
}

const drift = {
  drift: 1,
  fleet: "web",
  release,
  instance: {
    id: "5184363046278950541",
    name: "web-b7kq",
    zone: "us-central1-a",
    project: "acme-prod",
    projectNumber: "1",
  },
  verdict: "drifted",
  at: "2026-11-20T12:00:00.000Z",
  agent: "0.1.0",
  action: "report",
  differences: [{ path: "/etc/web/config.json", what: "content" }],
} satisfies DriftReport;

describe("a drift report", () => {
  it("is not looked at where boot reports are, and says nothing there", async () => {
    const cloud = fakeCloud();
    const name = `drift/web/${release}/5184363046278950541/${drift.at}.json`;
    await cloud.reports.write(name, JSON.stringify({ report: JSON.stringify(drift), token: "" }), "0");
    expect(await readReports(cloud, "web", release)).toEqual([]);
    expect(cloud.logged).toEqual([]);
  });
});

describe("a boot report", () => {
  it("counts when the instance it speaks of signed exactly what it says", async () => {
    const { views } = await judge();
    expect(views).toEqual([
      {
        instanceId: "5184363046278950541",
        instanceName: "web-b7kq",
        verdict: "ready",
        reason: "ready",
        message: "it answers",
      },
    ]);
  });

  it.each([
    ["keys of the image", [{ key: "ab".repeat(32), name: "prod" }]],
    ["nobody", []],
    ["what makes no sense", "x"],
  ])("counts, whoever its configuration is said to be signed by: %s", async (_sentence, signedBy) => {
    const { views, said } = await judge({ report: reportOf({ signedBy }) });
    expect(views).toMatchObject([{ instanceName: "web-b7kq", verdict: "ready" }]);
    expect(said).toBe("");
  });

  it.each([
    [
      "somebody else signed it",
      { token: (claims: object) => token(claims, forger.privateKey) },
      /signature does not hold/,
    ],
    [
      "it is not signed at all",
      { token: (claims: object) => `${part({ alg: "none" })}.${part(claims)}.` },
      /not signed with RS256/,
    ],
    [
      "it is signed by an unknown key",
      { token: (claims: object) => token(claims, forger.privateKey, { alg: "RS256", kid: "f1" }) },
      /unknown key/,
    ],
    ["the token was made for another report", { claims: { aud: "moult:0000" } }, /something else/],
    ["the token is from another issuer", { claims: { iss: "https://example.com" } }, /not issued by Google/],
    ["the token had expired when it was stored", { lateMs: 2 * 3_600_000 }, /not valid when/],
    [
      "another instance signed it",
      { claims: { google: { compute_engine: { instance_id: "5184363046278950542" } } } },
      /another instance/,
    ],
    ["the token names no instance", { claims: { google: {} } }, /does not name an instance/],
    ["it speaks of another release", { report: reportOf({ release: "b".repeat(64) }) }, /another fleet or release/],
    ["the token is garbage", { token: () => "garbage" }, /not a JWT/],
  ])("does not count when %s", async (_, change, why) => {
    const { views, said } = await judge(change);
    expect(views).toEqual([]);
    expect(said).toMatch(why);
  });

  it.each([
    ["null", "null"],
    ["a report that is a number", JSON.stringify({ report: 5, token: "" })],
    ["a token that is a number", JSON.stringify({ report: reportOf(), token: 5 })],
    ["a report that holds nothing", JSON.stringify({ report: "null", token: "" })],
    ["a report of no instance", JSON.stringify({ report: reportOf({ instance: undefined }), token: "" })],
    ["a drift report in the wrong place", JSON.stringify({ report: JSON.stringify(drift), token: "" })],
    ["a report without a verdict", JSON.stringify({ report: reportOf({ verdict: undefined }), token: "" })],
  ])("that is none does not stop the look: %s", async (_, text) => {
    const cloud = fakeCloud();
    await cloud.reports.write(`reports/web/${release}/1/${Math.random()}.json`, text, "0");
    expect(await readReports(cloud, "web", release)).toEqual([]);
    expect(cloud.logged.join()).toMatch(/not a signed report/);
  });
});
