import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { DriftReport } from "../../wire/moult.d.ts";
import type { Outside } from "../report/outside.ts";
import { sendReport } from "../report/send.ts";
import type { Seal } from "../seal/seal.ts";
import type { Difference } from "../seal/verify.ts";
import { version } from "../version.ts";

/** Whoever may write to a watched folder may make many. */
const most = 1_000;

/** What was told last, in memory: a boot compares the whole machine anyway. */
const folder = "/run/moult-verify";

/** Whether these differences are others than those that were told last. Before the first time, none were. */
export function isNews(root: string, found: readonly Difference[]): boolean {
  let told = stateOf([]);
  try {
    told = readFileSync(`${root}${folder}/told.json`, "utf8");
  } catch {
    // The first time.
  }
  return stateOf(found) !== told;
}

function stateOf(found: readonly Difference[]): string {
  return JSON.stringify(found.map(({ path, what }) => `${path} ${what}`).sort());
}

/** Tells of a machine that is not, or is again, as it was sealed; never of what is in its files. */
export async function tellDrift(
  found: readonly Difference[],
  { fleet, release, drift }: Seal,
  root: string,
  at: string,
  { instance, channels }: Outside,
): Promise<void> {
  const { id, name, zone, project, projectNumber } = instance;
  const report: DriftReport = {
    drift: 1,
    fleet,
    release,
    instance: { id, name, zone, project, projectNumber },
    verdict: found.length > 0 ? "drifted" : "restored",
    at,
    agent: version,
    action: drift?.action ?? "report",
    differences: found.slice(0, most).map(({ path, what }) => ({ path, what })),
  };
  const object = `drift/${fleet}/${release}/${id}/${at}.json`;
  if (!(await sendReport(report, { key: "drift", object }, channels))) return;
  mkdirSync(root + folder, { recursive: true, mode: 0o700 });
  const path = `${root}${folder}/told.json`;
  rmSync(`${path}.new`, { force: true });
  writeFileSync(`${path}.new`, stateOf(found), { flag: "wx", mode: 0o600 });
  renameSync(`${path}.new`, path);
}
