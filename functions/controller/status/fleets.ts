import { changedText } from "../../core/changes.ts";
import { type Instant, instant } from "../../core/instants.ts";
import type { FleetRecord } from "../../core/record.ts";
import { short } from "../../core/release.ts";
import type { Cloud } from "../cloud.ts";
import { fleetNames, loadRecord } from "../records.ts";
import { each, type Look } from "./looks.ts";
import { type FleetState, stateOf } from "./state.ts";

/** One fleet in a line. */
export interface FleetLine {
  fleet: string;
  state: FleetState;
  mode: string | null;
  stable: { image: string; release: string; since: Instant } | null;
  rollout: {
    id: string;
    to: string;
    /** `web-1 → web-2`; where the image stays, it and what changes. */
    text: string;
    phase: string;
    since: Instant;
    startedAt: Instant;
    step: number;
    steps: number;
  } | null;
  /** Somebody holds it. */
  held: boolean;
  quarantined: number;
}

export interface FleetsView {
  at: Instant;
  project: string;
  fleets: FleetLine[];
}

const AT_ONCE = 16;

/** The record as all who ask at once see it. One that cannot be read is a sentence, and costs the other fleets nothing. */
export function readRecord(cloud: Cloud, look: Look, fleet: string): Promise<FleetRecord | { unreadable: string }> {
  return look(`record ${fleet}`, async () => {
    try {
      return (await loadRecord(cloud.state, fleet)).record;
    } catch (problem) {
      return {
        unreadable: `the record of ${fleet} cannot be read: ${(problem as Error).message}. Look at gs://${cloud.state.name}/fleets/${fleet}/record.json`,
      };
    }
  });
}

export async function readFleets(cloud: Cloud, look: Look): Promise<FleetsView> {
  const names = await fleetNames(cloud.state);
  const now = instant(cloud.time.now());
  const fleets = await each(names, AT_ONCE, async (fleet) => {
    const record = await readRecord(cloud, look, fleet);
    try {
      return "unreadable" in record ? unreadable(fleet, record.unreadable) : lineOf(record, now);
    } catch (problem) {
      return unreadable(fleet, `the record of ${fleet} is not what it should be: ${(problem as Error).message}`);
    }
  });
  return { at: now, project: cloud.settings.project, fleets };
}

function lineOf(record: FleetRecord, now: Instant): FleetLine {
  const { fleet, policy, stable, active, hold, quarantine } = record;
  return {
    fleet,
    state: stateOf(record, now),
    mode: policy?.mode ?? null,
    stable: stable && { image: stable.release.image.name, release: short(stable.release.digest), since: stable.since },
    rollout: active && {
      id: active.id,
      to: active.to.image.name,
      text: changedText(active.from.release, active.to),
      phase: active.phase,
      since: active.since,
      startedAt: active.startedAt,
      // Steps of all waves, each with its final bake.
      ...progressOf(active),
    },
    held: hold !== null,
    quarantined: quarantine.length,
  };
}

function progressOf({ kind, wave, step, policy }: NonNullable<FleetRecord["active"]>): { step: number; steps: number } {
  const each = kind === "rollback" ? 1 : policy.steps.length + 1;
  const waves = new Set(policy.groups.map((group) => group.wave)).size;
  return { step: wave * each + step, steps: waves * each };
}

function unreadable(fleet: string, text: string): FleetLine {
  return {
    fleet,
    state: { word: "unreadable", level: "bad", text },
    mode: null,
    stable: null,
    rollout: null,
    held: false,
    quarantined: 0,
  };
}
