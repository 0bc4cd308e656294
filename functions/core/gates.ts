import { formatDuration, later } from "./instants.ts";
import { giveUp, stop, type Verdict } from "./judge.ts";
import type { Gate, Policy, Step } from "./policy.ts";
import { stepName } from "./policy.ts";
import { type Reason, reason } from "./reasons.ts";
import type { GateVerdict, Rollout } from "./rolloutrecord.ts";
import { remember, type Turn } from "./turn.ts";

/** Key of the approval that only one step asks for. */
const APPROVAL = "approval";

type Asked = Extract<Gate, { inconclusive: unknown }>;

/** Gates whose answer must be fetched: reports and health are looked at all the time, and a person answers by a command. */
export function askedGates(policy: Policy): Asked[] {
  return policy.gates.filter((gate): gate is Asked => "inconclusive" in gate);
}

/** Gates that a look at this rollout must ask: those of its step that have not finished. Nothing is asked before its time. */
export function openGates(rollout: Rollout): Asked[] {
  if (rollout.phase !== "gating" || rollout.kind === "rollback") return [];
  return askedGates(rollout.policy).filter(({ key }) => isOpen(rollout.gates[key]));
}

function isOpen(verdict: GateVerdict | undefined): boolean {
  return verdict === undefined || verdict.answer === "wait";
}

/**
 * Asks what the step's end asks (DESIGN §7.2). All gates must pass; a finished one is not asked again in the same step, so
 * that asking often enough does not pass anything. `last`: after the final bake, which no person approves.
 */
export function passGates(turn: Turn, rollout: Rollout, policy: Policy, step: Step, last: boolean): "passed" | Verdict {
  if (rollout.kind === "rollback") return "passed";
  const gates = askedGates(policy);
  for (const gate of gates) note(turn, rollout, gate);
  const verdicts = gates.map((gate) => ({ gate, verdict: rollout.gates[gate.key] }));
  const failed = verdicts.find(({ verdict }) => verdict?.answer === "fail");
  if (failed?.verdict) {
    const text = `gate ${failed.gate.key} of ${stepName(step)} failed: ${failed.verdict.text}`;
    giveUp(turn, rollout, policy, reason("gate-failed", text));
    return "ended";
  }
  for (const { gate, verdict } of verdicts) {
    if (verdict?.answer !== "inconclusive") continue;
    const text = `gate ${gate.key} of ${stepName(step)} is inconclusive: ${verdict.text}`;
    if (gate.inconclusive === "proceed") continue;
    const advice = `; "moult rollout resume ${turn.record.fleet}" takes it as passed, "moult rollout abort ${turn.record.fleet}" puts it back`;
    if (gate.inconclusive === "pause") stop(turn, rollout, policy, reason("gate-inconclusive", `${text}${advice}`));
    else giveUp(turn, rollout, policy, reason("gate-inconclusive", text));
    return "ended";
  }
  const waiting: Reason[] = verdicts.flatMap(({ gate, verdict }) =>
    isOpen(verdict)
      ? [reason("gating", verdict ? `gate ${gate.key}: ${verdict.text}` : `gate ${gate.key} is asked next`)]
      : [],
  );
  const approval = !last && (step.approval || policy.gates.some(({ kind }) => kind === "approval"));
  if (approval && rollout.gates[APPROVAL]?.answer !== "pass") {
    const text = `${rollout.id} waits after ${stepName(step)} for a person: "moult rollout approve ${turn.record.fleet}" lets it go on, "moult rollout abort ${turn.record.fleet}" puts it back`;
    waiting.push(reason("awaiting-approval", text));
  }
  turn.reasons.push(...waiting);
  return waiting.length > 0 ? "wait" : "passed";
}

/** Takes this look's answer into the record. Who says wait for too long has not answered. */
function note(turn: Turn, rollout: Rollout, gate: Asked): void {
  const { now } = turn.context;
  const before = rollout.gates[gate.key];
  if (!isOpen(before)) return;
  const answer = turn.observation.gates[gate.key];
  if (!answer && !before) return;
  const since = before?.since ?? now;
  const late = now >= later(since, gate.withinMs);
  const { answer: said, text } = answer ?? { answer: "wait" as const, text: before?.text ?? "" };
  if (said === "wait" && late) {
    const why = `it has said wait for ${formatDuration(gate.withinMs)}: ${text}`;
    rollout.gates[gate.key] = { answer: "inconclusive", text: why, since, at: now };
  } else rollout.gates[gate.key] = { answer: said, text, since, at: now };
  if (said !== "wait") {
    const why = reason(said === "pass" ? "gate-passed" : "gating", `gate ${gate.key}: ${said}: ${text}`);
    remember(turn, "gate", why, rollout.id);
  }
}

/** A person lets the step pass. Returns whether the rollout was waiting for that. */
export function approveStep(turn: Turn, rollout: Rollout, by: string): boolean {
  if (rollout.phase !== "gating" || rollout.gates[APPROVAL]?.answer === "pass") return false;
  const { now } = turn.context;
  rollout.gates[APPROVAL] = { answer: "pass", text: `approved by ${by}`, since: rollout.since, at: now };
  return true;
}

/** A person goes on in spite of gates that gave no answer: that is the answer. */
export function takeAsPassed(turn: Turn, rollout: Rollout, by: string): void {
  for (const verdict of Object.values(rollout.gates)) {
    if (verdict.answer !== "inconclusive") continue;
    verdict.answer = "pass";
    verdict.text = `${by} went on in spite of it: ${verdict.text}`;
    verdict.at = turn.context.now;
  }
}
