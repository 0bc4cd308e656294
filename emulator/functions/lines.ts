import type { Readable } from "node:stream";

/** Longer lines are cut, as an entry of the log cannot be larger than 256 KiB. */
const LONGEST = 256 * 1024;

/** Calls `line` for each line that a process writes, and for what it leaves unfinished at its end. */
export function readLines(stream: Readable, line: (text: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    if (rest.length > LONGEST) {
      parts.push(rest);
      rest = "";
    }
    for (const part of parts) if (part.trim() !== "") line(part.replace(/\r$/, "").slice(0, LONGEST));
  });
  stream.on("end", () => {
    if (rest.trim() !== "") line(rest);
  });
}
