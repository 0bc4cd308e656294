import type { Image } from "./image.ts";
import type { Rule } from "./rule.ts";

/** Secrets live in memory; memory must not go to a disk. */
export const memory: readonly Rule[] = [
  {
    id: "swap",
    severity: "error",
    why: "memory that holds secrets would be written to a disk",
    cure: "take the line out of fstab, mask the unit, remove zram-generator's configuration",
    find: (image) => [
      ...mounts(image).flatMap(({ line, type, options }) =>
        type === "swap" && !/\bnoauto\b/.test(options) ? [`/etc/fstab:${line}`] : [],
      ),
      ...["dphys-swapfile.service", "zramswap.service", "zram-config.service"].filter((unit) => image.enabled(unit)),
      ...image.names("/etc/systemd/system").filter((name) => name.endsWith(".swap") && !image.masked(name)),
      ...["/etc/systemd/zram-generator.conf", "/usr/lib/systemd/zram-generator.conf"].filter((path) =>
        /^\s*\[zram\d+\]/m.test(image.read(path) ?? ""),
      ),
    ],
  },
  {
    id: "run-on-disk",
    severity: "error",
    why: "secrets go to /run, which has to be memory",
    cure: "take /run out of fstab: systemd mounts it as tmpfs",
    find: (image) =>
      mounts(image).flatMap(({ line, target, type }) =>
        (target === "/run" || target === "/run/moult") && !/^(tmpfs|ramfs)$/.test(type) ? [`/etc/fstab:${line}`] : [],
      ),
  },
];

function mounts(image: Image): { line: number; target: string; type: string; options: string }[] {
  return (image.read("/etc/fstab") ?? "").split("\n").flatMap((text, i) => {
    const [device = "", target = "", type = "", options = ""] = text.trim().split(/\s+/);
    return device === "" || device.startsWith("#") ? [] : [{ line: i + 1, target, type, options }];
  });
}
