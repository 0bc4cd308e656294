import { noteMachines } from "./assess.ts";
import { stayPaused } from "./pause.ts";
import { noteNewer } from "./pending.ts";
import type { Policy } from "./policy.ts";
import type { Rollout } from "./record.ts";
import { finish, prepare, roll, stayParked } from "./roll.ts";
import { putBack } from "./rollback.ts";
import type { Turn } from "./turn.ts";

/** One look at the active rollout: moves it as far as what was seen allows. */
export function advance(turn: Turn, rollout: Rollout, policy: Policy): void {
  noteMachines(rollout, policy, turn.observation);
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
