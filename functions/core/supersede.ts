import { end } from "./ending.ts";
import { releaseInputs } from "./inputs.ts";
import { reason } from "./reasons.ts";
import { makeRelease, short } from "./release.ts";
import type { Rollout } from "./rolloutrecord.ts";
import type { Turn } from "./turn.ts";

/** No group was changed for it, so that it can end without putting anything back. */
export function isUntouched(rollout: Rollout): boolean {
  return Object.values(rollout.groups).every(({ intent }) => !intent);
}

/** A rollout that has changed nothing yet gives way to what the inputs ask for now. One that has is finished first. */
export function supersede(turn: Turn): void {
  const { record, observation } = turn;
  const rollout = record.active;
  if (rollout?.kind !== "forward" || !observation.inputs || !isUntouched(rollout)) return;
  // Another rollout in its place would go on where a person said stop.
  if (rollout.phase === "paused" && rollout.verdict?.word === "paused") return;
  const read = releaseInputs(turn, rollout.policy, observation.inputs);
  if ("missing" in read) return;
  const release = makeRelease(read.asked, turn.context.sha256);
  if (release.digest === rollout.to.digest) return;
  const text = `the inputs ask for ${release.image.name}, release ${short(release.digest)}, before ${rollout.id} changed anything`;
  end(turn, rollout, "superseded", reason("superseded", text));
}
