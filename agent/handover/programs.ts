import { existsSync } from "node:fs";
import { loadChildProcess } from "../edge/load.ts";

const folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
/** What programs of the image see: nothing of the agent's own environment. */
export const bareEnvironment = { PATH: folders.join(":"), LC_ALL: "C" };

export interface Ended {
  /** 0: it went well. Undefined: it was not there, or did not end in time. */
  status: number | undefined;
  stdout: string;
  /** Why it failed, in its own words: one line, without values of ours. */
  trouble: string;
}

/**
 * Runs a program of the image to its end. Only on the machine's own root is its place fixed; another root is an emulated
 * machine or an image, whose maker chooses by PATH.
 */
export function runProgram(
  root: string,
  name: string,
  args: readonly string[],
  timeoutMs: number,
  more: Record<string, string> = {},
): Ended {
  const own = root === "";
  const file = own ? folders.map((folder) => `${folder}/${name}`).find((path) => existsSync(path)) : name;
  if (file === undefined) return { status: undefined, stdout: "", trouble: `there is no ${name}` };
  const env = own ? { ...bareEnvironment, ...more } : process.env;
  const { status, stdout, stderr, error } = loadChildProcess().spawnSync(file, args, {
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    timeout: Math.ceil(timeoutMs) || 1,
    killSignal: "SIGKILL",
  });
  const words = (stderr ?? "").trim().split("\n", 1)[0]?.slice(0, 200);
  return { status: status ?? undefined, stdout: stdout ?? "", trouble: error?.message ?? (words || `exit ${status}`) };
}
