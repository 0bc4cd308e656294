import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";

function missing(): string | undefined {
  try {
    execFileSync("gcloud", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch (problem) {
    return `gcloud cannot be run here (${(problem as NodeJS.ErrnoException).code ?? "it failed"})`;
  }
}

const reason = missing();
if (reason) console.warn(`skipped: Pub/Sub, Logging, Scheduler and Eventarc under gcloud: ${reason}`);

/** The unmodified command, with nothing set but the emulator's environment. */
describe.skipIf(reason)("gcloud", { timeout: 60_000 }, () => {
  let emulator: Emulator;
  let config: string;

  beforeAll(async () => {
    emulator = await startEmulator({ instances: "virtual" });
    config = mkdtempSync(join(tmpdir(), "moult-gcloud-"));
  });
  afterAll(async () => {
    await emulator.close();
    rmSync(config, { recursive: true, force: true });
  });

  function gcloud(...words: string[]): Promise<{ code: number; out: string; err: string }> {
    return new Promise((resolve) => {
      const env = {
        ...process.env,
        ...emulator.env,
        CLOUDSDK_CONFIG: config,
        CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: "true",
        CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: "true",
        // Whatever would leave this machine is refused.
        HTTPS_PROXY: "http://127.0.0.1:1",
        HTTP_PROXY: "http://127.0.0.1:1",
        NO_PROXY: "127.0.0.1",
      };
      execFile("gcloud", words, { env }, (problem, out, err) => resolve({ code: problem ? 1 : 0, out, err }));
    });
  }

  /** The command's answer as JSON. */
  async function json<T>(...words: string[]): Promise<T> {
    const { code, out, err } = await gcloud(...words, "--format=json");
    expect(code, err).toBe(0);
    return JSON.parse(out) as T;
  }

  it("publishes and pulls", async () => {
    await json("pubsub", "topics", "create", "orders", "--labels=team=x");
    await json(
      ...["pubsub", "subscriptions", "create", "work", "--topic=orders", "--ack-deadline=20"],
      ...["--min-retry-delay=1s", "--max-retry-delay=5s", "--expiration-period=never"],
      '--message-filter=attributes.kind="image"',
    );
    await json("pubsub", "topics", "publish", "orders", "--message=hello", "--attribute=kind=image");
    await json("pubsub", "topics", "publish", "orders", "--message=other");
    const pulled = await json<{ message: { data: string; attributes: object } }[]>(
      ...["pubsub", "subscriptions", "pull", "work", "--auto-ack", "--limit=5"],
    );
    expect(pulled.map(({ message }) => Buffer.from(message.data, "base64").toString())).toEqual(["hello"]);
    expect(pulled[0]?.message.attributes).toEqual({ kind: "image" });
    expect(await json("pubsub", "subscriptions", "pull", "work", "--auto-ack")).toEqual([]);
  });

  it("lists, updates and describes", async () => {
    const topics = await json<{ name: string; labels: object }[]>("pubsub", "topics", "list");
    expect(topics).toMatchObject([{ name: `projects/${emulator.project}/topics/orders`, labels: { team: "x" } }]);
    await json("pubsub", "subscriptions", "update", "work", "--ack-deadline=60", "--clear-retry-policy");
    const work = await json<object>("pubsub", "subscriptions", "describe", "work");
    expect(work).toMatchObject({ ackDeadlineSeconds: 60, expirationPolicy: {} });
    expect(work).not.toHaveProperty("retryPolicy");
    expect(await json<unknown[]>("pubsub", "subscriptions", "list")).toHaveLength(1);
  });

  it("prints the service's message when something is missing", async () => {
    const { code, err } = await gcloud("pubsub", "topics", "publish", "nothing-here", "--message=x");
    expect(code).toBe(1);
    expect(err).toContain("Resource not found (resource=nothing-here)");
  });

  it("writes and reads log entries, and exports them through a sink", async () => {
    await json("pubsub", "topics", "create", "exported");
    await json("pubsub", "subscriptions", "create", "exports", "--topic=exported");
    const topic = `pubsub.googleapis.com/projects/${emulator.project}/topics/exported`;
    const made = await gcloud("logging", "sinks", "create", "to-topic", topic, "--log-filter=severity>=ERROR");
    expect(made.code, made.err).toBe(0);
    expect(await json<unknown[]>("logging", "sinks", "list")).toMatchObject([
      { name: "to-topic", filter: "severity>=ERROR" },
    ]);
    for (const severity of ["INFO", "ERROR"]) {
      const { code, err } = await gcloud("logging", "write", "app", `said ${severity}`, `--severity=${severity}`);
      expect(code, err).toBe(0);
    }
    const read = await json<{ textPayload: string }[]>("logging", "read", "log_id(app) AND severity=INFO", "--limit=5");
    expect(read.map(({ textPayload }) => textPayload)).toEqual(["said INFO"]);
    const exported = await json<{ message: { data: string } }[]>("pubsub", "subscriptions", "pull", "exports");
    expect(exported.map(({ message }) => JSON.parse(Buffer.from(message.data, "base64").toString()))).toMatchObject([
      { textPayload: "said ERROR", severity: "ERROR" },
    ]);
  });

  it("makes, runs, pauses and lists scheduler jobs", async () => {
    await json("pubsub", "subscriptions", "create", "ticks", "--topic=orders");
    await json(
      ...["scheduler", "jobs", "create", "pubsub", "reconcile", "--location=us-central1", "--topic=orders"],
      ...["--schedule=0 9 1 1 *", "--time-zone=Europe/Berlin", "--message-body=now", "--attributes=task=reconcile"],
    );
    const run = await gcloud("scheduler", "jobs", "run", "reconcile", "--location=us-central1");
    expect(run.code, run.err).toBe(0);
    const [tick] = await json<{ message: object }[]>("pubsub", "subscriptions", "pull", "ticks", "--auto-ack");
    expect(tick?.message).toMatchObject({
      data: Buffer.from("now").toString("base64"),
      attributes: { task: "reconcile" },
    });
    await gcloud("scheduler", "jobs", "pause", "reconcile", "--location=us-central1");
    const listed = await json<object[]>("scheduler", "jobs", "list", "--location=us-central1");
    expect(listed).toMatchObject([{ schedule: "0 9 1 1 *", timeZone: "Europe/Berlin", state: "PAUSED" }]);
  });
});
