import { prepareDisks } from "../../../agent/disks/prepare.ts";
import { deadlineIn } from "../../../agent/edge/deadline.ts";
import { Failure } from "../../../agent/outcome.ts";
import { realDisk } from "../../../agent/place/disk.ts";
import { settle } from "../../../agent/settle/settle.ts";
import { disk, emptySeal } from "./sample.ts";

/** The disks of one boot as a program, to be killed: `run.ts ROOT INSTANCE WANTED`; with `mount` as the last word it mounts them, too. */
const [root = "", instance = "", wanted = "[]", mount] = process.argv.slice(2);
const edge = {
  now: () => performance.now(),
  random: Math.random,
  sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
  say: (line: string) => console.log(line),
};
const deadline = deadlineIn(edge, 60_000);
const disks = (JSON.parse(wanted) as Parameters<typeof disk>[0][]).map(disk);
try {
  await prepareDisks(disks, { root, edge, deadline, instance });
  if (mount)
    await settle(
      { ...emptySeal, disks, directories: mountedFolders() },
      { disk: realDisk, root, fresh: true, edge, deadline },
    );
  console.log("done");
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.log(`${error.reason}: ${error.message}`);
}

function mountedFolders() {
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, owner: "" };
  return disks.map(({ mount: at }) => ({ path: `${at}/inner/most`, ...owner, mode: 0o2750 }));
}
