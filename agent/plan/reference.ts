/**
 * Where one version of a secret is. Versions are numbers only: an alias or the newest one would be decided at boot time,
 * and two machines of one release could differ.
 */
export type Reference =
  | { kind: "google"; location: string | undefined }
  /** `host` with its port, as in the address of the Vault; `mount` with its slashes; version of KV's second engine. */
  | { kind: "vault"; host: string; mount: string; path: string; version: string; field: string };

const google =
  /^projects\/[a-z0-9][a-z0-9.:-]*\/(?:locations\/([a-z0-9-]+)\/)?secrets\/[\w-]{1,255}\/versions\/[1-9]\d{0,18}$/;
const vault =
  /^vault:\/\/((?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?)\/([\w-][\w.-]*(?:%2F[\w-][\w.-]*)*)((?:\/(?!\.{0,2}[/?])[\w.~@+=-]+)+)\?version=([1-9]\d{0,9})#([\w.-]+)$/;

/**
 * Reads `projects/P[/locations/L]/secrets/S/versions/N` or `vault://HOST[:PORT]/MOUNT/PATH?version=N#FIELD`, where
 * a mount at several levels has %2F between them: only so is it told from the path without asking Vault.
 * @returns undefined when it is neither.
 */
export function readReference(text: string): Reference | undefined {
  const secret = google.exec(text);
  if (secret) return { kind: "google", location: secret[1] };
  const [, host, mount, path, version, field] = vault.exec(text) ?? [];
  return host && mount && path && version && field
    ? { kind: "vault", host, mount: mount.replaceAll("%2F", "/"), path: path.slice(1), version, field }
    : undefined;
}
