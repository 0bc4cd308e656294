import { createHash } from "node:crypto";
import { readBudget } from "../../functions/controller/budgets.ts";
import type { Cloud } from "../../functions/controller/cloud.ts";
import { readGroup } from "../../functions/controller/groups.ts";
import { readInputs } from "../../functions/controller/inputs.ts";
import { readQuotas } from "../../functions/controller/quotas.ts";
import { instant } from "../../functions/core/instants.ts";
import { type GroupView, isProblem, type Observation, type Problem } from "../../functions/core/observation.ts";
import { plan } from "../../functions/core/plan.ts";
import type { Plan, PlannedChange } from "../../functions/core/planned.ts";
import { groupKey, type Policy } from "../../functions/core/policy.ts";
import type { FleetRecord } from "../../functions/core/record.ts";
import { neededVersions } from "../../functions/core/unusable.ts";
import { isFailure } from "../../functions/google/failure.ts";
import { readCommit } from "../config/commit.ts";
import { Damaged } from "../config/damage.ts";
import { NAMES } from "../config/objects.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/**
 * The plan as the functions would decide, read with the caller's own rights. Nothing is changed and no gate is asked.
 * @param policy instead of the record's, to see what a change of the fleet file would mean.
 */
export async function foresee(cloud: Cloud, record: FleetRecord, policy: Policy): Promise<Plan> {
  const compute = cloud.compute(policy.project);
  const [groups, inputs, quotas, budget] = await Promise.all([
    Promise.all(
      policy.groups.map(async (ref): Promise<[string, GroupView | Problem]> => {
        const read = await readGroup(compute, ref, { machines: false, autoscaler: true });
        return [groupKey(ref), isProblem(read) ? read : read.view];
      }),
    ),
    readInputs(cloud, compute, policy, record.stable === null, neededVersions(record)),
    readQuotas(compute, policy),
    policy.budget ? readBudget(cloud, policy.budget.name) : undefined,
  ]);
  const now = instant(cloud.time.now());
  const observation: Observation = {
    at: now,
    commands: [],
    inputs,
    groups: Object.fromEntries(groups),
    reports: [],
    gates: {},
    ...(budget && { budget }),
    quotas,
    templates: {},
  };
  const { reportsBucket, reportsTopic, configBucket } = cloud.settings;
  const unusable = inputs.unusable ?? record.unusable;
  const foreseen = plan({ ...record, policy, unusable }, observation, {
    now,
    sha256,
    places: { reportsBucket, reportsTopic, configBucket },
  });
  if (!foreseen) throw new Error(`fleet ${record.fleet} has a policy, and no plan`);
  return { ...foreseen, changes: await Promise.all(foreseen.changes.map((change) => withMessage(cloud, change))) };
}

/** What its author wrote on the commit; who may not read the bucket sees the digests. */
async function withMessage(cloud: Cloud, change: PlannedChange): Promise<PlannedChange> {
  if (change.what !== "configuration" || change.to === null) return change;
  const object = NAMES.commit(change.to);
  try {
    const stored = await cloud.config.read(object);
    const { message } = stored ? readCommit(object, change.to, Buffer.from(stored.text)) : { message: "" };
    const [line = ""] = message.trim().split("\n");
    return line === "" ? change : { ...change, message: line };
  } catch (problem) {
    if (isFailure(problem) || problem instanceof Damaged) return change;
    throw problem;
  }
}
