/** Lower-case hex sha256 of a text in UTF-8. Passed in, because core does no cryptography of its own. */
export type Sha256 = (text: string) => string;

/**
 * JSON with sorted keys and no white space: equal values have equal texts, so their digests compare. Members that are
 * `undefined` are left out, as JSON does.
 */
export function canonical(value: unknown): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`);
  return `{${members.join(",")}}`;
}

/** Whether the canonical texts are equal, without making them. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return canonical(a) === canonical(b);
  if (Array.isArray(a) || Array.isArray(b))
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => sameValue(item, b[i]));
  const [one, other] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const count = (value: Record<string, unknown>) =>
    Object.values(value).filter((member) => member !== undefined).length;
  return (
    count(one) === count(other) &&
    Object.entries(one).every(([key, member]) => member === undefined || sameValue(member, other[key]))
  );
}
