import type { Stream } from "./terminal.ts";
import { cut } from "./text.ts";

/** A picture at the bottom of a terminal that is redrawn in place; lines that stay are printed above it. */
export class Live {
  readonly #stream: Stream;
  #drawn = 0;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  draw(lines: readonly string[]): void {
    const width = this.#stream.width();
    // What has left the screen at the top cannot be drawn over: one row is the cursor's.
    const shown = lines.slice(0, Math.max(1, this.#stream.height() - 1));
    const text = shown.map((line) => `\u001b[2K${cut(line, width - 1)}\n`).join("");
    this.#stream.write(`${this.#back()}${text}\u001b[0J`);
    this.#drawn = shown.length;
  }

  /** Prints above the picture. The picture must be drawn again. */
  print(text: string): void {
    this.#stream.write(`${this.#back()}\u001b[0J${text}`);
    this.#drawn = 0;
  }

  #back(): string {
    return this.#drawn > 0 ? `\u001b[${this.#drawn}A` : "";
  }
}
