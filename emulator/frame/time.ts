/** RFC 3339 in UTC with milliseconds. */
export function utc(instant: number): string {
  return new Date(instant).toISOString();
}

/** As Compute writes instants: with the Pacific offset (`2026-01-15T02:00:00.123-08:00`, recorded). Fixed at -08:00 here. */
export function pacific(instant: number): string {
  return new Date(instant - 8 * 3_600_000).toISOString().replace("Z", "-08:00");
}
