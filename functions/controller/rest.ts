import type { Image } from "../../wire/compute.d.ts";
import { canonical } from "../core/canonical.ts";
import { type GroupView, isProblem, type Observation } from "../core/observation.ts";
import { groupKey } from "../core/policy.ts";
import type { FleetRecord } from "../core/record.ts";
import { ownedText } from "../core/wanted.ts";
import type { Cloud } from "./cloud.ts";
import { readGroup } from "./groups.ts";
import type { Part, Wish } from "./wish.ts";

/** What the last whole look at a fleet saw when there was nothing to do: an event that changes none of it needs no other. */
export interface Rest {
  /** Of the record that was decided with. */
  generation: string;
  /** Group key → what matters of it while no rollout is under way. */
  groups: Record<string, string>;
  /** Head of the family and what of it is not ready; absent where the fleet follows another fleet. */
  images?: string;
}

/** Undefined unless the fleet is up to date, or taken on as it is, and all of it could be read: what waits or is blocked is looked at whole. */
export function restOf(record: FleetRecord, observation: Observation, generation: string): Rest | undefined {
  const { inputs } = observation;
  const rests = record.reasons.some(({ word }) => word === "up-to-date" || word === "adopted");
  if (record.active || !record.policy || !inputs || !rests) return undefined;
  const groups: Record<string, string> = {};
  for (const [key, view] of Object.entries(observation.groups)) {
    if (isProblem(view)) return undefined;
    groups[key] = groupText(view);
  }
  const { image, unready } = inputs;
  if (isProblem(image)) return undefined;
  return { generation, groups, ...("family" in record.policy.follows && { images: imagesText(image, unready) }) };
}

/** A person's word, and inputs that seldom change: what they ring for is looked at whole. */
const WHOLE: ReadonlySet<Part> = new Set<Part>(["commands", "config", "secrets"]);

/**
 * Whether nothing has changed of what an event may have changed, by the fewest calls: one for each group, one for the images.
 * False as soon as it is not certain.
 */
export async function stillAtRest(
  cloud: Cloud,
  record: FleetRecord,
  generation: string,
  wish: Wish,
  rest: Rest | undefined,
): Promise<boolean> {
  const { policy } = record;
  if (wish === "all" || wish.some((part) => WHOLE.has(part)) || !rest || rest.generation !== generation) return false;
  if (record.active || !policy || record.unwritten.length > 0) return false;
  // Reports say something only of a rollout that is under way.
  const compute = cloud.compute(policy.project);
  if (wish.includes("image")) {
    const { follows } = policy;
    if (!("family" in follows)) return false;
    const images = await compute.images(follows.family, follows.project);
    const head = headOf(images);
    if (!head || imagesText(head, unreadyAfter(images, head)) !== rest.images) return false;
  }
  if (wish.includes("groups")) {
    const same = await Promise.all(
      policy.groups.map(async (ref) => {
        const seen = await readGroup(compute, ref, { machines: false, autoscaler: false });
        return !isProblem(seen) && groupText(seen.view) === rest.groups[groupKey(ref)];
      }),
    );
    if (same.includes(false)) return false;
  }
  return true;
}

/** Sizes are the autoscaler's to change, and fingerprints change with them. */
function groupText(view: GroupView): string {
  const { stateful, checked, zones } = view;
  return canonical({ owned: ownedText(view), stateful, checked, zones });
}

function imagesText(head: Image, unready: Image[]): string {
  return canonical({ head: head.id, unready: unready.map(({ id, status }) => `${id} ${status}`).sort() });
}

/** As the family resolves: the newest that is ready and not deprecated. */
function headOf(images: Image[]): Image | undefined {
  return images
    .filter(({ status, deprecated }) => status === "READY" && (deprecated?.state ?? "ACTIVE") === "ACTIVE")
    .sort((a, b) => Date.parse(b.creationTimestamp) - Date.parse(a.creationTimestamp))[0];
}

/** Newer than the head and not READY: somebody may be waiting for them. Without a head, all that are not. */
export function unreadyAfter(images: Image[], head: Image | undefined): Image[] {
  const since = head ? Date.parse(head.creationTimestamp) : 0;
  return images.filter(({ status, creationTimestamp }) => status !== "READY" && Date.parse(creationTimestamp) >= since);
}
