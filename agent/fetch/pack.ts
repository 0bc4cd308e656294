import type { Deadline } from "../edge/deadline.ts";
import type { Google } from "../edge/google.ts";
import type { Instance } from "../identify/instance.ts";
import { Failure } from "../outcome.ts";
import type { TrustedKeys } from "../plan/keys.ts";
import { type Description, openPack } from "../plan/pack.ts";
import { explainForbidden, storageReadScopes } from "./refusal.ts";

/** A pack has at most 16 MiB. */
const packLimit = 16 * 1024 * 1024;

export function fetchPack(
  google: Google,
  instance: Instance,
  config: { bucket: string; commit: string },
  deadline: Deadline,
  keys: TrustedKeys,
): Promise<Description> {
  const name = `packs/${config.commit}.json`;
  const resource = `gs://${config.bucket}/${name}`;
  const path = `/storage/v1/b/${config.bucket}/o/${encodeURIComponent(name)}?alt=media`;
  const about = { what: `pack ${resource}`, lost: "config-unreachable", refused: "config-refused" } as const;
  return google.call("storage", { path, limit: packLimit }, about, deadline, ({ status, body }) => {
    if (status === 200) return openPack(body, config.commit, keys);
    if (status === 404) throw new Failure("config-refused", `${resource} does not exist`);
    if (status !== 403) throw new Failure("config-refused", `Cloud Storage answers ${resource} with status ${status}`);
    const wanted = { resource, role: "roles/storage.objectViewer", scopes: storageReadScopes };
    throw new Failure("config-refused", `Cloud Storage refuses: ${explainForbidden(body, instance, wanted)}`);
  });
}
