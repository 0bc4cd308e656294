import { createHash } from "node:crypto";
import { sameValue } from "../core/canonical.ts";
import { ACTIVE_LOOK_MS, decide } from "../core/decide.ts";
import { type Instant, instant, later } from "../core/instants.ts";
import type { FleetRecord } from "../core/record.ts";
import { isFailure } from "../google/failure.ts";
import { act } from "./act.ts";
import type { Cloud } from "./cloud.ts";
import { observe } from "./observe.ts";
import { loadRecord, paths, saveRecord, writeHistory } from "./records.ts";

/** More looks in a row than any rollout needs between two waits; a guard against circling. */
const LOOKS = 12;

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/**
 * look → decide → save → act once → look again, until there is nothing to do now. May be called by anybody, any number of
 * times, at once: only one of them saves, and only who saved acts. Returns when to look again, null for a fleet unknown.
 */
export async function reconcile(cloud: Cloud, fleet: string): Promise<Instant | null> {
  let refusal: string | undefined;
  for (let look = 0; look < LOOKS; look++) {
    const { record, generation } = await loadRecord(cloud.state, fleet);
    await writeHistory(cloud.state, fleet, record.unwritten);
    const observation = await observe(cloud, record, refusal);
    if (generation === "0" && observation.commands.length === 0) return null;
    const places = {
      reportsBucket: cloud.settings.reportsBucket,
      reportsTopic: cloud.settings.reportsTopic,
      configBucket: cloud.settings.configBucket,
    };
    const decision = decide(record, observation, { now: instant(cloud.time.now()), sha256, places });

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
      // Entries of this look must not wait for the next one's.
      await writeHistory(cloud.state, fleet, decision.record.unwritten);
      return decision.record.nextLook;
    }
    const stillMine = async () => (await cloud.state.read(paths.record(fleet)))?.generation === saved;
    const policy = decision.record.active?.policy ?? decision.record.policy;
    const acted = await act(cloud, fleet, policy, decision.effects, stillMine);
    if (acted.later) return later(instant(cloud.time.now()), ACTIVE_LOOK_MS);
    refusal = acted.refusal;
    // What was refused once will be refused again now.
    if (refusal !== undefined && look > 0 && acted.done === 0) return decision.record.nextLook;
  }
  cloud.log("WARNING", `${LOOKS} looks in a row and still something to do; going on later`, {
    word: "circling",
    fleet,
  });
  return later(instant(cloud.time.now()), ACTIVE_LOOK_MS);
}

/** A look that found nothing new writes nothing, except now and then when it looked. */
function worthSaving(before: FleetRecord, after: FleetRecord, now: Instant): boolean {
  const plain = (record: FleetRecord) => ({ ...record, lastLook: null, nextLook: null });
  return !sameValue(plain(before), plain(after)) || before.nextLook === null || before.nextLook <= now;
}

function tell(cloud: Cloud, before: FleetRecord, after: FleetRecord): void {
  const said = new Set(before.reasons.map(({ text }) => text));
  for (const { word, text } of after.reasons.filter((reason) => !said.has(reason.text))) {
    cloud.log("INFO", text, {
      word,
      fleet: after.fleet,
      ...(after.active && { rollout: after.active.id, phase: after.active.phase }),
    });
  }
}
