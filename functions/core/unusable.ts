import type { Instant } from "./instants.ts";
import { counted, type Reason, reason } from "./reasons.ts";
import type { FleetRecord, UnusableVersion } from "./record.ts";
import { type Release, short } from "./release.ts";
import { parseSecretName, versionText } from "./secretname.ts";
import type { Stable } from "./stable.ts";
import { remember, type Turn } from "./turn.ts";

type Needing = Pick<FleetRecord, "stable" | "previous" | "active">;

/**
 * Releases whose machines run, or are being made. Machines that were taken on as found come from templates that moult did
 * not make: what their release names is what a rollout is compared with, and not what they ask for.
 */
function running({ stable, active }: Needing): Release[] {
  const made = [stable, active?.from].flatMap((one) => (one && !one.adopted ? [one.release] : []));
  const releases = [...made, ...(active ? [active.to] : [])];
  return releases.filter(({ digest }, i) => releases.findIndex((other) => other.digest === digest) === i);
}

/** Full names of every version that a release on record needs, each once: what runs, and what could be gone back to. */
export function neededVersions(record: Needing): string[] {
  const before = record.previous.flatMap(({ release, adopted }) => (adopted ? [] : [release]));
  const names = [...running(record), ...before].flatMap(({ secrets }) => Object.values(secrets));
  return [...new Set(names)].sort();
}

/** Versions that would give the release's machines no value if they booted now, as far as is known. */
export function unbootable(
  { unusable }: Pick<FleetRecord, "unusable">,
  { release, adopted }: Pick<Stable, "release" | "adopted">,
): UnusableVersion[] {
  if (adopted) return [];
  const named = new Set(Object.values(release.secrets));
  return unusable.filter(({ name, state }) => state !== "UNREADABLE" && named.has(name));
}

/** A disabled version can be enabled again; no other state can be left. */
export function isLost({ state }: UnusableVersion): boolean {
  return state === "DESTROYED" || state === "GONE";
}

/** `version 3 of secret web-db in acme-prod is DISABLED, and is destroyed at …` */
export function stateText({ name, state, destroyAt }: UnusableVersion): string {
  const is = {
    DISABLED: destroyAt ? `is disabled, and is destroyed at ${destroyAt}` : "is disabled",
    DESTROYED: "is destroyed",
    GONE: "does not exist any more",
    UNREADABLE: "may not be looked at by the functions",
  };
  return `${versionText(name)} ${is[state]}`;
}

/** The command that gives a disabled version its value back. */
export function enabling({ name }: UnusableVersion): string {
  const { project = "", location, secret = "", version = 0 } = parseSecretName(name) ?? {};
  const place = location === undefined ? "" : ` --location ${location}`;
  return `"gcloud secrets versions enable ${version} --secret ${secret} --project ${project}${place}"`;
}

/** Keeps what a look at the inputs has found, and what of it somebody still needs. */
export function noteUnusable(turn: Turn): void {
  const { record, observation, context } = turn;
  const needed = new Set(neededVersions(record));
  const stateOf = ({ name, state }: UnusableVersion) => `${name} ${state}`;
  const known = new Set(record.unusable.map(stateOf));
  record.unusable = (observation.inputs?.unusable ?? record.unusable).filter(({ name }) => needed.has(name));
  for (const version of record.unusable) {
    const why = known.has(stateOf(version)) ? undefined : alarm(record, version, context.now);
    if (why) remember(turn, "secret-unavailable", why);
  }
}

/** Said at each look until it is mended, whatever else is said: machines that run now do not show it until they boot. */
export function sayUnusable(turn: Turn): void {
  const { record, context } = turn;
  for (const version of record.unusable) {
    const why = alarm(record, version, context.now);
    if (why) turn.reasons.push(why);
  }
  const hidden = unreadable(record);
  if (hidden) turn.reasons.push(hidden);
  const blocked = record.previous.filter((older) => unbootable(record, older).length > 0);
  if (blocked.length === 0) return;
  const which = blocked.map((older) => {
    const { release } = older;
    const why = unbootable(record, older).map(stateText).join(", ");
    return `${release.image.name}, release ${short(release.digest)} (${why})`;
  });
  const text = `a rollback cannot go to ${which.join("; nor to ")}: machines of it would not boot`;
  turn.reasons.push(reason("no-way-back", text));
}

/** Undefined when no machine that runs or is being made needs it, and when it may be well. */
function alarm(record: FleetRecord, version: UnusableVersion, now: Instant): Reason | undefined {
  if (version.state === "UNREADABLE") return undefined;
  const needing = running(record).filter(({ secrets }) => Object.values(secrets).includes(version.name));
  if (needing.length === 0) return undefined;
  const who = releasesText(needing);
  // Secret Manager destroys some time after that, and a time that is past is nothing to look for.
  const until = version.destroyAt !== undefined && version.destroyAt > now ? { until: version.destroyAt } : {};
  const next = isLost(version)
    ? `It cannot be brought back: add a version and let the fleet roll to it, or name another one in the fleet file`
    : `Enable it with ${enabling(version)}, or let the fleet roll to another version`;
  const text = `${stateText(version)}, and ${who} needs it: machines that run go on, those that boot, are healed or are added will fail. ${next}`;
  return reason("secret-unavailable", text, until);
}

/** One right is missing for all of them, and a fleet may have hundreds. */
function unreadable(record: FleetRecord): Reason | undefined {
  const hidden = record.unusable.filter(({ state }) => state === "UNREADABLE");
  const needing = running(record).filter((release) =>
    Object.values(release.secrets).some((name) => hidden.some((version) => version.name === name)),
  );
  const needed = new Set(needing.flatMap(({ secrets }) => Object.values(secrets)));
  const [first, ...more] = hidden.filter(({ name }) => needed.has(name));
  if (!first) return undefined;
  const which = versionText(first.name) + (more.length > 0 ? ` and ${counted(more.length, "other version")}` : "");
  return reason(
    "access-denied",
    `${which} may not be looked at by the functions, so whether ${releasesText(needing)} can boot is not known; grant them secretmanager.versions.get and .list there`,
    more.length > 0 ? { evidence: [first, ...more].map(({ name }) => name) } : {},
  );
}

function releasesText(releases: readonly Release[]): string {
  return releases.map(({ image, digest }) => `release ${short(digest)} (${image.name})`).join(" and ");
}
