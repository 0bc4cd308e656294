import { flag } from "./flags.ts";
import { matchesGlob } from "./glob.ts";
import { invalid } from "./problems.ts";

/** What `objects.list` looks for. */
export interface Search {
  prefix: string;
  delimiter: string;
  startOffset: string;
  endOffset: string;
  matchGlob: string;
  includeTrailingDelimiter: boolean;
  maxResults: number;
  pageToken: string;
  /** Folders that are shown as prefixes although nothing may lie in them. */
  folders?: string[];
}

const MOST_A_PAGE = 1000;

export function searchOf(query: URLSearchParams): Search {
  const text = (name: string) => query.get(name) ?? "";
  const most = text("maxResults") === "" ? MOST_A_PAGE : Number(text("maxResults"));
  if (!Number.isInteger(most) || most < 0) throw invalid(`Invalid value for maxResults: ${text("maxResults")}`);
  return {
    prefix: text("prefix"),
    delimiter: text("delimiter"),
    startOffset: text("startOffset"),
    endOffset: text("endOffset"),
    matchGlob: text("matchGlob"),
    includeTrailingDelimiter: flag(query, "includeTrailingDelimiter"),
    maxResults: most === 0 ? MOST_A_PAGE : Math.min(most, MOST_A_PAGE),
    pageToken: text("pageToken"),
  };
}

/** Order of the bytes of UTF-8, which is not that of JavaScript's UTF-16 beyond the basic plane. */
export function byBytes(a: string, b: string): number {
  // Equal order wherever no surrogate is in play, and that is nearly always.
  if (!/[\ud800-\udfff]/.test(a) && !/[\ud800-\udfff]/.test(b)) return a < b ? -1 : a > b ? 1 : 0;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

interface Position {
  /** The last name, or prefix, that was shown. */
  after: string;
  isPrefix: boolean;
  /** How many generations of that name were shown. */
  shown: number;
}

function readToken(token: string): Position | undefined {
  if (token === "") return undefined;
  try {
    const [after, isPrefix, shown] = JSON.parse(Buffer.from(token, "base64url").toString("utf8")) as unknown[];
    if (typeof after === "string" && typeof isPrefix === "boolean" && typeof shown === "number") {
      return { after, isPrefix, shown };
    }
  } catch {
    // Refused below, with what cannot be read otherwise.
  }
  throw invalid("Invalid page token.");
}

function writeToken({ after, isPrefix, shown }: Position): string {
  return Buffer.from(JSON.stringify([after, isPrefix, shown])).toString("base64url");
}

export interface Listed<T> {
  items: T[];
  prefixes: string[];
  nextPageToken?: string;
}

/**
 * One page over things with names, in order of their names; several of one name (generations) keep their order.
 * Objects and prefixes count together.
 */
export function list<T extends { name: string }>(all: Iterable<T>, search: Search): Listed<T> {
  const { prefix, delimiter, startOffset, endOffset, matchGlob, maxResults } = search;
  const from = readToken(search.pageToken);
  const folders = delimiter === "" ? [] : (search.folders ?? []).map((name) => ({ name, isFolder: true as const }));
  const found: (T | { name: string; isFolder: true })[] = [...all, ...folders]
    .filter(
      ({ name }) =>
        name.startsWith(prefix) &&
        (startOffset === "" || byBytes(name, startOffset) >= 0) &&
        (endOffset === "" || byBytes(name, endOffset) < 0) &&
        (matchGlob === "" || matchesGlob(name, matchGlob)),
    )
    .sort((a, b) => byBytes(a.name, b.name));

  const items: T[] = [];
  const prefixes: string[] = [];
  let last: Position | undefined;
  let ofName = { name: "", seen: 0 };
  for (const one of found) {
    ofName = one.name === ofName.name ? { ...ofName, seen: ofName.seen + 1 } : { name: one.name, seen: 1 };
    const cut = delimiter === "" ? -1 : one.name.indexOf(delimiter, prefix.length);
    const folder = cut < 0 ? undefined : one.name.slice(0, cut + delimiter.length);
    if (from && isShown(from, one.name, folder, ofName.seen)) continue;
    if ("isFolder" in one && folder === undefined) continue;
    const isItem = folder === undefined || (search.includeTrailingDelimiter && folder === one.name);
    const isNewPrefix = folder !== undefined && prefixes.at(-1) !== folder;
    if ((isItem || isNewPrefix) && items.length + prefixes.length >= maxResults && last) {
      return { items, prefixes, nextPageToken: writeToken(last) };
    }
    if (isNewPrefix) prefixes.push(folder);
    if (isItem && !("isFolder" in one)) items.push(one);
    if (isItem || isNewPrefix) {
      last = { after: isItem ? one.name : (folder ?? ""), isPrefix: !isItem, shown: isItem ? ofName.seen : 0 };
    }
  }
  return { items, prefixes };
}

function isShown(from: Position, name: string, folder: string | undefined, seen: number): boolean {
  if (from.isPrefix) return folder === from.after || byBytes(name, from.after) < 0;
  // After an item that is also its prefix (includeTrailingDelimiter), the rest of that prefix has been shown too.
  if (folder === from.after && name !== from.after) return true;
  return name === from.after ? seen <= from.shown : byBytes(name, from.after) < 0;
}
