import { sameValue } from "./canonical.ts";
import { begin } from "./consider.ts";
import { end } from "./ending.ts";
import { type Command, isProblem } from "./observation.ts";
import { abortFor, approveFor, beginFor, pauseFor, phaseText, releaseFleet } from "./orders.ts";
import { pause, resume, takeGroupsOver } from "./pause.ts";
import { asksFor, groupKey, type Policy } from "./policy.ts";
import { reason } from "./reasons.ts";
import { forgetRefusals, refuse } from "./refuse.ts";
import { short } from "./release.ts";
import { rollBack } from "./rollback.ts";
import type { RolloutGroup } from "./rolloutrecord.ts";
import { isUntouched } from "./supersede.ts";
import { remember, say, type Turn } from "./turn.ts";
import { enabling, isLost, stateText, unbootable } from "./unusable.ts";
import { lastSegment, openVersion, sendable, sendablePolicy } from "./wanted.ts";

/** A person's word comes first, from every state. Each command is applied once, whatever happens to its message. */
export function applyCommands(turn: Turn): void {
  const { record, observation } = turn;
  const present = new Set(observation.commands.map(({ name }) => name));
  record.applied = record.applied.filter((name) => present.has(name));
  forgetRefusals(turn);
  for (const command of [...observation.commands].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (!record.applied.includes(command.name)) {
      // Those after it wait too: a person's words count in the order in which they were said.
      if (waitsForGroups(turn, command)) break;
      turn.command = command;
      apply(turn, command);
      delete turn.command;
      record.applied.push(command.name);
    }
    turn.effects.push({ kind: "delete-command", name: command.name });
  }
}

/** To go back to an older release is to begin a rollout, and what that finds in the groups is what it puts back in the end. */
function waitsForGroups(turn: Turn, { kind, by }: Command): boolean {
  const { record, observation } = turn;
  if (observation.unread === undefined || kind !== "rollback" || record.active || !record.policy) return false;
  say(turn, "person", `${by} asked to roll back: begins when the groups can be read`);
  return true;
}

function apply(turn: Turn, command: Command): void {
  const { record } = turn;
  const by = command.by;
  switch (command.kind) {
    case "apply":
      adoptPolicy(turn, command.policy, by);
      break;
    case "stop":
      record.hold = { reason: command.reason, by, at: command.at };
      remember(turn, "held", reason("person", `${by} stopped the fleet: ${command.reason}`));
      if (record.active)
        pause(turn, record.active, reason("paused", `${by} stopped the fleet: ${command.reason}`), "person");
      break;
    case "start":
      record.hold = null;
      remember(turn, "started-again", reason("person", `${by} lets the fleet go on`));
      if (record.active) resume(turn, record.active, by);
      break;
    case "hold": {
      const until = command.until ? { until: command.until } : {};
      record.hold = { reason: command.reason, by, at: command.at, ...until };
      const text = `${by} holds the fleet${command.until ? ` until ${command.until}` : ""}: ${command.reason}`;
      const why = reason("person", text);
      remember(turn, "held", why);
      // What has begun goes on: a hold is for what has not. "moult stop" is for both.
      if (record.active && isUntouched(record.active)) {
        turn.reasons.push(why);
        end(turn, record.active, "cancelled", why);
      }
      break;
    }
    case "unhold":
      if (!record.hold) refuse(turn, "the fleet is not held");
      else {
        remember(turn, "unheld", reason("person", `${by} lifted the hold of ${record.hold.by}`));
        record.hold = null;
      }
      break;
    case "pause":
      pauseFor(turn, by, command.reason);
      break;
    case "resume":
      if (record.active?.phase !== "paused")
        refuse(turn, `no rollout is paused, so none can go on; ${phaseText(turn)}`);
      else {
        remember(turn, "resumed", reason("person", `${by} lets ${record.active.id} go on`), record.active.id);
        resume(turn, record.active, by);
      }
      break;
    case "abort":
      abortFor(turn, by, command.reason);
      break;
    case "approve":
      approveFor(turn, by, command.release);
      break;
    case "begin":
      beginFor(turn, by, command.urgent, command.release);
      break;
    case "release":
      releaseFleet(turn, by);
      break;
    case "lift":
      lift(turn, command.key, by);
      break;
    case "rollback":
      rollBackFor(turn, by);
      break;
    case "invalid":
      refuse(turn, command.text);
      break;
  }
}

/** A rollout keeps the fleet file it began with; one that has changed nothing yet begins anew with the new one. */
function adoptPolicy(turn: Turn, policy: Policy, by: string): void {
  const { record } = turn;
  const { active } = record;
  const keys = (groups: Policy["groups"]) => groups.map(groupKey).sort().join(" ");
  const gives = active?.kind === "forward" && isUntouched(active) && !sameValue(active.policy, policy);
  if (active && !gives && keys(active.policy.groups) !== keys(policy.groups)) {
    refuse(
      turn,
      `the groups of a fleet cannot change while ${active.id} is under way; apply the fleet file again when it has ended`,
    );
    return;
  }
  record.policy = policy;
  const counts = active && !gives ? `; ${active.id} goes on with the one it began with` : "";
  remember(turn, "policy", reason("person", `${by} applied the fleet file${counts}`));
  if (gives) end(turn, active, "superseded", say(turn, "superseded", `${by} applied another fleet file`));
}

function lift(turn: Turn, key: string, by: string): void {
  const { record } = turn;
  if (!record.quarantine.some((entry) => entry.key === key)) {
    const known = record.quarantine.map((entry) => entry.key).join(", ") || "none";
    refuse(turn, `there is no quarantine "${key}"; known: ${known}`);
    return;
  }
  record.quarantine = record.quarantine.filter((entry) => entry.key !== key);
  remember(turn, "lifted", reason("person", `${by} lifted the quarantine ${key}`));
}

/** Puts an active rollout back; without one, goes straight to the stable before. Automation does not undo either. */
function rollBackFor(turn: Turn, by: string): void {
  const { record, context } = turn;
  const policy = record.policy;
  if (!policy) {
    refuse(turn, `the fleet has no policy yet: nothing could be put back; "moult fleet apply FILE" first`);
    return;
  }
  const hold = (what: string) => {
    record.hold = { reason: `${by} rolled back ${what}`, by, at: context.now };
  };
  if (record.active) {
    hold(record.active.id);
    takeGroupsOver(turn, record.active);
    rollBack(turn, record.active, reason("person", `${by} rolled it back`));
    return;
  }
  const [target] = record.previous;
  const from = record.stable;
  if (!target || !from) {
    refuse(turn, "there is no older release to go back to: no rollout has succeeded yet");
    return;
  }
  const missing = unbootable(record, target);
  if (missing.length > 0) {
    const [older] = record.previous.slice(1);
    const lost = missing.some(isLost);
    // The next rollback goes to the one before it.
    if (lost) record.previous = record.previous.slice(1);
    const then = !lost
      ? `Enable it with ${missing.map(enabling).join(" and ")}, and say it again`
      : older
        ? `The same command goes to the release before it now, ${older.release.image.name}, release ${short(older.release.digest)}`
        : "There is no older release either: let the fleet roll forward";
    const name = `${target.release.image.name}, release ${short(target.release.digest)},`;
    refuse(
      turn,
      `${name} cannot be gone back to: ${missing.map(stateText).join(", ")}, so its machines would not boot. ${then}`,
    );
    return;
  }
  const groups: Record<string, RolloutGroup> = {};
  for (const ref of policy.groups) {
    const key = groupKey(ref);
    const view = turn.observation.groups[key];
    const to = target.versions[key];
    const template = lastSegment(openVersion(to ?? [])?.instanceTemplate ?? "");
    if (!view || isProblem(view) || !to || !template) {
      refuse(
        turn,
        `group ${key} cannot go back: ${view && isProblem(view) ? view.text : "it was not part of the older release"}`,
      );
      return;
    }
    groups[key] = {
      ...(view.autoscaler && { autoscaler: { ...view.autoscaler } }),
      from: {
        versions: sendable(view.versions),
        updatePolicy: sendablePolicy(view.updatePolicy),
        targetSize: view.targetSize,
      },
      to,
      template,
    };
  }
  record.rollouts += 1;
  const id = `${record.fleet}-${record.rollouts}`;
  const reports = !target.adopted && asksFor(policy, "reports");
  record.active = begin(turn, policy, { id, kind: "rollback", from, to: target.release, reports, groups });
  record.active.cause = reason(
    "person",
    `${by} goes back to ${target.release.image.name}, release ${short(target.release.digest)}`,
  );
  hold(`to ${target.release.image.name}`);
  remember(turn, "started", record.active.cause, id);
}
