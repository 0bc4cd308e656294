import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "../args.ts";
import { cloudOf, openRest } from "../cloud.ts";
import { CAST } from "../demo/cast.ts";
import { makeDisplay, type Scene } from "../demo/display.ts";
import { type Facts, factsTable, judgeFacts } from "../demo/facts.ts";
import { tellStory } from "../demo/story.ts";
import { EXIT, toCliError } from "../failure.ts";
import { demoFolder } from "../installation.ts";
import { type LocalCloud, startLocalCloud } from "../project/local.ts";
import { signalCode, untilAskedToStop } from "../signals.ts";
import type { Stream, Terminal } from "../terminal/terminal.ts";
import { exportLines } from "./emulator.ts";

export const command: Command = {
  name: "demo",
  summary: "watch a fleet of 6 follow its images, on this computer",
  words: [],
  flags: {
    keep: { help: "leave everything running afterwards, to play with, until Ctrl-C" },
    json: { help: "print one JSON line with the facts last; everything else goes to standard error" },
  },
  details: `Starts the emulator with moult's functions in it and a group of six machines, and takes the fleet from image v1 to
v2, to v3, which never becomes ready, and back to v1, while clients ask it for pages. Exits with 1 when a fact is not as
promised. Nothing leaves this computer; about a minute on two cores.`,
  examples: ["moult demo", "moult demo --json", "moult demo --keep"],
  run: async (given, terminal) => {
    const json = given.has("json");
    const shown = json ? terminal.err : terminal.out;
    const interrupted = untilAskedToStop(terminal);
    const { facts, error, kept } = await play(shown, terminal, interrupted, given.has("keep"));
    const ok = error === undefined && judgeFacts(facts, CAST.size).every((row) => row.ok);
    shown.write(`\n${factsTable(facts, CAST.size, shown.paint)}`);
    if (error) {
      shown.write(`\n${shown.paint("red", "the demo was cut short:")} ${error.message}\n`);
      if (error.advice) shown.write(`${error.advice.replace(/^/gm, "  ")}\n`);
    }
    if (kept) {
      shown.write(keepText(kept.local, shown));
      await kept.interrupted;
      await kept.close();
    }
    if (json) terminal.out.write(`${JSON.stringify({ ok, ...facts, ...(error && { error: error.message }) })}\n`);
    return ok ? EXIT.ok : (error?.exitCode ?? EXIT.failed);
  },
};

interface Kept {
  local: LocalCloud;
  interrupted: Promise<unknown>;
  close(): Promise<void>;
}

async function play(shown: Stream, terminal: Terminal, interrupted: Promise<NodeJS.Signals>, keep: boolean) {
  const begun = Date.now();
  const facts: Facts = {
    seconds: 0,
    machines: 0,
    replaced: 0,
    requests: 0,
    failed: 0,
    badMachines: 0,
    rolledBack: false,
    quarantined: false,
    finalVersion: "",
    leaks: 0,
  };
  const folder = mkdtempSync(join(tmpdir(), "moult-demo-"));
  const scene: Scene = {};
  let local: LocalCloud | undefined;
  const close = async () => {
    await local?.close();
    rmSync(folder, { recursive: true, force: true });
  };
  const display = makeDisplay(shown, scene);
  const stopped = interrupted.then((signal) => {
    throw Object.assign(new Error(`stopped by ${signal}`), { signal });
  });
  try {
    const files = demoFolder();
    local = await startLocalCloud({ project: CAST.project, state: folder, functions: true, log: () => {} });
    enter(local.env);
    const secret = randomBytes(24).toString("hex");
    const story = tellStory(
      {
        cloud: cloudOf(local.env),
        root: openRest(`${local.emulator.url}/`),
        compute: openRest(local.env.MOULT_COMPUTE_ENDPOINT ?? ""),
        files,
        folder,
        secret: Buffer.from(secret),
        scene,
        display,
        terminal,
      },
      facts,
    );
    await Promise.race([story, stopped]);
    facts.seconds = Math.round((Date.now() - begun) / 100) / 10;
    display.close();
    if (keep) return { facts, kept: { local, interrupted, close } satisfies Kept };
    await close();
    return { facts };
  } catch (problem) {
    facts.seconds = Math.round((Date.now() - begun) / 100) / 10;
    display.close();
    const { signal } = problem as { signal?: NodeJS.Signals };
    const error = signal
      ? { message: (problem as Error).message, advice: undefined, exitCode: signalCode(signal) }
      : { ...pick(toCliError(problem)), exitCode: EXIT.failed };
    // A run that failed is worth a look, unless it was told to stop.
    if (keep && local && !signal) return { facts, error, kept: { local, interrupted, close } satisfies Kept };
    await close();
    return { facts, error };
  }
}

const pick = ({ message, advice }: { message: string; advice: string | undefined }) => ({ message, advice });

/** Google's clients read where to go from the environment. A person's own credentials stay out of it. */
function enter(env: Record<string, string>): void {
  delete process.env.GOOGLE_APPLICATION_CREDENTIALS;
  Object.assign(process.env, env);
}

function keepText(local: LocalCloud, out: Stream): string {
  const example = (text: string) => `  ${out.paint("cyan", text)}\n`;
  const group = `${CAST.group} --zone ${CAST.zone}`;
  return `
It all runs on. ${local.functions ? `In a browser: ${out.paint("cyan", `${local.functions.origin}/status`)}\n` : ""}In another shell:

${exportLines(local.env).join("\n")}

${[
  `npx moult status ${CAST.fleet}`,
  `npx moult why ${CAST.fleet}`,
  `npx moult boots ${CAST.fleet}`,
  "npx moult image create web-v4 --family web --from demo/image --from demo/v2",
  `npx moult quarantine lift ${CAST.fleet}`,
  "gcloud compute images list --no-standard-images",
  `gcloud compute instance-groups managed list-instances ${group}`,
  `gcloud compute instance-groups managed wait-until ${group} --version-target-reached`,
  `gcloud secrets versions access 1 --secret ${CAST.secret}`,
]
  .map(example)
  .join("")}
Ctrl-C ends it.
`;
}
