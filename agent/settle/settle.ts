import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { unitNameOf } from "../disks/escape.ts";
import { makeFolders, mountDirectly } from "../disks/mount.ts";
import type { Deadline, Edge } from "../edge/deadline.ts";
import { Failure } from "../outcome.ts";
import type { Disk } from "../place/disk.ts";
import type { Seal } from "../seal/seal.ts";
import { hasSystemd, systemctl, unitStates } from "./systemd.ts";

export interface Settling {
  disk: Disk;
  root: string;
  /** This boot has sealed the machine: systemd does not know what it placed. */
  fresh: boolean;
  edge: Edge;
  deadline: Deadline;
}

/** In memory: it goes with the kernel's boot, after which systemd has read everything by itself. */
const unsettled = "/run/moult-unsettled";

/** Before units are placed: a run that follows a killed one in the same boot of the kernel is fresh, too. */
export function beginSettling(root: string): void {
  mkdirSync(`${root}/run`, { recursive: true });
  writeFileSync(root + unsettled, "", { mode: 0o600 });
}

export function isUnsettled(root: string): boolean {
  return existsSync(root + unsettled);
}

/** What was placed comes into force: systemd reads its units, disks are mounted, folders made on them. Starts nothing else. */
export async function settle(seal: Seal, about: Settling): Promise<void> {
  const { root, fresh, deadline, disk } = about;
  const systemd = hasSystemd(root);
  if (systemd && fresh && seal.reload) reload(seal, root, deadline);
  for (const one of seal.disks) {
    if (!systemd) {
      await mountDirectly(one, about);
      continue;
    }
    const unit = `${unitNameOf(one.mount)}.mount`;
    if (systemctl(root, deadline.left(), "start", unit).status === 0) continue;
    const [state = ""] = unitStates(root, deadline.left() + 1_000, [unit], "Id,LoadState,ActiveState,Result");
    throw new Failure("disk-failed", `The disk ${one.device} is not mounted at ${one.mount}: ${state}`);
  }
  if (seal.disks.length > 0) makeFolders(disk, root, seal);
}

/** A unit file that systemd does not take is found before anything starts, not when a unit silently stays away. */
function reload({ units, start }: Seal, root: string, deadline: Deadline): void {
  const done = systemctl(root, deadline.left(), "daemon-reload");
  if (done.status !== 0) throw new Failure("units-failed", `systemctl daemon-reload: ${done.trouble}`);
  const names = [...new Set([...units, ...start])];
  if (names.length === 0) return;
  const bad = unitStates(root, deadline.left(), names, "Id,LoadState").filter((state) => !state.includes("=loaded"));
  if (bad.length > 0) throw new Failure("units-failed", `systemd does not load them: ${bad.join("; ")}`);
}

/** After READY of the boot that sealed: units that systemd did not know when it began. It goes on without waiting for them. */
export function startUnits({ start }: Pick<Seal, "start">, { root, fresh }: Pick<Settling, "root" | "fresh">): void {
  if (!fresh || start.length === 0 || !hasSystemd(root)) return;
  const done = systemctl(root, 10_000, "start", "--no-block", ...start);
  if (done.status !== 0) throw new Failure("units-failed", `systemctl start: ${done.trouble}`);
}

export function endSettling(root: string): void {
  rmSync(root + unsettled, { force: true });
}

/** Stops what the manifest started: a machine that drifted and is not to serve. @returns what went wrong. */
export function stopUnits({ units }: Pick<Seal, "units">, root: string): string | undefined {
  if (units.length === 0 || !hasSystemd(root)) return undefined;
  const done = systemctl(root, 90_000, "stop", ...units);
  return done.status === 0 ? undefined : `systemctl stop: ${done.trouble}`;
}

/** Units that are to ship logs and do not run, so that the logs would go with the machine. Asked after READY. */
export function silentShippers(
  { logs }: Pick<Seal, "logs">,
  { root, edge }: Pick<Settling, "root" | "edge">,
): string[] {
  if (logs.length === 0 || !hasSystemd(root)) return [];
  const units = [...new Set(logs.map(({ unit }) => unit))];
  const states = systemctl(root, 5_000, "is-active", ...units).stdout.split("\n");
  const silent = units.filter((_, i) => !/^(active|activating|reloading)$/.test(states[i] ?? ""));
  for (const unit of silent) edge.say(`logs: ${unit}, which is to ship them, does not run`);
  return silent;
}
