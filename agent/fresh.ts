import { readFileSync } from "node:fs";
import type { ReleaseMetadata } from "../wire/moult.d.ts";
import { prepareDisks } from "./disks/prepare.ts";
import type { Deadline, Edge } from "./edge/deadline.ts";
import type { Google } from "./edge/google.ts";
import { fetchPack } from "./fetch/pack.ts";
import type { Sources } from "./fetch/sources.ts";
import type { Instance } from "./identify/instance.ts";
import { Failure } from "./outcome.ts";
import { unlessMissing } from "./place/disk.ts";
import { requireMemory } from "./place/memory.ts";
import { clearMemory, type Ground, place, survey } from "./place/place.ts";
import { bakedDescription, emptyDescription } from "./plan/baked.ts";
import { oneInstance } from "./plan/here.ts";
import { imageKeys } from "./plan/keys.ts";
import { knownNames } from "./plan/names.ts";
import { resolveOwner, type Self } from "./plan/owner.ts";
import type { Description } from "./plan/pack.ts";
import { makePlan } from "./plan/plan.ts";
import { readReference } from "./plan/reference.ts";
import { renderPlan } from "./render/files.ts";
import { composeSeal, placementOf, secretPlacement } from "./seal/compose.ts";
import { type Seal, sealPath } from "./seal/seal.ts";
import { differences, printDifferences } from "./seal/verify.ts";
import { unsettledPath } from "./settle/settle.ts";
import type { Timeline } from "./timeline.ts";

export interface Configuring {
  ground: Ground;
  self: Self;
  instance: Instance;
  /** Reads it, or fails. */
  release(): Promise<ReleaseMetadata | undefined>;
  google: Google;
  sources: Sources;
  deadline: Deadline;
  bootedAt: string;
  /** The wall clock, RFC 3339. */
  instant(): string;
  line: Timeline;
  edge: Edge;
}

/** Makes an instance that was never configured what it is described to be: plan, fetch, render, place and seal. */
export async function configure(about: Configuring): Promise<Seal> {
  const { ground, self, instance, google, sources, deadline, line } = about;
  const { plan, manifest, names, release, signedBy } = await line.in("plan", async () => {
    const release = await about.release();
    // The release names its secrets, so they are asked for before anything says which of them are needed.
    sources.ask(Object.values(release?.secrets ?? {}), instance);
    const described = release?.config
      ? await fetchPack(google, instance, release.config, deadline, imageKeys(ground.root))
      : (bakedDescription(ground.root) ?? emptyDescription);
    // What it names itself is connected to while it is being checked. One turn of the event loop, in which that begins.
    sources.open(namedIn(described));
    await new Promise(setImmediate);
    return { ...decide(about, release, described), release, signedBy: described.signedBy };
  });
  const versions = new Map(
    [...plan.secrets].map((name): [string, string] => [
      name,
      release?.secrets[name] ?? manifest.secrets.get(name) ?? "",
    ]),
  );
  const secrets = await line.in("fetch", () => {
    sources.trust(plan.vaults);
    return fetchAll(versions, (version) => sources.fetch(version, instance));
  });
  await line.in("disks", () =>
    prepareDisks(plan.disks, { root: ground.root, edge: about.edge, deadline, instance: instance.id }),
  );
  const rendered = await line.in("render", () => {
    const { rendered, findings } = renderPlan(plan, names, secrets, self);
    if (findings.length > 0) throw new Failure("value-unfit", "A value cannot stand where it is wanted", findings);
    return rendered;
  });
  const seal = await line.in("place", () => {
    if (plan.secrets.size > 0) requireMemory(ground.root);
    const placement = placementOf(plan, rendered);
    clearMemory(ground);
    const surveyed = survey(ground, placement);
    const sealed = composeSeal(ground, plan, rendered, {
      instance: instance.id,
      release,
      names,
      versions,
      signedBy,
      surveyed,
      bootedAt: about.bootedAt,
      sealedAt: about.instant(),
    });
    const entry = (path: string, text: string) => ({
      path,
      bytes: Buffer.from(text),
      uid: self.uid,
      gid: self.gid,
      mode: 0o600,
    });
    const own = [...(plan.reload ? [entry(unsettledPath, "")] : []), entry(sealPath, JSON.stringify(sealed, null, 1))];
    place(ground, { ...placement, entries: [...placement.entries, ...own] }, surveyed);
    return sealed;
  });
  // What the disk holds now is compared once with what was sealed, before anything starts on it.
  await line.in("check", () => {
    const found = differences(ground.disk, ground.root, seal);
    if (found.length > 0) throw new Failure("place-failed", `Written, but not as asked: ${printDifferences(found)}`);
  });
  return seal;
}

/** What lives in memory is made again at a later boot, from the same versions. */
export function restore(ground: Ground, seal: Seal, secrets: ReadonlyMap<string, Buffer>): void {
  requireMemory(ground.root);
  place(ground, secretPlacement(seal, secrets));
}

/** What reads like a secret in a description that is not yet known to be right. */
function namedIn({ manifest }: Description): string[] {
  return (manifest.text.match(/"projects\/[^"]+"/g) ?? []).map((text) => text.slice(1, -1)).filter(readReference);
}

function decide({ ground, self, instance }: Configuring, release: ReleaseMetadata | undefined, described: Description) {
  const accounts = { passwd: readText(`${ground.root}/etc/passwd`), group: readText(`${ground.root}/etc/group`) };
  const here = oneInstance(ground.root, instance, release, (text) => resolveOwner(text, accounts, self));
  const { plan, manifest, findings } = makePlan(described, here);
  if (findings.length > 0) throw new Failure("manifest-invalid", "The description is not valid", findings);
  return { plan, manifest, names: knownNames(instance, release, manifest) };
}

function readText(path: string): string | undefined {
  return unlessMissing(() => readFileSync(path, "utf8"));
}

/** @param versions name → full version name. The first that fails for good ends the wait for all. */
export async function fetchAll(
  versions: ReadonlyMap<string, string>,
  ask: (version: string) => Promise<Buffer>,
): Promise<Map<string, Buffer>> {
  return new Map(
    await Promise.all(
      [...versions].map(async ([name, version]): Promise<[string, Buffer]> => [name, await ask(version)]),
    ),
  );
}
