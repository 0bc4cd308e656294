import { autoscalerOf } from "../autoscalers/routes.ts";
import type { Cloud } from "../cloud.ts";
import { errors } from "../errors.ts";
import { groupPath, type StoredGroup } from "./model.ts";
import { hasStatefulConfig, statefulRuleBroken } from "./stateful.ts";

/** Throws when a group keeps something and is what such a group cannot be. */
export function checkStateful(
  cloud: Cloud,
  group: Pick<StoredGroup, "project" | "scope" | "name" | "policy" | "configs"> & {
    stateful?: StoredGroup["stateful"] | undefined;
  },
): void {
  const { stateful, configs } = group;
  if (!hasStatefulConfig({ configs, ...(stateful && { stateful }) })) return;
  const autoscaled = autoscalerOf(cloud, groupPath(group)) !== undefined;
  const wrong = statefulRuleBroken(group.policy, group.scope.kind === "region", autoscaled);
  if (wrong) throw wrong;
}

/** A metadata key is the group's or a machine's, never both. */
export function checkConfigs(configs: StoredGroup["configs"], all: StoredGroup["allInstances"]): void {
  for (const { name, state, deleted } of configs.values())
    for (const key of deleted ? [] : Object.keys(state.metadata))
      if (all && key in all.metadata)
        throw errors.value(
          "resource.allInstancesConfig.properties.metadata",
          key,
          `The key is set by the per-instance config of '${name}' already.`,
        );
}
