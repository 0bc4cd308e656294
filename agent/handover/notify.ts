import { existsSync } from "node:fs";
import { loadChildProcess } from "../edge/load.ts";

/** What the agent's children see: nothing of its own environment but where systemd listens. */
const path = "/usr/sbin:/usr/bin:/sbin:/bin";
const programs = ["/usr/bin/systemd-notify", "/bin/systemd-notify"];

/**
 * Tells systemd that the machine is sealed, so that units which need the agent may start while it still asks for
 * readiness. sd_notify wants a datagram socket, which Node cannot open; hence the program (and `NotifyAccess=all`).
 * Only on the machine's own root is the program's place fixed; another root is an emulated machine, whose maker chooses it.
 * @returns what went wrong, or undefined; also when nobody listens.
 */
export function notifyReady(root: string): string | undefined {
  const socket = process.env.NOTIFY_SOCKET;
  if (!socket) return undefined;
  const own = root === "";
  const program = own ? programs.find((file) => existsSync(file)) : "systemd-notify";
  if (!program) return "NOTIFY_SOCKET is set, but there is no systemd-notify";
  const env = own ? { PATH: path, NOTIFY_SOCKET: socket } : process.env;
  const told = loadChildProcess().spawnSync(program, ["--ready"], { env, stdio: "ignore", timeout: 5_000 });
  return told.status === 0 ? undefined : `systemd-notify: ${told.error ? told.error.message : `exit ${told.status}`}`;
}

/** Runs one program of the image; true when it exits with 0 in time. */
export function runQuietly(program: string, args: string[], timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const child = loadChildProcess().spawn(program, args, { env: { PATH: path }, stdio: "ignore" });
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    const done = (ok: boolean) => {
      clearTimeout(timer);
      resolve(ok);
    };
    child.on("error", () => done(false));
    child.on("close", (code) => done(code === 0));
  });
}
