import type { Image, ManagerVersion } from "../../wire/compute.d.ts";
import { later } from "./instants.ts";
import { askForTemplates } from "./mint.ts";
import { type GroupView, type Inputs, isProblem } from "./observation.ts";
import { describeStep, groupKey, type Policy } from "./policy.ts";
import { preflight } from "./preflight.ts";
import { counted, type Reason, reason } from "./reasons.ts";
import type { Rollout, RolloutGroup, Stable } from "./record.ts";
import { contains, makeRelease, type Release, type ReleaseInputs, short } from "./release.ts";
import { baseDigest } from "./template.ts";
import { remember, say, type Turn } from "./turn.ts";
import { sendable, sendablePolicy } from "./wanted.ts";

/** No rollout is active: what do the inputs ask for, and may it begin? */
export function consider(turn: Turn, policy: Policy): void {
  const { record, observation } = turn;
  const inputs = observation.inputs;
  const groups = readableGroups(turn, policy);
  if (!inputs || !groups) return;
  sayUnready(turn, inputs);
  const asked = releaseInputs(turn, policy, inputs);
  if (!asked) return;
  const release = makeRelease(asked, turn.context.sha256);
  if (!record.stable && !adopt(turn, policy, inputs, asked, groups)) return;
  const stable = record.stable;
  if (!stable) return;

  if (record.candidate?.release.digest !== release.digest) record.candidate = { release, since: turn.context.now };
  if (release.digest === stable.release.digest) {
    say(
      turn,
      "up-to-date",
      `${release.image.name}, release ${short(release.digest)}, is what the fleet runs and what its inputs ask for`,
    );
    return;
  }
  const stop = whyNot(turn, policy, release, groups, inputs);
  if (stop) {
    turn.reasons.push(stop);
    return;
  }
  start(turn, policy, stable, release, inputs, groups);
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

function readableGroups(turn: Turn, policy: Policy): Map<string, GroupView> | undefined {
  const groups = new Map<string, GroupView>();
  for (const ref of policy.groups) {
    const view = turn.observation.groups[groupKey(ref)];
    if (!view) continue;
    if (isProblem(view)) say(turn, view.problem === "missing" ? "group-missing" : "access-denied", view.text);
    else groups.set(groupKey(ref), view);
  }
  return groups.size === policy.groups.length ? groups : undefined;
}

/** The inputs as a release would name them, or undefined after saying what is missing. All of it is said at once. */
function releaseInputs(turn: Turn, policy: Policy, inputs: Inputs): ReleaseInputs | undefined {
  const before = turn.reasons.length;
  const { image, configCommit } = inputs;
  if (isProblem(image)) say(turn, image.problem === "missing" ? "no-image" : "access-denied", image.text);
  if (configCommit !== null && typeof configCommit === "object") say(turn, "config-missing", configCommit.text);
  const secrets: Record<string, string> = {};
  for (const [name, version] of Object.entries(inputs.secrets)) {
    if (typeof version === "string") secrets[name] = version;
    else say(turn, "secret-missing", version.text);
  }
  const base: Record<string, string> = {};
  for (const ref of policy.groups) {
    const properties = inputs.bases[groupKey(ref)];
    if (!properties || isProblem(properties))
      say(turn, "base-missing", properties?.text ?? `base template ${ref.base} was not read`);
    else base[groupKey(ref)] = baseDigest(properties, turn.context.sha256);
  }
  if (turn.reasons.length > before || isProblem(image) || (configCommit !== null && typeof configCommit === "object"))
    return undefined;
  return { image: imageRef(image, policy.follows.project), configCommit, secrets, base };
}

function imageRef(image: Image, project: string): Release["image"] {
  return { id: image.id, name: image.name, project };
}

/**
 * Takes a fleet on as it is and changes nothing (DESIGN §7.8): the image its groups run now is stable, with today's
 * configuration and secrets, so that only the next change of an input starts a rollout.
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
  const release = makeRelease({ ...asked, image: imageRef(image, policy.follows.project) }, turn.context.sha256);
  const versions = Object.fromEntries(
    [...groups].map(([key, view]): [string, ManagerVersion[]] => [key, sendable(view.versions)]),
  );
  turn.record.stable = { release, since: turn.context.now, adopted: true, versions };
  const why = reason("adopted", `taken on as it is: ${counted(policy.groups.length, "group")} on ${image.name}`);
  remember(turn, "adopted", why);
  return true;
}

function whyNot(
  turn: Turn,
  policy: Policy,
  release: Release,
  groups: Map<string, GroupView>,
  inputs: Inputs,
): Reason | undefined {
  const { record } = turn;
  const wanted = `${release.image.name}, release ${short(release.digest)}`;
  const bad = record.quarantine.find(({ inputs: combination }) => contains(release, combination));
  if (bad) {
    const text = `${wanted} is quarantined since ${bad.at}: ${bad.why}. "moult quarantine lift ${record.fleet} ${bad.key}" allows it again`;
    return reason("quarantined", text, { evidence: [bad.key] });
  }
  if (record.hold)
    return reason(
      "held",
      `held by ${record.hold.by} since ${record.hold.at}: ${record.hold.reason}. "moult start ${record.fleet}" lifts it; ${wanted} waits`,
    );
  if (policy.mode === "observe")
    return reason("observing", `${wanted} would be rolled out; the fleet file says mode: observe`);
  return preflight(policy, inputs, groups);
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
    reports: policy.gates.includes("reports"),
    groups: rolled,
  });
  const steps = policy.steps.map(describeStep).join(", then ");
  const why = say(
    turn,
    "started",
    `${id}: ${from.release.image.name} → ${to.image.name}, release ${short(to.digest)}: ${steps}`,
  );
  record.active.cause = why;
  remember(turn, "started", why, id);
}

type Beginning = Pick<Rollout, "id" | "kind" | "from" | "to" | "reports" | "groups">;

export function begin(turn: Turn, policy: Policy, beginning: Beginning): Rollout {
  const { now } = turn.context;
  return {
    ...beginning,
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
    passed: [],
  };
}
