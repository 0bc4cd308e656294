import { join } from "node:path";
import { lay, translate } from "./foreign.ts";

export const base64 = (bytes: string | Buffer) => `data:;base64,${Buffer.from(bytes).toString("base64")}`;

/** An Ignition configuration in a file. @returns its path. */
export function config(sections: Record<string, unknown>, version = "3.4.0"): string {
  const { ignition = {}, ...rest } = sections;
  const text = JSON.stringify({ ignition: { version, ...Object(ignition) }, ...rest }, null, 2);
  return join(lay({ "config.ign": text }), "config.ign");
}

export const translated = (sections: Record<string, unknown>, version?: string) =>
  translate("ignition", config(sections, version));
export const files = (...given: unknown[]) => ({ storage: { files: given } });
export const file = (more: Record<string, unknown>) => files({ path: "/etc/x", ...more });
export const units = (...given: unknown[]) => ({ systemd: { units: given } });
