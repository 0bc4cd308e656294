import { stepLine } from "../fleet/render.ts";
import { viewOf } from "../fleet/view.ts";
import { Live } from "../terminal/live.ts";
import type { Paint, Stream, Style } from "../terminal/terminal.ts";
import { cut, pad, wrap } from "../terminal/text.ts";
import type { Traffic } from "./traffic.ts";
import { isLeaving, type Member, type Watch } from "./watch.ts";

/** Where the demo tells its story: redrawn on a terminal, plain lines elsewhere. */
export interface Display {
  /** An act of the story begins. */
  act(text: string): void;
  /** Something happened. */
  say(text: string): void;
  close(): void;
}

export interface Scene {
  watch?: Watch;
  traffic?: Traffic;
}

const FRAME_MS = 200;

export function makeDisplay(out: Stream, scene: Scene): Display {
  const begun = Date.now();
  const stamp = () => out.paint("dim", `[${((Date.now() - begun) / 1000).toFixed(1).padStart(5)}s]`);
  if (!out.live) {
    return {
      act: (text) => out.write(`${stamp()} ${out.paint("bold", text)}\n`),
      say: (text) => out.write(`${stamp()}   ${text}\n`),
      close: () => {},
    };
  }
  const live = new Live(out);
  const draw = () => live.draw(picture(scene, out));
  const timer = setInterval(draw, FRAME_MS);
  const print = (text: string) => {
    live.print(`${cut(text, out.width() - 1)}\n`);
    draw();
  };
  return {
    act: (text) => print(`${stamp()} ${out.paint("bold", text)}`),
    say: (text) => print(`${stamp()}   ${text}`),
    close: () => {
      clearInterval(timer);
      draw();
    },
  };
}

const VERSION_STYLES: Record<string, Style> = { v1: "blue", v2: "green", v3: "magenta" };
const TILE = 13;

export function picture({ watch, traffic }: Scene, out: Stream): string[] {
  const { paint } = out;
  if (!watch) return [];
  const view = viewOf(watch.record, []);
  const width = out.width();
  const rollout = view.rollout
    ? `${paint("bold", view.rollout.id)}  ${view.rollout.from} → ${view.rollout.to}  ${stepLine(view.rollout, paint)}`
    : paint("dim", view.stable ? `no rollout; ${view.stable.image} is stable` : "no fleet yet");
  const requests = traffic
    ? `${paint("bold", String(traffic.served))} requests served, ${paint(traffic.failed > 0 ? "red" : "green", `${traffic.failed} failed`)}`
    : paint("dim", "no requests yet");
  const [reason] = view.reasons;
  const why = reason ? wrap(`${reason.word}: ${reason.text}`, width - 8).slice(0, 2) : [];
  return [
    "",
    ...tiles(watch.members, width, paint),
    ` ${rollout}`,
    ` ${requests}`,
    ` ${paint("dim", "why")} ${why[0] ?? ""}`,
    `     ${why[1] ?? ""}`,
  ];
}

/** One tile a machine, coloured by its version. */
function tiles(members: readonly Member[], width: number, paint: Paint): string[] {
  const perRow = Math.max(1, Math.floor((width - 2) / (TILE + 3)));
  const lines: string[] = [];
  for (let from = 0; from < Math.max(1, members.length); from += perRow) {
    const row = members.slice(from, from + perRow).map((member) => tile(member, paint));
    for (let line = 0; line < 4; line++) lines.push(` ${row.map((drawn) => drawn[line] ?? "").join(" ")}`);
  }
  return lines;
}

function tile(member: Member, paint: Paint): string[] {
  const style = isLeaving(member) ? "dim" : (VERSION_STYLES[member.version] ?? "white");
  const [mark, word]: [string, string] = isLeaving(member)
    ? ["↓", "leaving"]
    : member.id === ""
      ? ["○", "being made"]
      : member.healthy
        ? ["●", member.version]
        : member.action === "NONE" || member.action === "VERIFYING"
          ? ["◐", `${member.version} boots`]
          : ["◐", member.action.toLowerCase()];
  const inner = (text: string) => pad(cut(text, TILE - 2), TILE - 2);
  return [
    paint(style, `╭${"─".repeat(TILE - 1)}╮`),
    paint(style, `│ ${inner(member.name)}│`),
    paint(style, `│ ${inner(`${mark} ${word}`)}│`),
    paint(style, `╰${"─".repeat(TILE - 1)}╯`),
  ];
}
