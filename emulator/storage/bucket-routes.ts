import type { Answer, Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import { predefinedAcl, requireLists, requireNotPublic } from "./acl.ts";
import type { Buckets } from "./buckets.ts";
import { conditionsOf, generationOf, isUnchanged, isUnchangedByEtag, requireMet } from "./conditions.ts";
import { flag } from "./flags.ts";
import { list, searchOf } from "./listing.ts";
import { type Bucket, isObject } from "./model.ts";
import { needsUniformAccess, policyFrom, shownPolicy } from "./policies.ts";
import { invalid, permit, required } from "./problems.ts";
import { bucketResource, locationType, numberEtag, projectNumber } from "./resources.ts";
import { hasUniformAccess } from "./uniform.ts";

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** Buckets, their IAM policies and what belongs to a project. Paths are below `/storage/v1`. */
export function bucketRoutes(world: World, buckets: Buckets): Route[] {
  const open = (call: Call, permission: string): Bucket => {
    const { bucket = "" } = call.params;
    permit(world, call.headers, permission, bucket);
    return buckets.get(bucket);
  };
  const show = (call: Call, bucket: Bucket, usual = "noAcl"): Answer => ({
    json: bucketResource(world, bucket, call.query.get("projection") ?? usual),
    headers: { etag: numberEtag(bucket.metageneration) },
  });
  const projectOf = (call: Call): string => {
    const project = call.query.get("project");
    if (!project) throw required("project");
    return project === world.projectNumber ? world.project : project;
  };

  const predefinedLists = (call: Call) => {
    const acl = predefinedAcl(world, call, "predefinedAcl", "bucket");
    const defaultObjectAcl = predefinedAcl(world, call, "predefinedDefaultObjectAcl", "default");
    return { ...(acl && { acl }), ...(defaultObjectAcl && { defaultObjectAcl }) };
  };

  const change = (call: Call, replace: boolean): Answer => {
    const bucket = open(call, "storage.buckets.update");
    requireMet(conditionsOf(call.query), bucket);
    const body = { ...call.json(), ...predefinedLists(call) };
    if (isSet(body.acl) || isSet(body.defaultObjectAcl)) requireLists(bucket, body.acl, body.defaultObjectAcl);
    buckets.change(bucket, body, replace);
    return show(call, bucket, "full");
  };

  const policyOf = (bucket: Bucket) => shownPolicy(bucket.policy, `projects/_/buckets/${bucket.name}`);
  const generation = (call: Call): string => {
    const asked = generationOf(call.query);
    if (asked === undefined) throw required("generation");
    return asked;
  };

  const path = "/b/{bucket}";
  return [
    {
      id: "storage.buckets.insert",
      method: "POST",
      path: "/b",
      run: (call) => {
        const objectRetention = flag(call.query, "enableObjectRetention");
        const project = projectOf(call);
        const body = call.json();
        permit(world, call.headers, "storage.buckets.create", String(body.name ?? ""));
        const made = buckets.create(project, { ...body, ...predefinedLists(call) }, objectRetention);
        return show(call, made, isSet(body.acl) || isSet(body.defaultObjectAcl) ? "full" : "noAcl");
      },
    },
    {
      id: "storage.buckets.list",
      method: "GET",
      path: "/b",
      run: (call) => {
        const project = projectOf(call);
        permit(world, call.headers, "storage.buckets.list", "*");
        const isSoft = flag(call.query, "softDeleted");
        const all = isSoft
          ? buckets.softDeleted().filter((bucket) => bucket.project === project)
          : buckets.list(project);
        const { items, nextPageToken } = list(all, searchOf(call.query));
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
        if (flag(call.query, "softDeleted")) {
          permit(world, call.headers, "storage.buckets.get", call.params.bucket ?? "");
          return show(call, buckets.getSoftDeleted(call.params.bucket ?? "", generation(call)));
        }
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
      id: "storage.buckets.restore",
      method: "POST",
      path: `${path}/restore`,
      run: (call) => {
        const { bucket = "" } = call.params;
        permit(world, call.headers, "storage.buckets.restore", bucket);
        return show(call, buckets.restore(bucket, generation(call)));
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
            hierarchicalNamespace: { enabled: isObject(bucket.settings.hierarchicalNamespace) },
          },
        };
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
        bucket.policy = policyFrom(call.json(), bucket.policy, (members, hasCondition) => {
          requireNotPublic(bucket, members);
          if (hasCondition && !hasUniformAccess(bucket)) throw needsUniformAccess();
        });
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
        // Names of buckets are global here whatever the project, and so every project has its agent.
        const number = projectNumber(world, call.params.project ?? "");
        return {
          json: {
            kind: "storage#serviceAccount",
            email_address: `service-${number}@gs-project-accounts.iam.gserviceaccount.com`,
          },
        };
      },
    },
  ];
}
