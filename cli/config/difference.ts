import { unifiedDiff } from "../../agent/tools/render/diff.ts";
import type { ConfigCommit } from "../../wire/moult.d.ts";
import { changesOf, digestIn } from "./changes.ts";
import type { Received } from "./render.ts";
import type { Repository } from "./repository.ts";
import type { Revision } from "./revision.ts";
import { manifestText } from "./stored.ts";
import { eachTogether } from "./together.ts";
import { FILES, MANIFEST, readBlob } from "./worktree.ts";

/** One state of a configuration: a commit, or a folder as it is. */
export interface State {
  /** For messages. */
  name: string;
  content: Pick<ConfigCommit, "tree" | "manifest">;
  read(path: string, digest: string): Promise<Buffer>;
}

export interface Difference {
  path: string;
  how: "added" | "changed" | "removed";
  /** Content that is no text is not shown. */
  binary: boolean;
  /** Lines. */
  added: number;
  removed: number;
  /** A unified diff without its head; what stands before it are words about the file itself. */
  words: string[];
  lines: string[];
}

export function stateOfRevision(repository: Repository, { text, commit }: Revision): State {
  return { name: text, content: commit, read: (_path, digest) => repository.blob(digest) };
}

export function stateOfFolder(folder: string, content: State["content"]): State {
  return { name: folder, content, read: async (path, digest) => readBlob(folder, path, digest) };
}

/** The manifest as YAML, then each file that differs. */
export async function differencesOf(before: State, after: State): Promise<Difference[]> {
  const bytesOf = async (state: State, path: string): Promise<Buffer> => {
    if (path === MANIFEST) return Buffer.from(manifestText(state.content));
    const name = path.slice(FILES.length + 1);
    const digest = digestIn(state.content.tree, name);
    return digest === undefined ? Buffer.alloc(0) : state.read(name, digest);
  };
  return eachTogether(changesOf(before.content, after.content), async ({ path, how }) => ({
    ...compare(await bytesOf(before, path), await bytesOf(after, path)),
    path,
    how,
    words: [],
  }));
}

/** Between what two instances would receive, or one instance from two states. */
export function differencesReceived(before: readonly Received[], after: readonly Received[]): Difference[] {
  const [old, fresh] = [byPath(before), byPath(after)];
  const paths = [...new Set([...old.keys(), ...fresh.keys()])].sort();
  return paths.flatMap((path): Difference[] => {
    const [was, is] = [old.get(path), fresh.get(path)];
    const none = Buffer.alloc(0);
    const compared = compare(was?.bytes ?? none, is?.bytes ?? none);
    const words = was?.head === is?.head ? [] : [`${was?.head ?? "nothing"} -> ${is?.head ?? "nothing"}`];
    if (words.length === 0 && compared.lines.length === 0 && !compared.binary) return [];
    return [{ ...compared, path, how: !was ? "added" : !is ? "removed" : "changed", words }];
  });
}

export function differenceText({ path, how, binary, words, lines }: Difference): string {
  const head = [`--- ${how === "added" ? "/dev/null" : path}`, `+++ ${how === "removed" ? "/dev/null" : path}`];
  return [...head, ...words, ...(binary ? ["(not text)"] : lines)].map((line) => `${line}\n`).join("");
}

function compare(before: Buffer, after: Buffer): Pick<Difference, "binary" | "added" | "removed" | "lines"> {
  if (before.equals(after)) return { binary: false, added: 0, removed: 0, lines: [] };
  if (!isText(before) || !isText(after)) return { binary: true, added: 0, removed: 0, lines: [] };
  const lines = unifiedDiff(before.toString(), after.toString());
  const count = (mark: string) => lines.filter((line) => line.startsWith(mark)).length;
  return { binary: false, added: count("+"), removed: count("-"), lines };
}

function isText(bytes: Buffer): boolean {
  return !bytes.includes(0) && Buffer.from(bytes.toString()).equals(bytes);
}

function byPath(received: readonly Received[]): Map<string, Received> {
  return new Map(received.map((each) => [each.path, each]));
}
