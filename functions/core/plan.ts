import { changesBetween } from "./changes.ts";
import type { Context } from "./context.ts";
import { followedImage } from "./follow.ts";
import { foreseeBudget, foreseeLeast, foreseeMost, foreseeWaves, foreseeWindows } from "./foresee.ts";
import { imageRef, releaseInputs } from "./inputs.ts";
import { formatDuration } from "./instants.ts";
import { askForTemplates } from "./mint.ts";
import { type GroupView, type Inputs, isProblem, type Observation } from "./observation.ts";
import type { Plan, PlannedRelease } from "./planned.ts";
import { asksFor, groupKey, type Policy } from "./policy.ts";
import { quotaNeeds } from "./quota.ts";
import { type Reason, reason } from "./reasons.ts";
import type { FleetRecord } from "./record.ts";
import { makeRelease, type Release, short } from "./release.ts";
import { stops } from "./stops.ts";
import type { Turn } from "./turn.ts";
import { stateText, unbootable } from "./unusable.ts";
import { openVersion } from "./wanted.ts";

/**
 * What would happen if the inputs stayed as they are: worked out from what one look saw, as `decide` would, and with nothing
 * done. Null: there is no fleet file, so there is nothing to plan.
 */
export function plan(record: FleetRecord, observation: Observation, context: Context): Plan | null {
  const { policy } = record;
  if (!policy) return null;
  const { inputs } = observation;
  const turn: Turn = { record, observation, context, effects: [], reasons: [], moves: [] };
  const unread: Reason[] = [];
  const groups = new Map<string, GroupView>();
  for (const ref of policy.groups) {
    const view = observation.groups[groupKey(ref)];
    if (view && !isProblem(view)) groups.set(groupKey(ref), view);
    else if (view) unread.push(reason(view.problem === "missing" ? "group-missing" : "access-denied", view.text));
  }
  const asked = inputs ? releaseInputs(turn, policy, inputs) : undefined;
  if (asked && "missing" in asked) unread.push(...asked.missing);
  const to =
    asked && "asked" in asked
      ? makeRelease(asked.asked, context.sha256)
      : inputs
        ? null
        : ((record.pending ?? record.candidate)?.release ?? null);
  const from = record.stable?.release ?? (inputs && to ? found(policy, inputs, to) : null);
  const templates = inputs && to ? askForTemplates(turn, policy, `${record.fleet}-plan`, to, inputs) : {};
  const waves = foreseeWaves(policy, groups, templates);
  const quotas = observation.quotas ?? [];
  const why = dedupe([...unread, ...whyNot(record, policy, to, from, inputs, groups, observation, context)]);
  return {
    fleet: record.fleet,
    at: context.now,
    from: from && shown(from, record.stable !== null),
    to: to && shown(to, true),
    changes: from && to ? changesBetween(from, to) : [],
    begins: why.length === 0,
    stops: why,
    notes: notes(record, policy, inputs, groups, context),
    waves,
    most: foreseeMost(waves),
    templates: Object.values(templates).map(({ name }) => name),
    quotas: inputs
      ? quotaNeeds(policy, inputs, groups, quotas).map((need) => ({ ...need, enough: need.needed <= need.free }))
      : [],
    windows: foreseeWindows(policy, context.now),
    budget: foreseeBudget(policy, waves, observation.budget, context.now),
    least: foreseeLeast(policy, waves),
    undo: undo(record, policy, from, groups),
  };
}

function shown({ digest, image, configCommit }: Release, named: boolean): PlannedRelease {
  return { release: named ? short(digest) : null, image, configCommit };
}

/** A fleet that is not taken on yet: what its machines run now, if that is one thing. */
function found(policy: Policy, { running }: Inputs, to: Release): Release | null {
  const images = policy.groups.map((ref) => running?.[groupKey(ref)]);
  const [first] = images;
  if (!first || isProblem(first)) return null;
  const same = images.every((image) => image && !isProblem(image) && image.id === first.id);
  return same ? { ...to, digest: "", image: imageRef(first) } : null;
}

function whyNot(
  record: FleetRecord,
  policy: Policy,
  to: Release | null,
  from: Release | null,
  inputs: Inputs | undefined,
  groups: ReadonlyMap<string, GroupView>,
  observation: Observation,
  { now }: Context,
): Reason[] {
  if (!to) {
    return inputs
      ? []
      : [reason("no-image", "the inputs were not read, and no release is known to wait: nothing would begin")];
  }
  const same = record.stable ? to.digest === from?.digest : to.image.id === from?.image.id;
  if (same)
    return [
      reason("up-to-date", `${to.image.name} is what the fleet runs and what the inputs ask for: nothing begins`),
    ];
  const quotas = observation.quotas ?? [];
  const why = stops({ record, policy, release: to, inputs, groups, quotas, now });
  if (!record.stable && !from)
    why.unshift(
      reason(
        "policy-impossible",
        `what the groups run now is not one image that could be read, so the fleet cannot be taken on: bring them to one`,
      ),
    );
  return why;
}

/** Two rules may find the same thing. */
function dedupe(reasons: Reason[]): Reason[] {
  const seen = new Set<string>();
  return reasons.filter(({ word, text }) => {
    const key = `${word} ${text}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function notes(
  record: FleetRecord,
  policy: Policy,
  inputs: Inputs | undefined,
  groups: ReadonlyMap<string, GroupView>,
  { now }: Context,
): string[] {
  const said: string[] = [];
  if (!record.stable) said.push("the fleet is taken on as it is first: that changes nothing");
  const unchecked = [...groups].filter(([, view]) => !view.checked).map(([key]) => key);
  const health = asksFor(policy, "health");
  if (!asksFor(policy, "reports") && (!health || unchecked.length === groups.size) && groups.size > 0)
    said.push("NOTHING says whether new machines are healthy: no boot reports are asked for, and no health check is");
  else if (health && unchecked.length > 0)
    said.push(`${unchecked.join(", ")}: no health check, so the gate health says nothing there`);
  const scaled = [...groups].filter(([, { autoscaler }]) => autoscaler?.mode === "ON").map(([key]) => key);
  if (scaled.length > 0)
    said.push(`${scaled.join(", ")}: the autoscaler only adds machines while a step runs; the numbers follow its size`);
  const single = [...groups].filter(([, { targetSize }]) => targetSize === 1).map(([key]) => key);
  if (single.length > 0) said.push(`${single.join(", ")}: one machine, so its canary is the whole group`);
  for (const { name, status } of inputs?.unready ?? [])
    said.push(`newer image ${name} is ${status}: not this one's turn`);
  const { follows } = policy;
  if (!("family" in follows) && inputs?.followed && !isProblem(inputs.followed)) {
    const { soaking } = followedImage(inputs.followed.images, follows.soakMs, now);
    if (soaking)
      said.push(
        `${soaking.entry.image.name} is stable in ${follows.fleet} and is followed at ${soaking.until}, after ${formatDuration(follows.soakMs)} there`,
      );
  }
  return said;
}

function undo(
  record: FleetRecord,
  policy: Policy,
  from: Release | null,
  groups: ReadonlyMap<string, GroupView>,
): Plan["undo"] {
  const back = from && shown(from, record.stable !== null);
  const lost = policy.groups
    .map((ref) => ({ key: groupKey(ref), view: groups.get(groupKey(ref)) }))
    .filter(({ view }) => !view || !openVersion(view.versions)?.instanceTemplate);
  const missing = record.stable ? unbootable(record, record.stable) : [];
  if (back && lost.length === 0 && missing.length > 0) {
    const text = `machines of ${back.image.name} would not boot: ${missing.map(stateText).join(", ")}; a rollout that fails is paused and not put back by itself`;
    return { possible: false, to: back, text };
  }
  if (!back || lost.length > 0) {
    const why = back
      ? `${lost.map(({ key }) => key).join(", ")} has no template to go back to`
      : "what runs is not known";
    return { possible: false, to: back, text: `it could not be put back: ${why}` };
  }
  return {
    possible: true,
    to: back,
    text: `every group goes back to ${back.image.name} and the versions it has now: by itself when a gate or a limit fails, by "moult rollback ${record.fleet}" at any time after as well`,
  };
}
