/** `████░░░░` */
export function bar(done: number, all: number, width: number): string {
  const full = all <= 0 ? width : Math.min(width, Math.floor((done / all) * width));
  return "█".repeat(full) + "░".repeat(width - full);
}

/** How long, for people: `0.4 s`, `12 s`, `3 m 20 s`, `2 h 5 m`, `4 d 3 h`. */
export function span(ms: number): string {
  if (ms < 10_000) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 ? `${minutes} m ${seconds % 60} s` : `${minutes} m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} m` : `${hours} h`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** An instant as how long ago or ahead it is. */
export function relative(at: string, now: number): string {
  const ms = Date.parse(at) - now;
  return ms > 0 ? `in ${span(ms)}` : `${span(-ms)} ago`;
}
