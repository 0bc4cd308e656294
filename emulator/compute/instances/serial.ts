/** The last mebibyte of what a machine wrote to its first serial port. Positions count from its first byte ever. */
export class SerialLog {
  static readonly LIMIT = 1 << 20;
  #kept = Buffer.alloc(0);
  #start = 0;

  append(text: string): void {
    const all = Buffer.concat([this.#kept, Buffer.from(text)]);
    const cut = Math.max(0, all.length - SerialLog.LIMIT);
    this.#kept = all.subarray(cut);
    this.#start += cut;
  }

  /** From `start`, or from the oldest byte kept when that is gone; negative counts from the end. */
  read(start: number): { contents: string; start: number; next: number } {
    const end = this.#start + this.#kept.length;
    const wanted = start < 0 ? end + start : start;
    const from = Math.min(end, Math.max(this.#start, wanted));
    return { contents: this.#kept.subarray(from - this.#start).toString("utf8"), start: from, next: end };
  }
}
