import type { Instant } from "../instants.ts";

/** A person's stop on an image: rotation leaves it as it is. */
export interface ImageHold {
  /** The id decides: a name can be used again. */
  image: { id: string; name: string };
  reason: string;
  by: string;
  at: Instant;
  /** Over by itself then; absent: a person lifts it. */
  until?: Instant;
}

export function isOver({ until }: ImageHold, now: Instant): boolean {
  return until !== undefined && until <= now;
}

/** With this hold in place of an older one of the same image, and without those that are over. */
export function withHold(holds: readonly ImageHold[], hold: ImageHold, now: Instant): ImageHold[] {
  return [...withoutHold(holds, hold.image.id, now), hold];
}

export function withoutHold(holds: readonly ImageHold[], imageId: string, now: Instant): ImageHold[] {
  return holds.filter((each) => each.image.id !== imageId && !isOver(each, now));
}
