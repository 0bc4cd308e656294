import { ApiError } from "../frame/errors.ts";
import type { Answer, Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import { type AclKind, aclOf, type Grant, grantOf, grantResource, requireLists } from "./acl.ts";
import type { Buckets } from "./buckets.ts";
import { generationOf } from "./conditions.ts";
import type { Bucket, Generation } from "./model.ts";
import type { Objects } from "./objects.ts";
import { permit } from "./problems.ts";

/** One list: of a bucket, of the objects that a bucket will hold, or of an object. */
interface List {
  bucket: Bucket;
  one?: Generation;
  grants: Grant[];
  keep(grants: Grant[]): void;
}

interface Family {
  /** The discovery document's name of the collection. */
  id: string;
  path: string;
  kind: AclKind;
  find(call: Call): List;
}

/** The three collections of access controls. Paths are below `/storage/v1`. */
export function aclRoutes(world: World, buckets: Buckets, objects: Objects): Route[] {
  const bucketOf = (call: Call, permission: string, object?: string): Bucket => {
    const { bucket = "" } = call.params;
    permit(world, call.headers, permission, bucket, object);
    const found = buckets.get(bucket);
    requireLists(found);
    return found;
  };
  const ofBucket =
    (field: "acl" | "defaultObjectAcl") =>
    (call: Call): List => {
      const bucket = bucketOf(call, call.method === "GET" ? "storage.buckets.get" : "storage.buckets.update");
      const keep = (grants: Grant[]) => {
        bucket.settings = { ...bucket.settings, [field]: grants };
        buckets.touch(bucket);
      };
      return { bucket, grants: aclOf(world, bucket.settings[field]), keep };
    };
  const ofObject = (call: Call): List => {
    const { object = "" } = call.params;
    const permission = call.method === "GET" ? "storage.objects.getIamPolicy" : "storage.objects.setIamPolicy";
    const bucket = bucketOf(call, permission, object);
    const one = objects.get(bucket, object, generationOf(call.query));
    const keep = (grants: Grant[]) => objects.describe(bucket, one, { ...one.settings, acl: grants });
    return { bucket, one, grants: aclOf(world, one.settings.acl), keep };
  };
  const families: Family[] = [
    { id: "bucketAccessControls", path: "/b/{bucket}/acl", kind: "bucket", find: ofBucket("acl") },
    {
      id: "defaultObjectAccessControls",
      path: "/b/{bucket}/defaultObjectAcl",
      kind: "object",
      find: ofBucket("defaultObjectAcl"),
    },
    { id: "objectAccessControls", path: "/b/{bucket}/o/{object}/acl", kind: "object", find: ofObject },
  ];
  return families.flatMap((family) => routesOf(world, family));
}

function routesOf(world: World, { id, path, kind, find }: Family): Route[] {
  const show = ({ bucket, one }: List, grant: Grant): Answer => ({ json: grantResource(world, grant, bucket, one) });
  const granted = ({ grants, bucket }: List, entity = ""): Grant => {
    const found = grants.find((grant) => grant.entity === entity);
    if (!found)
      throw new ApiError(404, `The specified ACL entity ${entity} of ${bucket.name} was not found.`, NOT_FOUND);
    return found;
  };
  const put = (list: List, grant: Grant): Answer => {
    requireLists(list.bucket, [grant]);
    list.keep([...list.grants.filter(({ entity }) => entity !== grant.entity), grant]);
    return show(list, grant);
  };
  const change = (call: Call): Answer => {
    const list = find(call);
    const before = granted(list, call.params.entity);
    return put(list, grantOf({ ...before, ...call.json(), entity: before.entity }, kind, list.bucket.name));
  };
  /** An entity that is not in the list yet is added, which Google's own suites rely on. */
  const replace = (call: Call): Answer => {
    const list = find(call);
    return put(list, grantOf({ ...call.json(), entity: call.params.entity }, kind, list.bucket.name));
  };
  const single = `${path}/{entity}`;
  return [
    {
      id: `storage.${id}.list`,
      method: "GET",
      path,
      run: (call) => {
        const list = find(call);
        const items = list.grants.map((grant) => grantResource(world, grant, list.bucket, list.one));
        return { json: { kind: `storage#${kind}AccessControls`, items } };
      },
    },
    {
      id: `storage.${id}.insert`,
      method: "POST",
      path,
      run: (call) => {
        const list = find(call);
        return put(list, grantOf(call.json(), kind, list.bucket.name));
      },
    },
    {
      id: `storage.${id}.get`,
      method: "GET",
      path: single,
      run: (call) => {
        const list = find(call);
        return show(list, granted(list, call.params.entity));
      },
    },
    { id: `storage.${id}.patch`, method: "PATCH", path: single, run: change },
    { id: `storage.${id}.update`, method: "PUT", path: single, run: replace },
    {
      id: `storage.${id}.delete`,
      method: "DELETE",
      path: single,
      run: (call) => {
        const list = find(call);
        const gone = granted(list, call.params.entity);
        list.keep(list.grants.filter((grant) => grant !== gone));
        return { status: 204 };
      },
    },
  ];
}

const NOT_FOUND = { reason: "notFound" } as const;
