import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { CliError, EXIT } from "../failure.ts";
import { sleep } from "../waiting.ts";

export interface FunctionsHost {
  /** `http://127.0.0.1:<port>`; stays the same however often the child is started again. */
  origin: string;
  pid(): number | undefined;
  close(): Promise<void>;
}

export interface FunctionsOptions {
  bundle: string;
  /** Everything the functions find in their environment; nothing of ours gets through. */
  env: Record<string, string>;
  /** Taken when it is free. */
  port?: number;
  /** Gets each line the functions write. */
  log(line: string): void;
}

const READY_MS = 20_000;
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;
/** A child that lived this long has not failed to start. */
const STEADY_MS = 10_000;

/** Runs the control plane in a child and starts it again, later each time, when it dies. */
export async function startFunctions(options: FunctionsOptions): Promise<FunctionsHost> {
  let closing = false;
  let child: ChildProcess | undefined;

  const start = async (port: number): Promise<number> => {
    const started = spawn(process.execPath, [options.bundle, "--port", String(port), "--stop-with-stdin"], {
      env: options.env,
      // Its stdin ends with us, however we end; and then so does it.
      stdio: ["pipe", "pipe", "pipe"],
    });
    child = started;
    createInterface({ input: started.stderr }).on("line", options.log);
    return new Promise<number>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("was not ready in time")), READY_MS);
      createInterface({ input: started.stdout }).on("line", (line) => {
        const taken = readyPort(line);
        if (taken === undefined) options.log(line);
        else {
          clearTimeout(timer);
          options.log(`supervisor: the functions run as process ${started.pid}`);
          resolve(taken);
        }
      });
      started.once("error", reject);
      started.once("exit", (code, signal) => {
        clearTimeout(timer);
        reject(new Error(`ended with ${signal ?? `exit code ${code}`}`));
      });
    });
  };

  const first = async (): Promise<number> => {
    if (options.port === undefined) return start(0);
    // The port of an earlier run may be somebody else's by now.
    return start(options.port).catch(() => start(0));
  };
  const port = await first().catch((problem: Error) => {
    child?.kill("SIGKILL");
    throw new CliError(EXIT.failed, `the functions did not start: ${problem.message}`);
  });

  const keepAlive = async (): Promise<void> => {
    let delay = FIRST_DELAY_MS;
    while (!closing) {
      const since = Date.now();
      if (child && child.exitCode === null && child.signalCode === null) await once(child, "exit");
      if (closing) return;
      options.log(`supervisor: the functions ended, starting again in ${delay} ms`);
      await sleep(delay);
      delay = Date.now() - since > STEADY_MS ? FIRST_DELAY_MS : Math.min(LONGEST_DELAY_MS, delay * 2);
      if (!closing)
        await start(port).catch((problem: Error) =>
          options.log(`supervisor: the functions did not start: ${problem.message}`),
        );
    }
  };
  void keepAlive();

  return {
    origin: `http://127.0.0.1:${port}`,
    pid: () => child?.pid,
    close: async () => {
      closing = true;
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      const timer = setTimeout(() => child?.kill("SIGKILL"), 5_000);
      await ended;
      clearTimeout(timer);
    },
  };
}

function readyPort(line: string): number | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const { ready, port } = JSON.parse(line) as { ready?: unknown; port?: unknown };
    return ready === true && typeof port === "number" ? port : undefined;
  } catch {
    return undefined;
  }
}
