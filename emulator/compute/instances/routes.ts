import type { Call } from "../../frame/http.ts";
import type { Route } from "../../frame/router.ts";
import { addressesRefused } from "../addresses/wanted.ts";
import type { Cloud } from "../cloud.ts";
import { checkName, errors } from "../errors.ts";
import { sameFingerprint } from "../fingerprint.ts";
import { checkScope, checkZone, machineSize, ZONE_SCOPES } from "../geography.ts";
import { AGGREGATED_QUERY, aggregated, LIST_QUERY, list } from "../listing.ts";
import { type Mutation, mutation, projectOf, read, scopeOf } from "../method.ts";
import { lastOf, parseRef, pathOf, type Ref } from "../names.ts";
import { isObject, type Json } from "../schema/check.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { bootImage, disksOf, type Plan, shortage } from "./make.ts";
import { itemsOf, renderInstance, type StoredInstance } from "./model.ts";
import { checkScheduling } from "./scheduling.ts";

const COLLECTION = "/compute/v1/projects/{project}/zones/{zone}/instances";
export const ONE_INSTANCE = `${COLLECTION}/{instance}`;

export function instanceRef(cloud: Cloud, call: Call, name = call.params.instance ?? ""): Ref {
  return { project: projectOf(cloud, call), scope: scopeOf(call), collection: "instances", name };
}

export function instanceAt(cloud: Cloud, target: Ref): StoredInstance {
  checkScope(target.project, target.scope);
  const instance = cloud.instances.get(pathOf(target));
  if (!instance) throw errors.notFound(pathOf(target));
  return instance;
}

/** What every change of an instance says of its target in the audit log. */
export const audited = (cloud: Cloud): Pick<Mutation, "monitored" | "idOf"> => ({
  monitored: (target, id) => ({
    type: "gce_instance",
    labels: {
      project_id: target.project,
      instance_id: id,
      zone: target.scope.kind === "zone" ? target.scope.name : "",
    },
  }),
  idOf: (path) => cloud.instances.get(path)?.id,
});

export function instanceRoutes(cloud: Cloud, lifecycle: Lifecycle): Route[] {
  const common = audited(cloud);
  const on = (verb: string, rest: Pick<Mutation, "method" | "path" | "apply"> & Partial<Mutation>): Route =>
    mutation(cloud, {
      ...common,
      id: `compute.instances.${verb}`,
      operationType: verb,
      permission: `compute.instances.${verb}`,
      target: (call) => instanceRef(cloud, call),
      ...rest,
    });
  const power = (verb: "start" | "stop" | "reset", from: string[], query: string[] = []): Route =>
    on(verb, {
      method: "POST",
      path: `${ONE_INSTANCE}/${verb}`,
      query,
      apply: (_body, target) => {
        const instance = instanceAt(cloud, target);
        // Asking for what is so already is no error, and does nothing.
        if (!from.includes(instance.status)) return { targetId: instance.id };
        return { targetId: instance.id, until: (end) => lifecycle[verb](instance, end) };
      },
    });
  return [
    on("insert", {
      method: "POST",
      path: COLLECTION,
      permission: "compute.instances.create",
      body: "Instance",
      query: ["sourceInstanceTemplate", "sourceMachineImage"],
      coverage: "partly",
      target: (call, body) => instanceRef(cloud, call, String(body.name ?? "")),
      apply: (body, target, call) => {
        const plan = planOf(cloud, body, target, call);
        const boot = bootImage(cloud, plan);
        if ("code" in boot) {
          const source = disksOf(plan.properties).find((disk) => disk.boot)?.initializeParams?.sourceImage;
          const at = "resource.disks[0].initializeParams.sourceImage";
          if (boot.code === "RESOURCE_NOT_FOUND")
            throw errors.value(at, source, "The referenced image resource cannot be found.");
          if (boot.code === "RESOURCE_NOT_READY") throw errors.notReady(source ?? "");
          throw errors.value(at, source, boot.message);
        }
        const scarce = addressesRefused(cloud, plan) ?? shortage(cloud, plan);
        if (scarce) return { targetId: cloud.world.ids.numeric(), finish: () => scarce };
        let end: Parameters<Lifecycle["start"]>[1] = () => {};
        const instance = lifecycle.create(plan, boot.image, (failure) => end(failure));
        return {
          targetId: instance.id,
          until: (ending) => {
            end = ending;
          },
        };
      },
    }),
    on("delete", {
      method: "DELETE",
      path: ONE_INSTANCE,
      apply: (_body, target) => {
        const instance = instanceAt(cloud, target);
        if (instance.kept.deletionProtection === true)
          throw errors.usage(
            `Resource cannot be deleted if it's protected against deletion. Resource: ${pathOf(target)}`,
          );
        return { targetId: instance.id, until: (end) => lifecycle.remove(instance, () => end()) };
      },
    }),
    power(
      "stop",
      ["RUNNING", "STAGING", "PROVISIONING", "REPAIRING", "SUSPENDED"],
      ["discardLocalSsd", "noGracefulShutdown"],
    ),
    power("start", ["TERMINATED"]),
    power("reset", ["RUNNING"]),
    on("setMetadata", {
      method: "POST",
      path: `${ONE_INSTANCE}/setMetadata`,
      body: "Metadata",
      apply: (body, target) => {
        const instance = instanceAt(cloud, target);
        if (!sameFingerprint(body.fingerprint, instance.metadataFingerprint))
          throw errors.fingerprint("Supplied fingerprint does not match current metadata fingerprint.");
        instance.metadata = itemsOf(body);
        instance.metadataFingerprint = cloud.world.ids.fingerprint();
        return { targetId: instance.id };
      },
    }),
    on("setLabels", {
      method: "POST",
      path: `${ONE_INSTANCE}/setLabels`,
      body: "InstancesSetLabelsRequest",
      apply: (body, target) => {
        const instance = instanceAt(cloud, target);
        if (!sameFingerprint(body.labelFingerprint, instance.labelFingerprint))
          throw errors.fingerprint("Labels fingerprint either invalid or resource labels have changed");
        instance.labels = (body.labels ?? {}) as Record<string, string>;
        instance.labelFingerprint = cloud.world.ids.fingerprint();
        return { targetId: instance.id };
      },
    }),
    ...lists(cloud),
  ];
}

/** A body over a template: what the body states replaces the template's field. */
function planOf(cloud: Cloud, body: Json, target: Ref, call: Call): Plan {
  const name = checkName(body.name);
  checkScope(target.project, target.scope);
  if (cloud.instances.has(pathOf(target))) throw errors.exists(pathOf(target));
  if (call.query.get("sourceMachineImage")) throw errors.notEmulated("instances.insert with sourceMachineImage");
  const text = call.query.get("sourceInstanceTemplate");
  const ref = text ? parseRef(cloud.world, text, target.project) : undefined;
  const template = ref && cloud.templates.get(pathOf(ref));
  if (text && !template)
    throw ref ? errors.notFound(pathOf(ref)) : errors.value("sourceInstanceTemplate", text, "The URL is malformed.");
  // Clients send the lists and maps that nobody filled in: those state nothing.
  const stated = Object.fromEntries(Object.entries(body).filter(([, value]) => !isUnset(value)));
  const properties: Json = { ...template?.properties, ...stated };
  if (!properties.machineType) throw errors.required("resource.machineType");
  const machineType = lastOf(String(properties.machineType));
  if (target.scope.kind === "zone" && !machineSize(machineType))
    throw errors.value(
      "resource.machineType",
      properties.machineType,
      `Machine type with name '${machineType}' does not exist in zone '${target.scope.name}'.`,
    );
  checkScheduling(properties.scheduling);
  if (!disksOf(properties).some((disk) => disk.boot))
    throw errors.value("resource.disks", "", "A boot disk must be specified.");
  return { project: target.project, zone: target.scope.kind === "zone" ? target.scope.name : "", name, properties };
}

function isUnset(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
}

function lists(cloud: Cloud): Route[] {
  const own = (project: string, zone?: string) =>
    [...cloud.instances.values()].filter((i) => i.project === project && (zone === undefined || i.zone === zone));
  const listed = (instance: StoredInstance, call: Call) => ({
    name: instance.name,
    created: instance.created,
    json: renderInstance(instance, call.origin),
  });
  return [
    read(cloud, {
      id: "compute.instances.get",
      path: ONE_INSTANCE,
      permission: "compute.instances.get",
      query: ["view"],
      resource: (call) => pathOf(instanceRef(cloud, call)),
      run: (call) => renderInstance(instanceAt(cloud, instanceRef(cloud, call)), call.origin),
    }),
    read(cloud, {
      id: "compute.instances.list",
      path: COLLECTION,
      permission: "compute.instances.list",
      query: [...LIST_QUERY, "view"],
      resource: (call) => `projects/${projectOf(cloud, call)}`,
      run: (call) => {
        const project = projectOf(cloud, call);
        const zone = call.params.zone ?? "";
        checkZone(project, zone);
        const items = own(project, zone).map((instance) => listed(instance, call));
        return list(call, "compute#instanceList", `projects/${project}/zones/${zone}/instances`, items);
      },
    }),
    read(cloud, {
      id: "compute.instances.aggregatedList",
      path: "/compute/v1/projects/{project}/aggregated/instances",
      permission: "compute.instances.list",
      query: [...AGGREGATED_QUERY, "view"],
      resource: (call) => `projects/${projectOf(cloud, call)}`,
      run: (call) => {
        const project = projectOf(cloud, call);
        return aggregated(call, {
          kind: "compute#instanceAggregatedList",
          project,
          collection: "instances",
          scopes: ZONE_SCOPES,
          all: own(project).map((instance) => ({
            ...listed(instance, call),
            scope: { kind: "zone", name: instance.zone },
          })),
        });
      },
    }),
  ];
}
