/** What a unix-cron schedule of five fields allows. https://cloud.google.com/scheduler/docs/configuring/cron-job-schedules */
export interface Cron {
  minutes: Set<number>;
  hours: Set<number>;
  days: Set<number>;
  months: Set<number>;
  /** 0 is Sunday. */
  weekdays: Set<number>;
  /** When both are restricted, a day that fits either is enough. */
  anyDay: boolean;
  anyWeekday: boolean;
}

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/** A schedule that cannot be read; the message says which field and why. */
export class CronError extends Error {}

interface Field {
  name: string;
  least: number;
  most: number;
  names?: { list: string[]; first: number };
}

const FIELDS: [Field, Field, Field, Field, Field] = [
  { name: "minute", least: 0, most: 59 },
  { name: "hour", least: 0, most: 23 },
  { name: "day of month", least: 1, most: 31 },
  { name: "month", least: 1, most: 12, names: { list: MONTHS, first: 1 } },
  // 7 is Sunday, too.
  { name: "day of week", least: 0, most: 7, names: { list: WEEKDAYS, first: 0 } },
];

function number(field: Field, text: string): number {
  const named = field.names?.list.indexOf(text.toUpperCase()) ?? -1;
  if (field.names && named >= 0) return named + field.names.first;
  const value = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= field.least && value <= field.most)) {
    throw new CronError(`"${text}" is not a ${field.name} (${field.least} to ${field.most})`);
  }
  return value;
}

/** `*`, `5`, `1-5`, `*` or a range with `/step`, and lists of these. */
function values(field: Field, text: string): Set<number> {
  const found = new Set<number>();
  for (const item of text.split(",")) {
    const [range = "", step, ...more] = item.split("/");
    const by = step === undefined ? 1 : /^\d{1,2}$/.test(step) ? Number(step) : 0;
    if (by < 1 || more.length > 0) throw new CronError(`"${item}" has no valid step for the ${field.name}`);
    const [first = "", last, ...rest] = range.split("-");
    if (rest.length > 0) throw new CronError(`"${item}" is not a range of the ${field.name}`);
    const from = range === "*" ? field.least : number(field, first);
    const to = range === "*" ? field.most : last !== undefined ? number(field, last) : step ? field.most : from;
    if (to < from) throw new CronError(`"${item}" runs backwards in the ${field.name}`);
    for (let value = from; value <= to; value += by) found.add(value);
  }
  return found;
}

/** Throws CronError. */
export function parseCron(schedule: string): Cron {
  const texts = schedule.trim().split(/\s+/);
  if (texts.length !== 5) throw new CronError(`"${schedule}" does not have the five fields of unix-cron`);
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = texts;
  return {
    minutes: values(FIELDS[0], minute),
    hours: values(FIELDS[1], hour),
    days: values(FIELDS[2], day),
    months: values(FIELDS[3], month),
    weekdays: new Set([...values(FIELDS[4], weekday)].map((value) => value % 7)),
    anyDay: day.startsWith("*"),
    anyWeekday: weekday.startsWith("*"),
  };
}

/** Does the schedule run at some time of this day? */
export function fitsDay(cron: Cron, year: number, month: number, day: number): boolean {
  if (!cron.months.has(month)) return false;
  const fitsDate = cron.days.has(day);
  const fitsWeekday = cron.weekdays.has(new Date(Date.UTC(year, month - 1, day)).getUTCDay());
  return cron.anyDay || cron.anyWeekday ? fitsDate && fitsWeekday : fitsDate || fitsWeekday;
}
