import { createHash } from "node:crypto";
import { imageRef } from "../core/inputs.ts";
import { type Instant, instant, later } from "../core/instants.ts";
import {
  type Command,
  type GroupView,
  type Inputs,
  isProblem,
  type Observation,
  type Problem,
  type ReportView,
} from "../core/observation.ts";
import { groupKey, type Policy } from "../core/policy.ts";
import type { FleetRecord } from "../core/record.ts";
import { makeRelease } from "../core/release.ts";
import { isUntouched } from "../core/supersede.ts";
import { baseDigest } from "../core/template.ts";
import { neededVersions } from "../core/unusable.ts";
import type { Compute } from "../google/compute.ts";
import { isFailure } from "../google/failure.ts";
import { readAttributeReports } from "./attributes.ts";
import { readBudget } from "./budgets.ts";
import type { Cloud } from "./cloud.ts";
import { readCommands } from "./commands.ts";
import { readGates } from "./gates.ts";
import { readAutoscaler, readGroup, type SeenGroup } from "./groups.ts";
import { readInputs } from "./inputs.ts";
import { readInterrupted } from "./interrupted.ts";
import { readQuotas } from "./quotas.ts";
import { readReports } from "./reports.ts";
import { SeenSecrets } from "./secrets.ts";
import { readTemplates } from "./templates.ts";

/** While a rollout that has changed something is under way, what comes after it is looked for this often. */
const INPUTS_MS = 60_000;

/** Commands that may begin a rollout where none is. */
const BEGINS = new Set<Command["kind"]>(["rollback", "begin", "approve", "apply", "start", "unhold", "lift"]);

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** Reads what a decision about this fleet needs, and changes nothing. */
export async function observe(
  cloud: Cloud,
  record: FleetRecord,
  refusal: string | undefined,
  secrets = new SeenSecrets(cloud.secrets),
): Promise<Observation> {
  const commands = await readCommands(cloud, record.fleet);
  const applied = commands.findLast((command) => command.kind === "apply");
  // A rollout goes on with the fleet file it began with, whatever is applied meanwhile.
  const policy = record.active?.policy ?? (applied?.kind === "apply" ? applied.policy : record.policy);
  const at = instant(cloud.time.now());
  const seen: Observation = {
    at,
    commands,
    groups: {},
    reports: [],
    gates: {},
    templates: {},
    ...(refusal && { refusal }),
  };
  if (!policy) return seen;
  try {
    return await observeCloud(cloud, record, policy, seen, secrets);
  } catch (problem) {
    // A person's word is heard whatever is out of reach; without one, the look is tried again.
    if (!isFailure(problem) || commands.every(({ name }) => record.applied.includes(name))) throw problem;
    return { ...seen, unread: problem.message };
  }
}

async function observeCloud(
  cloud: Cloud,
  record: FleetRecord,
  policy: Policy,
  seen: Observation,
  secrets: SeenSecrets,
): Promise<Observation> {
  const { at, commands, refusal } = seen;
  const compute = cloud.compute(policy.project);
  const { active } = record;
  // What was refused may be a change that names a template which is gone; what it was made of tells whether it can be again.
  const refused = active !== null && (refusal ?? active.refusal) !== undefined;

  const [groups, asked, read, templates] = await Promise.all([
    Promise.all(
      policy.groups.map(
        async (ref) =>
          [
            groupKey(ref),
            await readGroup(compute, ref, { machines: active !== null, autoscaler: active !== null }),
          ] as const,
      ),
    ),
    refused || wantsInputs(record, at)
      ? inputsOf(
          record,
          commands,
          readInputs(cloud, compute, policy, record.stable === null, neededVersions(record), secrets),
        )
      : undefined,
    active?.reports ? reportsOf(cloud, record.fleet, active.to.digest) : undefined,
    refused || active?.phase === "prepared" ? readTemplates(compute, record) : {},
  ]);
  const inputs = asked?.inputs;
  const reports = read?.reports ?? [];
  const readable = groups.flatMap(([, group]) => (isProblem(group) ? [] : [group]));
  const begins = !active && mayBegin(record, policy, inputs, commands);
  const [attributes, gates, budget, quotas, interrupted] = await Promise.all([
    active ? readAttributeReports(cloud, compute, active, readable, reports) : [],
    active ? readGates(cloud, compute, active, readable) : {},
    policy.budget && (active || begins) ? readBudget(cloud, policy.budget.name) : undefined,
    begins ? readQuotas(compute, policy) : undefined,
    active ? readInterrupted(compute, active, readable) : undefined,
    // What a rollout finds is what it puts back in the end: the autoscaler's mode too.
    begins ? Promise.all(readable.map((group) => completeAutoscaler(compute, group))) : undefined,
  ]);
  return {
    ...seen,
    groups: Object.fromEntries(groups.map(([key, group]): [string, GroupView | Problem] => [key, viewOf(group)])),
    ...(inputs && { inputs }),
    ...(asked?.unread !== undefined && { inputsUnread: asked.unread }),
    reports: [...reports, ...attributes],
    ...(read?.unread !== undefined && { reportsUnread: read.unread }),
    gates,
    ...(budget && { budget }),
    ...(quotas && { quotas }),
    ...(interrupted && { interrupted }),
    templates,
  };
}

/** A person's word must be heard while the reports are out of reach. */
async function reportsOf(
  cloud: Cloud,
  fleet: string,
  release: string,
): Promise<{ reports: ReportView[]; unread?: string }> {
  try {
    return { reports: await readReports(cloud, fleet, release) };
  } catch (problem) {
    if (!isFailure(problem)) throw problem;
    return { reports: [], unread: problem.message };
  }
}

/**
 * A rollout that has changed something goes on, and back, without what comes after it: that is read at the next look. So does
 * one that goes back to an older release, and a person's word is heard.
 */
async function inputsOf(
  { active, applied }: FleetRecord,
  commands: readonly Command[],
  inputs: Promise<Inputs>,
): Promise<{ inputs?: Inputs; unread?: string }> {
  try {
    return { inputs: await inputs };
  } catch (problem) {
    const begins = !active || (active.kind === "forward" && isUntouched(active));
    if (!isFailure(problem) || (begins && commands.every(({ name }) => applied.includes(name)))) throw problem;
    return { unread: problem.message };
  }
}

function viewOf(group: SeenGroup | Problem): GroupView | Problem {
  return isProblem(group) ? group : group.view;
}

/** A rollout that has changed nothing gives way to what the inputs ask for; one that has lets it wait, and looks less often. */
function wantsInputs({ active, inputsRead }: FleetRecord, now: Instant): boolean {
  return !active || isUntouched(active) || inputsRead === null || later(inputsRead, INPUTS_MS) <= now;
}

/** Whether what is only of use to a rollout that begins has to be read. Says yes rather than no. */
function mayBegin(
  record: FleetRecord,
  policy: Policy,
  inputs: Inputs | undefined,
  commands: readonly Command[],
): boolean {
  if (!record.stable) return false;
  if (commands.some(({ kind }) => BEGINS.has(kind))) return true;
  if (!inputs) return false;
  const { image, configCommit, secrets } = inputs;
  if (isProblem(image) || (configCommit !== null && typeof configCommit === "object")) return false;
  const versions: Record<string, string> = {};
  for (const [name, version] of Object.entries(secrets)) {
    if (typeof version !== "string") return false;
    versions[name] = version;
  }
  const base: Record<string, string> = {};
  for (const ref of policy.groups) {
    const properties = inputs.bases[groupKey(ref)];
    if (!properties || isProblem(properties)) return false;
    base[groupKey(ref)] = baseDigest(properties, sha256);
  }
  const asked = makeRelease({ image: imageRef(image), configCommit, secrets: versions, base }, sha256);
  return asked.digest !== record.stable.release.digest;
}

async function completeAutoscaler(compute: Compute, { ref, view, autoscaler }: SeenGroup): Promise<void> {
  if (autoscaler === undefined) return;
  const found = await readAutoscaler(compute, ref, autoscaler);
  if (found) view.autoscaler = found;
}
