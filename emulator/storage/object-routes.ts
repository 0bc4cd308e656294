import { ApiError } from "../frame/errors.ts";
import type { Answer, Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import { predefinedAcl, requireLists } from "./acl.ts";
import type { Buckets } from "./buckets.ts";
import { conditionsOf, generationOf, isUnchanged, isUnchangedByEtag, requireMet } from "./conditions.ts";
import { download } from "./download.ts";
import { flag } from "./flags.ts";
import { customerKey, requireKey } from "./keys.ts";
import { list, searchOf } from "./listing.ts";
import { settingsOf, withoutNulls } from "./metadata.ts";
import { type Bucket, type Generation, merged } from "./model.ts";
import type { Objects } from "./objects.ts";
import { noObject, permit, required } from "./problems.ts";
import { objectEtag, objectResource } from "./resources.ts";
import { checkObjectRetention, requireRetentionChange } from "./retention.ts";

/** Errors of a download are plain text: it is bytes that were asked for. */
function asText(run: () => Answer): Answer {
  try {
    return run();
  } catch (problem) {
    if (!(problem instanceof ApiError)) throw problem;
    return { status: problem.code, text: problem.message, headers: { ...problem.extras.headers } };
  }
}

/** Objects but for inserts and copies. Paths are below `/storage/v1`. */
export function objectRoutes(world: World, buckets: Buckets, objects: Objects): Route[] {
  const open = (call: Call, permission: string): Bucket => {
    const { bucket = "", object } = call.params;
    permit(world, call.headers, permission, bucket, object);
    return buckets.get(bucket);
  };
  const show = (call: Call, bucket: Bucket, one: Generation, usual = "noAcl", hasKey = false): Answer => ({
    json: objectResource(world, bucket, one, call.query.get("projection") ?? usual, hasKey),
    headers: { etag: objectEtag(one) },
  });

  const read = (call: Call): Answer => {
    const key = customerKey(call.headers);
    const bucket = open(call, "storage.objects.get");
    const name = call.params.object ?? "";
    const generation = generationOf(call.query);
    if (flag(call.query, "softDeleted")) {
      if (generation === undefined) throw required("generation");
      const soft = objects.softDeleted(bucket).find((one) => one.name === name && one.generation === generation);
      if (!soft) throw noObject(bucket.name, name);
      return show(call, bucket, soft);
    }
    const one = objects.get(bucket, name, generation);
    if (isUnchanged(conditionsOf(call.query), one) || isUnchangedByEtag(call.headers, objectEtag(one))) {
      return { status: 304, headers: { etag: objectEtag(one) } };
    }
    if (call.query.get("alt") === "media") return download(one, call.headers);
    if (key) requireKey(one, key);
    return show(call, bucket, one, "noAcl", key !== undefined);
  };
  const get = (call: Call) => (call.query.get("alt") === "media" ? asText(() => read(call)) : read(call));

  const change = (call: Call, replace: boolean): Answer => {
    const bucket = open(call, "storage.objects.update");
    const one = objects.get(bucket, call.params.object ?? "", generationOf(call.query));
    requireMet(conditionsOf(call.query), one);
    const key = customerKey(call.headers);
    if (key) requireKey(one, key);
    const asked = settingsOf(world, call.json());
    const acl = predefinedAcl(world, call, "predefinedAcl", "object");
    if (acl || (asked.acl !== undefined && asked.acl !== null)) requireLists(bucket, acl, asked.acl);
    const settings = replace ? withoutNulls(asked) : merged(one.settings, asked);
    if (asked.retention !== undefined) checkObjectRetention(bucket, asked.retention, world.clock.now());
    const override = flag(call.query, "overrideUnlockedRetention");
    requireRetentionChange(one.settings.retention, settings.retention, override);
    objects.describe(bucket, one, { ...settings, ...(acl && { acl }) });
    return show(call, bucket, one, "full", key !== undefined);
  };

  const listAll = (call: Call): Answer => {
    const bucket = open(call, "storage.objects.list");
    const { query } = call;
    const source = function* (): Iterable<Generation> {
      if (flag(query, "softDeleted")) {
        yield* objects.softDeleted(bucket);
        return;
      }
      for (const generations of bucket.objects.values()) {
        const last = generations.at(-1);
        if (flag(query, "versions")) yield* generations;
        else if (last && last.deletedAt === undefined) yield last;
      }
    };
    const folders = flag(query, "includeFoldersAsPrefixes")
      ? [...(bucket.folders ?? []), ...(bucket.managedFolders ?? [])].map(({ name }) => name)
      : [];
    const { items, prefixes, nextPageToken } = list(source(), { ...searchOf(query), folders });
    const projection = query.get("projection") ?? "noAcl";
    return {
      json: {
        kind: "storage#objects",
        ...(nextPageToken !== undefined && { nextPageToken }),
        ...(prefixes.length > 0 && { prefixes }),
        ...(items.length > 0 && { items: items.map((one) => objectResource(world, bucket, one, projection)) }),
      },
    };
  };

  const path = "/b/{bucket}/o/{object}";
  return [
    { id: "storage.objects.list", method: "GET", path: "/b/{bucket}/o", run: listAll },
    { id: "storage.objects.get", method: "GET", path, run: get },
    { id: "storage.objects.patch", method: "PATCH", path, run: (call) => change(call, false) },
    { id: "storage.objects.update", method: "PUT", path, run: (call) => change(call, true) },
    {
      id: "storage.objects.delete",
      method: "DELETE",
      path,
      run: (call) => {
        const bucket = open(call, "storage.objects.delete");
        objects.delete(bucket, call.params.object ?? "", generationOf(call.query), conditionsOf(call.query));
        return { status: 204 };
      },
    },
    {
      id: "storage.objects.restore",
      method: "POST",
      path: `${path}/restore`,
      run: (call) => {
        const bucket = open(call, "storage.objects.restore");
        const generation = generationOf(call.query);
        if (generation === undefined) throw required("generation");
        const one = objects.restore(bucket, call.params.object ?? "", generation, conditionsOf(call.query));
        return show(call, bucket, one);
      },
    },
  ];
}

/** The host path of downloads, which `mediaLink` names. */
export function downloadRoute(routes: Route[]): Route[] {
  return routes
    .filter(({ id }) => id === "storage.objects.get")
    .map((route) => ({ ...route, path: `/download/storage/v1${route.path}` }));
}
