import { newMachines, waveGroups } from "../core/assess.ts";
import { msOf } from "../core/instants.ts";
import type { ReportView } from "../core/observation.ts";
import { groupKey } from "../core/policy.ts";
import type { Rollout } from "../core/rolloutrecord.ts";
import type { Compute } from "../google/compute.ts";
import type { Cloud } from "./cloud.ts";
import type { SeenGroup } from "./groups.ts";
import { orProblem } from "./problems.ts";
import { readReport } from "./reports.ts";

/** Guest attributes answer ten calls a minute for a machine, and each is a call of the look. */
const A_LOOK = 5;
/** Close enough to a look's distance: who is asked changes from look to look. */
const TURN_MS = 3_000;

/**
 * Reports that did not reach their bucket, from the machines' own guest attributes: only the instance itself can write
 * those, so they need no signature. Asked of machines that run without a report in the last quarter of the time they have.
 */
export async function readAttributeReports(
  cloud: Cloud,
  compute: Compute,
  rollout: Rollout,
  groups: SeenGroup[],
  reports: ReportView[],
): Promise<ReportView[]> {
  const { deadline, policy } = rollout;
  const now = cloud.time.now();
  if (!rollout.reports || deadline === null || now < msOf(deadline) - policy.limits.progressMs / 4) return [];
  const reported = new Set(reports.map(({ instanceId }) => instanceId));
  const rolled = new Map(waveGroups(rollout, policy).map(({ key, group }) => [key, group]));
  const silent = groups.flatMap(({ ref, view, zones }) => {
    const group = rolled.get(groupKey(ref));
    return (group ? newMachines(group, view) : []).flatMap(({ name, id, status }) =>
      id !== undefined && status === "RUNNING" && !reported.has(id)
        ? [{ name, id, zone: zones.get(name) ?? ref.location }]
        : [],
    );
  });
  const first = silent.length > A_LOOK ? (Math.floor(now / TURN_MS) * A_LOOK) % silent.length : 0;
  const asked = [...silent.slice(first), ...silent.slice(0, first)].slice(0, A_LOOK);
  const found = await Promise.all(
    asked.map(async ({ name, id, zone }): Promise<ReportView[]> => {
      const what = `guest attributes of ${name}`;
      const attributes = await orProblem(what, compute.guestAttributes(zone, name, "moult"));
      const text =
        "problem" in attributes && "text" in attributes ? undefined : (attributes as Record<string, string>).report;
      const report = text === undefined ? undefined : readReport(text);
      if (!report || report.release !== rollout.to.digest || report.instance.id !== id) return [];
      const { verdict, reason, message } = report;
      cloud.log("WARNING", `the report of ${name} is in its guest attributes and not in the reports bucket`, {
        word: "report-by-attribute",
        fleet: policy.fleet,
        rollout: rollout.id,
      });
      return [{ instanceId: id, instanceName: name, verdict, reason, message }];
    }),
  );
  return found.flat();
}
