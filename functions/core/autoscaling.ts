import { requestId } from "./context.ts";
import type { GroupView } from "./observation.ts";
import type { Rollout, RolloutGroup } from "./rolloutrecord.ts";
import type { Turn } from "./turn.ts";

/**
 * While steps run, the group's autoscaler only adds (DESIGN §7.4): whom a scale-in takes is not ours to say, and it would
 * take new machines as gladly as old ones. A mode that a person set meanwhile is the person's, and stays.
 *
 * @returns whether the mode is as it should be.
 */
export function rollingMode(turn: Turn, rollout: Rollout, key: string, group: RolloutGroup, view: GroupView): boolean {
  const known = autoscalerOf(group, view);
  if (!known || !view.autoscaler) return true;
  const { mode } = view.autoscaler;
  if (known.theirs) {
    known.mode = mode;
    return true;
  }
  if (mode === "ONLY_SCALE_OUT" || mode === "ONLY_UP") {
    // A person's, where moult has not asked for it.
    if (!known.asked && !known.held) known.mode = mode;
    known.held = true;
    return true;
  }
  // Set by somebody while it was held, or never on.
  if (known.held || mode !== "ON") {
    if (known.held) known.theirs = true;
    known.mode = mode;
    return true;
  }
  // Also where it was found off, and a person has switched it on since.
  known.mode = mode;
  known.asked = true;
  setMode(turn, rollout, key, known.name, "ONLY_SCALE_OUT");
  return false;
}

/** Gives the autoscaler the mode back that was found. Returns whether it has it. */
export function ownMode(turn: Turn, rollout: Rollout, key: string, group: RolloutGroup, view: GroupView): boolean {
  const known = group.autoscaler;
  if (!known || !view.autoscaler) return true;
  const { mode } = view.autoscaler;
  const mine = !known.theirs && (known.asked === true || known.held === true);
  if (known.mode !== "ON" || mode !== "ONLY_SCALE_OUT" || !mine) {
    known.mode = mode;
    delete known.held;
    delete known.asked;
    delete known.theirs;
    return true;
  }
  setMode(turn, rollout, key, known.name, "ON");
  return false;
}

/** The autoscaler as it was before the rollout; one that was made since is taken as it is found. */
function autoscalerOf(group: RolloutGroup, view: GroupView): RolloutGroup["autoscaler"] {
  if (view.autoscaler && group.autoscaler?.name !== view.autoscaler.name) group.autoscaler = { ...view.autoscaler };
  return group.autoscaler;
}

function setMode(turn: Turn, rollout: Rollout, key: string, name: string, mode: "ON" | "ONLY_SCALE_OUT"): void {
  const request = requestId(turn.context, `${rollout.id}:${key}:autoscaler:${mode}:${rollout.since}`);
  turn.effects.push({ kind: "patch-autoscaler", group: key, name, mode, requestId: request });
}
