import { execFile } from "node:child_process";
import { constants, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { promisify } from "node:util";

export interface NotifySocket {
  path: string;
  close(): void;
}

/** Listens at a FIFO for what `systemd-notify` writes; `told` gets each line, e.g. `READY=1`. */
export async function listenNotify(path: string, told: (line: string) => void): Promise<NotifySocket> {
  rmSync(path, { force: true });
  await promisify(execFile)("mkfifo", ["-m", "600", path]);
  // Open for writing too, or the end of the first writer would be the end of the file.
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const socket = new Socket({ fd, readable: true, writable: false });
  let rest = "";
  socket.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString("utf8")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) told(line);
  });
  socket.on("error", () => {});
  return {
    path,
    close: () => {
      socket.destroy();
      rmSync(path, { force: true });
    },
  };
}
