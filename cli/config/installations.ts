import type { Cloud } from "../../functions/controller/cloud.ts";
import type { Objects } from "./objects.ts";
import { keep } from "./repository.ts";

const FOLDER = "installations/";

export interface KnownInstallation {
  project: string;
  state: string;
}

/** Those that use the bucket, as earlier collections were told: `installations/PROJECT/STATE-BUCKET`, empty objects. */
export async function knownInstallations(objects: Objects): Promise<KnownInstallation[]> {
  return (await objects.list(FOLDER)).flatMap(({ name }) => {
    const [, project, state] = name.split("/");
    return project && state ? [{ project, state }] : [];
  });
}

/** A later collection that forgets to name one must not take what it needs. */
export async function rememberInstallations(objects: Objects, installations: readonly Cloud[]): Promise<void> {
  for (const { settings, state } of installations)
    await keep(objects, `${FOLDER}${settings.project}/${state.name}`, Buffer.alloc(0));
}
