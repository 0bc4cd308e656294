import { monotonic } from "./deadline.ts";
import { Passing, Refused } from "./retry.ts";

/** Less may be the seconds that a `Date` header leaves out, or an answer that took long. */
const skewMs = 60_000;

/** When the metadata server last said what time it is: its time, and ours that never jumps. */
let told: { date: number; at: number } | undefined;

/** @param date the `Date` header of an answer of the metadata server, whose clock is Google's. */
export function noteDate(date: string | undefined): void {
  const time = Date.parse(date ?? "");
  if (Number.isFinite(time)) told = { date: time, at: monotonic() };
}

/** Time by Google's clock, ms since the epoch. Asked anew each time: our own may have been set since. */
function rightTime(): number | undefined {
  return told && told.date + monotonic() - told.at;
}

/**
 * What a certificate that is not valid at this time means: our clock is wrong, which time synchronisation may put right,
 * or the certificate is.
 * @param valid from and to of the certificate that was shown, if known.
 */
export function outOfTime(sentence: string, valid: readonly [string, string] | undefined): Error {
  const right = rightTime();
  const off = right === undefined ? 0 : Date.now() - right;
  const [from = 0, to = Number.POSITIVE_INFINITY] = (valid ?? []).map((date) => Date.parse(date));
  if (right === undefined || Math.abs(off) < skewMs || right < from || right > to) return new Refused(sentence);
  const side = off > 0 ? "ahead of" : "behind";
  return new Passing(
    `${sentence}; this machine's clock is ${roughly(Math.abs(off))} ${side} the metadata server's`,
    0,
    "clock-skew",
  );
}

function roughly(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  const [size, unit] =
    seconds < 600 ? [1, "s"] : seconds < 7_200 ? [60, "min"] : seconds < 172_800 ? [3_600, "h"] : [86_400, "days"];
  return `${Math.round(seconds / size)} ${unit}`;
}
