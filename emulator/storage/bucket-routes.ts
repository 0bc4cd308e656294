import { ApiError } from "../frame/errors.ts";
import type { Answer, Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import { predefinedAcl, requireLists } from "./acl.ts";
import type { Buckets } from "./buckets.ts";
import { conditionsOf, isUnchanged, isUnchangedByEtag, requireMet } from "./conditions.ts";
import { list, searchOf } from "./listing.ts";
import { type Bucket, isObject } from "./model.ts";
import { conditionNotMet, invalid, notServed, permit, required } from "./problems.ts";
import { bucketResource, locationType, numberEtag } from "./resources.ts";

/** Buckets, their IAM policies and what belongs to a project. Paths are below `/storage/v1`. */
export function bucketRoutes(world: World, buckets: Buckets): Route[] {
  const open = (call: Call, permission: string): Bucket => {
    const { bucket = "" } = call.params;
    permit(world, call.headers, permission, bucket);
    return buckets.get(bucket);
  };
  const show = (call: Call, bucket: Bucket): Answer => ({
    json: bucketResource(world, bucket, call.query.get("projection") ?? "noAcl"),
    headers: { etag: numberEtag(bucket.metageneration) },
  });
  const projectOf = (call: Call): string => {
    const project = call.query.get("project");
    if (!project) throw required("project");
    return project === world.projectNumber ? world.project : project;
  };

  const predefinedLists = (call: Call) => {
    const acl = predefinedAcl(world, call, "predefinedAcl", "bucket");
    const defaultObjectAcl = predefinedAcl(world, call, "predefinedDefaultObjectAcl", "object");
    return { ...(acl && { acl }), ...(defaultObjectAcl && { defaultObjectAcl }) };
  };

  const change = (call: Call, replace: boolean): Answer => {
    const bucket = open(call, "storage.buckets.update");
    requireMet(conditionsOf(call.query), bucket);
    const lists = predefinedLists(call);
    if (Object.keys(lists).length > 0) requireLists(bucket);
    buckets.change(bucket, { ...call.json(), ...lists }, replace);
    return show(call, bucket);
  };

  const policyOf = (bucket: Bucket) => ({
    kind: "storage#policy",
    resourceId: `projects/_/buckets/${bucket.name}`,
    version: bucket.policy.version,
    etag: numberEtag(bucket.policy.revision),
    bindings: bucket.policy.bindings,
  });

  const path = "/b/{bucket}";
  return [
    {
      id: "storage.buckets.insert",
      method: "POST",
      path: "/b",
      run: (call) => {
        if (call.query.get("enableObjectRetention") === "true") throw notServed("the parameter enableObjectRetention");
        const project = projectOf(call);
        const body = call.json();
        permit(world, call.headers, "storage.buckets.create", String(body.name ?? ""));
        return show(call, buckets.create(project, { ...body, ...predefinedLists(call) }));
      },
    },
    {
      id: "storage.buckets.list",
      method: "GET",
      path: "/b",
      run: (call) => {
        const project = projectOf(call);
        if (call.query.get("softDeleted") === "true") throw notServed("listing soft-deleted buckets");
        permit(world, call.headers, "storage.buckets.list", "*");
        const { items, nextPageToken } = list(buckets.list(project), searchOf(call.query));
        const projection = call.query.get("projection") ?? "noAcl";
        return {
          json: {
            kind: "storage#buckets",
            ...(nextPageToken !== undefined && { nextPageToken }),
            ...(items.length > 0 && { items: items.map((bucket) => bucketResource(world, bucket, projection)) }),
          },
        };
      },
    },
    {
      id: "storage.buckets.get",
      method: "GET",
      path,
      run: (call) => {
        const bucket = open(call, "storage.buckets.get");
        const etag = numberEtag(bucket.metageneration);
        if (isUnchanged(conditionsOf(call.query), bucket) || isUnchangedByEtag(call.headers, etag)) {
          return { status: 304, headers: { etag } };
        }
        return show(call, bucket);
      },
    },
    { id: "storage.buckets.patch", method: "PATCH", path, run: (call) => change(call, false) },
    { id: "storage.buckets.update", method: "PUT", path, run: (call) => change(call, true) },
    {
      id: "storage.buckets.delete",
      method: "DELETE",
      path,
      run: (call) => {
        buckets.delete(open(call, "storage.buckets.delete"), conditionsOf(call.query));
        return { status: 204 };
      },
    },
    {
      id: "storage.buckets.lockRetentionPolicy",
      method: "POST",
      path: `${path}/lockRetentionPolicy`,
      run: (call) => {
        const bucket = open(call, "storage.buckets.update");
        if (!call.query.get("ifMetagenerationMatch")) throw required("ifMetagenerationMatch");
        requireMet(conditionsOf(call.query), bucket);
        const { retentionPolicy } = bucket.settings;
        if (!isObject(retentionPolicy))
          throw invalid("Bucket does not have a Retention Policy, so it cannot be locked.");
        bucket.settings.retentionPolicy = { ...retentionPolicy, isLocked: true };
        buckets.touch(bucket);
        return show(call, bucket);
      },
    },
    {
      id: "storage.buckets.getStorageLayout",
      method: "GET",
      path: `${path}/storageLayout`,
      run: (call) => {
        const bucket = open(call, "storage.objects.list");
        return {
          json: {
            kind: "storage#storageLayout",
            bucket: bucket.name,
            location: bucket.location,
            locationType: locationType(bucket.location),
            hierarchicalNamespace: { enabled: false },
          },
        };
      },
    },
    {
      // `gcloud storage rm -r` asks. Making one is not served, so there is none to list.
      id: "storage.managedFolders.list",
      method: "GET",
      path: `${path}/managedFolders`,
      coverage: "partly",
      run: (call) => {
        open(call, "storage.managedFolders.list");
        return { json: { kind: "storage#managedFolders" } };
      },
    },
    {
      id: "storage.buckets.getIamPolicy",
      method: "GET",
      path: `${path}/iam`,
      run: (call) => ({ json: policyOf(open(call, "storage.buckets.getIamPolicy")) }),
    },
    {
      id: "storage.buckets.setIamPolicy",
      method: "PUT",
      path: `${path}/iam`,
      run: (call) => {
        const bucket = open(call, "storage.buckets.setIamPolicy");
        const { bindings, version, etag } = call.json<{ bindings?: unknown; version?: unknown; etag?: unknown }>();
        if (typeof etag === "string" && etag !== "" && etag !== numberEtag(bucket.policy.revision)) {
          throw conditionNotMet();
        }
        if (bindings !== undefined && !Array.isArray(bindings)) throw invalid("Invalid value for: bindings");
        bucket.policy = {
          bindings: bindings ?? [],
          version: typeof version === "number" ? version : 1,
          revision: bucket.policy.revision + 1,
        };
        buckets.touch(bucket);
        return { json: policyOf(bucket) };
      },
    },
    {
      id: "storage.buckets.testIamPermissions",
      method: "GET",
      path: `${path}/iam/testPermissions`,
      run: (call) => {
        const bucket = buckets.get(call.params.bucket ?? "");
        const asked = call.query.getAll("permissions");
        if (asked.length === 0) throw required("permissions");
        const principal = world.doors.principal(call.headers);
        const resource = `projects/_/buckets/${bucket.name}`;
        const permissions = asked.filter((permission) => world.doors.allowed(principal, permission, resource));
        return {
          json: { kind: "storage#testIamPermissionsResponse", ...(permissions.length > 0 && { permissions }) },
        };
      },
    },
    {
      id: "storage.projects.serviceAccount.get",
      method: "GET",
      path: "/projects/{project}/serviceAccount",
      run: (call) => {
        const { project } = call.params;
        if (project !== world.project && project !== world.projectNumber) {
          throw new ApiError(404, `Project ${project} not found.`, { reason: "notFound" });
        }
        return {
          json: {
            kind: "storage#serviceAccount",
            email_address: `service-${world.projectNumber}@gs-project-accounts.iam.gserviceaccount.com`,
          },
        };
      },
    },
  ];
}
