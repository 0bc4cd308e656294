import type { Call } from "../frame/http.ts";
import { errors } from "./errors.ts";
import { parseFilter } from "./filter.ts";
import { link, type Scope, scopePath } from "./names.ts";

export const LIST_QUERY = ["filter", "maxResults", "orderBy", "pageToken", "returnPartialSuccess"];
export const AGGREGATED_QUERY = [...LIST_QUERY, "includeAllScopes", "serviceProjectNumber"];

/** An item of a list in its wire form, with what lists are sorted by. */
export interface Listed {
  name: string;
  created: number;
  json: Record<string, unknown>;
}

interface Page<T> {
  items: T[];
  nextPageToken?: string;
}

type Cursor = [created: number, name: string];

/** Filters, sorts and cuts. Pages of 500 unless `maxResults` says less; a page token names the last item seen. */
export function page<T extends Listed>(call: Call, all: T[]): Page<T> {
  const { query } = call;
  const filter = query.get("filter");
  const test = filter ? parseFilter(filter) : () => true;
  const orderBy = query.get("orderBy") || "name";
  if (orderBy !== "name" && orderBy !== "creationTimestamp desc")
    throw errors.value("orderBy", orderBy, "Supported values are 'name' and 'creationTimestamp desc'.");
  const order = (a: Cursor, b: Cursor) =>
    (orderBy === "name" ? 0 : b[0] - a[0]) || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0);
  const at = (item: T): Cursor => [item.created, item.name];
  const token = query.get("pageToken");
  const after = token ? readToken(token) : undefined;
  const rest = all
    .filter((item) => test(item.json) && (!after || order(at(item), after) > 0))
    .sort((a, b) => order(at(a), at(b)));
  const items = rest.slice(0, pageSize(query.get("maxResults")));
  const last = items.at(-1);
  return {
    items,
    ...(last &&
      rest.length > items.length && { nextPageToken: Buffer.from(JSON.stringify(at(last))).toString("base64") }),
  };
}

/** Items of a page, by `maxResults`. */
export function pageSize(text: string | null): number {
  if (text === null || text === "") return 500;
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0 || number > 500)
    throw errors.value("maxResults", text, "Acceptable values are 0 to 500, inclusive.");
  return number || 500;
}

function readToken(token: string): Cursor {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, "base64").toString());
    if (Array.isArray(value) && typeof value[0] === "number" && typeof value[1] === "string")
      return [value[0], value[1]];
  } catch {
    // falls through: not one of ours
  }
  throw errors.value("pageToken", token, "The page token is invalid.");
}

/** A list answer. An empty list has no `items` at all. */
export function list(call: Call, kind: string, path: string, all: Listed[]): Record<string, unknown> {
  const { items, nextPageToken } = page(call, all);
  return {
    kind,
    id: path,
    ...(items.length > 0 && { items: items.map(({ json }) => json) }),
    ...(nextPageToken && { nextPageToken }),
    selfLink: link(call.origin, path),
  };
}

/** An answer over all scopes: those without results say so in a warning. */
export function aggregated(
  call: Call,
  parts: { kind: string; project: string; collection: string; scopes: Scope[]; all: (Listed & { scope: Scope })[] },
): Record<string, unknown> {
  const { kind, project, collection, scopes } = parts;
  const all = parts.all.map((item) => ({ ...item, name: `${scopePath(item.scope)}/${item.name}` }));
  const { items, nextPageToken } = page(call, all);
  const byScope = new Map<string, unknown[]>();
  for (const { scope, json } of items) {
    const key = scopePath(scope);
    byScope.set(key, [...(byScope.get(key) ?? []), json]);
  }
  const shown = scopes.map((scope) => {
    const key = scopePath(scope);
    const found = byScope.get(key);
    const warning = {
      code: "NO_RESULTS_ON_PAGE",
      message: `No results for the scope '${key}'.`,
      data: [{ key: "scope", value: key }],
    };
    return [key, found ? { [collection]: found } : { warning }];
  });
  const path = `projects/${project}/aggregated/${collection}`;
  return {
    kind,
    id: path,
    items: Object.fromEntries(shown),
    ...(nextPageToken && { nextPageToken }),
    selfLink: link(call.origin, path),
  };
}
