import type {
  Plan,
  PlannedBudget,
  PlannedChange,
  PlannedRelease,
  PlannedWindows,
} from "../../functions/core/planned.ts";
import { counted } from "../../functions/core/reasons.ts";
import { relative } from "../terminal/bar.ts";
import type { Stream } from "../terminal/terminal.ts";
import { wrap } from "../terminal/text.ts";
import { waveText } from "./planwave.ts";
import { headText, minuteText, reasonText } from "./render.ts";

const NAME = 10;

/** A plan for people: what changes, how far at a time, what is asked, what stops it, and how it is undone. */
export function planText(plan: Plan, out: Stream, now: number): string {
  const { paint } = out;
  const facts: [string, string][] = [
    ...releaseFacts(plan),
    ...plan.changes.map((change, i): [string, string] => [i === 0 ? "changes" : "", changeText(change)]),
    ["begins", beginsText(plan)],
    [
      "at most",
      `${plan.most.above} above and ${plan.most.missing} missing at any time, over the machines of the whole fleet`,
    ],
    ["takes", plan.least.text],
    ...windowFacts(plan.windows, now),
    ...(plan.budget ? [["budget", budgetText(plan.budget)] as [string, string]] : []),
    ...plan.quotas.map(({ metric, region, needed, free, limit, enough }, i): [string, string] => [
      i === 0 ? "quotas" : "",
      `${enough ? "✓" : "✗"} ${metric} of ${region ?? "the project"}: needs ${needed}, free are ${free} of ${limit}`,
    ]),
    ["undo", plan.undo.text],
    ...plan.notes.map((note, i): [string, string] => [i === 0 ? "note" : "", note]),
  ];
  const width = Math.max(24, out.width() - NAME - 3);
  const lines = facts.flatMap(([name, text]) =>
    wrap(text, width).map(
      (line, i) => `  ${paint("dim", (i === 0 ? name : "").padEnd(NAME))} ${styled(name, line, plan, out)}\n`,
    ),
  );
  const title = plan.to
    ? headText({ from: plan.from?.image.name ?? "?", to: plan.to.image.name }, paint)
    : "nothing to roll out";
  return [
    `${paint("bold", `plan for ${plan.fleet}`)}  ${title}\n`,
    ...lines,
    ...plan.waves.map((wave, i) => `\n${waveText(wave, plan.waves[i - 1], out)}`),
    ...(plan.stops.length > 0 ? [`\n${paint("bold", "what stops it now")}\n${reasonText(plan.stops, out, now)}`] : []),
  ].join("");
}

function styled(name: string, line: string, plan: Plan, { paint }: Stream): string {
  if (name === "begins") return paint(plan.begins ? "green" : "yellow", line);
  if (name === "undo" && !plan.undo.possible) return paint("red", line);
  if (line.startsWith("✗") || line.startsWith("NOTHING")) return paint("red", line);
  return line;
}

function releaseFacts({ from, to }: Plan): [string, string][] {
  const named = (release: PlannedRelease | null) => release?.release ?? "none yet";
  return [["release", `${named(from)} → ${to ? named(to) : "could not be worked out, see what stops it"}`]];
}

function changeText({ text, message }: PlannedChange): string {
  return message === undefined ? text : `${text} "${message}"`;
}

function beginsText({ begins, stops, to }: Plan): string {
  if (begins) return "by itself, at the next look";
  if (stops.some(({ word }) => word === "up-to-date")) return "not: the fleet runs what its inputs ask for";
  return `not now: ${counted(stops.length, "rule")} ${stops.length === 1 ? "stops" : "stop"} ${to ? "it" : "any rollout"}, see below`;
}

function windowFacts({ windows, open, closes, next }: PlannedWindows, now: number): [string, string][] {
  if (windows.length === 0) return [["windows", "none: at any time"]];
  const ahead = next.map(({ opens }) => `${minuteText(opens)} (${relative(opens, now)})`);
  const state = open ? `open${closes ? `, closes ${relative(closes, now)}, at ${minuteText(closes)}` : ""}` : "closed";
  const opens = ahead.length > 0 ? `next opens ${ahead.join(", then ")}` : open ? "" : "and never opens again";
  return [
    ["windows", windows.join("; ")],
    ["", [state, opens].filter((part) => part !== "").join("; ")],
  ];
}

function budgetText({ name, machines, perHour, held, begun, batches }: PlannedBudget): string {
  const caps = [
    ...(machines === null ? [] : [`${counted(machines, "new machine")} at once (${held ?? "?"} held by others)`]),
    ...(perHour === null ? [] : [`${perHour} an hour (${begun ?? "?"} begun in the last one)`]),
  ];
  return `${name}: ${caps.join(", ")}; the largest step takes ${batches === 1 ? "one batch" : `${batches} batches`}`;
}
