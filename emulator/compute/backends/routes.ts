import type { Route } from "../../frame/router.ts";
import { aggregatedRoute } from "../aggregated.ts";
import type { Cloud } from "../cloud.ts";
import { collection, locationOf } from "../collection.ts";
import { checkName, errors } from "../errors.ts";
import { sameFingerprint } from "../fingerprint.ts";
import { checkScope, REGION_SCOPES } from "../geography.ts";
import { mergePatch } from "../groups/settings.ts";
import { LIST_QUERY } from "../listing.ts";
import { projectOf, read } from "../method.ts";
import { GLOBAL, link, parseRef, pathOf, type Ref } from "../names.ts";
import { checkBody, isObject, type Json } from "../schema/check.ts";
import { groupHealth } from "./health.ts";
import { renderService, type StoredBackendService, settingsOf } from "./model.ts";
import { parseService } from "./parse.ts";
import type { BackendProber } from "./prober.ts";

export function backendServiceRoutes(cloud: Cloud, prober: BackendProber): Route[] {
  return [
    ...routesOf(cloud, prober, "backendServices", "global"),
    ...routesOf(cloud, prober, "regionBackendServices", "regions/{region}"),
    aggregatedServices(cloud),
  ];
}

function routesOf(cloud: Cloud, prober: BackendProber, collectionName: string, where: string): Route[] {
  const services = collection<StoredBackendService>(cloud, {
    service: collectionName,
    where,
    name: "backendServices",
    param: "backendService",
    kind: "compute#backendServiceList",
    stored: cloud.backendServices,
    render: renderService,
    monitored: (target, id) => ({
      type: "gce_backend_service",
      labels: { project_id: target.project, backend_service_id: id, location: locationOf(target) },
    }),
  });
  const { path, one, on, ref, existing, permission } = services;
  const keep = (service: StoredBackendService, target: Ref): { targetId: string } => {
    cloud.backendServices.set(pathOf(target), service);
    prober.watch(pathOf(target));
    return { targetId: service.id };
  };
  /** An update says everything and must know what it changes; a patch may leave its fingerprint out. */
  const change = (verb: "patch" | "update", method: "PATCH" | "PUT"): Route =>
    on(verb, {
      method,
      path: one,
      body: "BackendService",
      coverage: "partly",
      apply: (body, target) => {
        const service = existing(target);
        const given = body.fingerprint ?? undefined;
        const known = given === undefined ? verb === "patch" : sameFingerprint(given, service.fingerprint);
        if (!known) throw errors.fingerprint();
        if (body.name !== undefined && body.name !== service.name)
          throw errors.value("resource.name", body.name, "The name of a backend service cannot be changed.");
        const { loadBalancingScheme } = service.settings;
        const base = settingsOf(service);
        const merged = verb === "patch" ? mergePatch(base, body) : { loadBalancingScheme, ...body };
        const settings = parseService(cloud, isObject(merged) ? merged : {}, target);
        if (settings.settings.loadBalancingScheme !== loadBalancingScheme)
          throw errors.value(
            "resource.loadBalancingScheme",
            settings.settings.loadBalancingScheme,
            "Load balancing scheme cannot be changed.",
          );
        const { project, scope, id, name, created, health } = service;
        const fingerprint = cloud.world.ids.fingerprint();
        return keep({ project, scope, id, name, created, health, fingerprint, ...settings }, target);
      },
    });
  return [
    on("insert", {
      method: "POST",
      path,
      body: "BackendService",
      coverage: "partly",
      apply: (body, target) => {
        const { ids, clock } = cloud.world;
        checkScope(target.project, target.scope);
        const name = checkName(body.name);
        if (cloud.backendServices.has(pathOf(target))) throw errors.exists(pathOf(target));
        const settings = parseService(cloud, body, target);
        const { project, scope } = target;
        const made = { id: ids.numeric(), created: clock.now(), fingerprint: ids.fingerprint(), health: {} };
        return keep({ project, scope, name, ...made, ...settings }, target);
      },
    }),
    change("patch", "PATCH"),
    change("update", "PUT"),
    on("delete", {
      method: "DELETE",
      path: one,
      apply: (_body, target) => {
        const service = existing(target);
        cloud.backendServices.delete(pathOf(target));
        prober.watch(pathOf(target));
        return { targetId: service.id };
      },
    }),
    read(cloud, {
      id: `compute.${collectionName}.listUsable`,
      path: `${path}/listUsable`,
      permission: permission("list"),
      query: LIST_QUERY,
      resource: (call) => `projects/${projectOf(cloud, call)}`,
      run: (call) => services.all(call, "compute#usableBackendServiceList"),
    }),
    services.get(),
    services.list(),
    read(cloud, {
      id: `compute.${collectionName}.getHealth`,
      method: "POST",
      path: `${one}/getHealth`,
      permission: permission("get"),
      resource: (call) => pathOf(ref(call)),
      run: (call) => {
        const service = existing(ref(call));
        const body = call.json<Json>();
        checkBody("ResourceGroupReference", body, cloud.world.loose);
        const text = String(body.group ?? "");
        if (text === "") throw errors.required("resource.group");
        const group = parseRef(cloud.world, text, service.project);
        if (group?.collection !== "instanceGroups") throw errors.value("resource.group", text, "The URL is malformed.");
        return groupHealth(cloud, service, pathOf(group), (path) => link(call.origin, path));
      },
    }),
  ];
}

function aggregatedServices(cloud: Cloud): Route {
  return aggregatedRoute(cloud, {
    collection: "backendServices",
    kind: "compute#backendServiceAggregatedList",
    scopes: [GLOBAL, ...REGION_SCOPES],
    all: () => cloud.backendServices.values(),
    render: renderService,
  });
}
