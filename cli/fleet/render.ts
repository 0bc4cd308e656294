import type { Reason } from "../../functions/core/reasons.ts";
import { bar, relative } from "../terminal/bar.ts";
import { table } from "../terminal/table.ts";
import type { Paint, Stream, Style } from "../terminal/terminal.ts";
import { wrap } from "../terminal/text.ts";
import type { FleetView, GroupStatus, RolloutView } from "./view.ts";

const GOOD = new Set(["up-to-date", "succeeded", "gate-passed", "adopted"]);
const BAD = new Set([
  "report-failed",
  "machine-recreated",
  "no-progress",
  "rolling-back",
  "rolled-back",
  "rollback-stuck",
  "quarantined",
]);

export function wordStyle(word: string): Style {
  return GOOD.has(word) ? "green" : BAD.has(word) ? "red" : "yellow";
}

const SHOWN = 6;

/** `2026-11-23 08:00 UTC` */
export function minuteText(at: string): string {
  return `${at.slice(0, 10)} ${at.slice(11, 16)} UTC`;
}

/** Reasons as sentences, each under its word, with what was looked at and when it can change. */
export function reasonText(reasons: readonly Reason[], out: Stream, now: number): string {
  const width = out.width() - 4;
  return reasons
    .map(({ word, text, until, evidence }) =>
      [
        out.paint(["bold", ...[wordStyle(word)].flat()], word),
        ...wrap(text, width).map((line) => `    ${line}`),
        ...(evidence && evidence.length > 0
          ? wrap(`looked at: ${evidence.join(", ")}`, width).map((line) => out.paint("dim", `    ${line}`))
          : []),
        ...(until
          ? wrap(`can change by itself ${relative(until, now)}, at ${until}`, width).map((line) =>
              out.paint("dim", `    ${line}`),
            )
          : []),
      ].join("\n"),
    )
    .map((paragraph) => `${paragraph}\n`)
    .join("");
}

export function fleetText(view: FleetView, out: Stream, now: number): string {
  const { paint } = out;
  const facts: string[][] = [];
  if (view.stable) {
    const adopted = view.stable.adopted ? ", taken on as found" : "";
    facts.push([
      "stable",
      `${paint("green", view.stable.image)} (release ${view.stable.release}), for ${relative(view.stable.since, now).replace(" ago", "")}${adopted}`,
    ]);
    const { configCommit, secrets } = view.stable;
    if (configCommit !== null) facts.push(["config", configCommit.slice(0, 12)]);
    const pinned = Object.entries(secrets).map(([name, version]) => `${name} ${version.split("/").at(-1)}`);
    if (pinned.length > 0) facts.push(["secrets", firstOf(pinned).join(", ")]);
  } else facts.push(["stable", "none yet"]);
  if (view.candidate && view.candidate.release !== view.stable?.release)
    facts.push([
      "candidate",
      `${view.candidate.image} (release ${view.candidate.release}), since ${relative(view.candidate.since, now)}`,
    ]);
  if (view.mode === "observe") facts.push(["mode", "observe: nothing is rolled out"]);
  if (view.mode === "approve") facts.push(["mode", "approve: each release waits for a person"]);
  if (view.approved) {
    const { release, by, at, urgent } = view.approved;
    facts.push(["approved", `release ${release} by ${by}, ${relative(at, now)}${urgent ? ", urgent" : ""}`]);
  }
  if (view.pending) {
    const { image, release, since } = view.pending;
    facts.push([
      "pending",
      paint("yellow", `${image} (release ${release}), since ${relative(since, now)}, until the rollout has ended`),
    ]);
  }
  if (view.windows.windows.length > 0) {
    const { windows, open, next } = view.windows;
    const state = open
      ? "open"
      : next
        ? `closed, opens ${relative(next, now)}, at ${minuteText(next)}`
        : "closed, and never open";
    facts.push(["windows", `${windows.join("; ")}: ${open ? state : paint("yellow", state)}`]);
  }
  if (view.budget) {
    const { name, machines, perHour } = view.budget;
    const caps = [
      ...(machines === null ? [] : [`${machines} new machines at once`]),
      ...(perHour === null ? [] : [`${perHour} an hour`]),
    ];
    facts.push(["budget", `${name}: ${caps.join(", ")}, over all fleets that name it`]);
  }
  const [published] = view.published;
  if (published && !published.until)
    facts.push([
      "published",
      published.withdrawn
        ? paint("yellow", `${published.image} was withdrawn: fleets that follow do not take it`)
        : `${published.image}, to fleets that follow, for ${relative(published.since, now).replace(" ago", "")}`,
    ]);
  if (view.hold) {
    const end = view.hold.until ? `, until ${view.hold.until}` : "";
    facts.push([
      "hold",
      paint("yellow", `by ${view.hold.by}, ${relative(view.hold.at, now)}${end}: ${view.hold.reason}`),
    ]);
  }
  if (view.last)
    facts.push([
      "last",
      `${view.last.id} to ${view.last.imageName}: ${paint(view.last.ending === "succeeded" ? "green" : "red", view.last.ending)}, ${relative(view.last.endedAt, now)}`,
    ]);
  for (const { key, imageName, at } of view.quarantine)
    facts.push([
      "quarantine",
      paint("red", `${imageName}, since ${relative(at, now)}; moult quarantine lift ${view.fleet} ${key}`),
    ]);
  for (const { kind, by, at, text } of view.refused)
    facts.push(["refused", `${paint("yellow", `${kind} of ${by}`)}, ${relative(at, now)}: ${text}`]);
  const looked = view.lastLook ? `${relative(view.lastLook, now)}` : "never";
  facts.push([
    "looked",
    `${looked}${view.nextLook ? `, again ${Date.parse(view.nextLook) > now ? relative(view.nextLook, now) : "now"}` : ""}`,
  ]);
  if (view.busy)
    facts.push(["busy", paint("yellow", `left alone until ${view.busy.until}: Google answers ${view.busy.why}`)]);

  return [
    `${paint("bold", `fleet ${view.fleet}`)}\n`,
    facts.map(([name = "", text = ""]) => `  ${paint("dim", name.padEnd(11))}${text}\n`).join(""),
    ...(view.rollout ? [`\n${rolloutText(view.rollout, view.groups, paint, now)}`] : []),
    ...view.groups.map((group) => `\n${groupText(group, paint)}`),
    `\n${reasonText(view.reasons, out, now)}`,
  ].join("");
}

/** A fleet may have hundreds. */
function firstOf(all: string[]): string[] {
  const left = all.length - SHOWN;
  return left > 0 ? [...all.slice(0, SHOWN), `and ${left} more`] : all;
}

/** What a rollout changes besides the image, which stands beside its name. */
export function changeLines({ changes }: Pick<RolloutView, "changes">): string[] {
  return firstOf(changes.filter((text) => !text.startsWith("image ")));
}

function rolloutText(rollout: RolloutView, groups: GroupStatus[], paint: Paint, now: number): string {
  const machines = groups.flatMap((group) => group.machines);
  const fresh = machines.filter((machine) => machine.fresh).length;
  const size = groups.reduce((sum, group) => sum + group.targetSize, 0);
  return [
    `${paint("bold", `rollout ${rollout.id}`)}  ${headText(rollout, paint)}  ${paint("yellow", rollout.phase)}, ${relative(rollout.startedAt, now).replace(" ago", "")} under way\n`,
    `  ${stepLine(rollout, paint)}\n`,
    `  ${paint("cyan", bar(fresh, size, 24))} ${fresh} of ${size} machines new\n`,
    ...rolloutFacts(rollout, paint, now).map(([name, text]) => `  ${paint("dim", name.padEnd(11))}${text}\n`),
  ].join("");
}

/** `web-1 → web-2`; where the image stays, what it is. */
export function headText({ from, to }: Pick<RolloutView, "from" | "to">, paint: Paint): string {
  return from === to ? paint("cyan", to) : `${from} → ${paint("cyan", to)}`;
}

function rolloutFacts(rollout: RolloutView, paint: Paint, now: number): [string, string][] {
  const { forwardFix, bakeEnds, pausedUntil, verdict, gates, failed } = rollout;
  return [
    ...changeLines(rollout).map((text, i): [string, string] => [i === 0 ? "changes" : "", text]),
    ...(rollout.waves > 1 ? [["wave", `${rollout.wave} of ${rollout.waves}`] as [string, string]] : []),
    ...(rollout.urgent ? [["urgent", "windows do not hold it up"] as [string, string]] : []),
    ...(forwardFix
      ? [
          ["forward-fix", `${forwardFix.unhealthy} of ${forwardFix.of} machines were not healthy when it began`] as [
            string,
            string,
          ],
        ]
      : []),
    ...(bakeEnds ? [["bake", `ends ${relative(bakeEnds, now)}, if health holds`] as [string, string]] : []),
    ...(verdict && rollout.phase !== "paused" ? [["because", paint("red", verdict.text)] as [string, string]] : []),
    ...(pausedUntil
      ? [["put back", `${relative(pausedUntil, now)}, if nobody goes on with it`] as [string, string]]
      : []),
    ...gates.map(({ key, answer, text }, i): [string, string] => [
      i === 0 ? "gates" : "",
      gateText(key, answer, text, paint),
    ]),
    ...Object.values(failed).map((why, i): [string, string] => [i === 0 ? "failed" : "", paint("red", why)]),
  ];
}

const ANSWERS = { pass: "✓", fail: "✗", wait: "…", inconclusive: "?" } as const;

export function gateText(key: string, answer: keyof typeof ANSWERS | null, text: string, paint: Paint): string {
  if (answer === null) return paint("dim", `○ ${key}, not asked yet`);
  const style = answer === "pass" ? "green" : answer === "fail" ? "red" : "yellow";
  return `${paint(style, `${ANSWERS[answer]} ${key}`)}${text ? `: ${text}` : ""}`;
}

/** `✓ canary 1 ─ ● 100% ─ ○ final bake` */
export function stepLine({ steps }: Pick<RolloutView, "steps">, paint: Paint): string {
  return steps
    .map(({ name, state }) =>
      state === "passed"
        ? paint("green", `✓ ${name}`)
        : state === "current"
          ? paint("cyan", `● ${name}`)
          : paint("dim", `○ ${name}`),
    )
    .join(paint("dim", " ─ "));
}

function groupText(group: GroupStatus, paint: Paint): string {
  if (group.problem) return `${paint("bold", group.key)}  ${paint("red", group.problem)}\n`;
  const scaling = group.autoscaler
    ? `, autoscaler ${group.autoscaler.mode}${group.autoscaler.own && group.autoscaler.own !== group.autoscaler.mode ? ` (its own mode is ${group.autoscaler.own})` : ""}`
    : "";
  const counts = new Map<string, { runs: string; state: string; count: number }>();
  for (const { runs, action, health } of group.machines) {
    const state = action !== "NONE" ? action.toLowerCase() : (health?.toLowerCase() ?? "running");
    const entry = counts.get(`${runs} ${state}`) ?? { runs, state, count: 0 };
    counts.set(`${runs} ${state}`, { ...entry, count: entry.count + 1 });
  }
  const rows = [...counts.values()].map(({ runs, state, count }) => [
    `  ${runs}`,
    String(count),
    paint(
      state === "healthy" || state === "running"
        ? "green"
        : state === "unhealthy" || state === "timeout"
          ? "red"
          : "yellow",
      state,
    ),
  ]);
  const head = `${paint("bold", group.key)}  ${group.machines.length} of ${group.targetSize} machines${group.stable ? "" : ", changing"}${scaling}\n`;
  return rows.length > 0 ? head + table(["  RUNS", "MACHINES", "STATE"], rows, paint) : head;
}
