import { ApiError } from "./errors.ts";

/**
 * One page of a list sorted by `key`. The token is the key of the last item of the page before, so that a page is right
 * even when items came or went between. `size` 0 or undefined takes `most`.
 */
export function page<T>(
  all: T[],
  key: (item: T) => string,
  size: number | undefined,
  token: string | undefined,
  most: number,
): { items: T[]; nextPageToken?: string } {
  if (size !== undefined && !(size >= 0)) throw new ApiError(400, `The page size ${size} is negative.`);
  const after = token ? Buffer.from(token, "base64url").toString() : undefined;
  const rest = after === undefined ? all : all.filter((item) => key(item) > after);
  const items = rest.slice(0, Math.min(size || most, most));
  const last = items.at(-1);
  if (last === undefined || items.length === rest.length) return { items };
  return { items, nextPageToken: Buffer.from(key(last)).toString("base64url") };
}
