import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { bar, relative, span } from "../../cli/terminal/bar.ts";
import { box } from "../../cli/terminal/box.ts";
import { Live } from "../../cli/terminal/live.ts";
import { table } from "../../cli/terminal/table.ts";
import { makeTerminal } from "../../cli/terminal/terminal.ts";
import { cut, widthOf, wrap } from "../../cli/terminal/text.ts";

const sink = { write: () => {} };
const plain = makeTerminal({ stdout: sink, stderr: sink }, {}).out.paint;
const colours = makeTerminal({ stdout: sink, stderr: sink }, { FORCE_COLOR: "1" }).out.paint;

describe("a box", () => {
  it("frames its lines", () => {
    expect(box("cloud", ["url  http://a", "x"], plain)).toBe(
      "╭─ cloud ───────╮\n│ url  http://a │\n│ x             │\n╰───────────────╯\n",
    );
  });

  it("has lines of one width, coloured or not, even when the title is the longest", () => {
    for (const lines of [["a"], ["a much longer line than the title"], [colours("red", "coloured"), "b"]]) {
      const drawn = box("a title", lines, colours).trimEnd().split("\n");
      expect(new Set(drawn.map(widthOf)).size).toBe(1);
      expect(stripVTControlCharacters(drawn[0] ?? "")).toContain("a title");
    }
  });
});

describe("a table", () => {
  const rows = [
    ["web", "up-to-date", "a sentence that is quite long"],
    ["api-eu", "held", "short"],
  ];

  it("lines its columns up and leaves no space at the ends", () => {
    expect(table(["FLEET", "WHY", ""], rows, plain)).toBe(
      "FLEET   WHY\nweb     up-to-date  a sentence that is quite long\napi-eu  held        short\n",
    );
  });

  it("cuts only its last column", () => {
    expect(table(["FLEET", "WHY", ""], rows, plain, 35)).toBe(
      "FLEET   WHY\nweb     up-to-date  a sentence tha…\napi-eu  held        short\n",
    );
  });

  it("lines up in colour as without", () => {
    const painted = rows.map((row) => row.map((cell) => colours("green", cell)));
    expect(stripVTControlCharacters(table(["FLEET", "WHY", ""], painted, colours))).toBe(
      table(["FLEET", "WHY", ""], rows, plain),
    );
  });
});

describe("texts", () => {
  it("are cut to a width that counts letters, not colours", () => {
    expect(cut("abcdef", 6)).toBe("abcdef");
    expect(cut("abcdef", 4)).toBe("abc…");
    const painted = cut(`${colours("red", "abc")}def`, 4);
    expect(stripVTControlCharacters(painted)).toBe("abc…");
    expect(painted).toBe(`${colours("red", "abc")}…`);
  });

  it("are wrapped at spaces, long words whole", () => {
    expect(wrap("one two  three", 7)).toEqual(["one two", "three"]);
    expect(wrap("projects/acme/secrets/x is", 5)).toEqual(["projects/acme/secrets/x", "is"]);
  });

  const spans: [number, string][] = [
    [0, "0.0 s"],
    [1_250, "1.3 s"],
    [59_000, "59 s"],
    [200_000, "3 m 20 s"],
    [300_000, "5 m"],
    [7_500_000, "2 h 5 m"],
    [356_400_000, "4 d 3 h"],
  ];
  for (const [ms, text] of spans) it(`${ms} ms is ${text}`, () => expect(span(ms)).toBe(text));

  it("instants are before or ahead", () => {
    expect(relative("2026-01-01T00:00:00Z", Date.parse("2026-01-01T00:05:00Z"))).toBe("5 m ago");
    expect(relative("2026-01-01T00:05:00Z", Date.parse("2026-01-01T00:00:00Z"))).toBe("in 5 m");
  });

  it("a bar is full only when all is done", () => {
    expect(bar(0, 6, 6)).toBe("░░░░░░");
    expect(bar(5, 6, 12)).toBe("██████████░░");
    expect(bar(6, 6, 6)).toBe("██████");
    expect(bar(0, 0, 3)).toBe("███");
  });
});

describe("colours", () => {
  const painted = (env: Record<string, string>, isTTY: boolean) =>
    makeTerminal({ stdout: { ...sink, isTTY }, stderr: sink }, env).out.paint("red", "x") !== "x";
  const rows: [string, Record<string, string>, boolean, boolean][] = [
    ["a terminal has them", {}, true, true],
    ["a pipe has none", {}, false, false],
    ["NO_COLOR turns them off", { NO_COLOR: "1" }, true, false],
    ["an empty NO_COLOR means nothing", { NO_COLOR: "" }, true, true],
    ["FORCE_COLOR turns them on in a pipe", { FORCE_COLOR: "1" }, false, true],
    ["NO_COLOR is stronger", { FORCE_COLOR: "1", NO_COLOR: "1" }, true, false],
    ["a dumb terminal has none", { TERM: "dumb" }, true, false],
  ];
  for (const [sentence, env, isTTY, expected] of rows) it(sentence, () => expect(painted(env, isTTY)).toBe(expected));
});

describe("a live picture", () => {
  it("is cut where the screen ends, because what has left it cannot be drawn over", () => {
    let written = "";
    const stream = { write: (text: string) => (written += text), isTTY: true, columns: 80, rows: 3 };
    const live = new Live(makeTerminal({ stdout: stream, stderr: sink }, {}).out);
    live.draw(["one", "two", "three", "four"]);
    live.draw(["five"]);
    expect(written).not.toContain("three");
    expect(screenOf(written)).toEqual(["five", ""]);
  });

  it("is redrawn over itself, and lines that stay go above it", () => {
    let written = "";
    const stream = {
      ...makeTerminal({ stdout: sink, stderr: sink }, {}).out,
      write: (text: string) => (written += text),
    };
    const live = new Live({ ...stream, width: () => 20 });
    live.draw(["one", "two"]);
    live.draw(["a line that is too long to fit"]);
    live.print("stays\n");
    live.draw(["three"]);
    expect(screenOf(written)).toEqual(["stays", "three", ""]);
  });
});

const ESCAPE = `${String.fromCharCode(27)}[`;

/** What a terminal shows after these bytes: cursor up, erase line, erase below. */
function screenOf(written: string): string[] {
  let rows = [""];
  let row = 0;
  for (const [part, count, letter] of written.replaceAll(ESCAPE, "~[").matchAll(/~\[(\d*)([A-Z])|\n|[^~\n]+/g)) {
    if (letter === "A") row -= Number(count);
    else if (letter === "K") rows[row] = "";
    else if (letter === "J") rows = [...rows.slice(0, row), ""];
    else if (part === "\n") {
      row += 1;
      rows[row] ??= "";
    } else rows[row] = part;
  }
  return rows;
}
