import type { Ending } from "./phases.ts";
import type { Reason } from "./reasons.ts";
import type { FleetRecord, PublishedImage } from "./record.ts";
import { changedInputs, type ImageRef } from "./release.ts";
import type { Rollout } from "./rolloutrecord.ts";
import type { Stable } from "./stable.ts";
import { remember, type Turn } from "./turn.ts";

const KEPT = 5;
const PUBLISHED = 20;

/** A rollout ends once: it leaves the slot, and what it teaches is kept. */
export function end(turn: Turn, rollout: Rollout, ending: Ending, why: Reason): void {
  const { record, context } = turn;
  turn.moves.push([rollout.phase, ending]);
  record.active = null;
  record.pending = null;
  if (rollout.granted !== null && rollout.policy.budget)
    turn.effects.push({
      kind: "lease",
      budget: rollout.policy.budget.name,
      rollout: rollout.id,
      machines: 0,
      begun: 0,
      until: context.now,
    });
  record.last = {
    id: rollout.id,
    ending,
    from: rollout.from.release.digest,
    to: rollout.to.digest,
    imageName: rollout.to.image.name,
    startedAt: rollout.startedAt,
    endedAt: context.now,
    why,
  };
  remember(turn, ending, why, rollout.id);
}

/** Only success moves `stable`. Going back to an older release takes it out of the older ones. */
export function settle({ record, context, effects }: Turn, rollout: Rollout): void {
  const { now } = context;
  const versions = Object.fromEntries(Object.entries(rollout.groups).map(([key, { to }]) => [key, to]));
  const goesBack = rollout.kind === "rollback";
  const stable: Stable = {
    release: rollout.to,
    since: now,
    adopted: record.previous.some(
      ({ release, adopted }) => adopted && release.digest === rollout.to.digest && goesBack,
    ),
    versions,
  };
  const older = [rollout.from, ...record.previous].filter(({ release }) => release.digest !== rollout.to.digest);
  record.previous = goesBack
    ? record.previous.filter(({ release }) => release.digest !== rollout.to.digest)
    : older.slice(0, KEPT);
  record.stable = stable;
  effects.push({ kind: "publish", images: publish(record, stable.release.image, now) });
}

/**
 * What fleets that follow this one may take: an image that was left for one that had been stable before it was taken back,
 * however long it had been stable.
 */
export function publish(record: FleetRecord, image: ImageRef, now: string): PublishedImage[] {
  const [current, ...older] = record.published;
  if (current?.image.id === image.id && !current.until) return record.published;
  const returns = older.some((entry) => entry.image.id === image.id);
  const closed = record.published.map((entry) => (entry.until ? entry : { ...entry, until: now }));
  const from = closed.findIndex((entry) => entry.image.id === image.id);
  const left = closed.map((entry, i) => (returns && i < from ? { ...entry, withdrawn: true as const } : entry));
  record.published = [{ image, since: now }, ...left].slice(0, PUBLISHED);
  return record.published;
}

/** Bad after all: those who follow must not take it. Returns whether something changed. */
export function withdraw(record: FleetRecord, imageId: string): boolean {
  const found = record.published.filter(({ image, withdrawn }) => image.id === imageId && !withdrawn);
  for (const entry of found) entry.withdrawn = true;
  return found.length > 0;
}

/** Never tried again until a person lifts it: the combination of inputs that this rollout changed. */
export function quarantine(record: FleetRecord, rollout: Rollout, why: Reason, now: string): void {
  const { asked, release } = rollout.from;
  // What was already asked for when the fleet was taken on is not what brought it down, unless nothing else came with it.
  const changed = asked ? changedInputs(asked, rollout.to) : {};
  const inputs = Object.keys(changed).length > 0 ? changed : changedInputs(release, rollout.to);
  record.quarantine = [
    ...record.quarantine.filter(({ key }) => key !== rollout.id),
    {
      key: rollout.id,
      inputs,
      imageName: rollout.to.image.name,
      release: rollout.to.digest,
      rollout: rollout.id,
      at: now,
      why: why.text,
    },
  ];
}
