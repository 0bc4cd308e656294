import { loadChildProcess } from "../edge/load.ts";
import { bareEnvironment, runProgram } from "./programs.ts";

/**
 * Tells systemd that the machine is sealed, so that units which need the agent may start while it still asks for
 * readiness. sd_notify wants a datagram socket, which Node cannot open; hence the program (and `NotifyAccess=all`).
 * @returns what went wrong, or undefined; also when nobody listens.
 */
export function notifyReady(root: string): string | undefined {
  const socket = process.env.NOTIFY_SOCKET;
  if (!socket) return undefined;
  const { status, trouble } = runProgram(root, "systemd-notify", ["--ready"], 5_000, { NOTIFY_SOCKET: socket });
  return status === 0 ? undefined : `systemd-notify: ${trouble}`;
}

/** Runs one program of the image; true when it exits with 0 in time. */
export function runQuietly(program: string, args: string[], timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const child = loadChildProcess().spawn(program, args, { env: bareEnvironment, stdio: "ignore" });
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    const done = (ok: boolean) => {
      clearTimeout(timer);
      resolve(ok);
    };
    child.on("error", () => done(false));
    child.on("close", (code) => done(code === 0));
  });
}
