import { end } from "./ending.ts";
import { isProblem } from "./observation.ts";
import type { Policy } from "./policy.ts";
import { reason } from "./reasons.ts";
import type { Turn } from "./turn.ts";

/** A rollout that has changed nothing yet gives way to a newer image at once. One that has is finished first. */
export function supersede(turn: Turn, policy: Policy): void {
  const { record, observation } = turn;
  const rollout = record.active;
  const image = observation.inputs?.image;
  if (rollout?.kind !== "forward" || !image || isProblem(image)) return;
  if (rollout.phase !== "prepared" || Object.values(rollout.groups).some(({ intent }) => intent)) return;
  if (image.id === rollout.to.image.id) return;
  end(
    turn,
    rollout,
    "superseded",
    reason("superseded", `${policy.follows.family} points to ${image.name} before ${rollout.id} changed anything`),
  );
}
