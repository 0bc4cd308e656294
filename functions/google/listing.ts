import { isFailure } from "./failure.ts";
import type { Rest } from "./rest.ts";

interface Page<T> {
  nextPageToken?: string;
  [member: string]: T[] | string | undefined;
}

export interface Listing {
  query?: Record<string, string>;
  verb?: "GET" | "POST";
  /** Member of the answer that holds the list; `items` when left out. */
  member?: string;
}

/** Compute's largest page. */
const PAGE = "500";

/** A whole list of Compute Engine, page by page. */
export async function listAll<T>(rest: Rest, path: string, listing: Listing = {}): Promise<T[]> {
  const { query = {}, verb = "GET", member = "items" } = listing;
  const items: T[] = [];
  let pageToken = "";
  do {
    const page = { ...query, maxResults: PAGE, ...(pageToken && { pageToken }) };
    const answer = await (verb === "GET"
      ? rest.get<Page<T>>(path, page)
      : rest.send<Page<T>>("POST", path, undefined, page));
    items.push(...((answer[member] as T[] | undefined) ?? []));
    pageToken = answer.nextPageToken ?? "";
  } while (pageToken);
  return items;
}

/** Absence as a value; every other failure stays one. */
export async function orUndefined<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (problem) {
    if (isFailure(problem, "missing")) return undefined;
    throw problem;
  }
}

export function lastSegment(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}

/** Of an instance's URL; a regional group does not say it elsewhere. */
export function zoneOf(url: string): string | undefined {
  return /\/?zones\/([^/]+)\//.exec(url)?.[1];
}
