import type { Paint } from "../terminal/terminal.ts";
import type { GcPlan } from "./gc.ts";
import { bytesText } from "./sizes.ts";

export interface GcOutcome extends GcPlan {
  place: string;
  /** `--delete` was said. */
  removes: boolean;
  /** Written again since they were listed, and so not removed. */
  stayed: string[];
}

export function gcDocument({ place, removes, stayed, kept, young, remove, unread, lost, foreign }: GcOutcome): unknown {
  const removed = removes ? remove.filter(({ name }) => !stayed.includes(name)) : [];
  return {
    place,
    deleted: removed.length,
    bytes: removed.reduce((sum, { size }) => sum + size, 0),
    kept,
    young: young.map(({ name, created }) => ({ name, created })),
    remove: remove.map(({ name, size, created, why }) => ({ name, size, created, why })),
    stayed,
    unread,
    lost,
    foreign,
  };
}

/** The proof: what stays and by what, what goes and why nothing needs it. */
export function gcText(outcome: GcOutcome, paint: Paint): string {
  const { place, removes, stayed, kept, young, remove, unread, lost, foreign } = outcome;
  const lines: string[] = [];
  for (const { commit, by } of kept)
    lines.push(`${paint("green", "keep")}  commit ${commit.slice(0, 12)}: ${by.join("; ")}`);
  for (const { name, created } of young)
    lines.push(`${paint("green", "keep")}  ${name}: written less than a day ago, at ${created}`);
  for (const name of foreign) lines.push(`${paint("green", "keep")}  ${name}: not an object of a configuration store`);
  const word = removes ? "gone" : "free";
  for (const { name, size, created, why } of remove)
    lines.push(
      stayed.includes(name)
        ? `${paint("green", "keep")}  ${name}: written again since it was looked at`
        : `${paint("yellow", word)}  ${name} (${bytesText(size)}, written ${created}): ${why}`,
    );
  for (const what of lost) lines.push(`${paint("red", "lost")}  ${what}, but neither it nor its pack is there`);
  for (const what of unread) lines.push(`${paint("red", "not read")}  ${what}`);
  return `${lines.map((line) => `${line}\n`).join("")}${summary(outcome, place)}`;
}

function summary({ removes, stayed, remove, unread }: GcOutcome, place: string): string {
  if (unread.length > 0)
    return `What was not read may need anything, so nothing of ${place} is removed. Mend it, or use an account that may read it.\n`;
  const gone = remove.filter(({ name }) => !stayed.includes(name));
  const size = bytesText(gone.reduce((sum, each) => sum + each.size, 0));
  if (gone.length === 0) return `Everything in ${place} is needed.\n`;
  const objects = `${gone.length} ${gone.length === 1 ? "object" : "objects"}, ${size}`;
  return removes ? `Removed ${objects} from ${place}.\n` : `Nothing needs ${objects}. --delete removes them.\n`;
}
