import { wrap } from "./chart.ts";
import { type Kind, showMs, sums, type Timeline } from "./timeline.ts";

/** Colours for light and for dark surroundings, told apart by most eyes; the legend names them all the same. */
const colours: Record<Kind, readonly [string, string]> = {
  start: ["#9aa0a6", "#80868b"],
  network: ["#1a73e8", "#8ab4f8"],
  disk: ["#b06000", "#fdd663"],
  processor: ["#a142f4", "#d7aefb"],
  systemd: ["#00796b", "#78d9ec"],
  application: ["#188038", "#81c995"],
  other: ["#5f6368", "#bdc1c6"],
};

const width = 960;
const margin = 24;
const left = 120;
const right = 100;
/** Of the chart, below a message of one line. */
const firstTop = 130;
const rowHeight = 28;
/** At most, of the font below. */
const letter = 8;

/** A picture of one boot: no scripts, no fonts from elsewhere, readable in the dark, with words for those who do not see it. */
export function svg(timeline: Timeline): string {
  const { bars, said, ms } = timeline;
  const told = fitted(wrap(timeline.message, Math.floor((width - 2 * margin) / letter)), 3);
  const below = (told.length - 1) * 18;
  const top = firstTop + below;
  const scale = (width - left - right) / Math.max(ms, 0.001);
  const bottom = top + bars.length * rowHeight;
  const lines = said.slice(0, 8);
  const x = (at: number) => round(left + at * scale);
  const ticks = niceTicks(ms).flatMap((at) => [
    `<line class="grid" x1="${x(at)}" y1="${top - 8}" x2="${x(at)}" y2="${bottom}"/>`,
    `<text class="dim" x="${x(at)}" y="${bottom + 18}" text-anchor="middle">${at === 0 ? "0" : showMs(at).replace(/\.0+ /, " ")}</text>`,
  ]);
  const rows = bars.flatMap(({ name, kind, at, ms: length }, i) => {
    const y = top + i * rowHeight;
    const end = x(at) + Math.max(2, length * scale);
    return [
      `<text x="${left - 10}" y="${y + 17}" text-anchor="end">${escaped(name)}</text>`,
      `<rect class="${kind}" x="${x(at)}" y="${y + 4}" width="${round(end - x(at))}" height="18" rx="3"><title>${escaped(name)}: ${showMs(length)} from ${showMs(at)}</title></rect>`,
      `<text class="dim" x="${round(end + 6)}" y="${y + 17}">${showMs(length)}</text>`,
    ];
  });
  const marks = said.map(
    ({ at, line }) =>
      `<path class="mark" d="M${x(at)} ${top - 8}l-4 -8h8z"><title>${showMs(at)}: ${escaped(line)}</title></path>`,
  );
  let [legendX, legendY] = [left, bottom + 50];
  const legend = sums(timeline).flatMap(([kind, spent]) => {
    const label = `${kind} ${showMs(spent)}`;
    const room = 18 + label.length * letter + 18;
    if (legendX + room > width) [legendX, legendY] = [left, legendY + 22];
    const items = [
      `<rect class="${kind}" x="${legendX}" y="${legendY - 10}" width="12" height="12" rx="2"/>`,
      `<text x="${legendX + 18}" y="${legendY}">${label}</text>`,
    ];
    legendX += room;
    return items;
  });
  const height = legendY + 22 + (lines.length > 0 ? 16 + lines.length * 20 : 0);
  const onTheWay = lines.map(
    ({ at, line }, i) =>
      `<text class="dim" x="${left}" y="${legendY + 34 + i * 20}">${escaped(cut(`${showMs(at)}  ${line}`, Math.floor((width - left - margin) / letter)))}</text>`,
  );
  const { verdict, reason, bootedAt, instance, release, before, cpu, rss } = timeline;
  const ending = verdict === "failed" ? `failed ${reason}` : verdict;
  const joined = (...items: (string | false)[]) => items.filter(Boolean).join(", ");
  const who = joined(
    `booted ${bootedAt}`,
    instance && `instance ${instance}`,
    release && `release ${release.slice(0, 12)}`,
  );
  const used = joined(
    before !== undefined && `kernel to agent ${showMs(before)}`,
    cpu !== undefined && `processor ${showMs(cpu)}`,
    rss !== undefined && `memory ${Math.round(rss / 1_024)} MiB`,
  );
  const words = bars.map(({ name, at, ms: length }) => `${name} ${showMs(length)} from ${showMs(at)}`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title desc">
<title id="title">${escaped(`Boot of ${showMs(ms)}: ${ending}`)}</title>
<desc id="desc">${escaped(`${joined(who, used)}. ${words.join("; ")}.`)}</desc>
<style>
.back{fill:#fff}svg{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
text{fill:#202124}.dim{fill:#5f6368}.head{font-size:18px;font-weight:600}.grid{stroke:#e0e3e7}.mark{fill:#d93025}
${rules(0)}
@media(prefers-color-scheme:dark){.back{fill:#1b1d21}text{fill:#e8eaed}.dim{fill:#9aa0a6}.grid{stroke:#3c4043}.mark{fill:#f28b82}
${rules(1)}}
</style>
<rect class="back" width="${width}" height="${height}"/>
<text class="head" x="${margin}" y="34">${escaped(`${ending}, ${showMs(ms)}`)}</text>
${told.map((line, i) => `<text x="${margin}" y="${56 + i * 18}">${escaped(line)}</text>`).join("\n")}
<text class="dim" x="${margin}" y="${76 + below}">${escaped(who)}</text>
<text class="dim" x="${margin}" y="${94 + below}">${escaped(used)}</text>
${[...ticks, ...rows, ...marks, ...legend, ...onTheWay].join("\n")}
</svg>
`;
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** The last of them says when there would be more. */
function fitted(lines: readonly string[], most: number): string[] {
  return lines.length > most ? [...lines.slice(0, most - 1), `${lines[most - 1]} …`] : [...lines];
}

function rules(theme: 0 | 1): string {
  return Object.entries(colours)
    .map(([kind, colour]) => `.${kind}{fill:${colour[theme]}}`)
    .join("");
}

/** At most seven, at 1, 2 or 5 times a power of ten. */
function niceTicks(ms: number): number[] {
  const rough = Math.max(ms, 0.001) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? rough;
  return Array.from({ length: Math.floor(ms / step) + 1 }, (_none, i) => i * step);
}

function round(n: number): number {
  return Math.round(n * 10) / 10;
}

function escaped(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  // XML takes no control characters, not even escaped.
  return text.replace(/[^\P{C}\n]/gu, " ").replace(/[&<>"]/g, (char) => entities[char] ?? char);
}
