import { closeSync, openSync, readSync } from "node:fs";
import { loadCrypto } from "./load.ts";

/** Random bytes as hex. The kernel's device, because node:crypto costs 5 ms to load; that where the device is missing. */
export function randomHex(size: number): string {
  const bytes = Buffer.alloc(size);
  try {
    const fd = openSync("/dev/urandom", "r");
    const read = readSync(fd, bytes);
    closeSync(fd);
    if (read === size) return bytes.toString("hex");
  } catch {
    // A root without devices.
  }
  return loadCrypto().randomBytes(size).toString("hex");
}
