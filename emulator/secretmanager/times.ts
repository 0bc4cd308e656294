import { invalid } from "./problems.ts";

/** Instants and durations as Secret Manager writes them. Instants inside are microseconds since the epoch. */

/** RFC 3339 in UTC, with no, three or six digits of a second: as many as it takes. */
export function instantText(micros: number): string {
  const seconds = Math.floor(micros / 1e6);
  const rest = String(micros - seconds * 1e6).padStart(6, "0");
  const digits = rest === "000000" ? "" : rest.endsWith("000") ? `.${rest.slice(0, 3)}` : `.${rest}`;
  return new Date(seconds * 1000).toISOString().replace(".000Z", `${digits}Z`);
}

export function parseInstant(value: unknown, field: string): number {
  const found = typeof value === "string" ? /^(.*:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/i.exec(value) : null;
  const whole = found ? Date.parse(`${found[1]}${found[3]}`) : Number.NaN;
  if (!found || Number.isNaN(whole)) throw invalid(`Invalid value for field [${field}]: not an RFC 3339 timestamp.`);
  return whole * 1000 + Number((found[2] ?? "").padEnd(6, "0").slice(0, 6));
}

/** `3600s` or `1.5s` in seconds. */
export function parseDuration(value: unknown, field: string): number {
  const found = typeof value === "string" ? /^(\d+(?:\.\d{1,9})?)s$/.exec(value) : null;
  if (!found) throw invalid(`Invalid value for field [${field}]: a duration ends in 's'.`);
  return Number(found[1]);
}

const PACIFIC = new Intl.DateTimeFormat("en-US", { timeZone: "America/Los_Angeles", timeZoneName: "longOffset" });

/** As events carry it (recorded): in Pacific time with its offset, without trailing zeros of the fraction. */
export function pacificText(micros: number): string {
  const millis = Math.floor(micros / 1000);
  const zone = PACIFIC.formatToParts(millis).find(({ type }) => type === "timeZoneName")?.value ?? "";
  const offset = /[+-]\d\d:\d\d/.exec(zone)?.[0] ?? "-08:00";
  const shift = (offset.startsWith("-") ? -1 : 1) * (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(4)));
  const whole = new Date(millis + shift * 60_000).toISOString().slice(0, 19);
  const fraction = String(micros % 1e6)
    .padStart(6, "0")
    .replace(/0+$/, "");
  return `${whole}${fraction && `.${fraction}`}${offset}`;
}
