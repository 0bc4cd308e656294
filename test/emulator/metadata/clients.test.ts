import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Compute, GoogleAuth, gcpMetadata } from "google-auth-library";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";
import { listenMetadata } from "../../../emulator/metadata/listen.ts";
import { makeSpec, makeWorld } from "../machines/world.ts";

/** Google's own client libraries, unmodified, against both metadata servers. */
let emulator: Emulator;
let instance: Awaited<ReturnType<typeof listenMetadata>>;
const folder = mkdtempSync(join(tmpdir(), "moult-metadata-"));

beforeAll(async () => {
  emulator = await startEmulator({ project: "acme", instances: "virtual" });
  const spec = makeSpec({ id: "5184363046278950541", ip: "127.0.79.1", metadata: { color: "blue" } });
  instance = await listenMetadata(makeWorld(folder), spec);
});

afterAll(async () => {
  await instance.close();
  await emulator.close();
  rmSync(folder, { recursive: true });
});

describe.each([
  ["the emulator's own port", () => emulator.url, "moult-functions@acme.iam.gserviceaccount.com"],
  ["an instance's address", () => `http://${instance.address}`, "web-vm@acme.iam.gserviceaccount.com"],
])("%s", (_, url, email) => {
  beforeEach(() => {
    vi.stubEnv("GCE_METADATA_HOST", url().replace("http://", ""));
    vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", "");
    // No credentials of whoever runs the tests.
    vi.stubEnv("HOME", folder);
    vi.stubEnv("CLOUDSDK_CONFIG", folder);
    gcpMetadata.resetIsAvailableCache();
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test("gcp-metadata finds it", async () => {
    expect(await gcpMetadata.isAvailable()).toBe(true);
  });

  test("gcp-metadata reads leafs, directories and ids beyond 2^53", async () => {
    expect(await gcpMetadata.project("project-id")).toBe("acme");
    expect(await gcpMetadata.universe("universe-domain")).toBe("googleapis.com");
    expect(await gcpMetadata.instance("service-accounts/default/email")).toBe(email);
    const id = await gcpMetadata.instance("id");
    expect(String(id)).toMatch(/^\d{19}$/);
    const project = await gcpMetadata.project({ params: { recursive: "true" } });
    expect(project).toMatchObject({ projectId: "acme" });
  });

  test("google-auth-library finds project, account and an access token", async () => {
    const auth = new GoogleAuth({ scopes: "https://www.googleapis.com/auth/cloud-platform" });
    expect(await auth.getProjectId()).toBe("acme");
    expect(await auth.getClient()).toBeInstanceOf(Compute);
    expect((await auth.getCredentials()).client_email).toBe(email);
    const token = await auth.getAccessToken();
    expect(token).toMatch(/./);
    expect((await auth.getRequestHeaders()).get("authorization")).toBe(`Bearer ${token}`);
  });

  test("google-auth-library gets an identity token for its audience", async () => {
    const client = await new GoogleAuth().getIdTokenClient("https://status.example");
    const token = await client.idTokenProvider.fetchIdToken("https://status.example");
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    expect(claims).toMatchObject({ aud: "https://status.example", email, email_verified: true });
  });

  test("without the flavor it refuses, as the real one does", async () => {
    const response = await fetch(`${url()}/computeMetadata/v1/project/project-id`);
    expect([response.status, response.headers.get("metadata-flavor")]).toEqual([403, "Google"]);
  });
});

test("where functions run there is a region", async () => {
  const response = await fetch(`${emulator.url}/computeMetadata/v1/instance/region`, {
    headers: { "Metadata-Flavor": "Google" },
  });
  expect(await response.text()).toMatch(/^projects\/\d+\/regions\/us-central1$/);
});

test("what the own port does not know is not found, in the metadata server's way", async () => {
  const response = await fetch(`${emulator.url}/computeMetadata/v1/instance/nothing`, {
    headers: { "Metadata-Flavor": "Google" },
  });
  expect([response.status, response.headers.get("metadata-flavor")]).toEqual([404, "Google"]);
});
