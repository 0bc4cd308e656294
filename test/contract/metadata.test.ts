import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Compute, GoogleAuth, gcpMetadata } from "google-auth-library";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { isReal, openPlace, type Place } from "./place.ts";

/** The metadata server is only where machines are: a real one answers only from inside the project. */
const isInside = isReal ? await gcpMetadata.isAvailable().catch(() => false) : true;
if (!isInside) console.warn("skipped on a real project: no metadata server answers here, which only machines have");

describe.skipIf(!isInside)("the metadata server", () => {
  let place: Place;
  const folder = mkdtempSync(join(tmpdir(), "moult-contract-"));

  beforeAll(async () => {
    place = await openPlace();
    if (!place.emulator) return;
    delete process.env.METADATA_SERVER_DETECTION;
    vi.stubEnv("GCE_METADATA_HOST", place.emulator.env.GCE_METADATA_HOST ?? "");
    // No credentials of whoever runs the suite.
    vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", "");
    vi.stubEnv("HOME", folder);
    vi.stubEnv("CLOUDSDK_CONFIG", folder);
    gcpMetadata.resetIsAvailableCache();
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await place.close();
    rmSync(folder, { recursive: true });
  });

  test("is found", async () => {
    expect(await gcpMetadata.isAvailable()).toBe(true);
  });

  test("knows the project by id and by number", async () => {
    expect(await gcpMetadata.project("project-id")).toBe(place.project);
    expect(String(await gcpMetadata.project("numeric-project-id"))).toMatch(/^\d+$/);
    expect(await gcpMetadata.universe("universe-domain")).toBe("googleapis.com");
  });

  test("answers with whole directories", async () => {
    const project = await gcpMetadata.project({ params: { recursive: "true" } });
    expect(project).toMatchObject({ projectId: place.project });
    expect(String(await gcpMetadata.instance("service-accounts/"))).toContain("default/");
    const all = await gcpMetadata.instance({ property: "service-accounts/", params: { recursive: "true" } });
    expect(all).toMatchObject({ default: { email: expect.stringMatching(/@/) } });
  });

  test("the default account has an address, aliases and scopes", async () => {
    expect(await gcpMetadata.instance("service-accounts/default/email")).toMatch(/@.+\.gserviceaccount\.com$/);
    expect(await gcpMetadata.instance("service-accounts/default/aliases")).toContain("default");
    expect(await gcpMetadata.instance("service-accounts/default/scopes")).toContain("https://www.googleapis.com/auth/");
  });

  test("what there is not is 404", async () => {
    await expect(gcpMetadata.instance("no/such/thing")).rejects.toMatchObject({ response: { status: 404 } });
    await expect(gcpMetadata.instance("service-accounts/nobody@nowhere/token")).rejects.toThrow();
  });

  test("a client finds project, account and token by itself", async () => {
    const auth = new GoogleAuth({ scopes: "https://www.googleapis.com/auth/cloud-platform" });
    expect(await auth.getProjectId()).toBe(place.project);
    expect(await auth.getClient()).toBeInstanceOf(Compute);
    expect((await auth.getCredentials()).client_email).toMatch(/@/);
    const token = await auth.getAccessToken();
    expect((await auth.getRequestHeaders()).get("authorization")).toBe(`Bearer ${token}`);
  });

  test("a token is of use for some time", async () => {
    const client = new Compute();
    await client.getAccessToken();
    const left = (client.credentials.expiry_date ?? 0) - Date.now();
    expect(left).toBeGreaterThan(30_000);
    expect(left).toBeLessThanOrEqual(3_600_000);
  });

  test("an identity token is for its audience, signed by who signs Google's", async () => {
    const audience = "https://contract.example";
    const client = await new GoogleAuth().getIdTokenClient(audience);
    const token = await client.idTokenProvider.fetchIdToken(audience);
    const [head = "", body = ""] = token.split(".").map((part) => Buffer.from(part, "base64url").toString());
    expect(JSON.parse(head)).toMatchObject({ alg: "RS256", kid: expect.stringMatching(/./) });
    const claims = JSON.parse(body);
    expect(claims).toMatchObject({ aud: audience, iss: "https://accounts.google.com" });
    expect(claims.exp - claims.iat).toBe(3600);
  });
});
