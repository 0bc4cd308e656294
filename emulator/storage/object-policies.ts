import { ApiError } from "../frame/errors.ts";
import type { Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import { aclOf, type Grant, requireLists } from "./acl.ts";
import type { Buckets } from "./buckets.ts";
import { generationOf } from "./conditions.ts";
import { type Bucket, type Generation, isObject, type Json } from "./model.ts";
import type { Objects } from "./objects.ts";
import { conditionNotMet, invalid, permit, required } from "./problems.ts";
import { objectEtag } from "./resources.ts";

const ROLES: Record<string, string> = {
  OWNER: "roles/storage.legacyObjectOwner",
  READER: "roles/storage.legacyObjectReader",
};

/** An entity of a list as a member of a policy, and back. */
function memberOf(entity: string): string {
  const project = /^project-(owner|editor|viewer)s-(.+)$/.exec(entity);
  if (project) return `project${(project[1] ?? "").replace(/^./, (first) => first.toUpperCase())}:${project[2]}`;
  return entity
    .replace(/^user-(.+\.gserviceaccount\.com)$/, "serviceAccount:$1")
    .replace(/^(user|group|domain)-/, "$1:");
}

function entityOf(member: string): string {
  const project = /^project(Owner|Editor|Viewer):(.+)$/.exec(member);
  if (project) return `project-${(project[1] ?? "").toLowerCase()}s-${project[2]}`;
  return member.replace(/^serviceAccount:/, "user-").replace(/^(user|group|domain):/, "$1-");
}

/** The policy of an object, which is its access control list in other words: only the legacy roles can stand in it. */
export function objectPolicyRoutes(world: World, buckets: Buckets, objects: Objects): Route[] {
  const open = (call: Call, verb: "getIamPolicy" | "setIamPolicy"): { bucket: Bucket; one: Generation } => {
    const { bucket: name = "", object = "" } = call.params;
    permit(world, call.headers, `storage.objects.${verb}`, name, object);
    const bucket = buckets.get(name);
    requireLists(bucket);
    return { bucket, one: objects.get(bucket, object, generationOf(call.query)) };
  };
  const show = (bucket: Bucket, one: Generation): Json => {
    const grants = aclOf(world, one.settings.acl);
    const bindings = Object.entries(ROLES).flatMap(([role, full]) => {
      const members = grants.filter((grant) => grant.role === role).map(({ entity }) => memberOf(entity));
      return members.length > 0 ? [{ role: full, members }] : [];
    });
    return {
      kind: "storage#policy",
      resourceId: `projects/_/buckets/${bucket.name}/objects/${one.name}`,
      version: 1,
      etag: objectEtag(one),
      bindings,
    };
  };
  const grantsOf = (bindings: unknown): Grant[] => {
    if (!Array.isArray(bindings)) throw invalid("Invalid value for: bindings");
    return bindings.filter(isObject).flatMap(({ role, members, condition }) => {
      const [short] = Object.entries(ROLES).find(([, full]) => full === role) ?? [];
      if (!short) throw invalid(`Role ${String(role)} is not supported for objects.`);
      if (isObject(condition)) throw invalid("A policy of an object cannot have conditions.");
      const all = Array.isArray(members) ? members.map(String) : [];
      return all.map((member) => ({ entity: entityOf(member), role: short }));
    });
  };
  const path = "/b/{bucket}/o/{object}/iam";
  return [
    {
      id: "storage.objects.getIamPolicy",
      method: "GET",
      path,
      run: (call) => {
        const { bucket, one } = open(call, "getIamPolicy");
        return { json: show(bucket, one) };
      },
    },
    {
      id: "storage.objects.setIamPolicy",
      method: "PUT",
      path,
      run: (call) => {
        const { bucket, one } = open(call, "setIamPolicy");
        const { bindings = [], etag } = call.json();
        if (typeof etag === "string" && etag !== "" && etag !== objectEtag(one)) throw conditionNotMet();
        const acl = grantsOf(bindings);
        requireLists(bucket, acl);
        objects.describe(bucket, one, { ...one.settings, acl });
        return { json: show(bucket, one) };
      },
    },
    {
      id: "storage.objects.testIamPermissions",
      method: "GET",
      path: `${path}/testPermissions`,
      run: (call) => {
        const { bucket: name = "", object = "" } = call.params;
        const one = objects.get(buckets.get(name), object, generationOf(call.query));
        const asked = call.query.getAll("permissions");
        if (asked.length === 0) throw required("permissions");
        const principal = world.doors.principal(call.headers);
        const resource = `projects/_/buckets/${name}/objects/${one.name}`;
        const held = asked.filter((permission) => world.doors.allowed(principal, permission, resource));
        return {
          json: { kind: "storage#testIamPermissionsResponse", ...(held.length > 0 && { permissions: held }) },
        };
      },
    },
    {
      // No channel can be opened here, so there is none to stop: what the real service says of one it does not know.
      id: "storage.channels.stop",
      method: "POST",
      path: "/channels/stop",
      run: (call) => {
        const { id } = call.json();
        throw new ApiError(404, `Channel '${String(id)}' not found for project '${world.projectNumber}'`, {
          reason: "notFound",
        });
      },
    },
  ];
}
