import type { KeyObject } from "node:crypto";
import { canonicalJson } from "../../agent/plan/pack.ts";
import type { ConfigCommit } from "../../wire/moult.d.ts";
import { CliError, EXIT } from "../failure.ts";
import { isConflict, Standing, writeAnew } from "./anew.ts";
import { commitDigest, commitText } from "./commit.ts";
import { describeFolder } from "./described.ts";
import { inFolder, notValid } from "./findings.ts";
import { commitIn } from "./history.ts";
import { NAMES, type Objects } from "./objects.ts";
import { checkPackSize } from "./pack.ts";
import { moveRef, refText } from "./ref.ts";
import { judge } from "./render.ts";
import { keep, type Repository, type StandingRef } from "./repository.ts";
import type { Sample } from "./sample.ts";
import { type Signatures, signaturesText, signText } from "./signatures.ts";
import type { StatIndex } from "./statindex.ts";
import { eachTogether } from "./together.ts";
import { readBlob, readWorkTree, type WorkTree } from "./worktree.ts";

export interface CommitAsked {
  /** The folder with the manifest and the files. */
  folder: string;
  values: readonly string[];
  samples: readonly Sample[];
  ref: string;
  message: string;
  author: string;
  /** RFC 3339. */
  time: string;
  /** When the ref is moved, RFC 3339. */
  now: string;
  keys: readonly KeyObject[];
  /** Done when all is right and written, before the ref is moved. */
  remember?: () => Promise<void>;
}

export interface Committed {
  digest: string;
  commit: ConfigCommit;
  /** False when the ref's commit says the same already. */
  isNew: boolean;
  parent: ConfigCommit | undefined;
  /** Bytes of what a machine will fetch. */
  packSize: number;
  signatures: Signatures;
}

/**
 * Makes a commit of a folder that is valid and moves its ref there. Everything is there before the ref is moved, which happens
 * only if nobody else has moved it: stopped anywhere, this leaves objects that nothing names, and nothing else.
 */
export async function commitFolder(repository: Repository, asked: CommitAsked, index: StatIndex): Promise<Committed> {
  const standing = await repository.ref(asked.ref);
  const parent = standing && (await repository.commit(standing.ref.commit));
  const work = readWorkTree(asked.folder, index);
  const described = describeFolder(asked.folder, asked.values, work.tree);
  const findings = [...work.findings, ...judge(described, asked.samples)];
  if (findings.length > 0) throw notValid(asked.folder, inFolder(asked.folder, findings));
  const commit: ConfigCommit = {
    tree: work.tree,
    manifest: described.manifest.value,
    parent: standing?.ref.commit ?? null,
    message: asked.message,
    author: asked.author,
    time: asked.time,
  };
  const text = commitText(commit);
  const signatures: Signatures = Object.assign({}, ...asked.keys.map((key) => signText(text, key)));
  const packSize = checkPackSize(commit, work.sizes, signatures);
  await keepBlobs(repository, asked.folder, work, index);
  if (standing && parent && sameContent(parent, commit)) {
    await asked.remember?.();
    return { digest: standing.ref.commit, commit: parent, isNew: false, parent, packSize, signatures: {} };
  }
  const digest = commitDigest(commit);
  await keep(repository.local, NAMES.commit(digest), Buffer.from(text));
  if (asked.keys.length > 0)
    await keep(repository.local, NAMES.signatures(digest), Buffer.from(signaturesText(digest, signatures)));
  await asked.remember?.();
  await moveLocal(repository, asked.ref, standing, { commit: digest, moved: asked.now, by: asked.author });
  return { digest, commit, isNew: true, parent, packSize, signatures };
}

export function sameContent(a: ConfigCommit, b: ConfigCommit): boolean {
  return canonicalJson([a.tree, a.manifest]) === canonicalJson([b.tree, b.manifest]);
}

/**
 * Blobs that a ref needs already stay, and are read only when their files changed since they were last found to be right. Others
 * are written anew even when they are there, since a collection under way may have chosen them.
 */
async function keepBlobs(repository: Repository, folder: string, work: WorkTree, index: StatIndex): Promise<void> {
  const { local } = repository;
  const [listed, needed] = await Promise.all([local.list("blobs/"), neededBlobs(repository)]);
  const there = new Map(listed.map(({ name, generation }) => [name, generation]));
  const standing = new Standing(local, "blobs/", there);
  const paths = new Map(Object.entries(work.tree).map(([path, digest]) => [digest, path]));
  await eachTogether([...paths], async ([digest, path]) => {
    const name = NAMES.blob(digest);
    const generation = there.get(name);
    if (generation === undefined) {
      const written = await create(local, name, readBlob(folder, path, digest));
      if (written !== undefined) index.verified(digest, written);
    } else if (!index.isVerified(digest, generation)) {
      await repository.blob(digest);
      index.verified(digest, generation);
    }
    if (generation !== undefined && !needed.has(digest))
      await writeAnew(local, name, readBlob(folder, path, digest), standing);
  });
  index.save(new Set(paths.keys()));
}

/** Of the commits that local refs name. A damaged one is an error here: a commit on top of damage would hide it. */
async function neededBlobs(repository: Repository): Promise<Set<string>> {
  const needed = new Set<string>();
  for (const { ref } of await repository.refs()) {
    const commit = await commitIn([repository.local], ref.commit);
    for (const digest of Object.values(commit?.tree ?? {})) needed.add(digest);
  }
  return needed;
}

/** Undefined when somebody else wrote it meanwhile. */
async function create(objects: Objects, name: string, bytes: Buffer): Promise<string | undefined> {
  try {
    return await objects.write(name, bytes, "0");
  } catch (problem) {
    if (isConflict(problem)) return undefined;
    throw problem;
  }
}

async function moveLocal(
  repository: Repository,
  ref: string,
  standing: StandingRef | undefined,
  to: { commit: string; moved: string; by: string },
): Promise<void> {
  const moved = Buffer.from(refText(moveRef(standing?.ref, to)));
  try {
    await repository.local.write(NAMES.ref(ref), moved, standing?.generation ?? "0");
  } catch (problem) {
    if (!isConflict(problem)) throw problem;
    throw new CliError(
      EXIT.failed,
      `${ref} was moved by somebody else while this commit was made; nothing of theirs is touched, and nothing was committed`,
      `See moult config log ${ref}, then run it again: the commit will follow theirs.`,
    );
  }
}
