import { closeSync, constants, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Guest } from "./guest.ts";
import { listenNotify, type NotifySocket } from "./notify.ts";

/** What `systemctl` is told: its exit code, and lines for its two outputs. */
export interface Told {
  status: number;
  out?: string[];
  err?: string[];
}

/**
 * The program: it puts its words on one FIFO, apart by tabs, and reads the answer from another that it holds open by itself, so
 * that neither side ever waits for the other to come.
 */
export function systemctlScript(folder: string): string {
  return `#!/bin/sh
reply='${folder.replaceAll("'", `'\\''`)}/systemctl.'$$
mkfifo -m 600 "$reply" && exec 3<> "$reply" || exit 1
tab=$(printf '\\t')
line=$reply
for word; do line=$line$tab$word; done
printf '%s\\n' "$line" > "\${reply%.*}" || { rm -f "$reply"; exit 1; }
while IFS= read -r line <&3; do
  case $line in
    o*) printf '%s\\n' "\${line#o}" ;;
    e*) printf '%s\\n' "\${line#e}" >&2 ;;
    s*) rm -f "$reply"; exit "\${line#s}" ;;
  esac
done
`;
}

/** Answers every `systemctl` of one machine until it is closed. */
export function listenSystemctl(guest: Guest, answer: (words: string[]) => Promise<Told>): Promise<NotifySocket> {
  return listenNotify(join(guest.folder, "systemctl"), (line) => {
    const [reply = "", ...words] = line.split("\t");
    void answer(words).then(({ status, out = [], err = [] }) => {
      const lines = [...out.map((text) => `o${text}`), ...err.map((text) => `e${text}`), `s${status}`];
      try {
        const fd = openSync(reply, constants.O_WRONLY | constants.O_NONBLOCK);
        writeSync(fd, `${lines.join("\n")}\n`);
        closeSync(fd);
      } catch {
        // Whoever asked was killed meanwhile.
      }
    });
  });
}
