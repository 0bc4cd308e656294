import { formatDuration } from "../../functions/core/instants.ts";
import type { PlannedGate, PlannedGroup, PlannedStep, PlannedWave } from "../../functions/core/planned.ts";
import { counted } from "../../functions/core/reasons.ts";
import { bar } from "../terminal/bar.ts";
import { table } from "../terminal/table.ts";
import type { Paint, Stream } from "../terminal/terminal.ts";
import { widthOf, wrap } from "../terminal/text.ts";

/** One wave: its groups, its steps as bars with exact numbers, what is asked at their ends, and when all is put back. */
export function waveText(wave: PlannedWave, before: PlannedWave | undefined, out: Stream): string {
  const { paint } = out;
  const asked = gatesOf(wave);
  const same = before !== undefined && gatesOf(before).join("\n") === asked.join("\n");
  const width = out.width() - 4;
  const sentence = (text: string) => wrap(text, width).map((line, i) => `${i === 0 ? "  " : "    "}${line}\n`);
  return [
    `${paint("bold", `wave ${wave.wave}`)}  ${counted(wave.groups.length, "group")}\n`,
    ...wave.groups.flatMap((group) => sentence(groupText(group))),
    stepsText(wave, out),
    ...(same ? [`  gates as in wave ${before.wave}\n`] : asked.flatMap((text) => sentence(`gate ${text}`))),
    ...failuresOf(wave).flatMap((text) => sentence(`failures: ${text}`)),
  ].join("");
}

function groupText({ key, size, zones, inPlace, autoscaler, template }: PlannedGroup): string {
  const parts = [
    counted(size, "machine"),
    ...(zones > 1 ? [`${zones} zones`] : []),
    ...(inPlace ? ["replaced under their own names"] : []),
    ...(autoscaler ? [`autoscaler ${autoscaler} only adds meanwhile`] : []),
    ...(template ? [`template ${template}`] : []),
  ];
  return `${key}: ${parts.join(", ")}`;
}

interface Row {
  step: string;
  /** Of its step; later rows are of the wave's other groups. */
  first: boolean;
  group: string;
  machines: number;
  size: number;
  above: number;
  missing: number;
  bake: string;
}

/** No more are above or missing than a step replaces. */
function rowsOf({ steps, groups }: PlannedWave): Row[] {
  return steps.flatMap(({ name, bakeMs, groups: counts }) =>
    counts.map(({ key, machines, more, size }, i): Row => {
      const group = groups.find((planned) => planned.key === key);
      return {
        step: name,
        first: i === 0,
        group: key,
        machines,
        size,
        above: Math.min(group?.above ?? 0, more),
        missing: Math.min(group?.missing ?? 0, more),
        bake: bakeMs > 0 ? formatDuration(bakeMs) : "",
      };
    }),
  );
}

function picture({ machines, size }: Row, width: number, paint: Paint): string {
  // One machine of two thousand is not nothing.
  const drawn = bar(machines, size, width);
  return paint("cyan", machines > 0 && drawn.startsWith("░") ? `▏${drawn.slice(1)}` : drawn);
}

/** The largest picture that fits; where none does, each step takes two lines or three. */
function stepsText(wave: PlannedWave, out: Stream): string {
  for (const length of [24, 14, 8]) {
    const text = wide(wave, length, out);
    if (text.split("\n").every((line) => widthOf(line) <= out.width())) return text;
  }
  return narrow(wave, out);
}

function wide(wave: PlannedWave, length: number, { paint }: Stream): string {
  const many = wave.groups.length > 1;
  const rows = rowsOf(wave).map((row) => [
    `  ${row.first ? row.step : ""}`,
    ...(many ? [row.group] : []),
    picture(row, length, paint),
    `${row.machines} of ${row.size}`,
    most(row.above),
    most(row.missing),
    row.first ? row.bake : "",
  ]);
  const last = ["  final bake", ...(many ? [""] : []), "", "", "", "", formatDuration(wave.finalBakeMs)];
  return table(["  STEP", ...(many ? ["GROUP"] : []), "", "NEW", "ABOVE", "MISSING", "BAKE"], [...rows, last], paint);
}

function narrow(wave: PlannedWave, { paint }: Stream): string {
  const many = wave.groups.length > 1;
  const lines = rowsOf(wave).flatMap((row) => [
    `  ${picture(row, 10, paint)}  ${row.step}: ${row.machines} of ${row.size} new`,
    ...(many ? [`      ${row.group}`] : []),
    `      ${most(row.above)} above, ${most(row.missing)} missing${row.bake ? `, bake ${row.bake}` : ""}`,
  ]);
  return [...lines, `  final bake ${formatDuration(wave.finalBakeMs)}`].map((line) => `${line}\n`).join("");
}

function most(count: number): string {
  return count === 0 ? "0" : `≤ ${count}`;
}

/** Each gate once, with the steps it belongs to where that is not all of them. */
function gatesOf({ steps, finalGates }: PlannedWave): string[] {
  const found = new Map<string, { gate: PlannedGate; steps: string[] }>();
  for (const { name, gates } of steps)
    for (const gate of gates) {
      const entry = found.get(gate.key) ?? { gate, steps: [] };
      entry.steps.push(name);
      found.set(gate.key, entry);
    }
  if (found.size === 0) return ["none: the fleet file asks nothing"];
  return [...found.values()].map(({ gate, steps: asked }) => {
    const last = finalGates.some(({ key }) => key === gate.key) ? ", and after the final bake" : "";
    const when = asked.length === steps.length ? `after each step${last}` : `after ${asked.join(", ")}${last}`;
    const rules =
      gate.inconclusive === undefined
        ? ""
        : `; inconclusive: ${INCONCLUSIVE[gate.inconclusive]}, wait: for ${formatDuration(gate.withinMs ?? 0)} at most`;
    return `${gate.key} ${when}: ${gate.asks}${rules}`;
  });
}

const INCONCLUSIVE: Record<NonNullable<PlannedGate["inconclusive"]>, string> = {
  pause: "it pauses",
  rollback: "it is put back",
  proceed: "taken as passed",
};

function failuresOf({ steps }: PlannedWave): string[] {
  const found = new Map<string, string[]>();
  for (const { name, failures } of steps as PlannedStep[])
    found.set(failures.text, [...(found.get(failures.text) ?? []), name]);
  return [...found].map(([text, names]) => `${names.join(", ")}: ${text}`);
}
