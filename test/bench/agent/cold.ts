import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";

/** The kernel's own; a machine may have it far higher, and then every program reads most of its binary. */
const readAheadKiB = 128;

/** @returns how to empty the page cache and to put things back, or why it cannot be done here. */
export function coldCache(folder: string): { drop: () => void; restore: () => void } | { why: string } {
  if (process.getuid?.() !== 0) return { why: "only root may empty the page cache" };
  const device = BigInt(statSync(folder).dev);
  const [major, minor] = [Number((device >> 8n) & 0xfffn), Number((device & 0xffn) | ((device >> 12n) & 0xfff00n))];
  const block = `/sys/dev/block/${major}:${minor}`;
  const ahead = [`${block}/queue/read_ahead_kb`, `${block}/../queue/read_ahead_kb`].find((file) => existsSync(file));
  if (!ahead) return { why: "the folder for scratch is not on a block device" };
  const before = readFileSync(ahead, "utf8");
  writeFileSync(ahead, String(readAheadKiB));
  return {
    drop: () => {
      execFileSync("sync");
      writeFileSync("/proc/sys/vm/drop_caches", "3");
    },
    restore: () => writeFileSync(ahead, before),
  };
}
