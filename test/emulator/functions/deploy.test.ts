import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Bed, ECHO, isAlive, type Json, type Operation } from "./bed.ts";
import { sourceOf, zipOf } from "./zip.ts";

let bed: Bed;
beforeAll(async () => {
  bed = await Bed.open();
});
afterAll(() => bed.close());

const FRAMEWORK = `const functions = require("@google-cloud/functions-framework");`;

describe("an HTTP function", { timeout: 60_000 }, () => {
  let uri: string;
  beforeAll(async () => {
    const shown = await bed.deployed(
      "Echo_One",
      { "index.js": ECHO },
      {
        labels: { team: "x" },
        serviceConfig: {
          environmentVariables: { COLOR: "blue" },
          serviceAccountEmail: "echo@acme.iam.gserviceaccount.com",
        },
      },
    );
    uri = shown.serviceConfig.uri;
    await bed.openToAll("echo-one");
  });

  it("is shown with everything that was left open filled in", async () => {
    expect(await bed.get("Echo_One")).toMatchObject({
      state: "ACTIVE",
      environment: "GEN_2",
      labels: { team: "x" },
      url: uri,
      buildConfig: {
        runtime: "nodejs22",
        entryPoint: "main",
        source: { storageSource: { object: "Echo_One/function-source.zip" } },
        dockerRegistry: "ARTIFACT_REGISTRY",
      },
      serviceConfig: {
        service: "projects/acme/locations/us-central1/services/echo-one",
        revision: expect.stringMatching(/^echo-one-00001-[a-z]{3}$/),
        availableMemory: "256M",
        availableCpu: "0.1666",
        timeoutSeconds: 60,
        maxInstanceCount: 100,
        maxInstanceRequestConcurrency: 1,
        ingressSettings: "ALLOW_ALL",
        allTrafficOnLatestRevision: true,
      },
    });
  });

  it("is called with the method, path, query and body that were sent, in the environment of Cloud Run", async () => {
    const answer = await fetch(`${uri}/a/b?c=1`, {
      method: "PUT",
      body: `{"x":[1]}`,
      headers: { "content-type": "application/json" },
    });
    expect(await answer.json()).toMatchObject({
      method: "PUT",
      url: "/a/b?c=1",
      body: { x: [1] },
      headers: { "x-forwarded-proto": "http", traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/) },
      env: {
        COLOR: "blue",
        PORT: "8080",
        K_SERVICE: "echo-one",
        K_CONFIGURATION: "echo-one",
        K_REVISION: expect.stringMatching(/^echo-one-00001-/),
        FUNCTION_TARGET: "main",
        FUNCTION_SIGNATURE_TYPE: "http",
        LOG_EXECUTION_ID: "true",
        STORAGE_EMULATOR_HOST: bed.emulator.url,
      },
    });
  });

  it("has a metadata server that speaks for its own service account", async () => {
    const { env } = (await (await fetch(uri)).json()) as { env: Record<string, string> };
    const path = "computeMetadata/v1/instance/service-accounts/default/email";
    const asked = await fetch(`http://${env.GCE_METADATA_HOST}/${path}`, { headers: { "metadata-flavor": "Google" } });
    expect(await asked.text()).toBe("echo@acme.iam.gserviceaccount.com");
  });

  it("keeps what the mask of an update does not name", async () => {
    const body = {
      labels: { team: "y" },
      serviceConfig: { environmentVariables: { COLOR: "red" }, timeoutSeconds: 9 },
    };
    const mask = "service_config.environment_variables,labels";
    await bed.ended(await bed.ask<Operation>("PATCH", `${bed.path("Echo_One")}?updateMask=${mask}`, body));
    expect(await bed.get("Echo_One")).toMatchObject({
      labels: { team: "y" },
      serviceConfig: { timeoutSeconds: 60, revision: expect.stringMatching(/^echo-one-00002-/) },
    });
    expect(await (await fetch(uri)).json()).toMatchObject({ env: { COLOR: "red" } });
  });

  it("makes no new revision for labels alone", async () => {
    const begun = await bed.ask<Operation>("PATCH", `${bed.path("Echo_One")}?updateMask=labels`, {
      labels: { team: "z" },
    });
    expect((await bed.ended(begun)).response?.serviceConfig.revision).toMatch(/^echo-one-00002-/);
  });

  it("gives its source back", async () => {
    const { downloadUrl } = await bed.ask<{ downloadUrl: string }>(
      "POST",
      `${bed.path("Echo_One")}:generateDownloadUrl`,
      {},
    );
    const zip = Buffer.from(await (await fetch(downloadUrl)).arrayBuffer());
    expect(zip.equals(sourceOf({ "index.js": ECHO }))).toBe(true);
  });

  it("is gone once deleted, with its URL", async () => {
    await bed.remove("Echo_One");
    await bed.ask("GET", bed.path("Echo_One"), undefined, 404);
    await expect(fetch(uri)).rejects.toThrow("fetch failed");
  });
});

describe("a source that cannot become a function", { timeout: 60_000 }, () => {
  const good = `${FRAMEWORK} functions.http("main", (request, response) => response.send("ok"));`;
  const entry = (name: string, text: string, mode?: number) => ({
    name,
    bytes: Buffer.from(text),
    ...(mode && { mode }),
  });
  const build = "Build failed with status: FAILURE and message: ";
  it.each<[string, Buffer, string]>([
    [
      "is no zip",
      Buffer.from("this is certainly no zip archive"),
      `${build}failed to extract the source: not a valid zip file`,
    ],
    [
      "is cut short",
      sourceOf({ "index.js": good }).subarray(0, 120),
      `${build}failed to extract the source: not a valid zip`,
    ],
    [
      "leads out of its folder",
      zipOf([entry("../x", "y")]),
      `${build}failed to extract the source: not a valid zip file: the entry "../x" leads out`,
    ],
    [
      "has a link that leads out",
      zipOf([entry("package.json", "{}"), entry("up", "../..", 0o120777)]),
      `${build}failed to extract the source: the link up leads out`,
    ],
    ["has no package.json", zipOf([entry("index.js", good)]), `${build}missing package.json`],
    [
      "has a package.json that is none",
      sourceOf({ "package.json": "{", "index.js": good }),
      `${build}failed to parse package.json`,
    ],
    [
      "lacks the file that package.json names",
      sourceOf({ "package.json": `{"main":"a.js"}`, "index.js": good }),
      `${build}a.js does not exist`,
    ],
    ["has a syntax error", sourceOf({ "index.js": "const = 1;" }), `${build}SyntaxError: Unexpected token '='`],
    [
      "needs a package that is nowhere",
      sourceOf({ "package.json": `{"dependencies":{"left-pad":"1"}}`, "index.js": good }),
      `${build}the packages left-pad are neither in`,
    ],
    [
      "throws when it is loaded",
      sourceOf({ "index.js": `throw new Error("at load");` }),
      "Container Healthcheck failed. Revision 'bad-00001-",
    ],
    [
      "has no such entry point",
      sourceOf({ "index.js": `${FRAMEWORK} exports.other = () => {};` }),
      "The user-provided container failed to start and listen on the port defined provided by the PORT=8080",
    ],
  ])("%s", async (_, zip, message) => {
    const { error } = await bed.deploy("bad", zip);
    expect(error).toMatchObject({ code: 3, message: expect.stringContaining(message) });
    expect(await bed.get("bad")).toMatchObject({
      state: "FAILED",
      stateMessages: [{ message: expect.stringContaining(message) }],
    });
    await bed.remove("bad");
  });

  it("leaves in the log why its container failed", async () => {
    await bed.deploy("loud", { "index.js": `throw new Error("at load");` });
    const logged = await bed.logged("loud");
    expect(logged.join("\n")).toContain("Error: at load");
    expect(logged).toContain("Container called exit(1).");
  });

  it("does not take the place of one that serves", async () => {
    const shown = await bed.deployed("steady", { "index.js": good });
    await bed.openToAll("steady");
    const { error } = await bed.deploy("steady", { "index.js": "const = 2" });
    expect(error?.message).toContain("SyntaxError");
    expect(await bed.get("steady")).toMatchObject({
      state: "ACTIVE",
      serviceConfig: { revision: shown.serviceConfig.revision },
    });
    expect(await (await fetch(shown.url)).text()).toBe("ok");
  });
});

describe("requests that are refused", () => {
  const source = { storageSource: { bucket: "none", object: "none.zip" } };
  const buildConfig = { runtime: "nodejs22", source };
  it.each<[string, string, Json, number, string]>([
    ["a function id that is none", "1x", { buildConfig }, 400, "Invalid function id"],
    ["no source", "fn", { buildConfig: { runtime: "nodejs22" } }, 400, "storage_source must name"],
    ["a source that is nowhere", "fn", { buildConfig }, 400, "gs://none/none.zip was not found"],
    ["no runtime", "fn", { buildConfig: { source } }, 400, "Runtime field cannot be empty"],
    [
      "another language",
      "fn",
      { buildConfig: { source, runtime: "python312" } },
      501,
      "the runtime python312 is not emulated",
    ],
    ["an unknown runtime", "fn", { buildConfig: { source, runtime: "node" } }, 400, "build_config.runtime"],
    [
      "a field that no function has",
      "fn",
      { buildConfig: { ...buildConfig, entrypoint: "x" } },
      400,
      `Unknown name "entrypoint" at 'build_config'`,
    ],
    [
      "a field that is not emulated",
      "fn",
      { buildConfig, serviceConfig: { vpcConnector: "x" } },
      501,
      "service_config.vpc_connector",
    ],
    [
      "a reserved variable",
      "fn",
      { buildConfig, serviceConfig: { environmentVariables: { PORT: "1" } } },
      400,
      "PORT is reserved",
    ],
    ["too little memory", "fn", { buildConfig, serviceConfig: { availableMemory: "1M" } }, 400, "available_memory"],
    ["too long a timeout", "fn", { buildConfig, serviceConfig: { timeoutSeconds: 3601 } }, 400, "timeout_seconds"],
    [
      "concurrency without a whole CPU",
      "fn",
      { buildConfig, serviceConfig: { maxInstanceRequestConcurrency: 2 } },
      400,
      "Total cpu < 1 is not supported with concurrency > 1",
    ],
    [
      "an event that is not emulated",
      "fn",
      { buildConfig, eventTrigger: { eventType: "google.cloud.storage.object.v1.finalized" } },
      501,
      "google.cloud.storage.object.v1.finalized",
    ],
  ])("%s", async (_, id, body, status, message) => {
    const { error } = await bed.ask<{ error: Json }>("POST", `${bed.path()}?functionId=${id}`, body, status);
    expect(error.message).toContain(message);
  });

  it("a second deployment while the first is under way", async () => {
    const storageSource = await bed.upload(sourceOf({ "index.js": ECHO }));
    const body = { buildConfig: { runtime: "nodejs22", entryPoint: "main", source: { storageSource } } };
    const begun = await bed.ask<Operation>("POST", `${bed.path()}?functionId=busy`, body);
    const refused = await bed.ask<{ error: Json }>("DELETE", bed.path("busy"), undefined, 409);
    expect(refused.error).toMatchObject({ status: "ABORTED", message: "unable to queue the operation" });
    await bed.ended(begun);
    await bed.ask("POST", `${bed.path()}?functionId=busy`, body, 409);
  });
});

const HELD = (answer: string) => `${FRAMEWORK}
const { existsSync } = require("node:fs");
functions.http("main", async (request, response) => {
  if (request.path === "/held") console.log("held by " + process.pid);
  if (request.path === "/exit") process.kill(process.pid, "SIGKILL");
  if (request.path === "/throw") throw new Error("thrown");
  if (request.path === "/held") while (!existsSync(request.query.until)) await new Promise((again) => setTimeout(again, 10));
  response.send(${JSON.stringify(answer)} + " " + process.pid);
});
`;

describe("processes", { timeout: 60_000 }, () => {
  let uri: string;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "moult-held-"));
    uri = (
      await bed.deployed(
        "held",
        { "index.js": HELD("one") },
        { serviceConfig: { timeoutSeconds: 2, maxInstanceCount: 3 } },
      )
    ).url;
    await bed.openToAll("held");
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const text = async (path = "") => (await fetch(`${uri}${path}`)).text();
  const release = (name: string) => writeFileSync(join(folder, name), "");

  it("one is started for each request that finds the others busy, and never more than the function may have", async () => {
    const held = [1, 2, 3, 4].map(() => text(`/held?until=${folder}/all`));
    await vi.waitFor(async () => {
      const began = (await bed.logged("held")).filter((line) => line.startsWith("held by"));
      expect(new Set(began).size).toBe(3);
    }, 10_000);
    const name = "projects/acme/locations/us-central1/functions/held";
    const seen = await bed.ask<{ processes: Record<string, number[]>; functions: object[] }>(
      "GET",
      "/emulator/functions",
    );
    expect(seen.processes[name]).toHaveLength(3);
    expect(seen.functions).toContainEqual({
      name,
      state: "ACTIVE",
      trigger: "",
      url: expect.stringContaining("http"),
      message: "",
      processes: seen.processes[name],
    });
    release("all");
    const pids = (await Promise.all(held)).map((answer) => answer.split(" ")[1]);
    expect(new Set(pids).size).toBe(3);
  });

  it("that die fail the request they had with 503 and are started again for the next", async () => {
    expect((await fetch(`${uri}/exit`)).status).toBe(503);
    expect(await text()).toMatch(/^one \d+$/);
    expect(await bed.logged("held", 'severity>=ERROR logName:"varlog"')).toContainEqual(
      expect.stringContaining("Uncaught signal: SIGKILL"),
    );
  });

  it("answer 500 when the function throws", async () => {
    expect((await fetch(`${uri}/throw`)).status).toBe(500);
  });

  it("are given up on after the function's timeout with 504", async () => {
    const answer = await fetch(`${uri}/held?until=${folder}/never`);
    expect([answer.status, await answer.text()]).toEqual([504, "upstream request timeout"]);
  });

  it("of the revision before end the requests they have, and then themselves", async () => {
    const before = text(`/held?until=${folder}/late`);
    await vi.waitFor(async () => expect(Number((await text()).split(" ")[1])).toBeGreaterThan(0));
    const operation = bed.deploy("held", { "index.js": HELD("two") }, { serviceConfig: { timeoutSeconds: 60 } });
    await operation;
    expect(await text()).toMatch(/^two /);
    release("late");
    const answer = await before;
    expect(answer).toMatch(/^one /);
    await vi.waitFor(() => expect(isAlive(Number(answer.split(" ")[1]))).toBe(false), 10_000);
  });

  it("that hold more than the function's memory are killed", async () => {
    const hungry = `${FRAMEWORK}
      const kept = [];
      functions.http("main", async (request, response) => {
        for (let n = 0; n < 40; n++) {
          kept.push(Buffer.alloc(10_000_000, 1));
          await new Promise((again) => setTimeout(again, 50));
        }
        response.send("full");
      });`;
    const shown = await bed.deployed("hungry", { "index.js": hungry }, { serviceConfig: { availableMemory: "128Mi" } });
    await bed.openToAll("hungry");
    expect((await fetch(shown.url)).status).toBe(503);
    expect((await bed.logged("hungry")).join("\n")).toMatch(/Memory limit of 128 MiB exceeded with \d+ MiB used/);
  });
});

describe("who may call", { timeout: 60_000 }, () => {
  let uri: string;
  beforeAll(async () => {
    uri = (await bed.deployed("guarded", { "index.js": ECHO })).url;
  });

  async function token(audience: string): Promise<string> {
    const path = `/computeMetadata/v1/instance/service-accounts/default/identity?audience=${audience}`;
    return (await fetch(`${bed.emulator.url}${path}`, { headers: { "metadata-flavor": "Google" } })).text();
  }

  const status = async (headers: Record<string, string>) => (await fetch(uri, { headers })).status;

  it("is nobody without a token", async () => {
    const answer = await fetch(`${uri}/a?b`);
    expect([answer.status, await answer.text()]).toEqual([
      403,
      expect.stringContaining("permission to get URL <code>/a</code>"),
    ]);
  });

  it.each([
    ["a word", "Bearer None"],
    [
      "a token of somebody else",
      `Bearer ${Buffer.from("{}").toString("base64")}.${Buffer.from('{"email":"x"}').toString("base64")}.x`,
    ],
    ["an access token", "Bearer ya29.x"],
  ])("is not who shows %s", async (_, authorization) => {
    expect(await status({ authorization })).toBe(401);
  });

  it("is not who has a token for somewhere else", async () => {
    expect(await status({ authorization: `Bearer ${await token("https://elsewhere.example")}` })).toBe(401);
  });

  it("is who has a token for the function, which sees it without its signature", async () => {
    const answer = await fetch(uri, { headers: { authorization: `Bearer ${await token(uri)}` } });
    const { headers } = (await answer.json()) as { headers: Record<string, string> };
    expect(headers.authorization).toMatch(/\.SIGNATURE_REMOVED_BY_GOOGLE$/);
  });

  it("is not who is denied it", async () => {
    await bed.ask("POST", "/emulator/iam/deny", { permission: "run.routes.invoke" });
    expect(await status({ authorization: `Bearer ${await token(uri)}` })).toBe(403);
    await bed.ask("DELETE", "/emulator/iam/deny");
  });

  it("is set with the current etag only", async () => {
    const path = "/v1/projects/acme/locations/us-central1/services/guarded";
    const before = await bed.ask("GET", `${path}:getIamPolicy`);
    const bindings = [{ role: "roles/run.invoker", members: ["allUsers"] }];
    await bed.ask("POST", `${path}:setIamPolicy`, { policy: { ...before, bindings } });
    expect(await status({})).toBe(200);
    await bed.ask("POST", `${path}:setIamPolicy`, { policy: { bindings: [], etag: "c3RhbGU=" } }, 409);
  });
});
