import { spawn } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { attachDisk, detachBootDisk, detachDisk, partsOf } from "./datadisks.ts";
import type { KeptDisk, MachineDisks } from "./machines.ts";

/** Moves a machine's disks that outlive it to where the next machine finds them. The boot disk, which the others are part of, last. */
export function keepDisks(folder: string, kept: readonly KeptDisk[]): void {
  for (const disk of kept) if (!disk.boot) detachDisk(folder, disk);
  for (const disk of kept) if (disk.boot) detachBootDisk(folder, disk.id);
}

/**
 * Disks of process machines that are handled apart from their machines.
 * @param disks folder of detached disks.
 * @param folderOf an instance's folder by its id.
 */
export function processDisks(disks: string, folderOf: (id: string) => string | undefined): MachineDisks {
  const own = (id: string) => join(disks, id);
  return {
    attach: (machine, disk) => {
      const folder = folderOf(machine);
      if (folder !== undefined && existsSync(join(folder, "root"))) attachDisk(folder, disk);
    },
    detach: (machine, disk) => {
      const folder = folderOf(machine);
      if (folder !== undefined) detachDisk(folder, disk);
    },
    delete: (id) => rm(own(id), { recursive: true, force: true }),
    copy: async ({ id, machine, device = "", boot }, to) => {
      const folder = machine === undefined ? undefined : folderOf(machine);
      const parts =
        folder === undefined || !existsSync(folder)
          ? [[own(id), own(to)]]
          : boot
            ? [[join(folder, "root"), join(own(to), "root")]]
            : partsOf(folder, device).map(([at, name]) => [at, join(own(to), name)]);
      for (const [from = "", at = ""] of parts) if (existsSync(from)) await copyAll(from, at);
    },
  };
}

/** Disks are sparse files, and their copies must be too: what cp can and Node's own copying cannot. */
function copyAll(from: string, to: string): Promise<void> {
  const folder = statSync(from).isDirectory();
  mkdirSync(folder ? to : dirname(to), { recursive: true });
  const sparse = process.platform === "linux" ? ["--sparse=always"] : [];
  return new Promise((resolve, reject) => {
    const copying = spawn("cp", ["-a", ...sparse, folder ? `${from}/.` : from, to], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let trouble = "";
    copying.stderr.on("data", (chunk) => {
      trouble += String(chunk);
    });
    copying.once("error", reject);
    copying.once("close", (code) => (code === 0 ? resolve() : reject(new Error(`cp: ${trouble.trim()}`))));
  });
}
