import { isGoingBack } from "../../core/pause.ts";
import type { FleetRecord } from "../../core/record.ts";
import { type Release, short } from "../../core/release.ts";
import { isUntouched } from "../../core/supersede.ts";
import { unbootable } from "../../core/unusable.ts";
import type { Settings } from "../settings.ts";

/** What a person may want to do now, as it is typed. The page does nothing itself. */
export interface Order {
  what: "undo" | "stop" | "go on" | "ask";
  /** The whole line, for a shell. */
  command: string;
  /** What it does, in this state. */
  does: string;
}

/** Commands that do something in this state, the urgent ones first. */
export function ordersFor(record: FleetRecord, settings: Pick<Settings, "project" | "stateBucket">): Order[] {
  const { active, fleet, policy } = record;
  const where = [
    `--project ${quoted(settings.project)}`,
    ...(settings.stateBucket === `${settings.project}-moult-state`
      ? []
      : [`--state-bucket ${quoted(settings.stateBucket)}`]),
  ].join(" ");
  const orders: Order[] = [];
  const add = (what: Order["what"], words: string, does: string, more = "") =>
    orders.push({ what, command: `moult ${words} ${quoted(fleet)}${more} ${where}`, does });

  if (!policy) {
    orders.push({
      what: "go on",
      command: `moult fleet apply fleet.yaml ${where}`,
      does: "gives the fleet its fleet file",
    });
    return orders;
  }
  const said = new Set(record.reasons.map(({ word }) => word));
  if (active) {
    const { id, from, phase } = active;
    const alike = from.release.image.name === active.to.image.name;
    const back = alike ? `release ${short(from.release.digest)}` : from.release.image.name;
    const lost = unbootable(record, from).length > 0 ? ", though its machines would not boot now," : "";
    if (!isGoingBack(active)) {
      if (isUntouched(active))
        add("undo", "rollback", `ends ${id}, which has changed nothing yet, and holds the fleet`);
      else add("undo", "rollback", `puts every machine back to ${back}${lost} and holds the fleet`);
      if (phase === "paused") add("go on", "rollout resume", `${id} goes on where it stands`);
      else add("stop", "rollout pause", `${id} stands still; what is there stays, and the autoscaler adds ${back}`);
      add(
        "undo",
        "rollout abort",
        `puts it back${lost} and does not try this combination again; the fleet goes on following`,
      );
      if (said.has("awaiting-approval")) add("go on", "rollout approve", "lets the step pass", exactly(active.to));
      if (phase === "parked" && said.has("window") && !record.pending)
        add("go on", "rollout start", `${id} goes on outside its windows`, " --urgent");
    }
    if (record.pending)
      add(
        "go on",
        "rollout start",
        `puts ${id} back first and begins ${record.pending.release.image.name}`,
        `${exactly(record.pending.release)} --urgent`,
      );
    add(
      "stop",
      "stop",
      "stops everything and holds the fleet with your own rights, without the functions",
      " --direct",
    );
  } else {
    atRest(record, said, add);
  }
  if (record.hold) add("go on", "start", `lifts the hold of ${record.hold.by}`);
  for (const { key, imageName } of record.quarantine)
    add("go on", "quarantine lift", `lets the combination with ${imageName} be tried again`, ` ${quoted(key)}`);
  add("ask", "why", "says all of this on a terminal");
  return orders;
}

function atRest(
  record: FleetRecord,
  said: ReadonlySet<string>,
  add: (what: Order["what"], words: string, does: string, more?: string) => void,
): void {
  const [before] = record.previous;
  if (before && unbootable(record, before).length === 0)
    add("undo", "rollback", `goes straight back to ${before.release.image.name} and holds the fleet`);
  const { candidate, stable } = record;
  const waiting = candidate && candidate.release.digest !== stable?.release.digest ? candidate.release : undefined;
  if (waiting) {
    const { image } = waiting;
    const only = exactly(waiting);
    if (said.has("awaiting-approval")) add("go on", "rollout approve", `lets ${image.name} begin`, only);
    if (said.has("observing")) add("go on", "rollout start", `begins ${image.name} now`, only);
    if (said.has("adopted"))
      add("go on", "rollout start", "brings the configuration and the secrets of the fleet file now", only);
    if (said.has("settling")) add("go on", "rollout start", `begins ${image.name} without waiting for more`, only);
    if (said.has("window"))
      add("go on", "rollout start", `begins ${image.name} outside the windows`, `${only} --urgent`);
    add("ask", "rollout plan", `says what rolling out ${image.name} would do`);
  }
  if (!record.hold) add("stop", "stop", "lets nothing begin until somebody lifts it");
}

/** What was looked at, and nothing that has come since. */
function exactly({ digest }: Release): string {
  return ` --release ${short(digest)}`;
}

/** For a POSIX shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
