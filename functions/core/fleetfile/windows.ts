import { distance, type Reader } from "../findings.ts";
import type { Window } from "../policy.ts";
import { isZone } from "../windows.ts";

const DAYS: readonly string[] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const CLOCK = /^([01]\d|2[0-3]):([0-5]\d)$/;
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/;

export function readWindows(reader: Reader, value: unknown): Window[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    reader.note(
      "windows",
      "wrong-type",
      `"windows" must be a list such as [{ days: mon-fri, from: "09:00", to: "17:00", zone: Europe/Berlin }]`,
    );
    return [];
  }
  if (value.length === 0)
    reader.note(
      "windows",
      "bad-value",
      `"windows" is empty, which could mean always or never: leave it out for always`,
    );
  return value.flatMap((entry: unknown, i): Window[] => {
    const path = `windows[${i}]`;
    const window = reader.object(entry, path, ["days", "from", "to", "zone"]);
    if (!window) return [];
    const days = readDays(reader, window.days, `${path}.days`);
    const from = readClock(reader, window.from, `${path}.from`);
    const to = readClock(reader, window.to, `${path}.to`);
    const zone = readZone(reader, window.zone, `${path}.zone`);
    return days && from !== undefined && to !== undefined && zone !== undefined ? [{ days, from, to, zone }] : [];
  });
}

/** `mon-fri`, `sat,sun`, `fri-mon` or a list of such; ISO numbers, each once, in order. */
function readDays(reader: Reader, value: unknown, path: string): number[] | undefined {
  const form = "days of the week such as mon-fri, sat,sun or [mon, wed]";
  if (value === undefined) return reader.note(path, "missing-field", `"${path}" is missing; write ${form}`);
  const parts = Array.isArray(value) ? value : [value];
  const days = new Set<number>();
  for (const part of parts.flatMap((text: unknown) => (typeof text === "string" ? text.split(",") : [undefined]))) {
    const found = part === undefined ? undefined : daysOf(part.trim());
    if (!found) return reader.note(path, "bad-value", `"${path}" must be ${form}`);
    for (const day of found) days.add(day);
  }
  if (days.size === 0) return reader.note(path, "bad-value", `"${path}" must be ${form}`);
  return [...days].sort((a, b) => a - b);
}

function daysOf(text: string): number[] | undefined {
  const [first, last, more] = text.split("-").map((word) => DAYS.indexOf(word));
  if (first === undefined || first < 0 || last === -1 || more !== undefined) return undefined;
  const count = last === undefined ? 1 : ((last - first + 7) % 7) + 1;
  return Array.from({ length: count }, (_, i) => ((first + i) % 7) + 1);
}

/** `09:00` → minutes after midnight. */
function readClock(reader: Reader, value: unknown, path: string): number | undefined {
  const text = reader.text(value, path, CLOCK, `a time of the day from "00:00" to "23:59", in quotes`);
  return text === undefined ? undefined : Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
}

function readZone(reader: Reader, value: unknown, path: string): string | undefined {
  const form = "an IANA time zone such as Europe/Berlin or UTC";
  const zone = reader.text(value, path, ZONE_NAME, form);
  if (zone === undefined || isZone(zone)) return zone;
  const near = Intl.supportedValuesOf("timeZone").find(
    (known) => Math.abs(known.length - zone.length) <= 2 && distance(known.toLowerCase(), zone.toLowerCase()) <= 2,
  );
  return reader.note(path, "bad-value", `"${path}" must be ${form}${near ? `. Did you mean "${near}"?` : ""}`);
}
