type Json = Record<string, unknown>;

/** Fields that no log shows: what is secret, and bytes. */
const HIDDEN = new Set(["payload", "privateKeyData", "accessToken", "secret"]);

/**
 * A message as entries show it: instants and durations as text, 64-bit numbers as text already, neither secrets nor bytes.
 * @param message JSON of a body, or what gRPC decoded.
 */
export function plainJson(message: unknown): Json {
  const shown = plain(message);
  return typeof shown === "object" && shown !== null && !Array.isArray(shown) ? (shown as Json) : {};
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Uint8Array || typeof value === "function") return undefined;
  if (typeof value !== "object" || value === null) return value;
  const { paths, ...beside } = value as Json;
  // A field mask, as gRPC has it.
  if (Array.isArray(paths) && Object.keys(beside).length === 0) return paths.join(",");
  const { seconds, nanos = 0, ...others } = value as Json;
  // No API here has another message with nothing but seconds in it.
  if (seconds !== undefined && Object.keys(others).length === 0)
    return Number(seconds) > 1e9
      ? new Date(Number(seconds) * 1000 + Number(nanos) / 1e6).toISOString()
      : `${Number(seconds) + Number(nanos) / 1e9}s`;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      const shown = isHidden(key, inner) ? undefined : plain(inner);
      // proto3's JSON leaves out what is empty; gRPC's decoder does not.
      const isEmpty = shown === undefined || shown === null || (Array.isArray(shown) && shown.length === 0);
      return isEmpty ? [] : [[key, shown]];
    }),
  );
}

/** A `secret` that is a resource or its name is no secret: only a key's text is. */
function isHidden(key: string, value: unknown): boolean {
  if (!HIDDEN.has(key)) return false;
  return key !== "secret" || (typeof value === "string" && !value.startsWith("projects/"));
}
