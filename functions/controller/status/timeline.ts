import { stepsOf, waveGroups } from "../../core/assess.ts";
import { foreseeGate } from "../../core/foresee.ts";
import { type Instant, later } from "../../core/instants.ts";
import type { PlannedGate } from "../../core/planned.ts";
import { type Step, stepName } from "../../core/policy.ts";
import type { GateVerdict, Rollout } from "../../core/rolloutrecord.ts";

export interface LineGate {
  key: string;
  asks: string;
  /** Null: not asked, or looked at all the time as reports and health are. */
  answer: GateVerdict["answer"] | null;
  text?: string;
  at?: Instant;
}

export interface LineStep {
  name: string;
  state: "passed" | "current" | "ahead";
  bakeMs: number;
  /** When it passed, and with how many new machines. */
  at?: Instant;
  machines?: number;
  /** Of the current one: its phase, when that began, and when its bake ends. */
  phase?: Rollout["phase"];
  since?: Instant;
  until?: Instant;
  gates: LineGate[];
}

export interface LineWave {
  /** Its number in the fleet file. */
  wave: number;
  groups: string[];
  state: LineStep["state"];
  steps: LineStep[];
}

/** The rollout's waves and steps as they were, are and will be. */
export function timeline(rollout: Rollout): LineWave[] {
  const { policy } = rollout;
  const steps = stepsOf(rollout, policy);
  const numbers = [...new Set(policy.groups.map(({ wave }) => wave))].sort((a, b) => a - b);
  const groups = waveGroups(rollout, policy);
  return numbers.map((wave, index) => {
    const last = steps.at(-1);
    const final = last !== undefined && passedAs(rollout, index, last) !== undefined;
    const line = steps.map((step, i) => lineStep(rollout, index, step, i, final));
    if (rollout.kind === "forward") line.push(finalBake(rollout, index, final));
    return {
      wave,
      groups: groups.filter((group) => group.wave === index).map(({ key }) => key),
      state: stateOf(rollout, index),
      steps: line,
    };
  });
}

function stateOf(rollout: Rollout, wave: number): LineStep["state"] {
  if (rollout.wave === wave) return rollout.phase === "finishing" ? "passed" : "current";
  return wave < rollout.wave ? "passed" : "ahead";
}

function passedAs(rollout: Rollout, wave: number, step: Step) {
  return rollout.passed.findLast((entry) => entry.wave === wave && entry.step === stepName(step));
}

function lineStep(rollout: Rollout, wave: number, step: Step, index: number, final: boolean): LineStep {
  const passed = passedAs(rollout, wave, step);
  const asked = gatesOf(rollout, step, false);
  const common = { name: stepName(step), bakeMs: step.bakeMs };
  if (passed) {
    const { at, machines, gates = {} } = passed;
    return { ...common, state: "passed", at, machines, gates: asked.map((gate) => answered(gate, gates[gate.key])) };
  }
  const current = wave === rollout.wave && index === rollout.step && !final;
  if (!current) return { ...common, state: "ahead", gates: asked.map((gate) => answered(gate, undefined)) };
  return { ...common, state: "current", ...now(rollout, "baking", step.bakeMs), gates: openGates(rollout, asked) };
}

function finalBake(rollout: Rollout, wave: number, reached: boolean): LineStep {
  const { finalBakeMs } = rollout.policy;
  const common = { name: "final bake", bakeMs: finalBakeMs };
  const asked = gatesOf(rollout, undefined, true);
  const ended = wave < rollout.wave || (wave === rollout.wave && rollout.phase === "finishing");
  if (reached && ended) return { ...common, state: "passed", gates: asked.map((gate) => answered(gate, undefined)) };
  if (!reached || wave !== rollout.wave)
    return { ...common, state: "ahead", gates: asked.map((gate) => answered(gate, undefined)) };
  return { ...common, state: "current", ...now(rollout, "final-bake", finalBakeMs), gates: openGates(rollout, asked) };
}

function now({ phase, since }: Rollout, bakes: Rollout["phase"], bakeMs: number) {
  return { phase, since, ...(phase === bakes && { until: later(since, bakeMs) }) };
}

/** A person is asked after a step, not after the final bake; nobody is asked when a person has ordered it. */
function gatesOf({ kind, policy }: Rollout, step: Step | undefined, final: boolean): PlannedGate[] {
  if (kind === "rollback") return [];
  const gates = policy.gates.map(foreseeGate);
  if (final) return gates.filter(({ key }) => key !== "approval");
  const asks = step?.approval && !gates.some(({ key }) => key === "approval");
  return asks ? [...gates, foreseeGate({ key: "approval", kind: "approval" })] : gates;
}

function openGates(rollout: Rollout, gates: PlannedGate[]): LineGate[] {
  return gates.map((gate) => answered(gate, rollout.gates[gate.key]));
}

function answered({ key, asks }: PlannedGate, verdict: GateVerdict | undefined): LineGate {
  return {
    key,
    asks,
    answer: verdict?.answer ?? null,
    ...(verdict && { text: verdict.text, at: verdict.at }),
  };
}
