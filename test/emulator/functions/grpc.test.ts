import { v2 } from "@google-cloud/functions";
import { credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Bed, ECHO } from "./bed.ts";
import { sourceOf } from "./zip.ts";

/** Google's own client as it is without options: over gRPC. */
describe("@google-cloud/functions over gRPC", { timeout: 60_000 }, () => {
  let bed: Bed;
  let client: v2.FunctionServiceClient;
  const parent = "projects/acme/locations/us-central1";
  const name = `${parent}/functions/hello`;

  beforeAll(async () => {
    process.env.METADATA_SERVER_DETECTION = "none";
    bed = await Bed.open();
    const [apiEndpoint, port] = bed.emulator.grpc.split(":");
    client = new v2.FunctionServiceClient({
      projectId: "acme",
      apiEndpoint: apiEndpoint ?? "",
      port: Number(port),
      sslCreds: credentials.createInsecure(),
    });
  });
  afterAll(async () => {
    delete process.env.METADATA_SERVER_DETECTION;
    await client.close();
    await bed.close();
  });

  const upload = async (content: string | Uint8Array<ArrayBuffer>) => {
    const [{ uploadUrl, storageSource }] = await client.generateUploadUrl({ parent });
    await fetch(uploadUrl ?? "", { method: "PUT", body: content, headers: { "content-type": "application/zip" } });
    return { storageSource: storageSource ?? null };
  };

  it("creates a function and waits for its operation", async () => {
    const source = await upload(new Uint8Array(sourceOf({ "index.js": ECHO })));
    const [operation] = await client.createFunction({
      parent,
      functionId: "hello",
      function: {
        environment: "GEN_2",
        description: "says hellö",
        labels: { team: "web" },
        buildConfig: { runtime: "nodejs22", entryPoint: "main", source },
        serviceConfig: { ingressSettings: "ALLOW_ALL", timeoutSeconds: 30, environmentVariables: { A: "1" } },
      },
    });
    const [made, metadata] = await operation.promise();
    expect(made).toMatchObject({ name, description: "says hellö", labels: { team: "web" } });
    expect(metadata).toMatchObject({ target: name, verb: "create" });
    const [shown] = await client.getFunction({ name });
    expect(shown).toMatchObject({ state: "ACTIVE", environment: "GEN_2", buildConfig: { runtime: "nodejs22" } });
    expect(shown.serviceConfig).toMatchObject({
      timeoutSeconds: 30,
      ingressSettings: "ALLOW_ALL",
      environmentVariables: { A: "1" },
    });
    expect(Number(shown.updateTime?.seconds)).toBeGreaterThan(0);
  });

  it("lists it, with the runtimes it could have", async () => {
    const [all] = await client.listFunctions({ parent });
    expect(all.map((one) => one.name)).toEqual([name]);
    const [{ runtimes }] = await client.listRuntimes({ parent });
    expect(runtimes?.map((runtime) => runtime.name)).toContain("nodejs22");
  });

  it("hears of an operation's failure", async () => {
    const [operation] = await client.updateFunction({
      function: { name, buildConfig: { source: await upload("no zip") } },
      updateMask: { paths: ["build_config.source"] },
    });
    await expect(operation.promise()).rejects.toMatchObject({ message: expect.stringContaining("Build failed") });
  });

  it("deletes it", async () => {
    const [operation] = await client.deleteFunction({ name });
    await operation.promise();
    await expect(client.getFunction({ name })).rejects.toMatchObject({ code: 5 });
  });
});
