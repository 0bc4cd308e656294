import { constants } from "node:fs";
import { startOf } from "../place/claim.ts";
import { type Disk, errorCode, unlessMissing } from "../place/disk.ts";
import { stateFolder } from "../place/journal.ts";

/** What `analyze` shows of a boot: nothing of it is secret, and a boot goes the same without it. */
export interface BootRecord {
  boot: string;
  bootedAt: string;
  agent: string;
  instance: string;
  release: string;
  verdict: string;
  reason: string;
  message: string;
  /** ms that Node needed before the agent's own code ran. */
  start: number;
  /** ms, `at` since the run began, which is `start`. */
  phases: readonly { name: string; at: number; ms: number }[];
  /** Other progress lines: failed attempts, waits. `at` since the agent's start. */
  said: { at: number; line: string }[];
  /** ms from the agent's start to this record. */
  ms: number;
  /** ms of processor time. */
  cpu: number;
  /** Peak resident memory in KiB. */
  rss: number;
  /** ms from the kernel's start to the agent's, to 10 ms; absent where nobody knows. */
  before?: number;
}

/** A machine that was never sealed keeps nothing on its disk, so its records lie in memory until the next reboot. */
export const recordPaths = [`${stateFolder}/boots.json`, "/run/moult-boots.json"] as const;
const most = 5;

/** Keeps the last boots. Not synced: a record that a power cut takes is not missed. Trouble with it is no trouble. */
export function recordBoot({ disk, root }: { disk: Disk; root: string }, record: BootRecord): void {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;
  const on = <T>(name: string, flags: number, act: (fd: number) => T): T => {
    const fd = disk.openSync(name, flags | O_NOFOLLOW, 0o600);
    try {
      return act(fd);
    } finally {
      disk.closeSync(fd);
    }
  };
  for (const path of recordPaths.map((place) => root + place)) {
    try {
      const earlier = readRecords(unlessMissing(() => on(path, O_RDONLY, (fd) => disk.readFileSync(fd, "utf8"))));
      const text = Buffer.from(JSON.stringify([...earlier.slice(1 - most), record]));
      unlessMissing(() => disk.unlinkSync(`${path}.new`));
      on(`${path}.new`, O_CREAT | O_EXCL | O_WRONLY, (fd) => disk.writeSync(fd, text));
      disk.renameSync(`${path}.new`, path);
      return;
    } catch (error) {
      if (errorCode(error) === "") throw error;
    }
  }
}

/** Empty when it is not a list, as after a power cut. */
export function readRecords(text = "[]"): BootRecord[] {
  try {
    const found: unknown = JSON.parse(text);
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}

/** What this run has used so far, and when it started: from the kernel's own counts, which no clock change moves. */
export function resources(): Pick<BootRecord, "cpu" | "rss" | "before"> {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const used = { cpu: Math.round((userCPUTime + systemCPUTime) / 1_000), rss: maxRSS };
  const before = Number(startOf("self")) * 10;
  return before > 0 ? { ...used, before } : used;
}
