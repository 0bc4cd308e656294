import type { Answer } from "./http.ts";
import { Passing, Refused } from "./retry.ts";

const statusLine = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t -~\x80-\xff]*)?$/;
const fieldLine = /^([\w!#$%&'*+.^`|~-]+):[\t ]*([\t -~\x80-\xff]*?)[\t ]*$/;
const chunkLine = /^([\da-f]{1,7})[\t ]*(?:;[\t -~\x80-\xff]*)?$/i;
/** For status line and fields with those of interim answers, and for trailers. */
const headLimit = 32 * 1024;

function check(right: unknown, what: string): asserts right {
  if (!right) throw new Passing(`the answer is not HTTP: ${what}`);
}

/** A part of the answer; suspended while bytes are missing. */
type Reading<T> = Generator<undefined, T, undefined>;

/**
 * Reads one answer of HTTP/1.1 to a GET, POST or PUT from a connection's bytes. What RFC 9112 only tolerates is refused:
 * folded fields, bare line feeds, a length said twice or beside chunks. Throws `Passing`, or `Refused` for too long a body.
 */
export class AnswerReader {
  /** Set once the answer is whole. */
  answer: Answer | undefined;
  /** Whether another request may follow on the connection. */
  kept = false;
  #data: Buffer = Buffer.alloc(0);
  #ended = false;
  /** Bytes of heads and trailers. */
  #spent = 0;
  readonly #limit: number;
  readonly #reading: Reading<void>;
  readonly #body: Buffer[] = [];
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
    this.#reading = this.#read();
  }

  push(bytes: Buffer): void {
    this.#data = this.#data.length > 0 ? Buffer.concat([this.#data, bytes]) : bytes;
    this.#reading.next();
    if (this.#data.length > 0 && this.answer) this.kept = false;
  }

  /** The other side has closed the connection in order. */
  end(): void {
    this.#ended = true;
    this.#reading.next();
    if (!this.answer) throw new Passing("the answer was cut off");
  }

  *#read(): Reading<void> {
    let status: number;
    let minor: string | undefined;
    let headers: Answer["headers"];
    do {
      let text: string | undefined;
      [, minor, text] = statusLine.exec(yield* this.#line()) ?? [];
      check(text && text !== "101", "no status line");
      status = Number(text);
      headers = yield* this.#fields();
    } while (status < 200);
    const { connection, "content-length": length, "transfer-encoding": coding } = headers;
    this.kept = minor === "1" && !/(^|,)\s*close\s*(,|$)/i.test(connection ?? "");
    if (coding !== undefined) {
      check(length === undefined && minor === "1" && /^chunked$/i.test(coding), "an odd transfer coding");
      yield* this.#chunks();
    } else if (length !== undefined) {
      check(/^\d{1,15}$/.test(length), "an odd length");
      if (status !== 304) yield* this.#take(Number(length));
    } else if (status !== 204 && status !== 304) {
      this.kept = false;
      yield* this.#take(Number.POSITIVE_INFINITY);
    }
    this.answer = { status, headers, body: Buffer.concat(this.#body) };
  }

  *#chunks(): Reading<void> {
    for (;;) {
      const [, digits] = chunkLine.exec(yield* this.#line()) ?? [];
      check(digits, "a chunk without a size");
      const size = Number.parseInt(digits, 16);
      this.#spent = 0;
      if (size === 0) break;
      yield* this.#take(size);
      check((yield* this.#line()) === "", "a chunk longer than its size");
    }
    yield* this.#fields();
  }

  *#fields(): Reading<Answer["headers"]> {
    const fields: Answer["headers"] = {};
    for (let line = yield* this.#line(); line !== ""; line = yield* this.#line()) {
      const [, name, value] = fieldLine.exec(line) ?? [];
      check(name, "a line that is no field");
      const key = name.toLowerCase();
      check(fields[key] === undefined || !/^(content-length|transfer-encoding)$/.test(key), `${key} twice`);
      fields[key] ??= value;
    }
    return fields;
  }

  *#line(): Reading<string> {
    for (;;) {
      const end = this.#data.indexOf("\r\n");
      check(this.#spent + (end < 0 ? this.#data.length : end) < headLimit, "too long a head");
      if (end >= 0) {
        const text = this.#data.toString("latin1", 0, end);
        this.#data = this.#data.subarray(end + 2);
        this.#spent += end + 2;
        return text;
      }
      yield;
    }
  }

  /** @param size Infinity: until the connection ends. */
  *#take(size: number): Reading<void> {
    for (let left = size; ; ) {
      const part = this.#data.subarray(0, left);
      this.#data = this.#data.subarray(part.length);
      this.#body.push(part);
      this.#size += part.length;
      left -= part.length;
      const least = this.#size + (left < Number.POSITIVE_INFINITY ? left : 0);
      if (least > this.#limit) throw new Refused(`the answer is longer than ${this.#limit} bytes`);
      if (left === 0 || (this.#ended && left === Number.POSITIVE_INFINITY)) return;
      yield;
    }
  }
}
