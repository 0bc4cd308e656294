import type { Route } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import type { Buckets } from "./buckets.ts";
import { matchesGlob } from "./glob.ts";
import type { Objects } from "./objects.ts";
import type { Operations } from "./operations.ts";
import { checkFields, invalid, permit } from "./problems.ts";

const FIELDS = new Set(
  (
    "allowOverwrite copySourceAcl createdAfterTime createdBeforeTime matchGlobs softDeletedAfterTime " +
    "softDeletedBeforeTime"
  ).split(" "),
);

/** Many soft-deleted objects at once. https://cloud.google.com/storage/docs/json_api/v1/objects/bulkRestore */
export function bulkRoutes(world: World, buckets: Buckets, objects: Objects, operations: Operations): Route[] {
  return [
    {
      id: "storage.objects.bulkRestore",
      method: "POST",
      path: "/b/{bucket}/o/bulkRestore",
      run: (call) => {
        const { bucket: name = "" } = call.params;
        permit(world, call.headers, "storage.objects.restore", name);
        const bucket = buckets.get(name);
        const body = call.json();
        checkFields(world, body, FIELDS);
        const globs = Array.isArray(body.matchGlobs) ? body.matchGlobs.map(String) : [];
        const instant = (field: string, otherwise: number): number => {
          const value = body[field];
          if (value === undefined || value === null) return otherwise;
          const at = Date.parse(String(value));
          if (Number.isNaN(at)) throw invalid(`Invalid value for: ${field}`);
          return at;
        };
        const [after, before] = [instant("softDeletedAfterTime", 0), instant("softDeletedBeforeTime", Infinity)];
        const [made, until] = [instant("createdAfterTime", 0), instant("createdBeforeTime", Infinity)];
        const wanted = objects
          .softDeleted(bucket)
          .filter(
            ({ name: object, soft, createdAt }) =>
              soft !== undefined &&
              soft.at >= after &&
              soft.at < before &&
              createdAt >= made &&
              createdAt < until &&
              (globs.length === 0 || globs.some((glob) => matchesGlob(object, glob))),
          );
        // Of each name the one that was deleted last.
        const last = new Map(wanted.map((one) => [one.name, one]));
        let restored = 0;
        for (const [object, old] of last) {
          if (objects.live(bucket, object) && body.allowOverwrite !== true) continue;
          const { acl, ...settings } = old.settings;
          const kept = body.copySourceAcl === true && acl !== undefined ? { ...settings, acl } : settings;
          objects.again(bucket, object, { ...old, settings: kept }, {});
          restored++;
        }
        const response = {
          "@type": "type.googleapis.com/google.storage.control.v2.BulkRestoreObjectsResponse",
          succeededObjectsCount: String(restored),
        };
        return { json: operations.done(bucket, "bulk_restore_objects", response) };
      },
    },
  ];
}
