import { requestId } from "./context.ts";
import { type Instant, later } from "./instants.ts";
import type { GroupView } from "./observation.ts";
import { templatesThere } from "./remake.ts";
import type { Intent, Rollout, RolloutGroup } from "./rolloutrecord.ts";
import type { Turn } from "./turn.ts";
import { type Owned, ownedText, sendable, sendablePolicy } from "./wanted.ts";

/** A change is on its way for no longer: the caller gives up after 30 seconds, and may have been stopped before it called. */
const LATE_MS = 60_000;

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
  const same = group.intent !== undefined && ownedText(group.intent) === ownedText(wanted);
  if (current === ownedText(wanted)) {
    // Also when a person's own hand made it so: it is what moult answers for from now on.
    const intent = same && group.intent ? group.intent : intend(turn, rollout, key, group, current, what, wanted);
    group.intent = intent;
    const { late = [], ...settled } = intent;
    const left = late.filter(({ until }) => until > turn.context.now);
    // A fingerprint may be a hash of what a group holds (docs/verified.md): that a change was taken since does not keep an
    // earlier one out, once the group is again what it was then. One that brings the same does no harm now.
    if (left.some(({ owned }) => owned !== current)) return false;
    group.intent = { ...settled, ...(left.length > 0 && { late: left }), done: true };
    return true;
  }
  const repeated = same && group.intent?.before === current && !group.intent.done;
  if (!group.intent || !repeated) group.intent = intend(turn, rollout, key, group, current, what, wanted);
  if (!templatesThere(turn, rollout, key, group, wanted.versions)) return false;
  turn.effects.push({
    kind: "patch-group",
    group: key,
    fingerprint: view.fingerprint,
    ...wanted,
    requestId: group.intent.requestId,
  });
  return false;
}

function intend(
  turn: Turn,
  rollout: Rollout,
  key: string,
  group: RolloutGroup,
  before: string,
  what: string,
  wanted: Owned,
): Intent {
  const { now } = turn.context;
  const last = group.intent;
  const attempt = (last?.attempt ?? 0) + 1;
  const late = last ? onTheWay(last, before, now) : [];
  return {
    key: what,
    requestId: requestId(turn.context, `${rollout.id}:${key}:${what}:${attempt}`),
    attempt,
    ...wanted,
    before,
    at: now,
    ...(late.length > 0 && { late }),
  };
}

/**
 * Changes that were asked for, and that no look had seen done when the group was `current` and something else was wanted. An
 * earlier one that brings the same as the last may still come when the last was seen.
 */
function onTheWay(last: Intent, current: string, now: Instant): { owned: string; until: Instant }[] {
  const own = ownedText(last);
  const earlier = (last.late ?? []).filter(({ owned }) => owned !== current || own === current);
  const mine = last.done || own === current ? [] : [{ owned: own, until: later(last.at, LATE_MS) }];
  return [...earlier, ...mine].filter(({ until }) => until > now);
}

/** A change that was given up may still come: what the group is now may not be what it will be. */
export function mayArrive({ late = [] }: Intent, now: Instant): boolean {
  return late.some(({ until }) => until > now);
}

/**
 * Owned fields that are neither what was asked for last nor, until a look has seen that done, what they were when it was
 * asked.
 */
export function changedFromOutside(group: RolloutGroup, view: GroupView): boolean {
  const current = ownedText(view);
  if (!group.intent) return current !== ownedText(group.from);
  if (current === ownedText(group.intent) || group.intent.late?.some(({ owned }) => owned === current)) return false;
  return group.intent.done === true || current !== group.intent.before;
}

/** A person accepts what somebody else made of the group: the next change starts from there. */
export function takeOver(group: RolloutGroup, view: GroupView, now: Instant): void {
  if (!changedFromOutside(group, view)) return;
  const found: Owned = { versions: sendable(view.versions), updatePolicy: sendablePolicy(view.updatePolicy) };
  if (group.intent) {
    const { late: _, ...intent } = group.intent;
    const late = onTheWay(group.intent, ownedText(found), now);
    group.intent = { ...intent, ...found, before: ownedText(found), done: true, ...(late.length > 0 && { late }) };
  } else group.from = { ...found, targetSize: view.targetSize };
}
