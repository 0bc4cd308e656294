import type { ManagerError } from "../../wire/compute.d.ts";
import type { Effect } from "../core/effects.ts";
import type { GroupRef } from "../core/policy.ts";
import { RELEASE_KEY } from "../core/template.ts";
import { type Compute, lastSegment } from "../google/compute.ts";
import { isFailure } from "../google/failure.ts";
import { zoneOf } from "../google/listing.ts";
import type { Cloud } from "./cloud.ts";
import { member } from "./problems.ts";
import { paths } from "./records.ts";

type KeepEvidence = Extract<Effect, { kind: "keep-evidence" }>;

/** The end of what a machine said; what it died of comes last. */
const SERIAL = 65_536;
const ERRORS = 20;

/**
 * Keeps what a machine said of itself before it is taken away: serial output, its signed report, its guest attributes and
 * the group's last errors about it. What of this cannot be read is named, and does not keep the rest from being kept.
 */
export async function keepEvidence(
  cloud: Cloud,
  fleet: string,
  compute: Compute,
  place: GroupRef,
  { machine, group, rollout, why }: KeepEvidence,
): Promise<void> {
  const unread: Record<string, string> = {};
  const part = async <T>(what: string, read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (problem) {
      if (!isFailure(problem)) throw problem;
      unread[what] = problem.message;
      return undefined;
    }
  };
  const zone = place.regional ? await part("zone", () => zoneOfMachine(compute, place, machine)) : place.location;
  const [serial, attributes, errors, report] = await Promise.all([
    zone && part("serial", () => compute.serialOutput(zone, machine)),
    zone && part("attributes", () => compute.guestAttributes(zone, machine, "moult")),
    part("errors", () => compute.groupErrors(place)),
    zone && part("report", () => readReportObject(cloud, fleet, compute, zone, machine)),
  ]);
  const evidence = {
    machine,
    ...(zone && { zone }),
    group,
    rollout,
    why,
    ...(serial !== undefined && { serial: serial.slice(-SERIAL) }),
    ...(report && { report }),
    ...(attributes && Object.keys(attributes).length > 0 && { attributes }),
    errors: aboutMachine(errors ?? [], machine),
    ...(Object.keys(unread).length > 0 && { unread }),
  };
  try {
    await cloud.state.write(paths.evidence(fleet, rollout, machine), JSON.stringify(evidence, null, 1), "0");
  } catch (problem) {
    // Kept already, by whoever died before the group was put back: the first look at a machine is the best one.
    if (!isFailure(problem, "conflict")) throw problem;
  }
}

async function zoneOfMachine(compute: Compute, place: GroupRef, machine: string): Promise<string | undefined> {
  const found = (await compute.managedInstances(place)).find(({ name }) => name === machine);
  return found && zoneOf(found.instance);
}

/** Where it lies is said by the machine's own id and release. */
async function readReportObject(
  cloud: Cloud,
  fleet: string,
  compute: Compute,
  zone: string,
  machine: string,
): Promise<string | undefined> {
  const instance = await compute.instance(zone, machine);
  const metadata = instance?.metadata.items?.find(({ key }) => key === RELEASE_KEY)?.value;
  const release = metadata === undefined ? undefined : member(metadata, "release");
  if (!instance || typeof release !== "string") return undefined;
  const names = await cloud.reports.names(`reports/${fleet}/${release}/${instance.id}/`);
  const name = names.at(-1);
  return name === undefined ? undefined : (await cloud.reports.read(name))?.text;
}

function aboutMachine(errors: ManagerError[], machine: string): { code: string; message: string; at: string }[] {
  return errors
    .filter(({ instanceActionDetails }) => lastSegment(instanceActionDetails?.instance ?? "") === machine)
    .sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1))
    .slice(-ERRORS)
    .map(({ error, timestamp }) => ({ code: error.code, message: error.message, at: timestamp }));
}
