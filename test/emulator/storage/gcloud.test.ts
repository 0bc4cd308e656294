import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";

function version(): string | undefined {
  try {
    return execFileSync("gcloud", ["version", "--format=value('Google Cloud SDK')"], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}

const gcloudVersion = version();
if (gcloudVersion === undefined) console.warn("skipped: no gcloud on this machine, its commands are not tried");

/** Google's unmodified command. A proxy that refuses everything shows any attempt to leave this machine. */
describe.skipIf(gcloudVersion === undefined)("gcloud", () => {
  let emulator: Emulator;
  let folder: string;
  let env: Record<string, string>;

  beforeAll(async () => {
    emulator = await startEmulator();
    folder = mkdtempSync(join(tmpdir(), "moult-gcloud-"));
    const nowhere = "http://127.0.0.1:9";
    env = {
      PATH: process.env.PATH ?? "",
      HOME: folder,
      ...emulator.env,
      CLOUDSDK_CONFIG: join(folder, "config"),
      CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: "true",
      CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: "true",
      CLOUDSDK_SURVEY_DISABLE_PROMPTS: "true",
      HTTP_PROXY: nowhere,
      HTTPS_PROXY: nowhere,
      NO_PROXY: "127.0.0.1",
    };
    mkdirSync(join(folder, "tree", "sub"), { recursive: true });
    writeFileSync(join(folder, "tree", "one"), "1");
    writeFileSync(join(folder, "tree", "sub", "two"), "2");
    writeFileSync(join(folder, "big"), Buffer.alloc(9_000_000, "big and "));
    writeFileSync(join(folder, "secret"), "s3cr3t");
  });
  afterAll(async () => {
    await emulator.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs one command in the scratch folder. Its failure carries what it printed. */
  const gcloud = async (command: string) => {
    const { stdout, stderr } = await promisify(execFile)("gcloud", command.split(" "), { cwd: folder, env });
    return { stdout: stdout.trim(), stderr };
  };
  const failure = (command: string) =>
    gcloud(command).then(
      () => "it succeeded",
      (problem: { stderr?: string }) => problem.stderr ?? "",
    );

  test("storage: copies up and down, lists, shows, removes", { timeout: 120_000 }, async () => {
    await gcloud("storage buckets create gs://tried --location=europe-west4 --uniform-bucket-level-access");
    await gcloud("storage cp tree/one gs://tried/one.txt --custom-metadata=release=1");
    expect((await gcloud("storage cat gs://tried/one.txt")).stdout).toBe("1");
    await gcloud("storage cp -r tree gs://tried/");
    expect((await gcloud("storage ls -r gs://tried/**")).stdout.split("\n")).toEqual([
      "gs://tried/one.txt",
      "gs://tried/tree/one",
      "gs://tried/tree/sub/two",
    ]);
    await gcloud("storage cp big gs://tried/big");
    await gcloud("storage cp gs://tried/big back");
    expect(readFileSync(join(folder, "back")).equals(readFileSync(join(folder, "big")))).toBe(true);
    expect(await failure("storage cp big gs://tried/big --if-generation-match=0")).toContain("412");
    await gcloud("storage mv gs://tried/one.txt gs://tried/moved.txt");
    const { stdout } = await gcloud("storage objects describe gs://tried/moved.txt --format=json");
    expect(JSON.parse(stdout)).toMatchObject({ name: "moved.txt", size: 1, custom_fields: { release: "1" } });
    await gcloud("storage buckets update gs://tried --versioning");
    await gcloud("storage rm -r gs://tried");
    expect((await gcloud("storage buckets list --format=value(name)")).stdout).toBe("");
  });

  test("secrets: creates, adds, reads, changes and deletes", { timeout: 120_000 }, async () => {
    await gcloud("secrets create db --replication-policy=automatic --labels=app=web");
    await gcloud("secrets versions add db --data-file=secret");
    expect((await gcloud("secrets versions access latest --secret=db")).stdout).toBe("s3cr3t");
    expect((await gcloud("secrets list --format=value(name,labels.app)")).stdout).toBe("db\tweb");
    const { stdout } = await gcloud("secrets versions describe 1 --secret=db --format=json");
    expect(JSON.parse(stdout)).toMatchObject({ state: "ENABLED", clientSpecifiedPayloadChecksum: true });
    await gcloud("secrets versions disable 1 --secret=db");
    expect(await failure("secrets versions access 1 --secret=db")).toContain("is in DISABLED state.");
    await gcloud("secrets versions enable 1 --secret=db");
    await gcloud("secrets update db --update-labels=tier=back");
    expect((await gcloud("secrets describe db --format=value(labels.tier)")).stdout).toBe("back");
    await gcloud("secrets versions destroy 1 --secret=db");
    expect((await gcloud("secrets versions list db --format=value(state)")).stdout).toContain("destroyed");
    await gcloud("secrets delete db");
    expect(await failure("secrets describe db")).toContain("not found");
  });

  test("projects describe", async () => {
    const { stdout } = await gcloud(`projects describe ${emulator.project} --format=value(projectNumber)`);
    expect(stdout).toBe(emulator.projectNumber);
  });
});
