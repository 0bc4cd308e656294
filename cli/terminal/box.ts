import type { Paint } from "./terminal.ts";
import { pad, widthOf } from "./text.ts";

/** Lines in a frame with a title. Never cuts: a line to be copied must be whole, so the frame grows with it. */
export function box(title: string, lines: readonly string[], paint: Paint): string {
  const inner = Math.max(widthOf(title) + 2, ...lines.map(widthOf));
  const frame = (text: string) => paint("dim", text);
  const top = `${frame("╭─ ")}${paint("bold", title)}${frame(` ${"─".repeat(inner - widthOf(title) - 2)}─╮`)}`;
  const body = lines.map((line) => `${frame("│")} ${pad(line, inner)} ${frame("│")}`);
  return [top, ...body, frame(`╰${"─".repeat(inner + 2)}╯`)].map((line) => `${line}\n`).join("");
}
