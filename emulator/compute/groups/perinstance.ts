import type { Route } from "../../frame/router.ts";
import type { Cloud } from "../cloud.ts";
import { storedDiskPath } from "../disks/model.ts";
import { errors } from "../errors.ts";
import { sameFingerprint } from "../fingerprint.ts";
import { LIST_QUERY, page } from "../listing.ts";
import { read } from "../method.ts";
import { link, parseRef, pathOf } from "../names.ts";
import { isObject, type Json } from "../schema/check.ts";
import { leaving, settled } from "../updater/values.ts";
import type { Engine } from "./engine.ts";
import { collectionOf, groupAt, groupMutation, groupToChange, type Kind, ONE, refOf } from "./kinds.ts";
import { groupPath, type Member, type StoredGroup } from "./model.ts";
import { oneOf } from "./policy.ts";
import { sameState, wantedState } from "./preserved.ts";
import { addressOf } from "./preservedip.ts";
import { checkStateful } from "./rules.ts";
import { mergePatch } from "./settings.ts";
import { AUTO_DELETE, type PreservedIp, type PreservedState, type StoredConfig } from "./stateful.ts";

/** Names of the messages; the regional API has its own, a little shorter. */
const MESSAGES = {
  instanceGroupManagers: {
    update: "InstanceGroupManagersUpdatePerInstanceConfigsReq",
    patch: "InstanceGroupManagersPatchPerInstanceConfigsReq",
    delete: "InstanceGroupManagersDeletePerInstanceConfigsReq",
  },
  regionInstanceGroupManagers: {
    update: "RegionInstanceGroupManagerUpdateInstanceConfigReq",
    patch: "RegionInstanceGroupManagerPatchInstanceConfigReq",
    delete: "RegionInstanceGroupManagerDeleteInstanceConfigReq",
  },
};

export function configRoutes(cloud: Cloud, engine: Engine, kind: Kind): Route[] {
  const messages = MESSAGES[kind.service === "instanceGroupManagers" ? kind.service : "regionInstanceGroupManagers"];
  const touched = (group: StoredGroup) => {
    engine.touch(group);
    return { targetId: group.id };
  };
  const set = (verb: "update" | "patch") =>
    groupMutation(cloud, kind, `${verb}PerInstanceConfigs`, `${ONE}/${verb}PerInstanceConfigs`, {
      method: "POST",
      body: messages[verb],
      coverage: "partly",
      apply: (body, target) => {
        const group = groupToChange(cloud, target);
        const wanted = Array.isArray(body.perInstanceConfigs) ? body.perInstanceConfigs.filter(isObject) : [];
        if (wanted.length === 0) throw errors.required("perInstanceConfigs");
        const configs = wanted.map((config, i) => {
          const at = `perInstanceConfigs[${i}]`;
          const member = memberNamed(group, config.name, `${at}.name`);
          const old = group.configs.get(member.name);
          if (config.fingerprint && old && !sameFingerprint(config.fingerprint, old.fingerprint))
            throw errors.fingerprint();
          const before = verb === "patch" && old && !old.deleted ? renderState(old.state, "") : {};
          const given = isObject(config.preservedState) ? config.preservedState : {};
          const merged = verb === "patch" ? mergePatch(before, given) : given;
          return parseConfig(cloud, group, member, isObject(merged) ? merged : {}, `${at}.preservedState`);
        });
        checkStateful(cloud, { ...group, configs: new Map(configs.map((config) => [config.name, config])) });
        for (const config of configs) group.configs.set(config.name, config);
        return touched(group);
      },
    });
  return [
    set("update"),
    set("patch"),
    groupMutation(cloud, kind, "deletePerInstanceConfigs", `${ONE}/deletePerInstanceConfigs`, {
      method: "POST",
      body: messages.delete,
      repeatable: false,
      apply: (body, target) => {
        const group = groupToChange(cloud, target);
        const names = Array.isArray(body.names) ? body.names.map(String) : [];
        if (names.length === 0) throw errors.required("names");
        const configs = names.map((name) => {
          const config = group.configs.get(name);
          if (config && !config.deleted) return config;
          throw errors.value("names", name, `There is no per-instance config for it in '${groupPath(group)}'.`);
        });
        for (const config of configs) {
          // What its machine never had need not be taken from it.
          if (group.members.get(config.name)?.state) config.deleted = true;
          else group.configs.delete(config.name);
        }
        return touched(group);
      },
    }),
    read(cloud, {
      id: `compute.${kind.service}.listPerInstanceConfigs`,
      method: "POST",
      path: `${collectionOf(kind)}${ONE}/listPerInstanceConfigs`,
      permission: "compute.instanceGroupManagers.get",
      query: LIST_QUERY,
      resource: (call) => pathOf(refOf(cloud, call, call.params.instanceGroupManager ?? "")),
      run: (call) => {
        const group = groupAt(cloud, refOf(cloud, call, call.params.instanceGroupManager ?? ""));
        const all = [...group.configs.values()].map((config) => ({
          name: config.name,
          created: 0,
          json: renderConfig(group, config, call.origin),
        }));
        const { items, nextPageToken } = page(call, all);
        return {
          ...(items.length > 0 && { items: items.map(({ json }) => json) }),
          ...(nextPageToken && { nextPageToken }),
        };
      },
    }),
  ];
}

/** Configurations are only for machines that are there, and stay. */
function memberNamed(group: StoredGroup, value: unknown, field: string): Member {
  if (value === undefined || value === "") throw errors.required(field);
  const member = group.members.get(String(value));
  if (!member || leaving(member))
    throw errors.value(field, value, `Instance is not a member of '${groupPath(group)}'.`);
  return member;
}

/** Reads a configuration in full. `state` is a PreservedState of the API. */
export function parseConfig(
  cloud: Cloud,
  group: StoredGroup,
  member: Pick<Member, "name" | "zone" | "kept">,
  state: Json,
  at: string,
): StoredConfig {
  const entries = (field: string) => Object.entries(isObject(state[field]) ? state[field] : {}) as [string, Json][];
  const metadata = Object.fromEntries(entries("metadata").map(([key, value]) => [key, String(value)]));
  for (const key of Object.keys(metadata))
    if (key in (group.allInstances?.metadata ?? {}))
      throw errors.value(`${at}.metadata`, key, "The key is set by the group's all-instances config already.");
  const addresses = (field: "internalIPs" | "externalIPs") =>
    Object.fromEntries(
      entries(field).map(([nic, ip]) => [nic, addressOf(cloud, group, member, { nic, field, at }, ip)]),
    );
  return {
    name: member.name,
    fingerprint: cloud.world.ids.fingerprint(),
    state: {
      disks: Object.fromEntries(
        entries("disks").map(([device, disk]) => [device, diskOf(cloud, group, member, device, disk, at)]),
      ),
      internalIPs: addresses("internalIPs"),
      externalIPs: addresses("externalIPs"),
      metadata,
    },
  };
}

function diskOf(
  cloud: Cloud,
  group: StoredGroup,
  member: Pick<Member, "zone" | "kept">,
  device: string,
  disk: Json,
  at: string,
): PreservedState["disks"][string] {
  const field = `${at}.disks[${device}]`;
  // Without a source, the disk that the stateful policy keeps of that device is meant.
  const text = disk.source ? String(disk.source) : member.kept?.disks[device];
  if (text === undefined) throw errors.required(`${field}.source`);
  const ref = parseRef(cloud.world, text, group.project);
  if (ref?.collection !== "disks") throw errors.value(`${field}.source`, text, "The URL is malformed.");
  const stored = cloud.disks.get(pathOf(ref));
  if (!stored) throw errors.notFound(pathOf(ref));
  if (stored.zone !== member.zone)
    throw errors.value(`${field}.source`, text, `The disk must be in the zone of the instance, '${member.zone}'.`);
  const mode = oneOf(disk.mode, ["READ_WRITE", "READ_ONLY"] as const, "READ_WRITE", `${field}.mode`);
  const autoDelete = oneOf(disk.autoDelete, AUTO_DELETE, "NEVER", `${field}.autoDelete`);
  if (mode === "READ_ONLY" && autoDelete !== "NEVER")
    throw errors.value(`${field}.autoDelete`, autoDelete, "Disks attached in READ_ONLY mode cannot be auto-deleted.");
  return { source: storedDiskPath(stored), mode, autoDelete };
}

export function renderState(state: PreservedState, origin: string): Json {
  const { disks, internalIPs, externalIPs, metadata } = state;
  const some = (map: object) => Object.keys(map).length > 0;
  const shown = (path: string) => (origin === "" ? path : link(origin, path));
  const addresses = (map: Record<string, PreservedIp>) =>
    Object.fromEntries(
      Object.entries(map).map(([nic, { literal, address, autoDelete }]) => [
        nic,
        { autoDelete, ipAddress: address === undefined ? { literal } : { address: shown(address) } },
      ]),
    );
  return {
    ...(some(disks) && {
      disks: Object.fromEntries(
        Object.entries(disks).map(([device, { source, ...rest }]) => [device, { ...rest, source: shown(source) }]),
      ),
    }),
    ...(some(internalIPs) && { internalIPs: addresses(internalIPs) }),
    ...(some(externalIPs) && { externalIPs: addresses(externalIPs) }),
    ...(some(metadata) && { metadata }),
  };
}

/** How far a configuration has come to its machine, in the words of the published API. */
export function statusOf(group: StoredGroup, config: StoredConfig): string {
  const member = group.members.get(config.name);
  const has = member !== undefined && sameState(wantedState(group, config.name), member.state);
  const underWay = member !== undefined && !settled(member);
  if (config.deleted) return underWay ? "DELETING" : "UNAPPLIED_DELETION";
  if (underWay) return "APPLYING";
  return has ? "EFFECTIVE" : "UNAPPLIED";
}

function renderConfig(group: StoredGroup, config: StoredConfig, origin: string): Json {
  return {
    name: config.name,
    fingerprint: config.fingerprint,
    preservedState: renderState(config.state, origin),
    status: statusOf(group, config),
  };
}
