import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";

const run = promisify(execFile);

export const installed = spawnSync("gcloud", ["--version"], { stdio: "ignore" }).status === 0;
if (!installed) console.warn("skipped: gcloud is not installed here");

export interface Gcloud {
  emulator: Emulator;
  /** Runs one command and reads its JSON; undefined when it prints none. */
  run<T = unknown>(line: string): Promise<T>;
  close(): Promise<void>;
}

/** The unmodified gcloud command with a configuration of its own, on an emulator of its own. */
export async function openGcloud(): Promise<Gcloud> {
  const config = mkdtempSync(join(tmpdir(), "moult-gcloud-"));
  const emulator = await startEmulator({ instances: "virtual" });
  return {
    emulator,
    run: async (line) => {
      const { stdout } = await run("gcloud", [...line.split(" "), "--format=json", "--quiet"], {
        env: {
          PATH: process.env.PATH,
          HOME: config,
          CLOUDSDK_CONFIG: config,
          CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: "true",
          CLOUDSDK_SURVEY_DISABLE_PROMPTS: "true",
          CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: "true",
          // Whatever would leave this machine finds a closed door.
          HTTP_PROXY: "http://127.0.0.1:9",
          HTTPS_PROXY: "http://127.0.0.1:9",
          NO_PROXY: "127.0.0.1",
          ...emulator.env,
        },
      });
      // wait-until says in words what it waits for.
      const json = stdout.slice(Math.max(0, stdout.search(/^[[{]/m)));
      return json.trim() === "" ? undefined : JSON.parse(json);
    },
    close: async () => {
      await emulator.close();
      rmSync(config, { recursive: true, force: true });
    },
  };
}
