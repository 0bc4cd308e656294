import { v2 } from "@google-cloud/functions";
import { OAuth2Client } from "google-auth-library";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Bed, ECHO } from "./bed.ts";
import { sourceOf } from "./zip.ts";

/** In operations the client shows enums by their numbers. */
const [ACTIVE, GEN_2, CREATE_FUNCTION] = [1, 2, 1];

/** Google's own client over REST. */
describe("@google-cloud/functions", { timeout: 60_000 }, () => {
  let bed: Bed;
  let client: InstanceType<typeof v2.FunctionServiceClient>;
  const parent = "projects/acme/locations/us-central1";
  const name = `${parent}/functions/hello`;

  beforeAll(async () => {
    bed = await Bed.open();
    const { hostname, port } = new URL(bed.emulator.url);
    const authClient = new OAuth2Client();
    authClient.setCredentials({ access_token: "local" });
    client = new v2.FunctionServiceClient({
      fallback: true,
      apiEndpoint: hostname,
      port: Number(port),
      protocol: "http",
      projectId: "acme",
      authClient,
    });
  });
  afterAll(async () => {
    await client.close();
    await bed.close();
  });

  it("uploads a source and creates a function of it", async () => {
    const [{ uploadUrl, storageSource }] = await client.generateUploadUrl({ parent });
    await fetch(uploadUrl ?? "", {
      method: "PUT",
      body: new Uint8Array(sourceOf({ "index.js": ECHO })),
      headers: { "content-type": "application/zip" },
    });
    const [operation] = await client.createFunction({
      parent,
      functionId: "hello",
      function: {
        environment: "GEN_2",
        description: "says hello",
        buildConfig: { runtime: "nodejs22", entryPoint: "main", source: { storageSource: storageSource ?? null } },
        serviceConfig: { ingressSettings: "ALLOW_ALL", timeoutSeconds: 30 },
      },
    });
    const [made, metadata] = await operation.promise();
    expect(made).toMatchObject({ name, state: ACTIVE, description: "says hello", environment: GEN_2 });
    expect(metadata).toMatchObject({ target: name, verb: "create", operationType: CREATE_FUNCTION });
  });

  it("gets and lists it", async () => {
    const [shown] = await client.getFunction({ name });
    expect(shown.serviceConfig).toMatchObject({ timeoutSeconds: 30, ingressSettings: "ALLOW_ALL" });
    const [all] = await client.listFunctions({ parent: "projects/acme/locations/-", filter: 'state="ACTIVE"' });
    expect(all.map((one) => one.name)).toEqual([name]);
    const [none] = await client.listFunctions({ parent, filter: 'environment="GEN_1"' });
    expect(none).toEqual([]);
  });

  it("updates what its mask names", async () => {
    const [operation] = await client.updateFunction({
      function: { name, serviceConfig: { timeoutSeconds: 40 }, description: "not in the mask" },
      updateMask: { paths: ["service_config.timeout_seconds"] },
    });
    const [shown] = await operation.promise();
    expect(shown).toMatchObject({ description: "says hello", serviceConfig: { timeoutSeconds: 40 } });
  });

  it("hears of an operation's failure", async () => {
    const [{ uploadUrl, storageSource }] = await client.generateUploadUrl({ parent });
    const headers = { "content-type": "application/zip" };
    await fetch(uploadUrl ?? "", { method: "PUT", body: "no zip", headers });
    const [operation] = await client.updateFunction({
      function: { name, buildConfig: { source: { storageSource: storageSource ?? null } } },
      updateMask: { paths: ["build_config.source"] },
    });
    await expect(operation.promise()).rejects.toMatchObject({
      code: 3,
      message: expect.stringContaining("Build failed"),
    });
  });

  it("lists runtimes and downloads the source", async () => {
    const [{ runtimes }] = await client.listRuntimes({ parent });
    expect(runtimes?.map((runtime) => runtime.name)).toContain("nodejs22");
    const [{ downloadUrl }] = await client.generateDownloadUrl({ name });
    expect((await fetch(downloadUrl ?? "")).headers.get("content-type")).toBe("application/zip");
  });

  it("sets and reads a policy", async () => {
    const policy = { bindings: [{ role: "roles/cloudfunctions.viewer", members: ["user:a@example.com"] }] };
    const wholly = <T extends object>(request: T) => ({ ...request, toJSON: () => ({}) });
    await client.setIamPolicy(wholly({ resource: name, policy }));
    const [read] = await client.getIamPolicy(wholly({ resource: name }));
    expect(read).toMatchObject(policy);
  });

  it("deletes it", async () => {
    const [operation] = await client.deleteFunction({ name });
    await operation.promise();
    await expect(client.getFunction({ name })).rejects.toMatchObject({ code: 5 });
  });
});
