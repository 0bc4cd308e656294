import type { InstanceProperties } from "../../wire/compute.d.ts";
import type { ReleaseMetadata } from "../../wire/moult.d.ts";
import { requestId } from "./context.ts";
import { type Inputs, isProblem } from "./observation.ts";
import { type GroupRef, groupKey, type Policy } from "./policy.ts";
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
    const template = templateOf(turn, policy, ref, release, inputs);
    if (!template) continue;
    const { name, properties } = template;
    minted[key] = { name, url: `projects/${policy.project}/global/instanceTemplates/${name}` };
    const request = requestId(turn.context, `${rollout}:template:${name}`);
    turn.effects.push({ kind: "insert-template", group: key, name, properties, requestId: request });
  }
  return minted;
}

/** The template of a release in a group, as its base is now; undefined where that could not be read. */
export function templateOf(
  turn: Turn,
  policy: Policy,
  ref: GroupRef,
  release: Release,
  inputs: Inputs,
): { name: string; properties: InstanceProperties } | undefined {
  const base = inputs.bases[groupKey(ref)];
  if (!base || isProblem(base)) return undefined;
  const properties = renderTemplate(base, release.image, releaseMetadata(turn, policy, release));
  return { name: templateName(ref, properties, turn.context.sha256), properties };
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
