import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { text as textOf } from "node:stream/consumers";
import { promisify } from "node:util";
import {
  compareImageNames,
  familyProblem,
  formatImageName,
  type ImageName,
  parseImageName,
  shortCommit,
} from "../../functions/core/imagename.ts";
import { type Command, type Given, usage } from "../args.ts";
import { JSON_FLAG } from "../cloud.ts";
import { EXIT } from "../failure.ts";
import { table } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";

export const command: Command = {
  name: "image name",
  summary: "make an image's name, or judge names that others made",
  words: [{ name: "FAMILY", optional: true }],
  flags: {
    commit: { value: "SHA", help: "of the source (default: git's HEAD here)" },
    time: { value: "INSTANT", help: "RFC 3339, e.g. 2026-11-20T12:00:00Z (default: now)" },
    check: { value: "NAME", many: true, help: "judge this name; with FAMILY it must be one of that family" },
    "check-file": { value: "FILE", help: "judge the names in it, one a line; - is standard input" },
    sort: { help: "with --check: in order of family and age, the oldest first" },
    ...JSON_FLAG,
  },
  details: `<family>-<yyyymmdd>-<hhmmss>-<git short>, the time in UTC, at most 63 characters. --check exits with 2 when a name is not so.`,
  examples: [
    "moult image name web --commit abc1234def --time 2026-11-20T12:00:00Z",
    "moult image name --check web-20261120-120000-abc1234",
    "gcloud compute images list --no-standard-images --format='value(name)' | moult image name --check-file - --sort",
  ],
  run: async (given, terminal) => {
    if (given.has("check") || given.has("check-file")) return checkNames(given, terminal);
    if (given.has("sort")) throw usage("--sort goes with --check or --check-file");
    const family = given.words[0];
    if (family === undefined) throw usage("moult image name needs FAMILY, or names to judge with --check NAME");
    // Before git is asked: what is wrong with the family is wrong whatever the commit.
    const problem = familyProblem(family);
    if (problem !== undefined) throw usage(problem);
    const sha = given.text("commit") ?? (await headHere());
    const commit = shortCommit(sha);
    if (commit === undefined)
      throw usage(`--commit ${sha} must be 7 to 64 hex digits, as git rev-parse HEAD says them`);
    const name = formatImageName({ family, time: timeOf(given), commit });
    if (name.problem !== undefined) throw usage(name.problem);
    terminal.out.write(given.has("json") ? `${JSON.stringify({ name: name.value })}\n` : `${name.value}\n`);
    return EXIT.ok;
  },
};

function timeOf(given: Given): number {
  const text = given.text("time");
  if (text === undefined) return Date.now();
  // Without an offset it would be read in this computer's own zone.
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw usage(`--time must be an instant such as 2026-11-20T12:00:00Z, not "${text}"`);
  return time;
}

async function headHere(): Promise<string> {
  try {
    return (await promisify(execFile)("git", ["rev-parse", "HEAD"])).stdout.trim();
  } catch {
    throw usage("which commit? This folder is in no git repository with a commit; name it with --commit SHA");
  }
}

interface Judged {
  name: string;
  parsed?: ImageName;
  problem?: string;
}

async function checkNames(given: Given, { out }: Terminal): Promise<number> {
  const [alone] = ["commit", "time"].filter((flag) => given.has(flag));
  if (alone !== undefined) throw usage(`--${alone} is for a new name, and does not go with --check`);
  const judged = [...given.list("check"), ...(await namesIn(given.text("check-file")))].map((name) =>
    judge(name, given.words[0]),
  );
  if (judged.length === 0) throw usage(`--check-file ${given.text("check-file")} has no name in it`);
  if (given.has("sort")) judged.sort(byAge);
  if (given.has("json")) {
    const rows = judged.map(({ name, parsed, problem }) => ({
      name,
      valid: problem === undefined,
      ...(parsed && { family: parsed.family, time: new Date(parsed.time).toISOString(), commit: parsed.commit }),
      ...(problem !== undefined && { problem }),
    }));
    out.write(`${JSON.stringify(rows)}\n`);
  } else {
    const rows = judged.map(({ name, parsed, problem }) => [
      name,
      parsed?.family ?? "",
      parsed ? new Date(parsed.time).toISOString().replace(".000Z", "Z") : "",
      parsed?.commit ?? "",
      problem === undefined ? out.paint("green", "ok") : out.paint("red", problem),
    ]);
    out.write(table(["NAME", "FAMILY", "TIME", "COMMIT", "VERDICT"], rows, out.paint));
  }
  return judged.some(({ problem }) => problem !== undefined) ? EXIT.usage : EXIT.ok;
}

function judge(name: string, family: string | undefined): Judged {
  const read = parseImageName(name);
  if (read.problem !== undefined) return { name, problem: read.problem };
  const problem =
    family === undefined || read.value.family === family ? undefined : `it is of family ${read.value.family}`;
  return { name, parsed: read.value, ...(problem !== undefined && { problem }) };
}

/** Names that cannot be read come last, in the order they were given. */
function byAge(a: Judged, b: Judged): number {
  if (a.parsed && b.parsed) return compareImageNames(a.parsed, b.parsed);
  return (a.parsed ? 0 : 1) - (b.parsed ? 0 : 1);
}

async function namesIn(file: string | undefined): Promise<string[]> {
  if (file === undefined) return [];
  try {
    const text = file === "-" ? await textOf(process.stdin) : await readFile(file, "utf8");
    return text.split(/\s+/).filter((name) => name !== "");
  } catch {
    throw usage(`--check-file ${file} cannot be read`);
  }
}
