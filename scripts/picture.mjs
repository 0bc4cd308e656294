// Draws what a terminal showed as an SVG, for the README: tmux capture-pane -e -p | node scripts/picture.mjs > docs/demo.svg
import { text } from "node:stream/consumers";

const COLOURS = ["#3b4252", "#e06c75", "#8fbf6f", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d8dee9"];
const BRIGHT = ["#7b8494", "#ff7b86", "#a9d98a", "#ffd68a", "#7cc4ff", "#de8ff5", "#6fd3df", "#ffffff"];
const WIDTH = 8.4;
const HEIGHT = 18;

// Select Graphic Rendition, the only escape that tmux writes into a capture.
const ESCAPE = `${String.fromCharCode(27)}\\[`;
const SGR = new RegExp(`(${ESCAPE}[\\d;]*m)`);
const CODES = new RegExp(`^${ESCAPE}([\\d;]*)m$`);

const escapeXml = (value) => value.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);

/** Applies one SGR code to the pen. */
function apply(pen, code) {
  if (code === 0) Object.assign(pen, { colour: undefined, bold: false, dim: false });
  else if (code === 1) pen.bold = true;
  else if (code === 2) pen.dim = true;
  else if (code === 22) Object.assign(pen, { bold: false, dim: false });
  else if (code === 39) pen.colour = undefined;
  else if (code >= 30 && code <= 37) pen.colour = COLOURS[code - 30];
  else if (code >= 90 && code <= 97) pen.colour = BRIGHT[code - 90];
}

const input = (await text(process.stdin)).replace(/\s+$/, "");
const pen = { colour: undefined, bold: false, dim: false };
const rows = input.split("\n").map((line, row) => {
  let column = 0;
  let spans = "";
  for (const part of line.split(SGR)) {
    const codes = CODES.exec(part)?.[1];
    if (codes !== undefined) {
      for (const code of codes.split(";")) apply(pen, Number(code));
      continue;
    }
    if (part.trim() !== "") {
      const style = `${pen.bold ? ' font-weight="bold"' : ""}${pen.dim ? ' opacity="0.6"' : ""}`;
      const width = (part.length * WIDTH).toFixed(1);
      spans += `<tspan x="${(16 + column * WIDTH).toFixed(1)}" textLength="${width}" fill="${pen.colour ?? "#d8dee9"}"${style}>${escapeXml(part)}</tspan>`;
    }
    column += part.length;
  }
  return `<text xml:space="preserve" y="${(34 + row * HEIGHT).toFixed(0)}">${spans}</text>`;
});
const columns = Math.max(
  ...input.split("\n").map(
    (line) =>
      line
        .split(SGR)
        .filter((part) => !CODES.test(part))
        .join("").length,
  ),
);
const [width, height] = [Math.ceil(32 + columns * WIDTH), 34 + rows.length * HEIGHT];
process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14">
<title>moult demo: a fleet of six machines, and the canary of a new image booting</title>
<rect width="100%" height="100%" rx="10" fill="#1e222a"/>
${rows.join("\n")}
</svg>
`);
