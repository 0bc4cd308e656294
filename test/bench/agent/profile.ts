import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { median, once, type Program, type Row } from "./measure.ts";

type Timed = [what: string, ms: number][];
interface Profile {
  marks: Timed;
  loads: Timed;
}

/** A row of Node's with our eyes in it. */
function watched({ command, args, env }: Program): Promise<Profile> {
  const eyes = ["--require", join(import.meta.dirname, "profile.cjs")];
  const child = spawn(command, [...eyes, ...args], { env: { ...env }, stdio: ["ignore", "ignore", "ignore", "pipe"] });
  const told = child.stdio[3];
  if (!told || !("on" in told)) throw new Error("fd 3 is not a pipe");
  return text(told as NodeJS.ReadableStream).then((json): Profile => JSON.parse(json));
}

/** What a person sees of a line, so that lines of several runs are the same one. */
const nameOf = (line: string): string =>
  line
    .trim()
    .replace(/^moult-agent: /, "")
    .replace(/^([\w-]+) [\d.]+ ms.*$/, "phase $1 ends")
    .slice(0, 48);

/** Medians over runs, as lines of text: the course of a boot, then modules by what they cost. */
export async function profile(row: Row, runs: number): Promise<string[]> {
  const all: Profile[] = [];
  for (let n = 0; n < runs; n++) all.push(await once(row, watched));
  const collect = (pick: (profile: Profile) => Timed, name: (what: string) => string) => {
    const found = new Map<string, number[]>();
    for (const one of all)
      for (const [what, ms] of pick(one)) found.set(name(what), [...(found.get(name(what)) ?? []), ms]);
    return [...found].map(([what, times]): [string, number] => [what, median(times)]);
  };
  const figure = (ms: number) => ms.toFixed(1).padStart(7);
  let before = 0;
  const course = collect(({ marks }) => marks, nameOf)
    .sort(([, a], [, b]) => a - b)
    .map(([what, at]) => {
      const line = `${figure(at)} ${figure(at - before)}  ${what}`;
      before = at;
      return line;
    });
  const modules = collect(
    ({ loads }) => loads,
    (what) => what,
  )
    .filter(([, ms]) => ms >= 0.05)
    .sort(([, a], [, b]) => b - a)
    .map(([what, ms]) => `        ${figure(ms)}  ${what}`);
  return [
    `${row.title}, median of ${runs} runs`,
    "  at ms   since  what",
    ...course,
    "            load ms",
    ...modules,
  ];
}
