import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";

const installed = spawnSync("gcloud", ["--version"], { stdio: "ignore" }).status === 0;
if (!installed) console.warn("skipped: Cloud Functions under gcloud: gcloud is not installed here");

const HTTP = `
const functions = require("@google-cloud/functions-framework");
functions.http("helloGET", (request, response) => {
  console.log("hello was called");
  response.send("Hello " + (request.body?.name ?? process.env.NAME ?? "World") + " " + (process.env.TOKEN ?? "") + "!");
});
`;
const EVENTS = `
require("@google-cloud/functions-framework").cloudEvent("onMessage", (event) => {
  console.log("heard " + Buffer.from(event.data.message.data, "base64"));
});
`;

/** The unmodified command in an environment of its own, as in Google's quickstarts. */
describe.skipIf(!installed)("gcloud functions", { timeout: 120_000 }, () => {
  let emulator: Emulator;
  let home: string;
  beforeAll(async () => {
    emulator = await startEmulator({ instances: "virtual", project: "acme" });
    home = mkdtempSync(join(tmpdir(), "moult-gcloud-"));
    for (const [folder, text] of [
      ["hello", HTTP],
      ["events", EVENTS],
      ["broken", "module.exports = {"],
    ] as const) {
      mkdirSync(join(home, folder));
      writeFileSync(join(home, folder, "index.js"), text);
      writeFileSync(
        join(home, folder, "package.json"),
        `{"dependencies":{"@google-cloud/functions-framework":"^5.0.0"}}`,
      );
    }
  });
  afterAll(async () => {
    await emulator.close();
    rmSync(home, { recursive: true, force: true });
  });

  function gcloud(...words: string[]): Promise<{ code: number; out: string; err: string }> {
    return new Promise((resolve) => {
      const env = {
        PATH: process.env.PATH,
        HOME: home,
        CLOUDSDK_CONFIG: home,
        CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: "true",
        CLOUDSDK_SURVEY_DISABLE_PROMPTS: "true",
        CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: "true",
        // Whatever would leave this machine finds a closed door.
        HTTP_PROXY: "http://127.0.0.1:9",
        HTTPS_PROXY: "http://127.0.0.1:9",
        NO_PROXY: "127.0.0.1",
        CLOUDSDK_FUNCTIONS_REGION: "us-central1",
        ...emulator.env,
      };
      execFile("gcloud", words, { env, cwd: home }, (problem, out, err) =>
        resolve({ code: problem ? 1 : 0, out, err }),
      );
    });
  }

  async function json<T>(...words: string[]): Promise<T> {
    const { code, out, err } = await gcloud(...words, "--format=json");
    expect(code, err).toBe(0);
    return JSON.parse(out) as T;
  }

  const deploy = (name: string, ...flags: string[]) =>
    gcloud("functions", "deploy", name, "--gen2", "--region=us-central1", ...flags);

  it("deploys an HTTP function that anyone may call", async () => {
    const { code, err } = await deploy(
      ...["hello", "--runtime=nodejs22", "--source=hello", "--entry-point=helloGET", "--trigger-http"],
      ...["--allow-unauthenticated", "--set-env-vars=NAME=Ada", "--memory=512Mi", "--timeout=90s", "--concurrency=1"],
      ...["--min-instances=1", "--max-instances=4"],
    );
    expect(code, err).toBe(0);
    const shown = await json<{ url: string; serviceConfig: object; state: string }>("functions", "describe", "hello");
    expect(shown).toMatchObject({
      state: "ACTIVE",
      serviceConfig: { availableMemory: "512Mi", timeoutSeconds: 90, minInstanceCount: 1, maxInstanceCount: 4 },
    });
    expect(await (await fetch(shown.url)).text()).toBe("Hello Ada !");
  });

  it("redeploys it with a secret, as a new revision", async () => {
    writeFileSync(join(home, "value"), "s3cret");
    await json("secrets", "create", "token", "--data-file=value");
    const { code, err } = await deploy("hello", "--source=hello", "--set-secrets=TOKEN=token:1", "--update-labels=a=b");
    expect(code, err).toBe(0);
    const shown = await json<{ url: string; serviceConfig: { revision: string } }>("functions", "describe", "hello");
    expect(shown.serviceConfig.revision).toMatch(/^hello-00002-/);
    expect(await (await fetch(shown.url)).text()).toBe("Hello Ada s3cret!");
  });

  it("calls it with an identity token when only who is allowed may", async () => {
    const closed = await gcloud("functions", "remove-invoker-policy-binding", "hello", "--member=allUsers");
    expect(closed.code, closed.err).toBe(0);
    const { url } = await json<{ url: string }>("functions", "describe", "hello");
    expect((await fetch(url)).status).toBe(403);
    const called = await gcloud("functions", "call", "hello", "--gen2", `--data={"name":"Bob"}`);
    expect(called.out + called.err).toContain("Hello Bob s3cret!");
    const token = (await gcloud("auth", "print-identity-token")).out.trim();
    expect((await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
  });

  it("deploys a function for a topic and reads what it wrote", async () => {
    await json("pubsub", "topics", "create", "orders");
    const { code, err } = await deploy(
      ...["on_order", "--runtime=nodejs22", "--source=events", "--entry-point=onMessage", "--trigger-topic=orders"],
      ...["--retry", "--service-account=fn@acme.iam.gserviceaccount.com"],
    );
    expect(code, err).toBe(0);
    expect(err).not.toContain("is missing the role");
    await json("pubsub", "topics", "publish", "orders", "--message=first");
    const read = ["functions", "logs", "read", "on_order", "--gen2", "--region=us-central1"];
    await vi.waitFor(async () => expect((await gcloud(...read)).out).toContain("heard first"), 30_000);
    const lines = await json<{ log?: string; execution_id?: string }[]>(...read);
    expect(lines.find(({ log }) => log === "heard first")?.execution_id).toMatch(/^\w+$/);
    expect(await json<object[]>("eventarc", "triggers", "list", "--location=us-central1")).toMatchObject([
      { destination: { cloudFunction: "projects/acme/locations/us-central1/functions/on_order" } },
    ]);
  });

  it("takes a trigger as event filters, too", async () => {
    const { code, err } = await deploy(
      ...["filtered", "--runtime=nodejs22", "--source=events", "--entry-point=onMessage"],
      "--trigger-event-filters=type=google.cloud.pubsub.topic.v1.messagePublished,topic=orders",
    );
    expect(code, err).toBe(0);
    expect(await json("functions", "describe", "filtered")).toMatchObject({
      eventTrigger: { pubsubTopic: "projects/acme/topics/orders", retryPolicy: "RETRY_POLICY_DO_NOT_RETRY" },
    });
  });

  it("says why a deployment failed", async () => {
    const { code, err } = await deploy(
      ...["broken", "--runtime=nodejs22", "--source=broken", "--entry-point=main", "--trigger-http"],
      "--no-allow-unauthenticated",
    );
    expect(code).toBe(1);
    expect(err).toContain(
      "OperationError: code=3, message=Build failed with status: FAILURE and message: SyntaxError:",
    );
  });

  it("lists and deletes", async () => {
    const table = (await gcloud("functions", "list")).out.split("\n").map((line) => line.split(/\s{2,}/).slice(0, 3));
    expect(table).toEqual(
      expect.arrayContaining([
        ["broken", "FAILED", "HTTP Trigger"],
        ["hello", "ACTIVE", "HTTP Trigger"],
        ["on_order", "ACTIVE", "topic: orders"],
      ]),
    );
    const services = await json<object[]>("run", "services", "list");
    expect(services).toHaveLength(3);
    for (const name of ["hello", "on_order", "filtered", "broken"]) {
      const { code, err } = await gcloud("functions", "delete", name, "--region=us-central1", "--gen2", "--quiet");
      expect(code, err).toBe(0);
    }
    expect(await json("functions", "list")).toEqual([]);
    expect(await json("pubsub", "subscriptions", "list")).toEqual([]);
  });
});
