import { isConflict } from "./anew.ts";
import { NAMES, type Objects } from "./objects.ts";
import { moveRef, type Ref, type RefPlace, refText } from "./ref.ts";
import { refIn, type StandingRef } from "./repository.ts";

/**
 * Moves a ref from where it was seen. `moved` also when the answer was lost and the move is found to have been made;
 * otherwise somebody else moved it, and `standing` is where it is now.
 */
export async function moveFrom(
  bucket: Objects,
  name: string,
  seen: Pick<StandingRef, "ref" | "generation"> | undefined,
  to: RefPlace,
): Promise<{ moved: true } | { moved: false; standing: StandingRef | undefined }> {
  try {
    await bucket.write(NAMES.ref(name), Buffer.from(refText(moveRef(seen?.ref, to))), seen?.generation ?? "0");
    return { moved: true };
  } catch (problem) {
    if (!isConflict(problem)) throw problem;
    const standing = await refIn(bucket, name);
    if (standing && stoodAt(standing.ref, to)) return { moved: true };
    return { moved: false, standing };
  }
}

/** It is there, or was and has been moved on since. */
function stoodAt(ref: Ref, { commit, moved, by }: RefPlace): boolean {
  return [ref, ...ref.previous].some((place) => place.commit === commit && place.moved === moved && place.by === by);
}
