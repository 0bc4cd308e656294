import type { ReasonWord } from "../../functions/core/reasons.ts";
import type { EndedRollout, FleetRecord } from "../../functions/core/record.ts";
import type { Rollout } from "../../functions/core/rolloutrecord.ts";
import { EXIT } from "../failure.ts";

/** What `moult wait` and `moult rollout watch` exit with. */
export interface Verdict {
  verdict: "succeeded" | "at-rest" | "rolled-back" | "cancelled" | "person";
  /** The rollout it is about; null where none is. */
  rollout: string | null;
  text: string;
}

export function exitOf({ verdict }: Verdict): number {
  if (verdict === "person") return EXIT.person;
  return verdict === "succeeded" || verdict === "at-rest" ? EXIT.ok : EXIT.failed;
}

/** Reasons that keep a rollout from beginning until somebody does something. What passes by itself is not among them. */
const PERSON = new Set<ReasonWord>([
  "no-policy",
  "observing",
  "held",
  "quarantined",
  "awaiting-approval",
  "image-unusable",
  "config-missing",
  "secret-missing",
  "base-missing",
  "base-names-family",
  "base-disk-too-small",
  "group-missing",
  "group-stateful",
  "single-machine",
  "policy-impossible",
  "access-denied",
  "external-change",
  "quota",
]);

/**
 * Undefined while there is something to wait for.
 * @param image wait for this one to be stable, even if its rollout has not begun; undefined: whatever the inputs ask for.
 */
export function verdictOf(record: FleetRecord, image: string | undefined): Verdict | undefined {
  const { active, last, stable, quarantine } = record;
  if (active) return personAt(record, active);
  if (image === undefined) return verdictAtRest(record);
  if (stable?.release.image.name === image) return { verdict: "succeeded", rollout: null, text: `${image} is stable` };
  const bad = quarantine.find(({ imageName }) => imageName === image);
  if (bad) return { verdict: "rolled-back", rollout: bad.rollout, text: `${image} is quarantined: ${bad.why}` };
  if (last?.imageName === image && last.ending !== "superseded") return ended(last);
  return record.candidate?.release.image.name === image ? personBefore(record) : undefined;
}

/**
 * How the watched rollout ended; undefined while it goes on. A pause is watched, because somebody may end it.
 * @param watched its id; undefined before one was seen.
 */
export function endOfWatch(record: FleetRecord, watched: string | undefined): Verdict | undefined {
  const { active, last } = record;
  if (active?.id === watched && active) return undefined;
  // What took its place before it had changed anything is what is watched from then on.
  if (watched !== undefined && last?.id === watched && last.ending !== "superseded") return ended(last);
  return active ? undefined : verdictAtRest(record);
}

/** A rollout that goes on by itself, its being put back included, is waited for. */
function personAt({ fleet, reasons }: FleetRecord, { id, phase, since, verdict }: Rollout): Verdict | undefined {
  const needs = (text: string): Verdict => ({ verdict: "person", rollout: id, text });
  if (phase === "paused") {
    const ways = `"moult rollout resume ${fleet}" goes on, "moult rollout abort ${fleet}" puts it back`;
    return needs(`${id} is paused since ${since}: ${verdict?.text ?? "a person stopped it"}; ${ways}`);
  }
  if (phase === "rollback-stuck")
    return needs(`${id} could not be put back: ${verdict?.text ?? `nothing has moved since ${since}`}`);
  const approval = reasons.find(({ word }) => word === "awaiting-approval");
  // Other gates may still be asked; a person who approves now does not hurry them.
  if (phase === "gating" && approval && !reasons.some(({ word }) => word === "gating")) return needs(approval.text);
  return undefined;
}

function verdictAtRest(record: FleetRecord): Verdict | undefined {
  const { reasons, last, candidate, hold, stable } = record;
  const rest = reasons.find(({ word }) => word === "up-to-date" || word === "adopted");
  if (rest && last?.ending === "succeeded" && last.to === stable?.release.digest) return ended(last);
  if (rest) return { verdict: "at-rest", rollout: null, text: rest.text };
  // A rollback by a person holds the fleet in the same word: that hold is not what keeps it from its end.
  const newer =
    last !== null &&
    ((candidate !== null && candidate.since > last.endedAt) || (hold !== null && hold.at > last.endedAt));
  if (last && !newer && last.ending !== "superseded") return ended(last);
  return personBefore(record);
}

function personBefore({ reasons }: FleetRecord): Verdict | undefined {
  const stopped = reasons.find(({ word }) => PERSON.has(word));
  return stopped && { verdict: "person", rollout: null, text: `${stopped.word}: ${stopped.text}` };
}

function ended({ id, imageName, ending, why }: EndedRollout): Verdict {
  const text = `${id} to ${imageName}: ${ending}. ${why.text}`;
  if (ending === "succeeded" || ending === "rolled-back") return { verdict: ending, rollout: id, text };
  return { verdict: "cancelled", rollout: id, text };
}
