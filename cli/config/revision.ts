import type { ConfigCommit } from "../../wire/moult.d.ts";
import { usage } from "../args.ts";
import { CliError, EXIT } from "../failure.ts";
import { nearest } from "../nearest.ts";
import { DIGEST, type Objects } from "./objects.ts";
import { REF_NAME } from "./ref.ts";
import { type Repository, refIn, refsIn } from "./repository.ts";

export interface Revision {
  /** As it was asked for. */
  text: string;
  digest: string;
  commit: ConfigCommit;
}

export const REVISION_HELP = `REV is a ref, a commit's digest or at least 7 characters of its beginning; REV~2 is two commits
before it; bucket:REF is where the bucket's ref stands.`;

const PREFIX = /^[0-9a-f]{7,63}$/;
const MOST_STEPS = 100_000;

/** Finds a commit by what a person calls it. What is not in the local store is looked for in the bucket, and kept. */
export async function findRevision(repository: Repository, text: string): Promise<Revision> {
  const [, base = "", tilde, steps = "1"] = /^(.*?)(~(\d{1,6})?)?$/.exec(text) ?? [];
  let digest = await baseOf(repository, base);
  let commit = await repository.commit(digest);
  const wanted = tilde === undefined ? 0 : Math.min(Number(steps), MOST_STEPS);
  for (let step = 1; step <= wanted; step++) {
    if (commit.parent === null)
      throw new CliError(
        EXIT.absent,
        `${text} is before the first commit: ${base} has ${step - 1} before it`,
        `See moult config log ${base}.`,
      );
    const parent = await repository.findCommit(commit.parent);
    if (!parent)
      throw new CliError(
        EXIT.absent,
        `${text} is not there: ${commit.parent.slice(0, 12)}, ${step} before ${base}, and what was before it was collected, or never brought here`,
        `See moult config log ${base}.`,
      );
    digest = commit.parent;
    commit = parent;
  }
  return { text, digest, commit };
}

async function baseOf(repository: Repository, text: string): Promise<string> {
  if (text.startsWith("bucket:")) return bucketRef(repository, text.slice("bucket:".length));
  if (DIGEST.test(text)) return text;
  const ref = REF_NAME.test(text) ? await repository.ref(text) : undefined;
  if (ref) return ref.ref.commit;
  if (PREFIX.test(text)) {
    const found = await byPrefix(repository, text);
    if (found) return found;
  }
  if (!REF_NAME.test(text)) throw usage(`"${text}" is no revision`, REVISION_HELP);
  throw unknown(
    text,
    repository.local,
    (await repository.refs()).map(({ name }) => name),
  );
}

async function bucketRef(repository: Repository, name: string): Promise<string> {
  if (!REF_NAME.test(name)) throw usage(`"${name}" is not the name of a ref`);
  const remote = await repository.bucket();
  const found = await refIn(remote, name);
  if (found) return found.ref.commit;
  throw unknown(
    name,
    remote,
    (await refsIn(remote)).map((each) => each.name),
  );
}

async function byPrefix(repository: Repository, prefix: string): Promise<string | undefined> {
  const here = await digestsIn(repository.local, prefix);
  const remote = here.length === 0 ? await repository.remote() : undefined;
  const found = remote ? await digestsIn(remote, prefix) : here;
  if (found.length > 1)
    throw usage(
      `${prefix} is the beginning of ${found.length} commits; write more of it`,
      found.slice(0, 10).join("\n"),
    );
  return found[0];
}

async function digestsIn(objects: Objects, prefix: string): Promise<string[]> {
  const names = await objects.list(`commits/${prefix}`);
  return names.map(({ name }) => name.slice("commits/".length, -".json".length)).filter((each) => DIGEST.test(each));
}

function unknown(text: string, { place }: Objects, refs: readonly string[]): CliError {
  const near = nearest(text, refs);
  const known = refs.length === 0 ? "There is no ref there yet." : `Refs there: ${refs.join(", ")}.`;
  return new CliError(
    EXIT.absent,
    `${place} has no ref or commit "${text}"`,
    near ? `Did you mean ${near}? ${known}` : known,
  );
}
