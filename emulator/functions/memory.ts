import { ApiError } from "../frame/errors.ts";

const UNITS: Record<string, number> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

const LEAST = 128 * 1000 * 1000;
const MOST = 32 * 2 ** 30;

/** Bytes of a quantity as Kubernetes writes them: `256M`, `1Gi`. Throws 400. */
export function memoryBytes(text: string): number {
  const found = /^(\d+)(|k|M|G|T|Ki|Mi|Gi|Ti)$/.exec(text);
  const bytes = Number(found?.[1]) * (UNITS[found?.[2] ?? ""] ?? 0);
  if (!found || bytes < LEAST || bytes > MOST) {
    throw new ApiError(400, `Invalid value ${JSON.stringify(text)} for service_config.available_memory.`);
  }
  return bytes;
}

/** What comes with how much memory. https://cloud.google.com/run/docs/configuring/services/memory-limits (2nd gen functions) */
export function cpuFor(bytes: number): string {
  if (bytes <= 128 * 2 ** 20) return "0.083";
  if (bytes <= 256 * 2 ** 20) return "0.1666";
  if (bytes <= 512 * 2 ** 20) return "0.3333";
  if (bytes <= 2 ** 30) return "0.5833";
  if (bytes <= 2 * 2 ** 30) return "1";
  if (bytes <= 8 * 2 ** 30) return "2";
  if (bytes <= 16 * 2 ** 30) return "4";
  return "8";
}
