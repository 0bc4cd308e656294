import { existsSync } from "node:fs";
import { type Ended, runProgram } from "../handover/programs.ts";

/** Whether systemd runs this machine, as sd_booted(3) tells it. */
export function hasSystemd(root: string): boolean {
  return existsSync(`${root}/run/systemd/system`);
}

export function systemctl(root: string, timeoutMs: number, ...args: string[]): Ended {
  return runProgram(root, "systemctl", args, timeoutMs);
}

/**
 * How units are, as systemd says it in words without values: `Id=web.service, LoadState=loaded`. One text for each unit, in
 * the order asked.
 */
export function unitStates(root: string, timeoutMs: number, units: readonly string[], properties: string): string[] {
  const { stdout } = systemctl(root, timeoutMs, "show", "-p", properties, ...units);
  return stdout
    .trim()
    .split(/\n\n+/)
    .map((block) => block.split("\n").join(", "));
}
