import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";

/** What gcloud says of its version; undefined where there is none. */
function version(): string | undefined {
  const { status, stdout } = spawnSync("gcloud", ["version", "--format=value('Google Cloud SDK')"], {
    encoding: "utf8",
  });
  return status === 0 ? stdout.trim() : undefined;
}

export const gcloudVersion = version();
if (gcloudVersion === undefined) console.warn("skipped: gcloud is not installed here, its commands are not tried");

export interface Said {
  stdout: string;
  stderr: string;
}

export interface Gcloud {
  emulator: Emulator;
  /** The folder in which commands run; files named in them are here. */
  folder: string;
  /** Runs one command, written as in a shell without variables. Rejects with what it printed when it fails. */
  say(line: string): Promise<Said>;
  /** What it prints with `--format=json`; undefined when that is nothing. */
  json<T = unknown>(line: string): Promise<T>;
  /** What it prints with `--format=value(…)`: lines of fields, as a script would read them. */
  values(line: string, fields: string): Promise<string[][]>;
  /** What a command that must fail says on stderr. */
  refused(line: string): Promise<string>;
  /** Waits until a group has nothing under way, sooner than the ten seconds after which `wait-until` looks again. */
  settled(scope: string, group: string): Promise<void>;
  close(): Promise<void>;
}

/** gcloud takes a second of one core for each command. */
const AT_ONCE = 2;

/** Google's unmodified command with a configuration of its own, on an emulator of its own. */
export async function openGcloud(): Promise<Gcloud> {
  const began = performance.now();
  const folder = mkdtempSync(join(tmpdir(), "moult-gcloud-"));
  const emulator = await startEmulator({ instances: "virtual" });
  // Whatever would leave this machine finds a closed door.
  const nowhere = "http://127.0.0.1:9";
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    CLOUDSDK_CONFIG: join(folder, "config"),
    CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: "true",
    CLOUDSDK_SURVEY_DISABLE_PROMPTS: "true",
    CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: "true",
    HTTP_PROXY: nowhere,
    HTTPS_PROXY: nowhere,
    NO_PROXY: "127.0.0.1",
    ...emulator.env,
  };
  const turns = new Turns(AT_ONCE);
  let commands = 0;
  const say = (line: string, ...more: string[]): Promise<Said> => {
    commands++;
    return turns.take(
      () =>
        new Promise((resolve, reject) => {
          const words = [...wordsOf(line), ...more, "--quiet"];
          execFile("gcloud", words, { cwd: folder, env, maxBuffer: 2 ** 26 }, (problem, stdout, stderr) =>
            problem ? reject(new Refused(line, stderr)) : resolve({ stdout, stderr }),
          );
        }),
    );
  };
  return {
    emulator,
    folder,
    say,
    json: async (line) => {
      const { stdout } = await say(line, "--format=json");
      // Some commands say in words what they wait for, before they print what they found.
      const json = stdout.slice(Math.max(0, stdout.search(/^[[{"]/m)));
      return json.trim() === "" ? undefined : JSON.parse(json);
    },
    values: async (line, fields) => {
      const { stdout } = await say(line, `--format=value(${fields})`);
      return stdout === ""
        ? []
        : stdout
            .trimEnd()
            .split("\n")
            .map((row) => row.split("\t"));
    },
    refused: (line) =>
      say(line).then(
        () => Promise.reject(new Error(`this succeeded: gcloud ${line}`)),
        (problem: Error) => problem.message,
      ),
    settled: async (scope, group) => {
      const url = `${emulator.url}/compute/v1/projects/${emulator.project}/${scope}/instanceGroupManagers/${group}`;
      const look = async () =>
        ((await (await fetch(url)).json()) as { status?: { isStable: boolean } }).status?.isStable;
      const until = Date.now() + 30_000;
      while (!(await look())) {
        if (Date.now() > until) throw new Error(`${group} has not become stable in 30 s`);
        await setTimeout(50);
      }
    },
    close: async () => {
      await emulator.close();
      rmSync(folder, { recursive: true, force: true });
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      console.info(`gcloud ${gcloudVersion}: ${commands} commands in ${seconds} s`);
    },
  };
}

class Refused extends Error {
  constructor(line: string, stderr: string) {
    super(`gcloud ${line}\n${stderr}`);
  }
}

/** Words as a shell would split them: quotes of either kind keep white space. */
export function wordsOf(line: string): string[] {
  return (line.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? []).map((word) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, "$1$2"),
  );
}

/** Lets so many work at once; the others wait in line. */
class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#free = most;
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}

/** Last part of a resource's URL. */
export const short = (url: string | undefined): string => url?.split("/").at(-1) ?? "";
