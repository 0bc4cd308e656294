import { existsSync, rmSync } from "node:fs";
import type { Deadline, Edge } from "../edge/deadline.ts";
import { loadMore } from "../load-more.ts";
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

/**
 * Placed with the units, and gone once systemd has taken all of them: until then every run is fresh, after a kill and after a
 * reboot. systemd starts what it can of a machine by itself, and says nothing of a unit that it does not load.
 */
export const unsettledPath = "/var/lib/moult/unsettled";

export function isUnsettled(root: string): boolean {
  return existsSync(root + unsettledPath);
}

/** What was placed comes into force: systemd reads its units, disks are mounted, folders made on them. Starts nothing else. */
export async function settle(seal: Seal, about: Settling): Promise<void> {
  const { root, fresh, deadline } = about;
  const systemd = hasSystemd(root);
  if (systemd && fresh && seal.reload) reload(seal, root, deadline);
  if (seal.disks.length > 0) await (await loadMore()).mountDisks(seal, { ...about, systemd });
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
  rmSync(root + unsettledPath, { force: true });
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
