import { newMachines, waveGroups } from "./assess.ts";
import { end, quarantine } from "./ending.ts";
import { isProblem } from "./observation.ts";
import { ask } from "./patch.ts";
import type { Policy } from "./policy.ts";
import { counted, type Reason } from "./reasons.ts";
import type { Rollout } from "./record.ts";
import { short } from "./release.ts";
import { enter, remember, say, type Turn } from "./turn.ts";
import { lastSegment, openVersion, rollingPolicy, sendable, sendablePolicy } from "./wanted.ts";

/** Verdicts that say something about the release itself. Others put the group back without quarantining anything. */
const BLAMED = new Set(["report-failed", "machine-recreated", "no-progress", "unhealthy"]);

/** Begins to put every touched group back. A rollout that changed nothing just ends. */
export function rollBack(turn: Turn, rollout: Rollout, policy: Policy, why: Reason): void {
  if (rollout.phase === "rolling-back" || rollout.phase === "rollback-stuck" || rollout.phase === "restoring") return;
  const touched = Object.entries(rollout.groups).filter(([, { intent }]) => intent);
  if (touched.length === 0) {
    say(turn, why.word, why.text);
    end(turn, rollout, "cancelled", why);
    return;
  }
  rollout.verdict = why;
  rollout.pausedFrom = null;
  // Before the machines are taken away: what did they say?
  for (const [key, group] of touched) {
    const view = turn.observation.groups[key];
    if (!view || isProblem(view)) continue;
    for (const { name } of newMachines(group, view)) {
      const failure = rollout.failed[name];
      if (failure)
        turn.effects.push({ kind: "keep-evidence", group: key, machine: name, rollout: rollout.id, why: failure });
    }
  }
  enter(turn, rollout, "rolling-back", policy.limits.progressMs);
  remember(turn, "rolling-back", why, rollout.id);
}

/** One look at a rollout that is being put back: newest wave first, then the group's own policy, then the end. */
export function putBack(turn: Turn, rollout: Rollout, policy: Policy): void {
  const why = rollout.verdict ?? say(turn, "rolling-back", "the rollout is being put back");
  const touched = waveGroups(rollout, policy)
    .filter(({ group }) => group.intent)
    .sort((a, b) => b.wave - a.wave);
  let back = true;
  for (const { key, group } of touched) {
    const view = turn.observation.groups[key];
    if (!view || isProblem(view)) {
      back = false;
      say(turn, "rolling-back", `group ${key} cannot be put back now: ${view?.text ?? "it was not read"}`);
      continue;
    }
    const versions = sendable(group.from.versions);
    const restoring = rollout.phase === "restoring";
    const updatePolicy = restoring ? sendablePolicy(group.from.updatePolicy) : rollingPolicy(group, policy);
    if (!ask(turn, rollout, key, group, view, restoring ? "restore" : "roll back", { versions, updatePolicy })) {
      back = false;
      continue;
    }
    if (restoring) continue;
    const stable = lastSegment(openVersion(versions)?.instanceTemplate ?? "");
    const left = view.machines.filter(
      ({ template, action }) => action !== "NONE" || (versions.length === 1 && template !== stable),
    );
    if (left.length > 0 || view.machines.length < view.targetSize) {
      back = false;
      const names = left.map(({ name }) => name);
      say(
        turn,
        "rolling-back",
        `${rollout.id} is being put back to ${short(rollout.from.release.digest)}: ${counted(names.length, "machine")} of ${key} under way`,
        { evidence: names },
      );
    }
  }
  if (!back) {
    if (rollout.deadline && turn.context.now >= rollout.deadline && rollout.phase !== "restoring") {
      enter(turn, rollout, "rollback-stuck", policy.limits.progressMs);
    }
    if (rollout.phase === "rollback-stuck") {
      say(
        turn,
        "rollback-stuck",
        `putting ${rollout.id} back makes no progress: a person is needed. moult goes on trying; look at the group's errors, or take it over with "moult stop ${turn.record.fleet} --direct"`,
      );
    } else say(turn, why.word, why.text);
    return;
  }
  if (rollout.phase !== "restoring") {
    enter(turn, rollout, "restoring", policy.limits.progressMs);
    putBack(turn, rollout, policy);
    return;
  }
  finishRollback(turn, rollout, why);
}

function finishRollback(turn: Turn, rollout: Rollout, why: Reason): void {
  const { record, context } = turn;
  const blamed = BLAMED.has(why.word);
  if (blamed) quarantine(record, rollout, why, context.now);
  if (why.word === "permission-late") {
    record.hold = {
      reason: `machines of ${rollout.to.image.name} could not be made: ${why.text}`,
      by: "moult",
      at: context.now,
    };
  }
  end(turn, rollout, "rolled-back", why);
  const kept = blamed ? `; ${rollout.to.image.name} is not tried again until a person lifts it` : "";
  say(
    turn,
    "rolled-back",
    `${rollout.id} was put back to ${short(rollout.from.release.digest)} (${rollout.from.release.image.name}) because ${why.text}${kept}`,
  );
}
