import { requestId } from "./context.ts";
import type { GroupView } from "./observation.ts";
import type { Rollout, RolloutGroup } from "./record.ts";
import type { Turn } from "./turn.ts";
import { type Owned, ownedText } from "./wanted.ts";

/**
 * Asks for `wanted` of a group unless it is so already. The intent is in the record before the change is made; as long as
 * the group is still what it was when the intent was written, the change is repeated with the same request id.
 * Returns whether the group is as wanted.
 */
export function ask(
  turn: Turn,
  rollout: Rollout,
  key: string,
  group: RolloutGroup,
  view: GroupView,
  what: string,
  wanted: Owned,
): boolean {
  const current = ownedText(view);
  if (current === ownedText(wanted)) return true;
  const repeated =
    group.intent !== undefined && group.intent.before === current && ownedText(group.intent) === ownedText(wanted);
  if (!group.intent || !repeated) {
    const attempt = (group.intent?.attempt ?? 0) + 1;
    group.intent = {
      key: what,
      requestId: requestId(turn.context, `${rollout.id}:${key}:${what}:${attempt}`),
      attempt,
      ...wanted,
      before: current,
      at: turn.context.now,
    };
  }
  turn.effects.push({
    kind: "patch-group",
    group: key,
    fingerprint: view.fingerprint,
    ...wanted,
    requestId: group.intent.requestId,
  });
  return false;
}

/** Owned fields that are neither what was asked for last nor what they were when it was asked. */
export function changedFromOutside(group: RolloutGroup, view: GroupView): boolean {
  if (!group.intent) return ownedText(view) !== ownedText(group.from);
  const current = ownedText(view);
  return current !== ownedText(group.intent) && current !== group.intent.before;
}
