import { usage } from "../args.ts";
import { CliError, EXIT } from "../failure.ts";
import { nearest } from "../nearest.ts";
import type { Repository, StandingRef } from "./repository.ts";

/** The folder's refs that a push is about. */
export async function knownRefs(
  repository: Repository,
  name: string | undefined,
  all: boolean,
  current: string | undefined,
): Promise<StandingRef[]> {
  if (all && name !== undefined) throw usage(`--all means every ref, and ${name} is one: say one or the other`);
  if (all) {
    const refs = await repository.refs();
    if (refs.length > 0) return refs;
  }
  const wanted = name ?? current;
  const found = wanted === undefined || all ? undefined : await repository.ref(wanted);
  if (found) return [found];
  const known = (await repository.refs()).map((each) => each.name);
  if (known.length === 0)
    throw new CliError(
      EXIT.absent,
      "this folder has no commit yet",
      "Make one with moult config commit --ref REF --message TEXT.",
    );
  if (wanted === undefined) throw usage(`which ref? Name one of ${known.join(", ")}, or say --all`);
  const near = nearest(wanted, known);
  throw new CliError(
    EXIT.absent,
    `this folder has no ref "${wanted}"`,
    `It has ${known.join(", ")}.${near ? ` Did you mean ${near}?` : ""}`,
  );
}
