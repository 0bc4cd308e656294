import type { Reason } from "./reasons.ts";
import type { Ending, FleetRecord, Rollout, Stable } from "./record.ts";
import { changedInputs } from "./release.ts";
import { remember, type Turn } from "./turn.ts";

const KEPT = 5;

/** A rollout ends once: it leaves the slot, and what it teaches is kept. */
export function end(turn: Turn, rollout: Rollout, ending: Ending, why: Reason): void {
  const { record, context } = turn;
  record.active = null;
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
export function settle(record: FleetRecord, rollout: Rollout, now: string): void {
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
}

/** Never tried again until a person lifts it: the combination of inputs that this rollout changed. */
export function quarantine(record: FleetRecord, rollout: Rollout, why: Reason, now: string): void {
  const inputs = changedInputs(rollout.from.release, rollout.to);
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
