import { readFileSync } from "node:fs";
import type { Deadline, Edge } from "../edge/deadline.ts";
import { runProgram } from "../handover/programs.ts";
import { Failure } from "../outcome.ts";
import { errorCode, realDisk } from "../place/disk.ts";
import type { PlannedDisk } from "../plan/plan.ts";
import { attached, devicePath, diskFailed, isBlank, probe, sizeOf } from "./device.ts";
import { readIntents, writeIntents } from "./intent.ts";

export interface DiskGround {
  root: string;
  edge: Edge;
  deadline: Deadline;
  /** Id of this instance: what another one began gives no leave. */
  instance: string;
}

/**
 * Before a fresh machine is placed: every data disk is there and holds the file system it is to have. One is made on a disk
 * that holds nothing; what holds anything else is left as it is. A disk that became larger keeps its file system's size.
 */
export async function prepareDisks(disks: readonly PlannedDisk[], ground: DiskGround): Promise<void> {
  await Promise.all(disks.map((disk) => attached(disk, ground)));
  for (const disk of disks) {
    try {
      prepare(disk, ground);
    } catch (error) {
      if (error instanceof Failure) throw error;
      throw diskFailed(disk.device, errorCode(error));
    }
  }
}

function prepare({ device, fs, format }: PlannedDisk, { root, edge, deadline, instance }: DiskGround): void {
  const path = devicePath(root, device);
  const found = probe(root, device, deadline.left());
  const bytes = sizeOf(root, device);
  const ground = { disk: realDisk, root };
  const intents = readIntents(ground);
  const intent = intents.find((intent) => intent.device === device);
  const begun =
    intent?.instance === instance && intent.bytes === bytes && (found === undefined || found.uuid === intent.uuid);
  if (!begun) {
    if (found?.fs === fs) return;
    const holds = found?.kind ?? (isBlank(path, bytes) ? undefined : "data without a file system");
    if (holds !== undefined || format === "never")
      throw new Failure(
        "disk-foreign",
        `The disk ${device} holds ${holds ?? "nothing"}, and ${fs} is wanted: left as it is`,
      );
  }
  const uuid = readFileSync("/proc/sys/kernel/random/uuid", "utf8").trim();
  const others = intents.filter((intent) => intent.device !== device);
  writeIntents(ground, [...others, { instance, device, bytes, uuid }]);
  edge.say(`disks: ${fs} is made on ${device}, ${begun ? "where an interrupted boot had begun it" : "which is blank"}`);
  const flags = fs === "ext4" ? ["-q", "-F", "-U", uuid] : ["-q", "-f", "-m", `uuid=${uuid}`];
  const made = runProgram(root, `mkfs.${fs}`, [...flags, path], deadline.left());
  if (made.status !== 0) throw diskFailed(device, `mkfs.${fs}: ${made.trouble}`);
  writeIntents(ground, others);
}
