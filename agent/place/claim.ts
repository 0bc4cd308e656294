import { readFileSync } from "node:fs";
import type { Edge } from "../edge/deadline.ts";
import { Failure } from "../outcome.ts";
import { errorCode, unlessMissing } from "./disk.ts";
import type { Ground } from "./place.ts";
import { Tree } from "./tree.ts";

const folder = "/run";
const prefix = `${folder}/moult-boot-`;

/** How long a run that began first waits for a later one to give way. */
const graceMs = 1_000;

/** When a process began, in 1/100 s since the kernel did (proc_pid_stat(5)). Undefined: it is over, or there is no /proc. */
export function startOf(pid: string): string | undefined {
  try {
    // Names of programs may hold spaces and brackets.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return /[ZX]/.test(fields[0] ?? "") ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/**
 * Boots at work on this root, but for `mine`: [start, process]. A claim is a name that says whose it is, so one that a kill left
 * is known as such, and removing it never removes another's.
 */
function claims(tree: Tree, mine = ""): [number, number][] {
  const found: [number, number][] = [];
  for (const name of unlessMissing(() => tree.readdir(folder)) ?? []) {
    const path = `${folder}/${name}`;
    const [pid = "", start = ""] = path.startsWith(prefix) ? path.slice(prefix.length).split("-") : [];
    if (path === mine || pid === "") continue;
    if (startOf(pid) === start) found.push([Number(start), Number(pid)]);
    else if (mine) unlessMissing(() => tree.unlink(path));
  }
  return found;
}

function onRun<T>({ disk, root }: Pick<Ground, "disk" | "root">, act: (tree: Tree) => T): T | undefined {
  const tree = new Tree(disk, root);
  try {
    return act(tree);
  } catch (error) {
    // Where /run cannot be read or written nothing is placed, so there is nothing to guard.
    if (errorCode(error) === "" && !(error instanceof Failure)) throw error;
    return undefined;
  } finally {
    tree.close();
  }
}

/** Process id of a boot that is at work on this root. */
export function bootAtWork(ground: Pick<Ground, "disk" | "root">): number | undefined {
  return onRun(ground, claims)?.[0]?.[1];
}

/**
 * Sees to it that one boot at a time is at work on a root: each puts up its claim and then looks for others, so of two at
 * least one sees the other. A kill gives a claim back.
 * @returns what gives it back.
 */
export async function claimBoot(ground: Ground, { now, sleep }: Edge): Promise<() => void> {
  const own = [Number(startOf("self")), process.pid] as const;
  const mine = `${prefix}${own[1]}-${own[0]}`;
  onRun(ground, (tree) => {
    if (!tree.lstat(folder)) tree.mkdir(folder, 0o755);
    ground.disk.closeSync(tree.create(mine, Buffer.alloc(0), { ...ground.self, mode: 0o600 }));
  });
  const giveBack = () => void onRun(ground, (tree) => tree.unlink(mine));
  for (const end = now() + graceMs; ; await sleep(20)) {
    const [other] = onRun(ground, (tree) => claims(tree, mine)) ?? [];
    if (!other) return giveBack;
    const first = own[0] < other[0] || (own[0] === other[0] && own[1] < other[1]);
    if (first && now() < end) continue;
    giveBack();
    throw new Failure("busy", `Another boot is at work on this machine: process ${other[1]}`);
  }
}
