import type { Call } from "../../frame/http.ts";
import type { Route } from "../../frame/router.ts";
import type { Cloud } from "../cloud.ts";
import { checkName, errors } from "../errors.ts";
import { sameFingerprint } from "../fingerprint.ts";
import { checkScope } from "../geography.ts";
import { LIST_QUERY, list } from "../listing.ts";
import { type Change, type Mutation, mutation, projectOf, read, scopeOf } from "../method.ts";
import { GLOBAL, parseRef, pathOf, type Ref, regionOf } from "../names.ts";
import type { Json } from "../schema/check.ts";
import { diskToSnap, renderSnapshot, type StoredSnapshot, snapshotPath } from "./model.ts";

const COLLECTION = "/compute/v1/projects/{project}/global/snapshots";

/** What a snapshot may say of itself. */
const KNOWN = ["name", "description", "labels", "sourceDisk", "storageLocations", "kind", "snapshotType", "guestFlush"];

/** Snapshots of disks. https://docs.cloud.google.com/compute/docs/reference/rest/v1/snapshots */
export function snapshotRoutes(cloud: Cloud): Route[] {
  const ref = (call: Call, name = call.params.snapshot ?? ""): Ref => ({
    project: projectOf(cloud, call),
    scope: GLOBAL,
    collection: "snapshots",
    name,
  });
  const existing = (target: Ref): StoredSnapshot => {
    const snapshot = cloud.snapshots.get(pathOf(target));
    if (!snapshot) throw errors.notFound(pathOf(target));
    return snapshot;
  };
  const common = {
    monitored: (target: Ref, id: string) => ({
      type: "gce_snapshot",
      labels: { project_id: target.project, snapshot_id: id },
    }),
    idOf: (path: string) => cloud.snapshots.get(path)?.id,
  };
  const on = (verb: string, rest: Pick<Mutation, "method" | "path" | "apply"> & Partial<Mutation>): Route =>
    mutation(cloud, {
      ...common,
      id: `compute.snapshots.${verb}`,
      operationType: verb,
      permission: `compute.snapshots.${verb}`,
      target: (call) => ref(call),
      ...rest,
    });
  return [
    mutation(cloud, {
      id: "compute.disks.createSnapshot",
      operationType: "createSnapshot",
      method: "POST",
      path: "/compute/v1/projects/{project}/zones/{zone}/disks/{disk}/createSnapshot",
      permission: "compute.disks.createSnapshot",
      also: (body, target) => [
        {
          permission: "compute.snapshots.create",
          resource: snapshotPath({ ...target, name: String(body.name ?? "") }),
        },
      ],
      body: "Snapshot",
      query: ["guestFlush"],
      coverage: "partly",
      target: (call) => ({
        project: projectOf(cloud, call),
        scope: scopeOf(call),
        collection: "disks",
        name: call.params.disk ?? "",
      }),
      monitored: (target, id) => ({
        type: "gce_disk",
        labels: {
          project_id: target.project,
          disk_id: id,
          zone: target.scope.kind === "zone" ? target.scope.name : "",
        },
      }),
      idOf: (path) => cloud.disks.get(path)?.id,
      apply: (body, target) => {
        checkScope(target.project, target.scope);
        const { snapshot, change } = snap(cloud, body, pathOf(target), target.project);
        return { ...change, targetId: snapshot.sourceDisk.id };
      },
    }),
    on("insert", {
      method: "POST",
      path: COLLECTION,
      permission: "compute.snapshots.create",
      body: "Snapshot",
      coverage: "partly",
      target: (call, body) => ref(call, String(body.name ?? "")),
      apply: (body, target) => {
        if (!body.sourceDisk) throw errors.required("resource.sourceDisk");
        const disk = parseRef(cloud.world, String(body.sourceDisk), target.project);
        if (disk?.collection !== "disks")
          throw errors.value("resource.sourceDisk", body.sourceDisk, "The URL is malformed.");
        return snap(cloud, body, pathOf(disk), target.project).change;
      },
    }),
    on("delete", {
      method: "DELETE",
      path: `${COLLECTION}/{snapshot}`,
      apply: (_body, target) => {
        const snapshot = existing(target);
        cloud.snapshots.delete(pathOf(target));
        void cloud.machines.disks?.delete(snapshot.id);
        return { targetId: snapshot.id };
      },
    }),
    on("setLabels", {
      method: "POST",
      path: `${COLLECTION}/{snapshot}/setLabels`,
      body: "GlobalSetLabelsRequest",
      repeatable: false,
      apply: (body, target) => {
        const snapshot = existing(target);
        if (!sameFingerprint(body.labelFingerprint, snapshot.labelFingerprint))
          throw errors.fingerprint("Labels fingerprint either invalid or resource labels have changed");
        snapshot.labels = (body.labels ?? {}) as Record<string, string>;
        snapshot.labelFingerprint = cloud.world.ids.fingerprint();
        return { targetId: snapshot.id };
      },
    }),
    read(cloud, {
      id: "compute.snapshots.get",
      path: `${COLLECTION}/{snapshot}`,
      permission: "compute.snapshots.get",
      resource: (call) => pathOf(ref(call)),
      run: (call) => renderSnapshot(existing(ref(call)), call.origin),
    }),
    read(cloud, {
      id: "compute.snapshots.list",
      path: COLLECTION,
      permission: "compute.snapshots.list",
      query: LIST_QUERY,
      resource: (call) => `projects/${projectOf(cloud, call)}`,
      run: (call) => {
        const project = projectOf(cloud, call);
        const own = [...cloud.snapshots.values()]
          .filter((snapshot) => snapshot.project === project)
          .map((snapshot) => ({
            name: snapshot.name,
            created: snapshot.created,
            json: renderSnapshot(snapshot, call.origin),
          }));
        return list(call, "compute#snapshotList", `projects/${project}/global/snapshots`, own);
      },
    }),
  ];
}

/** Begins a snapshot of a disk; it is ready when what the disk holds is copied. */
function snap(cloud: Cloud, body: Json, disk: string, project: string): { snapshot: StoredSnapshot; change: Change } {
  const { ids, clock } = cloud.world;
  const name = checkName(body.name);
  for (const [field, value] of Object.entries(body))
    if (!KNOWN.includes(field) && value !== undefined && value !== null)
      throw errors.notEmulated(`snapshots with ${field}`);
  const { at, ...source } = diskToSnap(cloud, disk);
  if (cloud.snapshots.has(snapshotPath({ project, name }))) throw errors.exists(snapshotPath({ project, name }));
  const zone = /\/zones\/([^/]+)\//.exec(disk)?.[1] ?? "";
  const snapshot: StoredSnapshot = {
    ...source,
    project,
    id: ids.numeric(),
    name,
    ...(typeof body.description === "string" && { description: body.description }),
    created: clock.now(),
    status: "CREATING",
    labels: (body.labels ?? {}) as Record<string, string>,
    labelFingerprint: ids.fingerprint(),
    // Where they are kept: the multi-region nearest to the disk.
    storageLocations: Array.isArray(body.storageLocations)
      ? body.storageLocations.map(String)
      : [regionOf(zone).startsWith("europe") ? "eu" : "us"],
  };
  cloud.snapshots.set(snapshotPath(snapshot), snapshot);
  const copied = cloud.machines.disks?.copy(at, snapshot.id) ?? Promise.resolve();
  return {
    snapshot,
    change: {
      targetId: snapshot.id,
      until: (end) => {
        const ended = (status: StoredSnapshot["status"], why?: Error) => {
          snapshot.status = status;
          end(why && { code: "INTERNAL_ERROR", http: 500, message: why.message });
        };
        clock.after(cloud.timings.operation, () => {
          copied.then(
            () => ended("READY"),
            (why: Error) => ended("FAILED", why),
          );
        });
      },
    },
  };
}
