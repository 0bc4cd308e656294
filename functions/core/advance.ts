import { noteMachines } from "./assess.ts";
import { later } from "./instants.ts";
import { isGoingBack, stayPaused, takeAccepted } from "./pause.ts";
import { noteNewer } from "./pending.ts";
import type { Policy } from "./policy.ts";
import { prepare } from "./prepare.ts";
import { finish, roll, stayParked } from "./roll.ts";
import { putBack } from "./rollback.ts";
import type { Rollout } from "./rolloutrecord.ts";
import { say, type Turn } from "./turn.ts";

/** One look at the active rollout: moves it as far as what was seen allows. */
export function advance(turn: Turn, rollout: Rollout, policy: Policy): void {
  takeAccepted(turn, rollout);
  if (isBlind(turn, rollout)) return;
  Object.assign(turn, noteMachines(rollout, policy, turn.observation));
  if (turn.observation.refusal) rollout.refusal = turn.observation.refusal;
  noteNewer(turn, rollout);
  // It may have ended there: an untouched rollout has nothing to put back.
  if (turn.record.active !== rollout) return;
  switch (rollout.phase) {
    case "prepared":
      prepare(turn, rollout, policy);
      break;
    case "parked":
      stayParked(turn, rollout, policy);
      break;
    case "paused":
      stayPaused(turn, rollout, policy);
      break;
    case "rolling-back":
    case "rollback-stuck":
    case "restoring":
      putBack(turn, rollout, policy);
      break;
    case "finishing":
      finish(turn, rollout, policy);
      break;
    default:
      roll(turn, rollout, policy);
  }
}

/** Machines are judged by their reports: while those are out of reach, no time passes that anybody could be blamed for. */
function isBlind(turn: Turn, rollout: Rollout): boolean {
  const unread = turn.observation.reportsUnread;
  if (unread === undefined || rollout.phase === "paused" || isGoingBack(rollout)) return false;
  const text = `the machines' reports cannot be read, so that nothing is judged and nothing goes on: ${unread}. It is tried again`;
  say(turn, "access-denied", text);
  if (rollout.deadline) rollout.deadline = later(turn.context.now, rollout.policy.limits.progressMs);
  return true;
}
