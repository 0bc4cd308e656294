import { stripVTControlCharacters } from "node:util";

/** Columns a text takes; colours take none. Names and sentences here hold no wide characters. */
export function widthOf(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

export function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}

/** Cuts to a width and says so with `…`. Colour codes are kept, so that a cut text does not colour what follows. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let left = Math.max(0, width - 1);
  let cutAlready = false;
  return text
    .split(ESCAPES)
    .map((part) => {
      if (part.startsWith("\u001b")) return part;
      const letters = [...part];
      if (letters.length <= left) {
        left -= letters.length;
        return part;
      }
      const kept = letters.slice(0, left).join("");
      left = 0;
      const end = cutAlready ? "" : "…";
      cutAlready = true;
      return kept + end;
    })
    .join("");
}

const ESCAPES = new RegExp(`(${String.fromCharCode(27)}\\[[0-9;]*m)`);

/** Breaks a plain sentence at spaces. A word longer than the width stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter((part) => part !== "")) {
    if (line !== "" && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}
