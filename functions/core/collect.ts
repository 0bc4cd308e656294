import type { ManagerVersion } from "../../wire/compute.d.ts";
import { type Instant, msOf } from "./instants.ts";
import type { FleetRecord } from "./record.ts";
import { type Release, short } from "./release.ts";
import { lastSegment } from "./wanted.ts";

/** A template that moult made: its metadata says for which release. */
export interface MadeTemplate {
  name: string;
  created: Instant;
  /** Digest of its release. */
  release: string;
}

export interface References {
  /** Templates that something still needs, by name or URL, and what that is, as people read it. */
  templates: { template: string; by: string }[];
  /** Releases that may be asked for again: their templates are kept, whichever those are. */
  releases: { release: string; by: string }[];
  /** What could not be read: it may need any template, so all are kept. */
  unread: string[];
}

export interface Collected {
  delete: string[];
  keep: { name: string; why: string }[];
}

/** A rollout that is about to begin has made templates that nothing names yet. */
const YOUNG_MS = 86_400_000;

/** Which of the templates moult made can go: only those that nothing known needs, and only when everything is known. */
export function collectable(made: readonly MadeTemplate[], references: References, now: Instant): Collected {
  const byName = new Map(references.templates.map(({ template, by }) => [lastSegment(template), by]));
  const byRelease = new Map(references.releases.map(({ release, by }) => [release, by]));
  const [unread] = references.unread;
  const collected: Collected = { delete: [], keep: [] };
  for (const { name, created, release } of made) {
    const user = byName.get(name) ?? byRelease.get(release);
    const why =
      user !== undefined
        ? `needed by ${user}`
        : unread !== undefined
          ? `${unread} could not be read, and may need it`
          : // Written so that a time that cannot be read keeps it.
            !(msOf(now) - msOf(created) >= YOUNG_MS)
            ? "made less than a day ago"
            : undefined;
    if (why === undefined) collected.delete.push(name);
    else collected.keep.push({ name, why });
  }
  return collected;
}

/** What a fleet's record needs: everything it could put somewhere, forward or back. */
export function referencesOf(record: FleetRecord): Pick<References, "templates" | "releases"> {
  const templates: References["templates"] = [];
  const releases: References["releases"] = [];
  const release = ({ digest }: Pick<Release, "digest">, what: string) =>
    releases.push({ release: digest, by: `the ${what} release ${short(digest)} of fleet ${record.fleet}` });
  const versions = (list: readonly ManagerVersion[], what: string) => {
    for (const { instanceTemplate } of list)
      if (instanceTemplate) templates.push({ template: instanceTemplate, by: `the ${what} of fleet ${record.fleet}` });
  };
  const { stable, previous, candidate, pending, approved, active } = record;
  for (const [i, kept] of [...(stable ? [stable] : []), ...previous].entries()) {
    const what = i === 0 && stable ? "stable" : "previous";
    release(kept.release, what);
    for (const list of Object.values(kept.versions)) versions(list, `${what} release`);
  }
  if (candidate) release(candidate.release, "candidate");
  if (pending) release(pending.release, "pending");
  if (approved) release({ digest: approved.release }, "approved");
  if (active) {
    release(active.to, "coming");
    release(active.from.release, "former");
    for (const list of Object.values(active.from.versions)) versions(list, `rollout ${active.id}`);
    for (const group of Object.values(active.groups)) {
      templates.push({ template: group.template, by: `the rollout ${active.id} of fleet ${record.fleet}` });
      versions([...group.from.versions, ...group.to, ...(group.intent?.versions ?? [])], `rollout ${active.id}`);
    }
  }
  return { templates, releases };
}
