import { newMachines, waveGroups } from "./assess.ts";
import { ownMode, rollingMode } from "./autoscaling.ts";
import { end, quarantine, withdraw } from "./ending.ts";
import { later } from "./instants.ts";
import { type GroupView, isProblem } from "./observation.ts";
import { ask, changedFromOutside } from "./patch.ts";
import { isGoingBack, outside, pause } from "./pause.ts";
import type { Policy } from "./policy.ts";
import { counted, type Reason, reason } from "./reasons.ts";
import { short } from "./release.ts";
import { lostTemplates } from "./remake.ts";
import type { Rollout, RolloutGroup } from "./rolloutrecord.ts";
import { isUntouched } from "./supersede.ts";
import { enter, remember, say, type Turn } from "./turn.ts";
import { stateText, unbootable } from "./unusable.ts";
import { lastSegment, ownPolicy, rollingPolicy, sendable } from "./wanted.ts";

/** Verdicts that say something about the release itself. Others put the group back without quarantining anything. */
const BLAMED = new Set([
  "report-failed",
  "machine-recreated",
  "no-progress",
  "unhealthy",
  "flapping",
  "gate-failed",
  // No answer is no proof, and trying the same again by itself would never end.
  "gate-inconclusive",
  "aborted",
]);
/** Nothing is wrong with the release, but the same would begin and end the same way again: a person is asked. */
const HELD = new Set(["permission-late", "paused-too-long"]);

/** A person who asks for it has been told what will not boot. */
const BY_PERSON = new Set(["person", "aborted"]);

/** Serial output of more machines would only delay putting back. */
const EVIDENCE = 5;

/** Begins to put every touched group back. A rollout that changed nothing ends, and teaches the same. */
export function rollBack(turn: Turn, rollout: Rollout, why: Reason): void {
  if (isGoingBack(rollout)) return;
  if (isUntouched(rollout)) {
    say(turn, why.word, why.text);
    // Or the same would begin again at the next look, as if nobody had said anything.
    learn(turn, rollout, why);
    end(turn, rollout, "cancelled", why);
    return;
  }
  keepEvidence(turn, rollout, why);
  if (!BY_PERSON.has(why.word) && staysForward(turn, rollout, why)) return;
  rollout.verdict = why;
  rollout.pausedFrom = null;
  rollout.pausedUntil = null;
  rollout.best = 0;
  enter(turn, rollout, "rolling-back", rollout.policy.limits.progressMs);
  remember(turn, "rolling-back", why, rollout.id);
}

/** Before the machines are taken away, by us or by whoever heals them: what did they say? */
function keepEvidence(turn: Turn, rollout: Rollout, why: Reason): void {
  const failed = Object.entries(rollout.groups).flatMap(([key, group]) => {
    const view = turn.observation.groups[key];
    if (!group.intent || !view || isProblem(view)) return [];
    return newMachines(group, view).flatMap(({ name }) => {
      const failure = rollout.failed[name] ?? (why.evidence?.includes(name) ? why.text : undefined);
      return failure ? [{ key, name, failure }] : [];
    });
  });
  for (const { key, name, failure } of failed.slice(0, EVIDENCE))
    turn.effects.push({ kind: "keep-evidence", group: key, machine: name, rollout: rollout.id, why: failure });
}

/**
 * Machines of a release whose secret version is gone cannot boot: putting back would take away machines that run, and get
 * stuck. It pauses instead, without an end of its own: a person enables the version, or chooses.
 */
function staysForward(turn: Turn, rollout: Rollout, why: Reason): boolean {
  const { release } = rollout.from;
  const missing = unbootable(turn.record, rollout.from);
  if (missing.length === 0) return false;
  const text = `${why.text}; it is not put back by itself, because machines of ${release.image.name}, release ${short(release.digest)}, would not boot: ${missing.map(stateText).join(", ")}. Enable what is disabled and then say "moult rollback ${turn.record.fleet}"`;
  const paused = reason("no-way-back", text, why.evidence ? { evidence: why.evidence } : {});
  const already = rollout.phase === "paused";
  pause(turn, rollout, paused, "person");
  if (already) {
    rollout.verdict = paused;
    remember(turn, "paused", paused, rollout.id);
  }
  return true;
}

/** One look at a rollout that is being put back: newest wave first, then the group's own policy, then the end. */
export function putBack(turn: Turn, rollout: Rollout, policy: Policy): void {
  const why = rollout.verdict ?? reason("rolling-back", "a person asked for it");
  const touched = waveGroups(rollout, policy)
    .filter(({ group }) => group.intent)
    .sort((a, b) => b.wave - a.wave);
  const restoring = rollout.phase === "restoring";
  // Machines that were not well before, or cannot boot now, are healed for ever: what counts then is what they run.
  const unwell = rollout.forwardFix !== null || unbootable(turn.record, rollout.from).length > 0;
  let back = true;
  let refused = false;
  let settled = 0;
  const asked: { key: string; group: RolloutGroup; view: GroupView }[] = [];
  for (const { key, group } of touched) {
    const view = turn.observation.groups[key];
    if (view && isProblem(view) && view.problem === "missing") {
      say(turn, "group-missing", `${view.text}, so there is nothing to put back there`);
      continue;
    }
    if (!view || isProblem(view)) {
      back = false;
      const text = view?.text ?? "it was not read";
      say(turn, "access-denied", `group ${key} cannot be put back now: ${text}; it is tried again`);
      continue;
    }
    if (changedFromOutside(group, view)) {
      back = false;
      turn.reasons.push(outside(turn.record.fleet, key));
      if (!restoring) enter(turn, rollout, "rollback-stuck", policy.limits.progressMs);
      continue;
    }
    const versions = sendable(group.from.versions);
    const updatePolicy = restoring ? ownPolicy(group, view) : rollingPolicy(group, policy);
    // Said at once, not when the deadline has passed: only a person can bring it back.
    if (!restoring && lostTemplates(turn, rollout, key, group, versions).length > 0)
      enter(turn, rollout, "rollback-stuck", policy.limits.progressMs);
    if (!ask(turn, rollout, key, group, view, restoring ? "restore" : "roll back", { versions, updatePolicy })) {
      back = false;
      refused = true;
    }
    if (restoring) {
      if (!ownMode(turn, rollout, key, group, view)) back = false;
      continue;
    }
    asked.push({ key, group, view });
    const own = new Set(versions.map(({ instanceTemplate }) => lastSegment(instanceTemplate ?? "")));
    const busy = (action: string) => action !== "NONE" && !unwell;
    const left = view.machines.filter(({ template, action }) => busy(action) || !own.has(template));
    const there = view.machines.length - left.length;
    settled += there;
    if (left.length > 0 || there < view.targetSize) {
      back = false;
      const names = left.map(({ name }) => name);
      say(
        turn,
        "rolling-back",
        `${rollout.id} is being put back to ${short(rollout.from.release.digest)}: ${there} of ${counted(view.targetSize, "machine")} of ${key} are as they were, ${names.length} under way`,
        { evidence: names },
      );
    }
  }
  // Nothing is left that could be refused: what was is of the past.
  if (!refused) delete rollout.refusal;
  if (!back) {
    // Whom a scale-in takes is not ours to say, after a pause as little as before. Last: what is refused keeps the rest waiting.
    for (const { key, group, view } of asked) rollingMode(turn, rollout, key, group, view);
    sayNotBack(turn, rollout, policy, why, settled);
    return;
  }
  if (!restoring) {
    enter(turn, rollout, "restoring", policy.limits.progressMs);
    putBack(turn, rollout, policy);
    return;
  }
  finishRollback(turn, rollout, why);
}

/** Stuck is who made no progress until the deadline; a large group is allowed its time. */
function sayNotBack(turn: Turn, rollout: Rollout, policy: Policy, why: Reason, settled: number): void {
  const { now } = turn.context;
  if (settled > rollout.best) {
    rollout.best = settled;
    rollout.deadline = later(now, policy.limits.progressMs);
  }
  if (rollout.phase !== "restoring" && rollout.deadline && now >= rollout.deadline)
    enter(turn, rollout, "rollback-stuck", policy.limits.progressMs);
  if (rollout.phase !== "rollback-stuck") {
    say(turn, why.word, why.text);
    return;
  }
  say(
    turn,
    "rollback-stuck",
    `putting ${rollout.id} back is stuck since ${rollout.since}: a person is needed. moult goes on trying; look at the group's errors, or take it over with "moult stop ${turn.record.fleet} --direct"`,
  );
}

function finishRollback(turn: Turn, rollout: Rollout, why: Reason): void {
  const blamed = learn(turn, rollout, why);
  end(turn, rollout, "rolled-back", why);
  const kept = blamed ? `; ${rollout.to.image.name} is not tried again until a person lifts it` : "";
  say(
    turn,
    "rolled-back",
    `${rollout.id} was put back to ${short(rollout.from.release.digest)} (${rollout.from.release.image.name}) because ${why.text}${kept}`,
  );
}

/** What keeps the same from being tried again: quarantine where the release is blamed, a hold where a person must look. */
function learn(turn: Turn, rollout: Rollout, why: Reason): boolean {
  const { record, context } = turn;
  // A release that a person goes back to was stable: that it cannot be reached again is not its fault.
  const blamed = rollout.kind === "forward" && BLAMED.has(why.word);
  if (blamed) quarantine(record, rollout, why, context.now);
  if (blamed && withdraw(record, rollout.to.image.id)) turn.effects.push({ kind: "publish", images: record.published });
  // A person's own hold stays theirs; one that would end by itself is not enough here.
  if (HELD.has(why.word) && (!record.hold || record.hold.until)) {
    record.hold = {
      reason: `${rollout.to.image.name} was put back: ${why.text}`,
      by: "moult",
      at: context.now,
    };
  }
  return blamed;
}
