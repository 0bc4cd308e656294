import { type Kind, showMs, sums, type Timeline } from "./timeline.ts";

const marks: Record<Kind, string> = {
  start: ".",
  network: "=",
  disk: "#",
  processor: "%",
  systemd: ":",
  application: "~",
  other: "-",
};

const nameWidth = 12;
const barWidth = 55;

/** Lines of at most 80 columns, in ASCII: serial consoles show nothing else for sure. */
export function chart(timeline: Timeline): string[] {
  const { bars, ms, said, placed } = timeline;
  const scale = barWidth / Math.max(ms, 0.001);
  const rows = bars.map(({ name, kind, at, ms: length }) => {
    const start = Math.min(barWidth - 1, Math.floor(at * scale));
    const width = Math.max(1, Math.min(barWidth - start, Math.round(length * scale)));
    return (
      `${cut(name, nameWidth)} ${" ".repeat(start)}${marks[kind].repeat(width)}`.padEnd(nameWidth + 1 + barWidth) +
      showMs(length).padStart(12)
    );
  });
  const axis = `${" ".repeat(nameWidth + 1)}0${showMs(ms).padStart(barWidth - 1)}`;
  const legend = sums(timeline).map(([kind, spent]) => `${marks[kind]} ${kind} ${showMs(spent)}`);
  return [
    ...title(timeline),
    "",
    axis,
    ...rows,
    "",
    ...wrap(legend.join(", "), 80),
    ...(placed ? [] : ["This record does not say when phases began: each is drawn after the one before."]),
    ...(said.length > 0 ? ["", "on the way"] : []),
    ...said.flatMap(({ at, line }) =>
      wrap(line, barWidth + 12).map((part, i) => `${(i === 0 ? showMs(at) : "").padStart(nameWidth)} ${part}`),
    ),
  ];
}

/** One line for a boot among others. */
export function summary({ bootedAt, verdict, reason, ms, bars }: Timeline): string {
  const longest = bars.reduce((most, bar) => (bar.ms > most.ms ? bar : most), { name: "", ms: 0 });
  const how = verdict === "failed" ? `failed ${reason}` : verdict;
  return `${bootedAt}  ${cut(how, 28)} ${showMs(ms).padStart(9)}  longest: ${longest.name}`.slice(0, 80).trimEnd();
}

function title(timeline: Timeline): string[] {
  const { instance, release, bootedAt, verdict, reason, message, ms, cpu, rss, before, agent } = timeline;
  return [
    [`boot ${bootedAt}`, instance && `instance ${instance}`, release && `release ${release.slice(0, 12)}`]
      .filter(Boolean)
      .join(", "),
    verdict === "failed" ? `failed ${reason}: ${message}` : `${verdict}: ${message}`,
    [
      before !== undefined && `kernel to agent ${showMs(before)}`,
      `agent ${agent} ${showMs(ms)}`.replace(/ {2}/, " "),
      cpu !== undefined && `processor ${showMs(cpu)}`,
      rss !== undefined && `memory ${Math.round(rss / 1_024)} MiB`,
    ]
      .filter(Boolean)
      .join(", "),
  ].flatMap((line) => wrap(line, 80));
}

function cut(text: string, width: number): string {
  return text.slice(0, width).padEnd(width);
}

/** Behind commas, else at spaces. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const comma = rest.lastIndexOf(", ", width - 2) + 1;
    const end = comma > width * 0.7 ? comma : rest.lastIndexOf(" ", width) > 0 ? rest.lastIndexOf(" ", width) : width;
    lines.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
  }
  return [...lines, rest];
}
