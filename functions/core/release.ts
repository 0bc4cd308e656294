import { canonical, type Sha256 } from "./canonical.ts";

/** An image as a release names it: the id decides, the name is how Compute is told. */
export interface ImageRef {
  id: string;
  name: string;
  project: string;
}

/** What an instance should be. Immutable; named by the digest of its inputs (DESIGN §5). */
export interface Release {
  digest: string;
  image: ImageRef;
  configCommit: string | null;
  /** Manifest's name → `projects/P/secrets/S/versions/N`. */
  secrets: Record<string, string>;
  /** Group key → digest of its base template. */
  base: Record<string, string>;
}

export type ReleaseInputs = Omit<Release, "digest">;

export function makeRelease(inputs: ReleaseInputs, sha256: Sha256): Release {
  const { image, configCommit, secrets, base } = inputs;
  return {
    digest: sha256(canonical({ imageId: image.id, configCommit, secrets, base })),
    image,
    configCommit,
    secrets,
    base,
  };
}

/** The part of a digest that people read. */
export function short(digest: string): string {
  return digest.slice(0, 12);
}

/** Inputs of a release that differ from another's: what a failed rollout blames and a quarantine names. */
export interface ChangedInputs {
  imageId?: string;
  configCommit?: string | null;
  secrets?: Record<string, string>;
  base?: Record<string, string>;
}

function changedEntries(from: Record<string, string>, to: Record<string, string>): Record<string, string> | undefined {
  const changed = Object.fromEntries(Object.entries(to).filter(([key, value]) => from[key] !== value));
  return Object.keys(changed).length > 0 ? changed : undefined;
}

/** What `to` changes against `from`; everything when there is no `from`. */
export function changedInputs(from: ReleaseInputs | null, to: ReleaseInputs): ChangedInputs {
  const secrets = changedEntries(from?.secrets ?? {}, to.secrets);
  const base = changedEntries(from?.base ?? {}, to.base);
  return {
    ...(from?.image.id !== to.image.id && { imageId: to.image.id }),
    ...(from?.configCommit !== to.configCommit && { configCommit: to.configCommit }),
    ...(secrets && { secrets }),
    ...(base && { base }),
  };
}

/** Does the release contain the whole combination? An empty combination is contained in nothing. */
export function contains(release: ReleaseInputs, combination: ChangedInputs): boolean {
  const { imageId, configCommit, secrets = {}, base = {} } = combination;
  if (Object.keys(combination).length === 0) return false;
  return (
    (imageId === undefined || release.image.id === imageId) &&
    (configCommit === undefined || release.configCommit === configCommit) &&
    Object.entries(secrets).every(([name, version]) => release.secrets[name] === version) &&
    Object.entries(base).every(([group, digest]) => release.base[group] === digest)
  );
}
