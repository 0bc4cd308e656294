import { Boot } from "./boot.ts";
import { type BootOptions, parseCommandLine, type ReadyOptions, type VerifyOptions } from "./commandline.ts";
import { type Edge, monotonic } from "./edge/deadline.ts";
import { randomHex } from "./edge/random.ts";
import { printFinding } from "./finding.ts";
import { showDifferences, verifySeal } from "./inspect.ts";
import { loadMore } from "./load-more.ts";
import { exits } from "./outcome.ts";
import { claimBoot } from "./place/claim.ts";
import { realDisk } from "./place/disk.ts";
import { giveUp, oneLine, print, show } from "./print.ts";
import type { Verdict } from "./report/compose.ts";
import { type BootRecord, recordBoot, resources } from "./report/record.ts";
import { runTools } from "./toolbox.ts";
import { version } from "./version.ts";

function edgeWith(say: (line: string) => void): Edge {
  return { now: monotonic, random: Math.random, sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)), say };
}

/** ms since the program's start. */
const age = () => Math.round(process.uptime() * 10_000) / 10;

const sayOn = (json: boolean) => (line: string) => print(json ? 2 : 1, `moult-agent: ${oneLine(line)}`);

async function boot(options: BootOptions): Promise<number> {
  const start = age();
  const bootedAt = new Date().toISOString();
  const said: BootRecord["said"] = [];
  // A command to become has stdout for itself.
  const say = sayOn(options.json || options.exec.length > 0);
  const self = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, groups: process.getgroups?.() ?? [] };
  const ground = { disk: realDisk, root: options.root, self, token: randomHex(8) };
  const edge = edgeWith((line) => {
    // Beside the times of phases, which are kept as such.
    if (said.length < 50 && !/^[a-z-]+ [\d.]+ ms$/.test(line)) said.push({ at: age(), line });
    say(line);
  });
  const giveBack = await claimBoot(ground, edge);
  const ending = await new Boot(options, {
    edge,
    ground,
    self,
    boot: randomHex(16),
    instant: () => new Date().toISOString(),
  }).run();
  for (const finding of ending.findings) say(printFinding(finding));
  const { verdict, reason, message } = ending.verdict;
  const { boot, instance = "", release, phases } = ending;
  const about = { boot, bootedAt, agent: version, instance, release, verdict, reason, message };
  recordBoot(ground, { ...about, start, phases, said, ms: age(), ...resources() });
  say(lastWords(ending.verdict));
  giveBack();
  const { become, ...told } = ending;
  if (options.json) print(1, JSON.stringify({ ...told, verdict, reason, message }));
  if (!become) return ending.exit;
  const { file, environment, unverified } = become;
  const { leaveReporter, becomeCommand } = await loadMore();
  return becomeCommand(file, options.exec, { ...process.env, ...environment }, (failed) =>
    leaveReporter({ boot, bootedAt, phases, unverified, failed }, options),
  );
}

/** Printed last, so that nothing scrolls it away on a serial console. */
function lastWords({ verdict, reason, message }: Verdict): string {
  return verdict === "failed" ? `failed ${reason}: ${message}` : `${verdict}: ${message}`;
}

async function ready(options: ReadyOptions): Promise<number> {
  const say = sayOn(options.json);
  const { runReady } = await loadMore();
  const { verdict } = await runReady(options, edgeWith(say));
  say(lastWords(verdict));
  if (options.json) print(1, JSON.stringify(verdict));
  // Of a boot that is 0: it did all it could. Here it is the answer.
  return verdict.reason === "not-ready" ? exits["disk-missing"] : exits[verdict.reason];
}

async function verify(options: VerifyOptions): Promise<number> {
  const found = options.report
    ? await (await loadMore()).verifyAndTell(options, edgeWith(sayOn(true)), new Date().toISOString())
    : verifySeal(options.root);
  return show(showDifferences(found), options.json);
}

async function main(args: readonly string[]): Promise<number> {
  const command = parseCommandLine(args);
  switch (command.command) {
    case "version":
      print(1, version);
      return 0;
    case "boot":
      return boot(command);
    case "ready":
      return ready(command);
    case "verify":
      return verify(command);
    case "tools":
      return runTools(command.args);
  }
}

main(process.argv.slice(2))
  .catch(giveUp)
  .then((exit) => process.exit(exit));
