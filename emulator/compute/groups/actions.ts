import type { Route } from "../../frame/router.ts";
import type { Cloud } from "../cloud.ts";
import { checkName, errors } from "../errors.ts";
import { lastOf, parseRef, pathOf } from "../names.ts";
import type { Failure } from "../operations.ts";
import { isObject, type Json } from "../schema/check.ts";
import { leastFor } from "../updater/decide.ts";
import { ACTIONS, leaving, mostDisruptive, type UpdateAction } from "../updater/values.ts";
import type { Engine } from "./engine.ts";
import { neededIn, targetsOf } from "./goal.ts";
import { groupMutation, groupToChange, type Kind, ONE } from "./kinds.ts";
import { groupPath, type Member, memberPath, type StoredGroup } from "./model.ts";
import { parseConfig } from "./perinstance.ts";
import { outdatedBy } from "./preserved.ts";
import { checkStateful } from "./rules.ts";
import { isEmpty } from "./settings.ts";
import { Spread } from "./spread.ts";
import { hasStatefulConfig, type StoredConfig } from "./stateful.ts";

/** Most instances that one call may name. */
const MOST = 1000;

/** The members a call names by URL, partial URL or, where allowed, bare name. Throws for who is no member. */
function membersOf(cloud: Cloud, group: StoredGroup, body: Json): Member[] {
  const texts = Array.isArray(body.instances) ? body.instances.map(String) : [];
  if (texts.length === 0) throw errors.required("instances");
  if (texts.length > MOST) throw errors.value("instances", texts.length, `At most ${MOST} instances can be specified.`);
  const skip = body.skipInstancesOnValidationError === true;
  const members = texts.flatMap((text) => {
    const ref = text.includes("/") ? parseRef(cloud.world, text, group.project) : undefined;
    const member = group.members.get(lastOf(text));
    const matches = member && (!ref || pathOf(ref) === memberPath(group, member));
    if (matches && !leaving(member)) return [member];
    if (skip) return [];
    throw errors.value("instances", text, `Instance is not a member of '${groupPath(group)}'.`);
  });
  // Who is named twice is meant once.
  return [...new Set(members)];
}

/** The target size is a setting: whoever read the group before has an old fingerprint now. */
function resizeBy(cloud: Cloud, group: StoredGroup, by: number): void {
  group.targetSize = Math.max(0, group.targetSize + by);
  group.fingerprint = cloud.world.ids.fingerprint();
}

export function actionRoutes(cloud: Cloud, engine: Engine, kind: Kind): Route[] {
  const on = (
    verb: string,
    apply: (group: StoredGroup, body: Json) => undefined | (() => Failure | undefined),
  ): Route =>
    groupMutation(cloud, kind, verb, `${ONE}/${verb}`, {
      method: "POST",
      body: kind.message(verb),
      // The one action that cannot be repeated by request id.
      ...(verb === "applyUpdatesToInstances" && { repeatable: false }),
      apply: (body, target) => {
        const group = groupToChange(cloud, target);
        const finish = apply(group, body);
        engine.touch(group);
        return { targetId: group.id, ...(finish && { finish }) };
      },
    });
  return [
    on("recreateInstances", (group, body) => {
      const members = membersOf(cloud, group, body);
      const targets = targetsOf(
        cloud,
        group,
        members.map((member) => member.name),
      );
      for (const member of members) {
        const { template, name } = targets.get(member.name) ?? { template: member.template, name: member.version };
        engine.crew.recreate(group, member, { template, name });
      }
      return undefined;
    }),
    on("deleteInstances", (group, body) => {
      const members = membersOf(cloud, group, body);
      resizeBy(cloud, group, -members.length);
      for (const member of members) engine.crew.delete(group, member);
      return undefined;
    }),
    on("abandonInstances", (group, body) => {
      const members = membersOf(cloud, group, body);
      resizeBy(cloud, group, -members.length);
      for (const member of members) engine.crew.abandon(group, member);
      return undefined;
    }),
    on("createInstances", (group, body) => createInstances(cloud, engine, group, body)),
    on("applyUpdatesToInstances", (group, body) => {
      const members =
        body.allInstances === true
          ? [...group.members.values()].filter((m) => !leaving(m))
          : membersOf(cloud, group, body);
      applyUpdates(cloud, engine, group, members, body);
      return undefined;
    }),
  ];
}

function createInstances(cloud: Cloud, engine: Engine, group: StoredGroup, body: Json): (() => Failure) | undefined {
  const wanted = Array.isArray(body.instances) ? body.instances.filter(isObject) : [];
  if (wanted.length === 0) throw errors.required("instances");
  if (group.policy.type === "PROACTIVE" && group.policy.replacementMethod === "SUBSTITUTE")
    return () => ({
      code: "CONDITION_NOT_MET",
      http: 412,
      message:
        "CreateInstances cannot be used when UpdatePolicy type is set to PROACTIVE and replacementMethod to SUBSTITUTE. Set replacementMethod to RECREATE or disable rolling update by setting type to OPPORTUNISTIC.",
    });
  for (const [i, instance] of wanted.entries()) {
    const name = checkName(instance.name, `instances[${i}].name`);
    const taken = group.zones.some((zone) => cloud.instances.has(memberPath(group, { name, zone })));
    if (taken || group.members.has(name)) throw errors.exists(memberPath(group, { name, zone: group.zones[0] ?? "" }));
  }
  const configs = wanted.map((instance, i) => configOf(cloud, group, instance, `instances[${i}].preservedState`));
  const some = configs.flatMap(({ config }) => config ?? []);
  if (some.length > 0)
    checkStateful(cloud, { ...group, configs: new Map(some.map((config) => [config.name, config])) });
  for (const config of some) group.configs.set(config.name, config);
  // One by one, so that each gets the version that is lacking then.
  for (const { name, zone } of configs) {
    resizeBy(cloud, group, 1);
    const target = targetsForNew(cloud, group);
    engine.crew.add(group, name, target, zone ?? new Spread(group, (where) => cloud.hasRoom(where)).next());
  }
  return undefined;
}

/** What a new machine is to have of its own, and the zone in which its disks are. */
function configOf(
  cloud: Cloud,
  group: StoredGroup,
  instance: Json,
  at: string,
): { name: string; config?: StoredConfig; zone?: string } {
  const name = String(instance.name);
  const state = isObject(instance.preservedState) ? instance.preservedState : {};
  if (isEmpty(state)) return { name };
  const [disk] = Object.values(isObject(state.disks) ? state.disks : {}).filter(isObject);
  const ref = disk ? parseRef(cloud.world, String(disk.source ?? ""), group.project) : undefined;
  const zone = ref?.scope.kind === "zone" && group.zones.includes(ref.scope.name) ? ref.scope.name : group.zones[0];
  const config = parseConfig(cloud, group, { name, zone: zone ?? "" }, state, at);
  return { name, config, ...(disk && zone !== undefined && { zone }) };
}

function targetsForNew(cloud: Cloud, group: StoredGroup): { template: string; name: string } {
  const pretended = new Map(group.members);
  const placeholder = "-";
  pretended.set(placeholder, {
    name: placeholder,
    zone: "",
    createdAt: 0,
    action: "NONE",
    template: "",
    version: "",
    health: "UNKNOWN",
    everHealthy: false,
    streak: 0,
    attempts: 0,
  });
  const target = targetsOf(cloud, { ...group, members: pretended }, [placeholder]).get(placeholder);
  const main = group.versions.find((version) => !version.targetSize);
  return { template: target?.template ?? main?.template ?? "", name: target?.name ?? main?.name ?? "" };
}

function actionOf(value: unknown, fallback: UpdateAction, field: string): UpdateAction {
  if (value === undefined) return fallback;
  const found = ACTIONS.find((action) => action === value);
  if (!found) throw errors.value(field, value, `Must be one of [${ACTIONS.join(", ")}].`);
  return found;
}

/** Brings named machines to the version they shall have, now, whatever the group's policy waits for. */
function applyUpdates(cloud: Cloud, engine: Engine, group: StoredGroup, members: Member[], body: Json): void {
  const minimal = actionOf(body.minimalAction, "NONE", "minimalAction");
  const most = actionOf(body.mostDisruptiveAllowedAction, "REPLACE", "mostDisruptiveAllowedAction");
  const needed = neededIn(cloud);
  const targets = targetsOf(
    cloud,
    group,
    members.map((member) => member.name),
  );
  const plans = members.map((member) => {
    const { template, name } = targets.get(member.name) ?? { template: member.template, name: member.version };
    const outdated = outdatedBy(cloud, group, member);
    const least = leastFor({ template: member.template, ...(outdated && { outdated }) }, { template }, needed);
    // A new version name alone asks for what the group's policy does at least.
    const renamed = targets.has(member.name) && least === "NONE" ? group.policy.minimalAction : least;
    return { member, target: { template, name }, action: mostDisruptive(minimal, renamed) };
  });
  const beyond = plans.find(({ action }) => ACTIONS.indexOf(action) > ACTIONS.indexOf(most));
  if (beyond)
    throw errors.value(
      "mostDisruptiveAllowedAction",
      most,
      `Updating instance '${beyond.member.name}' requires action ${beyond.action}.`,
    );
  for (const { member, target, action } of plans) {
    if (action === "REPLACE" && group.policy.replacementMethod === "SUBSTITUTE" && !hasStatefulConfig(group))
      engine.crew.delete(group, member);
    else if (action === "REPLACE") engine.crew.recreate(group, member, target);
    else if (action === "RESTART") engine.crew.restart(group, member, target);
    else if (action === "REFRESH") engine.crew.refresh(group, member, target);
  }
}
