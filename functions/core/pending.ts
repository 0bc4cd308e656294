import { releaseInputs } from "./inputs.ts";
import { isProblem } from "./observation.ts";
import { isGoingBack } from "./pause.ts";
import { reason } from "./reasons.ts";
import { contains, makeRelease, type Release, short } from "./release.ts";
import { rollBack } from "./rollback.ts";
import type { Rollout } from "./rolloutrecord.ts";
import { isUntouched } from "./supersede.ts";
import { remember, say, type Turn } from "./turn.ts";
import { isUrgent } from "./urgent.ts";

/**
 * What the inputs ask for while a rollout that has changed something is under way (DESIGN §7.2): a newer release waits in the
 * one pending slot, an urgent one has the rollout put back first, and so does the stable image when it is asked for again
 * (somebody deprecated the head). A group never holds three templates, so nothing else may begin before this one ended.
 */
export function noteNewer(turn: Turn, rollout: Rollout): void {
  const { record, observation, context } = turn;
  const { inputs } = observation;
  if (inputs) record.inputsRead = context.now;
  if (inputs && !isUntouched(rollout)) {
    const read = releaseInputs(turn, rollout.policy, inputs);
    if (!("missing" in read)) {
      const release = makeRelease(read.asked, context.sha256);
      if (release.digest === rollout.to.digest || isQuarantined(turn, release)) record.pending = null;
      else if (record.pending?.release.digest !== release.digest) record.pending = { release, since: context.now };
    }
  }
  const { pending } = record;
  if (!pending) return;
  const name = `${pending.release.image.name}, release ${short(pending.release.digest)}`;
  // A person's pause and a rollback are not undone by what is newer; a pause gives way to what a person says after it.
  const { approved } = record;
  const said = approved?.urgent === true && approved.release === pending.release.digest;
  const moves = rollout.kind === "forward" && !isGoingBack(rollout) && (said || rollout.phase !== "paused");
  const stable = rollout.from.release.image.id;
  const { release, asked } = rollout.from;
  if (moves && [release.digest, asked?.digest].includes(pending.release.digest)) {
    const text = `the inputs ask for ${name} again, which ${rollout.id} comes from: what it brought was taken back`;
    rollBack(turn, rollout, reason("superseded", text));
    return;
  }
  if (moves && pending.release.image.id === stable && rollout.to.image.id !== stable) {
    const text = `the inputs ask for ${pending.release.image.name} again, which ${rollout.id} comes from: its newer image was taken back`;
    rollBack(turn, rollout, reason("superseded", text));
    return;
  }
  const image = inputs && !isProblem(inputs.image) ? inputs.image : undefined;
  if (moves && isUrgent(record, pending.release, image)) {
    rollBack(turn, rollout, reason("preempted", `${name} is urgent: ${rollout.id} is put back before it begins`));
    return;
  }
  const why = say(turn, "pending", `${name} waits until ${rollout.id} has ended`);
  if (pending.since === context.now) remember(turn, "pending", why, rollout.id);
}

function isQuarantined({ record }: Turn, release: Release): boolean {
  return record.quarantine.some((entry) => entry.release === release.digest || contains(release, entry.inputs));
}
