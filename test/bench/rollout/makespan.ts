import type { ManagerVersion } from "../../../wire/compute.d.ts";
import { FINAL_BAKE_MS, type Fleet, place, publishImage, STEPS, stable } from "./fleet.ts";
import type { Ground } from "./ground.ts";
import { type Call, isCompute, isLook, isPatch } from "./proxy.ts";

const now = () => performance.now();
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export interface Rolled {
  /** From the image being READY to the record saying succeeded. */
  ms: number;
  /** From the image being READY to the first change of the group. */
  firstMs: number;
  calls: Call[];
}

/** One rollout by moult. */
export async function roll(ground: Ground, fleet: Fleet, number: number): Promise<Rolled> {
  const from = ground.proxy.calls.length;
  const image = await publishImage(ground, fleet, number);
  const began = now();
  const done = await ground.reach(
    fleet.name,
    `${fleet.name} to run ${image.name}`,
    ({ active, stable }) => active === null && stable?.release.image.name === image.name,
  );
  const ms = now() - began;
  if (done.last?.ending !== "succeeded") throw new Error(`${done.last?.ending}: ${done.last?.why.text}`);
  const calls = ground.proxy.calls.slice(from);
  const first = calls.find((call) => isPatch(call))?.at ?? Number.NaN;
  return { ms, firstMs: first - began, calls };
}

/**
 * The least time: the same group, updater, steps, surge and bakes, driven by somebody who decides nothing and sees all at
 * once (asks the emulator every 20 ms). From the first change to the last.
 */
export async function rollBare(ground: Ground, fleet: Fleet, to: string): Promise<number> {
  const { compute } = ground;
  const group = await compute.group(place(fleet));
  const old = group?.versions[0]?.instanceTemplate ?? "";
  const before = group?.updatePolicy ?? {};
  const patch = async (versions: ManagerVersion[], updatePolicy: object) => {
    const { fingerprint = "" } = (await compute.group(place(fleet))) ?? {};
    await compute.patchGroup(place(fleet), { fingerprint, versions, updatePolicy }, crypto.randomUUID());
  };
  const rolling = {
    type: "PROACTIVE",
    minimalAction: "REPLACE",
    replacementMethod: "SUBSTITUTE",
    maxSurge: { fixed: fleet.above },
    maxUnavailable: { fixed: 0 },
  };
  const began = now();
  for (const { canary, share = 1, bakeMs } of STEPS) {
    const count = canary ?? Math.ceil(share * fleet.size);
    const all = count >= fleet.size;
    const fresh = { instanceTemplate: to, name: "bench" };
    const versions = all
      ? [fresh]
      : [
          { instanceTemplate: old, name: "before" },
          { ...fresh, targetSize: { fixed: count } },
        ];
    await patch(versions, rolling);
    await converged(ground, fleet, to, count, all);
    await sleep(all ? FINAL_BAKE_MS : bakeMs);
  }
  const { type, minimalAction, replacementMethod, maxSurge, maxUnavailable } = before;
  const fixed = (size: { fixed?: number } | undefined) => ({ fixed: size?.fixed ?? 0 });
  await patch([{ instanceTemplate: to, name: "bench" }], {
    ...(type && { type }),
    ...(minimalAction && { minimalAction }),
    ...(replacementMethod && { replacementMethod }),
    maxSurge: fixed(maxSurge),
    maxUnavailable: fixed(maxUnavailable),
  });
  const ms = now() - began;
  await stable(ground, fleet);
  return ms;
}

const LEAVING = new Set(["DELETING", "ABANDONING", "STOPPING", "SUSPENDING"]);
const segment = (url = "") => url.slice(url.lastIndexOf("/") + 1);

async function converged(ground: Ground, fleet: Fleet, to: string, count: number, all: boolean): Promise<void> {
  for (;;) {
    const machines = (await ground.compute.managedInstances(place(fleet))).filter(
      ({ currentAction }) => !LEAVING.has(currentAction),
    );
    const fresh = machines.filter(({ version }) => segment(version?.instanceTemplate) === segment(to));
    const fine = fresh.filter(
      ({ currentAction, instanceHealth }) =>
        currentAction === "NONE" && instanceHealth?.[0]?.detailedHealthState === "HEALTHY",
    );
    if (fine.length >= count && fine.length === fresh.length && (!all || fresh.length === machines.length)) return;
    await sleep(20);
  }
}

/** Looks of a rollout, and the most Compute reads that one of them made of its groups. */
export function looksOf(calls: Call[]): { looks: number; most: number } {
  const compute = calls.filter(isCompute);
  const groupReads = compute.filter(({ path, method }) => isLook({ path, method } as Call));
  let most = 0;
  for (const [i, look] of groupReads.entries()) {
    const until = groupReads[i + 1]?.at ?? Number.POSITIVE_INFINITY;
    const own = compute.filter(
      ({ at, path, method }) => at >= look.at && at < until && method !== "PATCH" && /instanceGroupManagers/.test(path),
    );
    most = Math.max(most, own.length);
  }
  return { looks: groupReads.length, most };
}
