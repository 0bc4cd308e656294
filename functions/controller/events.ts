import type { LogEntry } from "../../wire/logging.d.ts";
import type { PushEnvelope } from "../../wire/pubsub.d.ts";
import { type GroupRef, groupKey } from "../core/policy.ts";
import type { FleetRecord } from "../core/record.ts";
import { type Bell, GRACE_MS, readBell, ring } from "./bell.ts";
import type { Cloud } from "./cloud.ts";
import { collectTemplates } from "./collection.ts";
import { ALARMS } from "./reconcile.ts";
import { fleetNames, loadRecord } from "./records.ts";
import { rotateDaily } from "./rotatedaily.ts";
import type { Wish } from "./wish.ts";

/** An event that can never succeed however often it is delivered; it goes to the dead letters with its reason. */
export class Hopeless extends Error {}

const FLEET = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
const IMAGE_METHOD = /^((v1|beta|alpha)\.)?compute\.images\.(insert|patch|deprecate|delete)$/;
const OWN_METHOD = /\.images\.(deprecate|delete)$/;

function logEntry({ message }: PushEnvelope): LogEntry {
  let entry: LogEntry;
  try {
    entry = JSON.parse(Buffer.from(message.data ?? "", "base64").toString("utf8")) as LogEntry;
  } catch {
    throw new Hopeless("the message does not hold a log entry");
  }
  if (typeof entry?.protoPayload?.methodName !== "string") throw new Hopeless("the log entry is not an audit entry");
  return entry;
}

/**
 * An image appeared, changed state or went. Which families that moves is not in the entry (a deprecation names none), so
 * every fleet that may be touched looks again: an event is only a doorbell.
 */
export async function imageChanged(cloud: Cloud, envelope: PushEnvelope): Promise<void> {
  const entry = logEntry(envelope);
  const { methodName = "", authenticationInfo } = entry.protoPayload ?? {};
  if (!IMAGE_METHOD.test(methodName)) return;
  // Our own rotation: it changes nothing that a fleet follows, and may take thousands of steps.
  if (OWN_METHOD.test(methodName) && authenticationInfo?.principalEmail === cloud.settings.principal) return;
  await ringAll(cloud, await fleetNames(cloud.state), ["image"]);
}

/** Something happened to an instance or a group. Rings the fleets whose groups it may concern; what we did ourselves is no news. */
export async function groupChanged(cloud: Cloud, envelope: PushEnvelope): Promise<void> {
  const entry = logEntry(envelope);
  if (entry.protoPayload?.authenticationInfo?.principalEmail === cloud.settings.principal) return;
  const { location, zone, instance_group_manager_name: group } = entry.resource?.labels ?? {};
  const place = location ?? zone;
  const concerned: string[] = [];
  for (const fleet of await fleetNames(cloud.state)) {
    const record = await readable(cloud, fleet);
    const touched = record?.policy?.groups.some((ref) =>
      group ? groupKey(ref) === `${place}/${group}` : record.active !== null && isIn(place, ref),
    );
    if (touched) concerned.push(fleet);
  }
  await ringAll(cloud, concerned, ["groups"]);
}

/** Whether a machine of this zone, or a group of this zone or region, can be of the group. */
function isIn(place: string | undefined, { location, regional }: GroupRef): boolean {
  return place === location || (regional && place?.startsWith(`${location}-`) === true);
}

/** A report lies in its bucket; the message only rings. */
export async function reportCame(cloud: Cloud, envelope: PushEnvelope): Promise<void> {
  await fleetRung(cloud, envelope, ["reports"]);
}

/** A command lies in its bucket; the message only rings. */
export async function commandCame(cloud: Cloud, envelope: PushEnvelope): Promise<void> {
  await fleetRung(cloud, envelope, ["commands"]);
}

async function fleetRung(cloud: Cloud, { message }: PushEnvelope, wish: Wish): Promise<void> {
  const fleet = message.attributes?.fleet ?? "";
  if (!FLEET.test(fleet)) throw new Hopeless(`the attribute "fleet" is missing or is no fleet's name`);
  await ring(cloud, fleet, wish);
}

/**
 * With a fleet: look at it. Without: ring each fleet that is due or has a command waiting, one message a fleet. Once a day
 * also the templates that nothing needs any more are collected, images are rotated, and what may become an outage is said again.
 */
export async function ticked(cloud: Cloud, envelope: PushEnvelope): Promise<void> {
  const { fleet, daily } = envelope.message.attributes ?? {};
  if (fleet !== undefined) {
    await fleetRung(cloud, envelope, "all");
    return;
  }
  if (daily === "true") {
    await remindOfAlarms(cloud);
    await collectTemplates(cloud);
    await rotateDaily(cloud);
    return;
  }
  const waiting = new Set(await cloud.state.folders("commands/"));
  for (const fleet of await fleetNames(cloud.state)) {
    const record = await readable(cloud, fleet);
    // Rung again each minute, one that cannot be read would only fail again.
    if (!record) continue;
    if (waiting.has(fleet) || isDue(record, (await readBell(cloud, fleet)).bell, cloud.time.now()))
      await cloud.topics.ring(cloud.settings.ticksTopic, { fleet });
  }
}

/** A look says an alarm once; here it is said again. Every fleet is looked at besides, or a lost event could hide one. */
async function remindOfAlarms(cloud: Cloud): Promise<void> {
  for (const fleet of await fleetNames(cloud.state)) {
    const record = await readable(cloud, fleet);
    for (const { word, text } of record?.reasons ?? [])
      if (ALARMS.has(word)) cloud.log("ERROR", `still so at the last look: ${text}`, { word, fleet });
    if (record) await cloud.topics.ring(cloud.settings.ticksTopic, { fleet });
  }
}

/** A look that was planned and that nobody made is due too: whoever planned it died, or left it to the tick. */
function isDue({ nextLook }: FleetRecord, bell: Bell, now: number): boolean {
  if (bell.busy && bell.busy.until > now) return false;
  return nextLook === null || Date.parse(nextLook) <= now || (!bell.made && bell.at + GRACE_MS <= now);
}

/** One fleet's record that cannot be read must not keep the others from being rung; its own look fails and says so. */
export async function readable(cloud: Cloud, fleet: string): Promise<FleetRecord | undefined> {
  try {
    return (await loadRecord(cloud.state, fleet)).record;
  } catch (problem) {
    cloud.log("ERROR", `the record of ${fleet} cannot be read: ${(problem as Error).message}`, {
      word: "record-unreadable",
      fleet,
    });
    return undefined;
  }
}

/** Waits for all, also when one fails: what goes on after the answer may be given no time to. */
export async function ringAll(cloud: Cloud, fleets: string[], wish: Wish): Promise<void> {
  const rung = await Promise.allSettled(fleets.map((fleet) => ring(cloud, fleet, wish)));
  const failed = rung.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}
