import { pacific } from "../../frame/time.ts";
import type { Cloud } from "../cloud.ts";
import { groupPath, instanceOf, type Member, type StoredGroup } from "../groups/model.ts";
import type { NamedPort } from "../healthchecks/model.ts";
import type { StoredInstance } from "../instances/model.ts";
import { link, pathOf, type Scope, scopePath } from "../names.ts";
import type { Json } from "../schema/check.ts";
import { leaving } from "../updater/values.ts";

export interface StoredBackend {
  /** Path of the instance group, `projects/P/zones/Z/instanceGroups/G`. */
  group: string;
  /** Everything else that was said of it, with defaults. */
  settings: Json;
}

/** What the probes of a backend service have found of one machine. */
export interface Found {
  healthy: boolean;
  /** Probes in a row: good ones above zero, bad ones below. */
  streak: number;
}

export interface StoredBackendService {
  project: string;
  scope: Scope;
  id: string;
  name: string;
  created: number;
  fingerprint: string;
  backends: StoredBackend[];
  /** Path of its health check. */
  healthCheck?: string;
  drainingTimeoutSec: number;
  portName?: string;
  /** Everything else, with defaults, as it goes over the wire. */
  settings: Json;
  /** By instance id. */
  health: Record<string, Found>;
}

export function servicePath({ project, scope, name }: Pick<StoredBackendService, "project" | "scope" | "name">) {
  return pathOf({ project, scope, collection: "backendServices", name });
}

/** The managed group behind an instance group, which is all there is of instance groups here. */
export function managedGroup(cloud: Pick<Cloud, "groups">, instanceGroup: string): StoredGroup | undefined {
  return cloud.groups.get(instanceGroup.replace("/instanceGroups/", "/instanceGroupManagers/"));
}

export function plainPath(group: StoredGroup): string {
  return groupPath(group).replace("/instanceGroupManagers/", "/instanceGroups/");
}

/** The backend services that a group is a backend of. */
export function servicesOf(cloud: Pick<Cloud, "backendServices">, group: StoredGroup): StoredBackendService[] {
  if (cloud.backendServices.size === 0) return [];
  const path = plainPath(group);
  return [...cloud.backendServices.values()].filter(({ backends }) =>
    backends.some((backend) => backend.group === path),
  );
}

/** In the instance group: a machine on its way out has left it, though it may still run. */
export function isInGroup(member: Member): boolean {
  return !leaving(member) && member.drainingUntil === undefined;
}

/** The machines of a backend that new connections may go to when they are healthy. */
export function endpoints(cloud: Cloud, group: StoredGroup): { member: Member; instance: StoredInstance }[] {
  return [...group.members.values()].flatMap((member) => {
    const instance = isInGroup(member) ? instanceOf(cloud, group, member) : undefined;
    return instance ? [{ member, instance }] : [];
  });
}

/** The port that is served on: what the group calls by the service's port name, or the service's plain port. */
export function servingPort(service: StoredBackendService, named: NamedPort[] = []): number {
  const found = named.find(({ name }) => name === service.portName);
  return found?.port ?? Number(service.settings.port ?? 80);
}

/** What the caller decided, in the form of a body. */
export function settingsOf(service: StoredBackendService): Json {
  const { backends, healthCheck, portName } = service;
  return {
    ...service.settings,
    ...(portName !== undefined && { portName }),
    connectionDraining: { drainingTimeoutSec: service.drainingTimeoutSec },
    ...(backends.length > 0 && { backends: backends.map(({ group, settings }) => ({ ...settings, group })) }),
    ...(healthCheck !== undefined && { healthChecks: [healthCheck] }),
  };
}

export function renderService(service: StoredBackendService, origin: string): Json {
  const { project, scope, backends, healthCheck } = service;
  return {
    kind: "compute#backendService",
    id: service.id,
    creationTimestamp: pacific(service.created),
    name: service.name,
    ...settingsOf(service),
    ...(backends.length > 0 && {
      backends: backends.map(({ group, settings }) => ({ ...settings, group: link(origin, group) })),
    }),
    ...(healthCheck !== undefined && { healthChecks: [link(origin, healthCheck)] }),
    fingerprint: service.fingerprint,
    ...(scope.kind === "region" && { region: link(origin, `projects/${project}/${scopePath(scope)}`) }),
    selfLink: link(origin, servicePath(service)),
  };
}
