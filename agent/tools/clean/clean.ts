import { closeSync, constants, ftruncateSync, openSync, rmSync } from "node:fs";
import { networkOf, rootOf } from "../../commandline.ts";
import { deadlineIn } from "../../edge/deadline.ts";
import { Metadata, metadataAddresses } from "../../edge/metadata.ts";
import type { Given } from "../../flags.ts";
import { readInstance } from "../../identify/instance.ts";
import { exits, Failure } from "../../outcome.ts";
import { bootAtWork } from "../../place/claim.ts";
import { errorCode, realDisk } from "../../place/disk.ts";
import { stateFolder } from "../../place/journal.ts";
import type { Ground } from "../../place/place.ts";
import { recover } from "../../place/recover.ts";
import { forget } from "../../seal/forget.ts";
import { readSeal, type Seal, sealPath } from "../../seal/seal.ts";
import type { Tool } from "../tool.ts";
import { type Action, actionsOn, peoplesKeys } from "./actions.ts";
import { kindOf } from "./find.ts";

export const clean: Tool = {
  help: `moult-agent clean [--root DIR] [--dry-run] [--keys] [--force] [--metadata HOST:PORT] [--json]
    ready this machine's disk to become an image: take away what belongs to this machine only

First secrets, then the machine's identity, host keys, logs, histories, leases; then what the agent placed, and the
seal last, so that a run that was cut off can be run again. Each action is said before it is done.

--dry-run   only say them
--keys      authorized_keys go as well (they are listed otherwise)
--force     also on the running instance this disk is sealed for, and with a seal or journal that cannot be read

exit: 0 clean, 13 something could not be removed, 14 the seal or journal cannot be read, 64 refused`,
  grammar: { switches: "json dry-run keys force", valued: "root metadata" },
  async run(given, say) {
    const root = rootOf(given.value("root"));
    const dry = given.has("dry-run");
    const self = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const ground: Ground = { disk: realDisk, root, self, token: "0".repeat(16) };
    const seal = sealOf(root, given);
    const boot = dry ? undefined : bootAtWork(ground);
    if (boot !== undefined) throw new Failure("busy", `A boot is at work on this machine: process ${boot}`);
    if (seal && !dry && !given.has("force")) await refuseAtWork(seal, given);
    const tell = given.has("json") ? () => {} : say;
    if (dry) tell("dry run, nothing is changed; clean would do this, in this order:");
    const done: Action[] = [];
    const act = (action: Action, how: () => void) => {
      done.push(action);
      tell(`${action.act} ${action.path} (${action.why})`);
      if (!dry) failing(action.path, how);
    };
    if (kindOf(root, `${stateFolder}/journal.json`))
      act(
        {
          act: "remove",
          path: `${stateFolder}/journal.json`,
          why: "an interrupted boot: finished or taken back first",
        },
        () => recoverOrDrop(ground, given.has("force")),
      );
    for (const action of actionsOn(root, given.has("keys")))
      act(action, () =>
        action.act === "remove"
          ? rmSync(root + action.path, { recursive: true, force: true })
          : empty(root + action.path),
      );
    forgetAll(ground, dry ? seal : sealOf(root, given), act);
    const kept = given.has("keys") ? [] : peoplesKeys(root);
    for (const path of kept) tell(`kept ${path}: people who can log in (--keys removes it)`);
    if (given.has("json")) say(JSON.stringify({ dryRun: dry, actions: done, kept }));
    else if (done.length === 0) say("nothing to clean");
    return 0;
  },
};

/** What was placed, by the seal's list; the seal itself last. Without one nobody knows what was placed. */
function forgetAll(ground: Ground, seal: Seal | undefined, act: (action: Action, how: () => void) => void): void {
  const { root } = ground;
  if (seal) {
    const placed = [...seal.secretFiles, ...seal.links, ...seal.files].filter(
      ({ path }) => kindOf(root, path) !== undefined,
    );
    for (const { path } of placed) act({ act: "remove", path, why: "the agent placed it" }, () => {});
    act({ act: "remove", path: sealPath, why: `seal of instance ${seal.instance}` }, () => forget(ground, seal));
  } else if (kindOf(root, sealPath))
    act({ act: "remove", path: sealPath, why: "a seal that cannot be read" }, () =>
      realDisk.unlinkSync(root + sealPath),
    );
}

/** A journal that cannot be read tells nobody what to take back. */
function recoverOrDrop(ground: Ground, force: boolean): void {
  try {
    recover(ground);
  } catch (error) {
    if (!force || !(error instanceof Failure)) throw error;
    rmSync(`${ground.root}${stateFolder}/journal.json`, { force: true });
  }
}

function sealOf(root: string, given: Given): Seal | undefined {
  try {
    return readSeal(realDisk, root);
  } catch (error) {
    if (given.has("force") && error instanceof Failure) return undefined;
    throw error;
  }
}

/** A machine at work would lose its configuration. That it is this one only its metadata server can say. */
async function refuseAtWork(seal: Seal, given: Given): Promise<void> {
  const { metadata } = networkOf(given);
  const edge = {
    now: () => performance.now(),
    random: Math.random,
    sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
    say: () => {},
  };
  const server = new Metadata(metadata.length > 0 ? metadata : metadataAddresses, edge);
  let id: string | undefined;
  try {
    const { status, body } = await server.get("/computeMetadata/v1/?recursive=true&alt=json", deadlineIn(edge, 3_000));
    id = status === 200 ? readInstance(body.toString()).id : undefined;
  } catch (error) {
    // Not reachable, or not Google's: then this is no instance at work.
    if (!(error instanceof Failure) || exits[error.reason] === exits.bug) throw error;
  } finally {
    server.close();
  }
  if (id === seal.instance)
    throw new Failure(
      "usage",
      `This is instance ${id}, which is sealed and at work: clean would take its configuration away (--force does it)`,
    );
}

function failing(path: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    const code = errorCode(error);
    if (error instanceof Failure || code === "") throw error;
    throw new Failure("place-failed", `${path} cannot be cleaned: ${code}`);
  }
}

function empty(path: string): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    ftruncateSync(fd);
  } finally {
    closeSync(fd);
  }
}
