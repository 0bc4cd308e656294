import type { Call } from "../../frame/http.ts";
import type { Route } from "../../frame/router.ts";
import type { Cloud } from "../cloud.ts";
import { checkName, errors } from "../errors.ts";
import { checkScope, checkZone, ZONE_SCOPES } from "../geography.ts";
import { isEmpty } from "../groups/settings.ts";
import { findImage, imagePath, refusal } from "../images/model.ts";
import { diskPath, renderDisk } from "../instances/model.ts";
import { AGGREGATED_QUERY, aggregated, LIST_QUERY, type Listed, list } from "../listing.ts";
import { mutation, projectOf, read, scopeOf } from "../method.ts";
import { lastOf, pathOf, type Ref } from "../names.ts";
import type { Json } from "../schema/check.ts";
import { findSnapshot, snapshotPath } from "../snapshots/model.ts";
import { dropDisk, renderStoredDisk, type StoredDisk } from "./model.ts";

const COLLECTION = "/compute/v1/projects/{project}/zones/{zone}/disks";

/** What a disk may say beside its name, size, type and source image. */
const KNOWN = ["name", "description", "sizeGb", "type", "labels", "sourceImage", "sourceSnapshot", "zone", "kind"];

/** Disks: those of machines, which are only read, and those that live for themselves. */
export function diskRoutes(cloud: Cloud): Route[] {
  const ref = (call: Call, name: string): Ref => ({
    project: projectOf(cloud, call),
    scope: scopeOf(call),
    collection: "disks",
    name,
  });
  const common = {
    monitored: (target: Ref, id: string) => ({
      type: "gce_disk",
      labels: {
        project_id: target.project,
        disk_id: id,
        zone: target.scope.kind === "zone" ? target.scope.name : "",
      },
    }),
    idOf: (path: string) => cloud.disks.get(path)?.id,
  };
  return [
    mutation(cloud, {
      ...common,
      id: "compute.disks.insert",
      operationType: "insert",
      method: "POST",
      path: COLLECTION,
      permission: "compute.disks.create",
      body: "Disk",
      query: ["sourceImage"],
      coverage: "partly",
      target: (call, body) => ref(call, String(body.name ?? "")),
      apply: (body, target, call) => {
        const disk = insert(cloud, { sourceImage: call.query.get("sourceImage") ?? undefined, ...body }, target);
        cloud.disks.set(pathOf(target), disk);
        const { snapshot } = disk;
        const copied = snapshot && cloud.machines.disks?.copy({ id: snapshot.id }, disk.id);
        if (!copied) return { targetId: disk.id };
        const failed = (why: Error) => ({ code: "INTERNAL_ERROR", http: 500, message: why.message });
        return {
          targetId: disk.id,
          until: (end) => {
            copied.then(
              () => end(),
              (why: Error) => end(failed(why)),
            );
          },
        };
      },
    }),
    mutation(cloud, {
      ...common,
      id: "compute.disks.delete",
      operationType: "delete",
      method: "DELETE",
      path: `${COLLECTION}/{disk}`,
      permission: "compute.disks.delete",
      target: (call) => ref(call, call.params.disk ?? ""),
      apply: (_body, target) => {
        checkScope(target.project, target.scope);
        const path = pathOf(target);
        const stored = cloud.disks.get(path);
        const machine = { ...target, collection: "instances" };
        const [user] = stored?.users ?? (cloud.instances.has(pathOf(machine)) ? [pathOf(machine)] : []);
        if (user !== undefined) throw errors.inUse("disk", path, user);
        if (!stored) throw errors.notFound(path);
        dropDisk(cloud, path);
        return { targetId: stored.id };
      },
    }),
    ...reads(cloud),
  ];
}

function insert(cloud: Cloud, body: Json, target: Ref): StoredDisk {
  const { ids, clock } = cloud.world;
  const name = checkName(body.name);
  checkScope(target.project, target.scope);
  for (const [field, value] of Object.entries(body))
    if (!KNOWN.includes(field) && !isEmpty(value)) throw errors.notEmulated(`disks.insert with ${field}`);
  if (cloud.disks.has(pathOf(target)) || cloud.instances.has(pathOf({ ...target, collection: "instances" })))
    throw errors.exists(pathOf(target));
  const source = typeof body.sourceImage === "string" ? body.sourceImage : undefined;
  const image = source === undefined ? undefined : findImage(cloud, source, target.project);
  if (source !== undefined && !image)
    throw errors.value("resource.sourceImage", source, "The referenced image resource cannot be found.");
  const why = image && refusal(image);
  if (why) throw errors.value("resource.sourceImage", source, why.message);
  const from = typeof body.sourceSnapshot === "string" ? body.sourceSnapshot : undefined;
  const snapshot = from === undefined ? undefined : findSnapshot(cloud, from, target.project);
  if (from !== undefined && source !== undefined)
    throw errors.usage("Disk cannot have both an image and a snapshot as its source.");
  if (from !== undefined && !snapshot)
    throw errors.value("resource.sourceSnapshot", from, "The referenced snapshot resource cannot be found.");
  if (snapshot && snapshot.status !== "READY") throw errors.notReady(snapshotPath(snapshot));
  const least = Number(snapshot?.diskSizeGb ?? image?.diskSizeGb ?? 1);
  const size = Number(body.sizeGb ?? snapshot?.diskSizeGb ?? image?.diskSizeGb ?? 500);
  if (snapshot && size < least)
    throw errors.value(
      "resource.sizeGb",
      body.sizeGb,
      `Requested disk size cannot be smaller than the snapshot size (${least} GB)`,
    );
  if (size < 1) throw errors.value("resource.sizeGb", body.sizeGb, "Must be greater than or equal to 1.");
  return {
    project: target.project,
    zone: target.scope.kind === "zone" ? target.scope.name : "",
    id: ids.numeric(),
    name,
    ...(typeof body.description === "string" && { description: body.description }),
    created: clock.now(),
    sizeGb: String(size),
    type: lastOf(String(body.type ?? "pd-standard")),
    labels: (body.labels ?? {}) as Record<string, string>,
    labelFingerprint: ids.fingerprint(),
    ...(image && { image: { path: imagePath(image), id: image.id } }),
    ...(snapshot && { snapshot: { path: snapshotPath(snapshot), id: snapshot.id } }),
    ...(snapshot?.image && { image: snapshot.image }),
    users: [],
  };
}

function reads(cloud: Cloud): Route[] {
  const project = (call: Call) => `projects/${projectOf(cloud, call)}`;
  /** A boot disk that lives for itself stands in both; then it is that. */
  const all = (call: Call): (Listed & { zone: string })[] => {
    const own = projectOf(cloud, call);
    const stored = [...cloud.disks.values()]
      .filter((disk) => disk.project === own)
      .map((disk) => ({
        name: disk.name,
        created: disk.created,
        zone: disk.zone,
        json: renderStoredDisk(disk, call.origin),
      }));
    const bound = [...cloud.instances.values()]
      .filter((i) => i.project === own && bootSource(i.disks) === undefined && !cloud.disks.has(diskPath(i)))
      .map((i) => ({ name: i.name, created: i.created, zone: i.zone, json: renderDisk(i, call.origin) }));
    return [...stored, ...bound];
  };
  return [
    read(cloud, {
      id: "compute.disks.get",
      path: `${COLLECTION}/{disk}`,
      permission: "compute.disks.get",
      resource: project,
      run: (call) => {
        const { zone = "", disk = "" } = call.params;
        checkZone(projectOf(cloud, call), zone);
        const path = `${project(call)}/zones/${zone}/disks/${disk}`;
        const stored = cloud.disks.get(path);
        if (stored) return renderStoredDisk(stored, call.origin);
        const instance = cloud.instances.get(`${project(call)}/zones/${zone}/instances/${disk}`);
        if (!instance || bootSource(instance.disks) !== undefined) throw errors.notFound(path);
        return renderDisk(instance, call.origin);
      },
    }),
    read(cloud, {
      id: "compute.disks.list",
      path: COLLECTION,
      permission: "compute.disks.list",
      query: LIST_QUERY,
      resource: project,
      run: (call) => {
        const zone = call.params.zone ?? "";
        checkZone(projectOf(cloud, call), zone);
        const items = all(call).filter((disk) => disk.zone === zone);
        return list(call, "compute#diskList", `${project(call)}/zones/${zone}/disks`, items);
      },
    }),
    read(cloud, {
      id: "compute.disks.aggregatedList",
      path: "/compute/v1/projects/{project}/aggregated/disks",
      permission: "compute.disks.list",
      query: AGGREGATED_QUERY,
      resource: project,
      run: (call) =>
        aggregated(call, {
          kind: "compute#diskAggregatedList",
          project: projectOf(cloud, call),
          collection: "disks",
          scopes: ZONE_SCOPES,
          all: all(call).map((disk) => ({ ...disk, scope: { kind: "zone", name: disk.zone } })),
        }),
    }),
  ];
}

/** Where a machine's boot disk comes from, when it was not made for the machine. */
function bootSource(disks: Json[]): string | undefined {
  const source = disks.find((disk) => disk.boot === true)?.source;
  return typeof source === "string" ? source : undefined;
}
