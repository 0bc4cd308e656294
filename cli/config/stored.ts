import { stringify } from "yaml";
import { canonicalJson, sha256 } from "../../agent/plan/pack.ts";
import type { ConfigCommit } from "../../wire/moult.d.ts";
import type { Repository } from "./repository.ts";
import { eachTogether } from "./together.ts";
import { FILES, MANIFEST } from "./worktree.ts";

/** A file of a commit, as it is in a configuration folder. */
export interface StoredFile {
  path: string;
  digest: string;
  read(repository: Repository): Promise<Buffer>;
}

/** The manifest first, then the files in order. */
export function filesIn(commit: ConfigCommit): StoredFile[] {
  const manifest = Buffer.from(manifestText(commit));
  return [
    { path: MANIFEST, digest: sha256(manifest), read: async () => manifest },
    ...Object.entries(commit.tree)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, digest]) => ({
        path: `${FILES}/${path}`,
        digest,
        read: (repository: Repository) => repository.blob(digest),
      })),
  ];
}

/** Digest → content of all that a commit needs. */
export async function blobsOf(source: Repository, { tree }: ConfigCommit): Promise<Map<string, Buffer>> {
  const digests = [...new Set(Object.values(tree))];
  return new Map(
    await eachTogether(digests, async (digest): Promise<[string, Buffer]> => [digest, await source.blob(digest)]),
  );
}

/** The compiled manifest as YAML, keys in order: the same manifest is the same text. It reads as the same manifest again. */
export function manifestText({ manifest }: Pick<ConfigCommit, "manifest">): string {
  return stringify(JSON.parse(canonicalJson(manifest)), { lineWidth: 0, aliasDuplicateObjects: false });
}
