import type { ReleaseMetadata } from "../../wire/moult.d.ts";
import { requestId } from "./context.ts";
import { type Inputs, isProblem } from "./observation.ts";
import { groupKey, type Policy } from "./policy.ts";
import type { Release } from "./release.ts";
import { renderTemplate, templateName } from "./template.ts";
import type { Turn } from "./turn.ts";

/**
 * Asks for the templates of a release, one a group. Their names say what they hold, so asking again after a crash asks for
 * the same ones. Groups whose base could not be read are left out.
 */
export function askForTemplates(
  turn: Turn,
  policy: Policy,
  rollout: string,
  release: Release,
  inputs: Inputs,
): Record<string, { name: string; url: string }> {
  const minted: Record<string, { name: string; url: string }> = {};
  for (const ref of policy.groups) {
    const key = groupKey(ref);
    const base = inputs.bases[key];
    if (!base || isProblem(base)) continue;
    const properties = renderTemplate(base, release.image, releaseMetadata(turn, policy, release));
    const name = templateName(ref, properties, turn.context.sha256);
    minted[key] = { name, url: `projects/${policy.project}/global/instanceTemplates/${name}` };
    const request = requestId(turn.context, `${rollout}:template:${name}`);
    turn.effects.push({ kind: "insert-template", group: key, name, properties, requestId: request });
  }
  return minted;
}

function releaseMetadata(turn: Turn, policy: Policy, release: Release): ReleaseMetadata {
  const { configBucket, reportsBucket, reportsTopic } = turn.context.places;
  return {
    release: release.digest,
    fleet: policy.fleet,
    image: { name: release.image.name, id: release.image.id },
    ...(release.configCommit && { config: { bucket: configBucket, commit: release.configCommit } }),
    secrets: release.secrets,
    reports: { bucket: reportsBucket, topic: reportsTopic },
  };
}
