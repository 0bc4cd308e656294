import type { ConfigCommit } from "../../wire/moult.d.ts";
import { readCommit } from "./commit.ts";
import { NAMES, type Objects } from "./objects.ts";
import { objectIn } from "./repository.ts";

export interface Link {
  digest: string;
  commit: ConfigCommit;
}

/** Commits from one back through its parents. */
export interface Line {
  /** Newest first. */
  links: Link[];
  /** The commit it was to stop before, when it came there. */
  met?: string;
  /** A parent that none of the stores has: older history was collected, or never brought here. */
  cut?: string;
}

/** Reads from the first store that has it; whatever is read is judged by its digest. */
export async function commitIn(stores: readonly Objects[], digest: string): Promise<ConfigCommit | undefined> {
  const name = NAMES.commit(digest);
  for (const store of stores) {
    const found = await store.read(name);
    if (found) return readCommit(objectIn(store, name), digest, found.bytes);
  }
  return undefined;
}

export async function lineOf(
  stores: readonly Objects[],
  tip: string,
  stop: (digest: string) => boolean = () => false,
): Promise<Line> {
  const links: Link[] = [];
  for (let digest: string | null = tip; digest !== null; ) {
    if (stop(digest)) return { links, met: digest };
    const commit: ConfigCommit | undefined = await commitIn(stores, digest);
    if (!commit) return { links, cut: digest };
    links.push({ digest, commit });
    digest = commit.parent;
  }
  return { links };
}

/** One line a commit, for people: the newest first. */
export function listed(links: readonly Link[], most = 10): string {
  const lines = links
    .slice(0, most)
    .map(
      ({ digest, commit }) => `  ${digest.slice(0, 12)}  ${firstLine(commit.message)} (${firstLine(commit.author)})`,
    );
  const more = links.length > most ? [`  and ${links.length - most} older`] : [];
  return [...lines, ...more].join("\n");
}

export function firstLine(text: string): string {
  const [line = ""] = text.split("\n");
  return plain(line).slice(0, 100);
}

/** Somebody else wrote it: nothing that a terminal would obey but ends of lines. */
export function plain(text: string): string {
  return text.replace(/[^\P{C}\n\t]/gu, "?");
}
