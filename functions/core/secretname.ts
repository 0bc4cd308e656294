import type { SecretRef } from "./policy.ts";

/** A secret, or one version of it, by the name Secret Manager gives it. */
export interface SecretName {
  /** Id, or number: Secret Manager's own answers and events carry the number. */
  project: string;
  /** Only of a regional secret. */
  location?: string;
  secret: string;
  version?: number;
}

const NAME =
  /^projects\/([^/]+)(?:\/locations\/([a-z0-9-]+))?\/secrets\/([A-Za-z0-9_-]{1,255})(?:\/versions\/([1-9]\d*))?$/;

/** Undefined for what is no name of a secret, or names a version by anything but its number. */
export function parseSecretName(text: string): SecretName | undefined {
  const [, project, location, secret, version] = NAME.exec(text) ?? [];
  if (project === undefined || secret === undefined) return undefined;
  return {
    project,
    ...(location !== undefined && { location }),
    secret,
    ...(version !== undefined && { version: Number(version) }),
  };
}

/** `projects/P/secrets/S`, or `projects/P/locations/L/secrets/S` of a regional one. */
export function secretPath({ project, location, secret }: Omit<SecretName, "version">): string {
  const place = location === undefined ? "" : `/locations/${location}`;
  return `projects/${project}${place}/secrets/${secret}`;
}

export function versionPath(secret: Omit<SecretName, "version">, version: number): string {
  return `${secretPath(secret)}/versions/${version}`;
}

/** As a sentence names it. */
export function secretText({ project, location, secret }: Omit<SecretName, "version"> | SecretRef): string {
  return `secret ${secret} in ${project}${location === undefined ? "" : `, ${location}`}`;
}

/** The name of a version as a sentence names it; the name itself when it is none that is known. */
export function versionText(name: string): string {
  const read = parseSecretName(name);
  return read?.version === undefined ? name : `version ${read.version} of ${secretText(read)}`;
}
