import type { Reason } from "../../functions/core/reasons.ts";
import { bar, relative, span } from "../terminal/bar.ts";
import type { Paint, Stream } from "../terminal/terminal.ts";
import { pad, wrap } from "../terminal/text.ts";
import { changeLines, gateText, headText, stepLine, wordStyle } from "./render.ts";
import { countTiles, type TileCounts, tileLegend, tileRows } from "./tiles.ts";
import type { FleetView, RolloutView } from "./view.ts";

/** What a program reads of a rollout under way: one line for each change, and the same the next time when nothing changed. */
export interface Progress {
  fleet: string;
  rollout: string | null;
  phase: string | null;
  since: string | null;
  deadline: string | null;
  bakeEnds: string | null;
  wave: number | null;
  step: string | null;
  from: string | null;
  to: string | null;
  machines: TileCounts;
  gates: { key: string; answer: string | null; text: string }[];
  failed: Record<string, string>;
  reasons: Reason[];
}

export function progressOf({ fleet, rollout, groups, reasons }: FleetView): Progress {
  return {
    fleet,
    rollout: rollout?.id ?? null,
    phase: rollout?.phase ?? null,
    since: rollout?.since ?? null,
    deadline: rollout?.deadline ?? null,
    bakeEnds: rollout?.bakeEnds ?? null,
    wave: rollout?.wave ?? null,
    step: rollout?.steps.find(({ state }) => state === "current")?.name ?? null,
    from: rollout?.from ?? null,
    to: rollout?.to ?? null,
    machines: countTiles(groups.flatMap(({ machines }) => machines)),
    gates: rollout?.gates ?? [],
    failed: rollout?.failed ?? {},
    reasons,
  };
}

/** Two looks of which nobody needs to hear both. A deadline that only moves on is no change. */
export function sameProgress(one: Progress, other: Progress): boolean {
  const key = ({ deadline: _, reasons, ...rest }: Progress) => JSON.stringify([rest, reasons.map(({ word }) => word)]);
  return key(one) === key(other);
}

/** One line for a log. */
export function progressLine(progress: Progress, at: string): string {
  const { rollout, phase, step, machines, reasons, gates } = progress;
  const counts = [
    `${machines.fresh} new`,
    ...(machines.booting > 0 ? [`${machines.booting} under way`] : []),
    `${machines.old + machines.changing} old`,
    ...(machines.bad > 0 ? [`${machines.bad} not healthy`] : []),
  ].join(", ");
  const answers = gates.flatMap(({ key, answer }) => (answer ? [`${key} ${answer}`] : [])).join(", ");
  const [first] = reasons;
  const where = rollout ? [rollout, [phase, step].filter(Boolean).join(" "), counts] : ["no rollout under way"];
  const parts = [
    ...where,
    ...(answers ? [`gates: ${answers}`] : []),
    ...(first ? [`${first.word}: ${first.text}`] : []),
  ];
  return `${at.slice(11, 19)}  ${parts.join("  ")}`;
}

const NAME = 10;

/** The picture of a rollout under way, as lines of the terminal's width. */
export function watchLines(view: FleetView, out: Stream, now: number): string[] {
  const { paint } = out;
  const room = Math.max(20, out.width() - NAME - 2);
  const fact = (name: string, text: string) =>
    wrap(text, room).map((line, i) => `${paint("dim", pad(i === 0 ? name : "", NAME))} ${line}`);
  const { rollout } = view;
  const lines: string[] = [];
  if (!rollout) lines.push(`${paint("bold", `fleet ${view.fleet}`)}  no rollout under way`);
  else lines.push(...rolloutLines(view, rollout, paint, now, fact));
  // Before the groups, of which there may be more than the screen has rows.
  lines.push("");
  for (const { word, text, until } of view.reasons) {
    const [first = "", ...rest] = wrap(`${text}${until ? ` (${relative(until, now)})` : ""}`, out.width() - 4);
    lines.push(
      paint(["bold", ...[wordStyle(word)].flat()], word),
      `    ${first}`,
      ...rest.map((line) => `    ${line}`),
    );
  }
  for (const group of view.groups) {
    lines.push("", `${paint("bold", group.key)}${group.problem ? `  ${paint("red", group.problem)}` : ""}`);
    lines.push(...tileRows(group.machines, room, paint).map((row) => `  ${row}`));
    if (group.machines.length > 0) lines.push(`  ${tileLegend(countTiles(group.machines), paint)}`);
  }
  return lines;
}

function rolloutLines(
  { groups, pending }: FleetView,
  rollout: RolloutView,
  paint: Paint,
  now: number,
  fact: (name: string, text: string) => string[],
): string[] {
  const counts = countTiles(groups.flatMap(({ machines }) => machines));
  const size = groups.reduce((sum, { targetSize }) => sum + targetSize, 0);
  const age = span(now - Date.parse(rollout.since));
  const wave = rollout.waves > 1 ? `, wave ${rollout.wave} of ${rollout.waves}` : "";
  const notes = [
    ...(rollout.kind === "rollback" ? ["goes back by a person's word"] : []),
    ...(rollout.urgent ? ["urgent"] : []),
    ...(rollout.forwardFix
      ? [`forward-fix: ${rollout.forwardFix.unhealthy} of ${rollout.forwardFix.of} were not healthy before`]
      : []),
  ];
  return [
    `${paint("bold", rollout.id)}  ${headText(rollout, paint)}`,
    ...changeLines(rollout).flatMap((text, i) => fact(i === 0 ? "changes" : "", text)),
    ...fact("phase", `${paint("yellow", rollout.phase)} for ${age}${wave}`),
    ...fact("steps", stepLine(rollout, paint)),
    ...fact("machines", `${paint("cyan", bar(counts.fresh, size, 24))} ${counts.fresh} of ${size} new`),
    ...(rollout.bakeEnds ? fact("bake", ends(rollout.bakeEnds, now)) : []),
    ...(rollout.deadline && !rollout.bakeEnds
      ? fact("deadline", `no progress until then stops it: ${ends(rollout.deadline, now)}`)
      : []),
    ...(rollout.pausedUntil ? fact("pause", `put back ${relative(rollout.pausedUntil, now)}`) : []),
    ...rollout.gates.flatMap(({ key, answer, text }, i) =>
      fact(i === 0 ? "gates" : "", gateText(key, answer, text, paint)),
    ),
    ...Object.values(rollout.failed).flatMap((why, i) => fact(i === 0 ? "failed" : "", paint("red", why))),
    ...(pending ? fact("pending", `${pending.image}, release ${pending.release}, waits for its end`) : []),
    ...(notes.length > 0 ? fact("note", notes.join("; ")) : []),
  ];
}

function ends(at: string, now: number): string {
  const left = Date.parse(at) - now;
  return left > 0 ? `${span(left)} left` : "over, the next look decides";
}
