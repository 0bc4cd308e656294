import type { Network, ReadyOptions } from "../commandline.ts";
import type { Edge } from "../edge/deadline.ts";
import { loadChildProcess } from "../edge/load.ts";
import { Failure, type Reason } from "../outcome.ts";
import { realDisk } from "../place/disk.ts";
import { composeReport, type Verdict } from "../report/compose.ts";
import { tellOutside } from "../report/outside.ts";
import { bootAddress, sendReport } from "../report/send.ts";
import { readSeal } from "../seal/seal.ts";
import type { Phase } from "../timeline.ts";
import { judge } from "./judge.ts";

/** What the reporter cannot know by itself of the boot it speaks for. Nothing secret: it stands in a list of programs. */
export interface Remainder {
  boot: string;
  bootedAt: string;
  phases: readonly Phase[];
  unverified: boolean;
  /** Why the command did not start. */
  failed: string | undefined;
}

/** How this very program is started again: by Node with its flags, or as a single executable. */
function self(): string[] {
  const script = process.argv[1] ?? "";
  const single = script === process.execPath || script.startsWith("/$bunfs/") || !script.endsWith(".cjs");
  return [process.execPath, ...process.execArgv, ...(single ? [] : [script])];
}

function start(remainder: Remainder & { leave?: true }, options: Network & { root: string }, wait: boolean): void {
  const [file = "", ...before] = self();
  const { root, metadata, endpoints, deadlineMs } = options;
  const args = [...before, "ready", "--record", JSON.stringify(remainder), "--deadline", String(deadlineMs / 1_000)];
  args.push("--root", root || "/", ...(metadata.length > 0 ? ["--metadata", metadata.join(",")] : []));
  for (const [api, url] of Object.entries(endpoints)) args.push("--endpoint", `${api}=${url}`);
  // With --json its lines go to stderr: stdout is the command's alone, and whoever reads it must see it end with the command.
  if (!wait) args.push("--json");
  const { spawn, spawnSync } = loadChildProcess();
  if (wait) spawnSync(file, args, { stdio: ["ignore", "ignore", "inherit"], timeout: 10_000 });
  else spawn(file, args, { stdio: ["ignore", "ignore", "inherit"], detached: true }).unref();
}

/**
 * Before the agent becomes a command: leaves a run behind that asks for readiness and sends this boot's report, so that the command starts at once. It is the
 * child of one that has ended, so that the command has no child it does not know of, nor a zombie. (Where the command is process 1
 * of a container, it inherits the reporter as it does any other orphan.) A boot that leaves one sends no report itself.
 */
export function leaveReporter(remainder: Remainder, options: Network & { root: string }): void {
  start({ ...remainder, leave: true }, options, true);
}

/** `moult-agent ready`: asks once more what the boot asks. With a record of a boot, it is that boot's reporter. */
export async function runReady(
  options: ReadyOptions,
  edge: Edge,
): Promise<{ verdict: Verdict & { reason: Reason }; reported: boolean }> {
  const { root, record } = options;
  const remainder = record === undefined ? undefined : readRemainder(record);
  const verdict = { verdict: "ready", reason: "ready", message: "" } as const;
  if (remainder?.leave) {
    const { leave, ...rest } = remainder;
    start(rest, options, false);
    return { verdict, reported: false };
  }
  const seal = readSeal(realDisk, root);
  if (!seal) throw new Failure("seal-broken", "There is no seal");
  const started = edge.now();
  const found: Verdict & { reason: Reason } =
    remainder?.failed === undefined
      ? await judge(seal, root, edge, remainder?.unverified ?? false)
      : { verdict: "failed", reason: "exec-failed", message: remainder.failed };
  if (!remainder) return { verdict: found, reported: false };
  const { boot, bootedAt } = remainder;
  const ms = Math.round((edge.now() - started) * 10) / 10;
  const last = remainder.phases.at(-1);
  const asked: Phase = { name: "ready", at: (last?.at ?? 0) + (last?.ms ?? 0), ms };
  const phases = seal.ready ? [...remainder.phases, asked] : remainder.phases;
  await tellOutside(options, edge, seal, ({ instance, channels }) => {
    const { fleet, release } = seal;
    const report = composeReport(found, { instance, fleet, release, boot, bootedAt, phases, seal });
    return sendReport(report, bootAddress(report), channels);
  });
  return { verdict: found, reported: true };
}

function readRemainder(text: string): Remainder & { leave?: true } {
  try {
    return JSON.parse(text);
  } catch {
    throw new Failure("usage", "--record wants the record of a boot");
  }
}
