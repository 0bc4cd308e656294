import { StringDecoder } from "node:string_decoder";
import type { Output } from "./group.ts";
import type { Guest } from "./guest.ts";

/** A line that never ends is shown in parts of this length. */
const LONGEST = 8192;

/** Puts `unit[pid]: ` in front of each line of a program's output. */
export function prefixed(unit: string, guest: Pick<Guest, "print">): Output & { name(pid: number): void } {
  const decoder = new StringDecoder("utf8");
  const short = unit.replace(/\.service$/, "");
  let prefix = `${short}: `;
  let rest = "";
  return {
    name: (pid) => {
      prefix = `${short}[${pid}]: `;
    },
    end: () => {
      if (rest !== "") guest.print(`${prefix}${rest}\n`);
      rest = "";
    },
    write: (chunk) => {
      const lines = (rest + decoder.write(chunk)).split("\n");
      rest = lines.pop() ?? "";
      if (rest.length > LONGEST) lines.push(rest.slice(0, LONGEST));
      if (rest.length > LONGEST) rest = rest.slice(LONGEST);
      if (lines.length > 0) guest.print(lines.map((line) => `${prefix}${line}\n`).join(""));
    },
  };
}
