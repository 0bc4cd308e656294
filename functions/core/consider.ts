import type { Image, ManagerVersion } from "../../wire/compute.d.ts";
import { changedText } from "./changes.ts";
import { publish } from "./ending.ts";
import { followedImage } from "./follow.ts";
import { imageRef, releaseInputs } from "./inputs.ts";
import { formatDuration, later } from "./instants.ts";
import { askForTemplates } from "./mint.ts";
import { type GroupView, type Inputs, isProblem, type Problem } from "./observation.ts";
import { asksFor, describeStep, groupKey, type Policy } from "./policy.ts";
import { counted, type Reason, reason } from "./reasons.ts";
import type { Hold } from "./record.ts";
import { makeRelease, type Release, type ReleaseInputs, short } from "./release.ts";
import type { Rollout, RolloutGroup } from "./rolloutrecord.ts";
import { noteCandidate } from "./settle.ts";
import type { Stable } from "./stable.ts";
import { stops } from "./stops.ts";
import { remember, say, type Turn } from "./turn.ts";
import { isUrgent } from "./urgent.ts";
import { lastSegment, sendable, sendablePolicy } from "./wanted.ts";

/** No rollout is active: what do the inputs ask for, and may it begin? */
export function consider(turn: Turn, policy: Policy): void {
  const { record, observation } = turn;
  const inputs = observation.inputs;
  const groups = readableGroups(turn, policy);
  if (!inputs || !groups) return;
  turn.record.inputsRead = turn.context.now;
  sayUnready(turn, inputs);
  saySoaking(turn, policy, inputs);
  const read = releaseInputs(turn, policy, inputs);
  if ("missing" in read) {
    turn.reasons.push(...read.missing);
    return;
  }
  const { asked } = read;
  const release = makeRelease(asked, turn.context.sha256);
  if (!record.stable && !adopt(turn, policy, inputs, asked, groups)) return;
  const stable = record.stable;
  if (!stable) return;

  noteCandidate(turn, policy, release);
  if (release.digest === stable.release.digest) {
    say(
      turn,
      "up-to-date",
      `${release.image.name}, release ${short(release.digest)}, is the stable release and what the inputs ask for`,
    );
    sayStrayed(turn, stable, groups);
    if (record.hold) say(turn, "held", `${heldBy(record.hold)}. "moult start ${record.fleet}" lifts it`);
    return;
  }
  const quotas = observation.quotas ?? [];
  const [stop] = stops({ record, policy, release, inputs, groups, quotas, now: turn.context.now });
  if (stop) {
    turn.reasons.push(stop);
    return;
  }
  start(turn, policy, stable, release, inputs, groups);
}

/** A group that somebody gave other templates since its last rollout: said, and left alone (`drift: report`). */
function sayStrayed(turn: Turn, stable: Stable, groups: Map<string, GroupView>): void {
  const templates = (versions: ManagerVersion[]) =>
    [...new Set(versions.map(({ instanceTemplate }) => lastSegment(instanceTemplate ?? "")))].sort().join(", ");
  for (const [key, { versions }] of groups) {
    const before = stable.versions[key];
    if (!before || templates(before) === templates(versions)) continue;
    say(
      turn,
      "external-change",
      `somebody else made group ${key} run ${templates(versions)}; its last rollout put ${templates(before)} there. moult leaves it alone until an input changes: set it back with "gcloud compute instance-groups managed rolling-action start-update", or make another image`,
    );
  }
}

function heldBy({ by, at, reason }: Hold): string {
  return `held by ${by} since ${at}: ${reason}`;
}

/** Somebody made it and waits for a rollout that cannot come. */
function sayUnready(turn: Turn, { unready }: Inputs): void {
  for (const { name, status } of unready) {
    const what =
      status === "FAILED"
        ? "could not be made: look at the error of its images.insert operation, delete it and make another"
        : "is not the family's head before it is READY; its last audit entry rings, and the fleet looks again";
    say(turn, "image-not-ready", `newer image ${name} is ${status} and ${what}`);
  }
}

/** What the fleet that is followed runs and has not run for long enough. */
function saySoaking(turn: Turn, { follows }: Policy, { followed }: Inputs): void {
  if ("family" in follows || !followed || isProblem(followed)) return;
  const { soaking } = followedImage(followed.images, follows.soakMs, turn.context.now);
  if (!soaking) return;
  const text = `${soaking.entry.image.name} is stable in ${follows.fleet} since ${soaking.entry.since} and is followed when it has been for ${formatDuration(follows.soakMs)}, at ${soaking.until}`;
  say(turn, "soaking", text, { until: soaking.until });
}

function readableGroups(turn: Turn, policy: Policy): Map<string, GroupView> | undefined {
  const groups = new Map<string, GroupView>();
  for (const ref of policy.groups) {
    const view = turn.observation.groups[groupKey(ref)];
    if (!view) continue;
    if (isProblem(view)) turn.reasons.push(unreadable(view));
    else groups.set(groupKey(ref), view);
  }
  return groups.size === policy.groups.length ? groups : undefined;
}

/**
 * Takes a fleet on as it is and changes nothing (DESIGN §7.8): the image its groups run now is stable, without the
 * configuration and the secrets that the fleet file names, which no machine has yet. The next change of an input brings
 * them, or a person's word.
 */
function adopt(
  turn: Turn,
  policy: Policy,
  inputs: Inputs,
  asked: ReleaseInputs,
  groups: Map<string, GroupView>,
): boolean {
  const running = new Map<string, Image>();
  for (const ref of policy.groups) {
    const image = inputs.running?.[groupKey(ref)];
    if (!image) return false;
    if (isProblem(image)) {
      say(turn, "image-unusable", `group ${groupKey(ref)} cannot be taken on: ${image.text}`);
      return false;
    }
    running.set(image.id, image);
  }
  const [image, other] = [...running.values()];
  if (!image) return false;
  if (other) {
    say(
      turn,
      "policy-impossible",
      `the groups run different images (${image.name}, ${other.name}); bring them to one before moult takes the fleet on`,
    );
    return false;
  }
  const wanted = makeRelease({ ...asked, image: imageRef(image) }, turn.context.sha256);
  const release = makeRelease({ ...wanted, configCommit: null, secrets: {} }, turn.context.sha256);
  const mixed = [...groups].find(([, view]) => view.versions.length > 1);
  if (mixed) {
    say(
      turn,
      "policy-impossible",
      `group ${mixed[0]} has ${mixed[1].versions.length} versions, so what it should run is not known; bring it to one with "gcloud compute instance-groups managed rolling-action start-update", and moult takes the fleet on`,
    );
    return false;
  }
  const versions = Object.fromEntries(
    [...groups].map(([key, view]): [string, ManagerVersion[]] => [key, sendable(view.versions)]),
  );
  turn.record.stable = { release, since: turn.context.now, adopted: true, asked: wanted, versions };
  turn.effects.push({ kind: "publish", images: publish(turn.record, release.image, turn.context.now) });
  const why = reason("adopted", `taken on as it is: ${counted(policy.groups.length, "group")} on ${image.name}`);
  remember(turn, "adopted", why);
  return true;
}

/** Names everything exactly, writes down what was found, and asks for the templates. */
function start(
  turn: Turn,
  policy: Policy,
  from: Stable,
  to: Release,
  inputs: Inputs,
  groups: Map<string, GroupView>,
): void {
  const { record } = turn;
  const rolled: Record<string, RolloutGroup> = {};
  const id = `${record.fleet}-${record.rollouts + 1}`;
  const templates = askForTemplates(turn, policy, id, to, inputs);
  for (const ref of policy.groups) {
    const key = groupKey(ref);
    const view = groups.get(key);
    const minted = templates[key];
    if (!view || !minted) return;
    rolled[key] = {
      ...(view.autoscaler && { autoscaler: { ...view.autoscaler } }),
      from: {
        versions: sendable(view.versions),
        updatePolicy: sendablePolicy(view.updatePolicy),
        targetSize: view.targetSize,
      },
      to: [{ instanceTemplate: minted.url, name: short(to.digest) }],
      template: minted.name,
    };
  }
  record.rollouts += 1;
  record.active = begin(turn, policy, {
    id,
    kind: "forward",
    from,
    to,
    reports: asksFor(policy, "reports"),
    groups: rolled,
  });
  const image = isProblem(inputs.image) ? undefined : inputs.image;
  record.active.urgent = isUrgent(record, to, image);
  record.approved = null;
  const steps = policy.steps.map(describeStep).join(", then ");
  const why = say(turn, "started", `${id}: ${changedText(from.release, to)}, release ${short(to.digest)}: ${steps}`);
  record.active.cause = why;
  remember(turn, "started", why, id);
}

/** Why a group cannot be read, and what to do about it. */
export function unreadable({ problem, text }: Problem): Reason {
  if (problem === "missing")
    return reason("group-missing", `${text}; make it again, or take it out of the fleet file and apply that`);
  return reason("access-denied", `${text}; grant the functions what it names`);
}

type Beginning = Pick<Rollout, "id" | "kind" | "from" | "to" | "reports" | "groups">;

export function begin(turn: Turn, policy: Policy, beginning: Beginning): Rollout {
  const { now } = turn.context;
  return {
    ...beginning,
    policy,
    cause: reason("started", "started"),
    startedAt: now,
    wave: 0,
    step: 0,
    phase: "prepared",
    since: now,
    stepSince: now,
    deadline: later(now, policy.limits.progressMs),
    best: 0,
    seen: {},
    failed: {},
    verdict: null,
    pausedFrom: null,
    pausedUntil: null,
    urgent: false,
    forwardFix: null,
    gates: {},
    bakesLost: 0,
    granted: null,
    passed: [],
  };
}
