import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "../frame/clock.ts";
import { attachDisk, diskPrograms } from "./datadisks.ts";
import type { MachineSpec } from "./machines.ts";
import { beneath } from "./root.ts";
import { systemctlScript } from "./systemctl.ts";

/** What every program of one instance needs to know of it. */
export interface Guest {
  name: string;
  hostname: string;
  /** The instance's folder: `root`, `bin`, `serial.log`. */
  folder: string;
  root: string;
  bin: string;
  /** `ip:port` of its metadata server. */
  metadata: string;
  clock: Clock;
  /** A line of the init's own on the serial console. */
  say(line: string): void;
  /** Raw output for the serial console. */
  print(text: string): void;
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** sd_notify(3) wants a datagram socket, which node cannot serve; a FIFO stands for it. */
const NOTIFY = `#!/bin/sh
[ -n "$NOTIFY_SOCKET" ] || { echo 'systemd-notify: $NOTIFY_SOCKET is not set' >&2; exit 1; }
for word; do
  case $word in
    --ready) echo READY=1 ;;
    --stopping) echo STOPPING=1 ;;
    --status=*) echo "STATUS=\${word#--status=}" ;;
    *=*) echo "$word" ;;
  esac
done > "$NOTIFY_SOCKET"
`;

/**
 * Makes what a boot finds: an empty /run (it stands for a tmpfs), data disks, and a `bin` in front of the PATH.
 * @param disks attached beside the boot disk.
 */
export function prepareGuest(root: string, bin: string, disks: MachineSpec["disks"] = []): void {
  const run = beneath(root, "/run");
  mkdirSync(run, { recursive: true });
  for (const name of readdirSync(run)) rmSync(join(run, name), { recursive: true, force: true });
  // By this folder programs tell that systemd runs the machine.
  for (const folder of ["/root", "/tmp", "/var/lib", "/run/systemd/system"])
    mkdirSync(beneath(root, folder), { recursive: true });
  rmSync(bin, { recursive: true, force: true });
  mkdirSync(bin, { recursive: true });
  symlinkSync(process.execPath, join(bin, "node"));
  const programs = { "systemd-notify": NOTIFY, systemctl: systemctlScript(dirname(bin)), ...diskPrograms };
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(bin, name), text, { mode: 0o755 });
  for (const disk of disks) attachDisk(dirname(bin), disk);
  // Units may run as another user, who must be able to get here. What is secret below has modes of its own.
  if (process.getuid?.() === 0) {
    for (const folder of [dirname(root), dirname(dirname(root)), dirname(dirname(dirname(root)))]) {
      chmodSync(folder, 0o711);
    }
  }
}

/**
 * The bare environment of everything on an instance; nothing of the emulator's own gets through. INSTANCE_ROOT tells
 * programs where their `/` is and is the mark by which leftovers are found.
 */
export function guestEnvironment({ root, bin }: Pick<Guest, "root" | "bin">): Record<string, string> {
  return { PATH: `${bin}:${PATH}`, HOME: beneath(root, "/root"), LANG: "C.UTF-8", INSTANCE_ROOT: root };
}
