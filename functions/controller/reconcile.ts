import { createHash } from "node:crypto";
import { sameValue } from "../core/canonical.ts";
import { ACTIVE_LOOK_MS, decide } from "../core/decide.ts";
import { type Instant, instant, later } from "../core/instants.ts";
import type { ReasonWord } from "../core/reasons.ts";
import type { FleetRecord } from "../core/record.ts";
import { isFailure } from "../google/failure.ts";
import { act } from "./act.ts";
import type { Cloud } from "./cloud.ts";
import { observe } from "./observe.ts";
import { mendPublished } from "./publishing.ts";
import { loadRecord, paths, saveRecord, writeHistory } from "./records.ts";
import { type Rest, restOf, stillAtRest } from "./rest.ts";
import { SeenSecrets } from "./secrets.ts";
import type { Wish } from "./wish.ts";

/** More looks in a row than any rollout needs between two waits; a guard against circling. */
const LOOKS = 12;
/** When the next look is may be off by this: the tick that reads it comes once a minute, and an object bears one write a second. */
const STALE_MS = 10_000;

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

export interface Looked {
  /** When to look again; null for a fleet unknown. */
  next: Instant | null;
  /** Something is known to be due then, such as the end of a bake; otherwise it is a poll. */
  known?: boolean;
  /** What Google said when it was too busy for a change. */
  busy?: string;
  /** The fleet is at rest, as this says. */
  rest?: Rest | undefined;
}

/** Why this look: what to begin with, and what is known from the last one. */
export interface Occasion {
  wish: Wish;
  rest?: Rest | undefined;
}

/**
 * look → decide → save → act once → look again, until there is nothing to do now. May be called by anybody, any number of
 * times, at once: only one of them saves, and only who saved acts.
 */
export async function reconcile(cloud: Cloud, fleet: string, occasion: Occasion = { wish: "all" }): Promise<Looked> {
  let refusal: string | undefined;
  let full = 0;
  // Asked once, however many looks follow one another here: whatever changes meanwhile rings, and is looked at after this.
  const secrets = new SeenSecrets(cloud.secrets);
  for (let look = 0; look < LOOKS; look++) {
    const { record, generation } = await loadRecord(cloud.state, fleet);
    const now = instant(cloud.time.now());
    const due = record.nextLook === null || record.nextLook <= now;
    if (look === 0 && !due && (await stillAtRest(cloud, record, generation, occasion.wish, occasion.rest)))
      return { next: record.nextLook, rest: occasion.rest };
    await writeHistory(cloud.state, fleet, record.unwritten);
    const observation = await observe(cloud, record, refusal, secrets);
    if (generation === "0" && observation.commands.length === 0) return { next: null };
    const places = {
      reportsBucket: cloud.settings.reportsBucket,
      reportsTopic: cloud.settings.reportsTopic,
      configBucket: cloud.settings.configBucket,
    };
    // The time of the look: whoever slept since must not judge what was seen then by what the clock says now.
    const decision = decide(record, observation, { now: observation.at, sha256, places });

    let saved = generation;
    if (worthSaving(record, decision.record, instant(cloud.time.now())) || decision.effects.length > 0) {
      try {
        saved = await saveRecord(cloud.state, decision.record, generation);
      } catch (problem) {
        if (isFailure(problem, "conflict")) continue;
        throw problem;
      }
      tell(cloud, record, decision.record);
    }
    if (decision.effects.length === 0) {
      // Google is away: looked at again as whoever was too busy for a look.
      const unread = observation.unread ?? (decision.record.active ? undefined : observation.inputsUnread);
      if (unread !== undefined) return { next: later(instant(cloud.time.now()), ACTIVE_LOOK_MS), busy: unread };
      // Entries of this look must not wait for the next one's.
      await writeHistory(cloud.state, fleet, decision.record.unwritten);
      await mendPublished(cloud, decision.record);
      const { nextLook: next, reasons } = decision.record;
      const known = reasons.some(({ until }) => until !== undefined && until === next);
      return { next, known, rest: restOf(decision.record, observation, saved) };
    }
    const stillMine = async () => (await cloud.state.read(paths.record(fleet)))?.generation === saved;
    const policy = decision.record.active?.policy ?? decision.record.policy;
    const acted = await act(cloud, fleet, policy, decision.effects, stillMine);
    if (acted.busy !== undefined) return { next: later(instant(cloud.time.now()), ACTIVE_LOOK_MS), busy: acted.busy };
    refusal = acted.refusal;
    // What was refused once will be refused again now, and room that went to another fleet stays there for a while.
    if (acted.noRoom !== undefined) full += 1;
    const again = refusal !== undefined ? look > 0 && acted.done === 0 : full > 1;
    if (again) return { next: decision.record.nextLook };
  }
  cloud.log("WARNING", `${LOOKS} looks in a row and still something to do; going on later`, {
    word: "circling",
    fleet,
  });
  return { next: later(instant(cloud.time.now()), ACTIVE_LOOK_MS) };
}

/** A look that found nothing new writes nothing, except now and then when it looked. */
function worthSaving(before: FleetRecord, after: FleetRecord, now: Instant): boolean {
  // Of a fleet at rest the inputs are read at each whole look; in a rollout the record says when that is due again.
  const plain = (record: FleetRecord) => ({
    ...record,
    lastLook: null,
    nextLook: null,
    ...(record.active === null && { inputsRead: null }),
  });
  if (!sameValue(plain(before), plain(after)) || before.nextLook === null) return true;
  return later(before.nextLook, STALE_MS) <= now;
}

/** What becomes an outage if nobody does anything: an alert on ERROR finds it. */
export const ALARMS: ReadonlySet<ReasonWord> = new Set<ReasonWord>(["secret-unavailable"]);

function tell(cloud: Cloud, before: FleetRecord, after: FleetRecord): void {
  const said = new Set(before.reasons.map(({ text }) => text));
  for (const { word, text } of after.reasons.filter((reason) => !said.has(reason.text))) {
    cloud.log(ALARMS.has(word) ? "ERROR" : "INFO", text, {
      word,
      fleet: after.fleet,
      ...(after.active && { rollout: after.active.id, phase: after.active.phase }),
    });
  }
}
