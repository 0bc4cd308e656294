import { ApiError } from "../frame/errors.ts";
import type { Answer, Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import { type Grant, predefinedAcl, requireLists } from "./acl.ts";
import type { Buckets } from "./buckets.ts";
import { conditionsOf, generationOf, requireMet } from "./conditions.ts";
import { type CustomerKey, customerKey, kmsKeyOf, plainBytes, requireKey } from "./keys.ts";
import { requireStorageClass, settingsOf, withoutNulls } from "./metadata.ts";
import { type Bucket, type Generation, isObject, type Json } from "./model.ts";
import type { Objects } from "./objects.ts";
import { conditionNotMet, invalid, permit } from "./problems.ts";
import { objectEtag, objectResource } from "./resources.ts";
import { isFar, Rewrites } from "./rewrites.ts";

const MOST_SOURCES = 32;

/** A copy's metadata that names its bucket has to be whole; what names none may leave anything out. */
function requireWhole(body: Json): void {
  if (body.bucket === undefined || (body.name !== undefined && body.contentType !== undefined)) return;
  throw new ApiError(400, "Required", { reason: "required" });
}

/** Objects made from objects: `copy`, `rewrite`, `compose`, `move`. */
export function copyRoutes(world: World, buckets: Buckets, objects: Objects): Route[] {
  const rewrites = new Rewrites(world);
  const show = (call: Call, bucket: Bucket, one: Generation, usual = "noAcl"): Json =>
    objectResource(world, bucket, one, call.query.get("projection") ?? usual, customerKey(call.headers) !== undefined);

  const target = (call: Call, bucketName: string, name: string): Bucket => {
    permit(world, call.headers, "storage.objects.create", bucketName, name);
    const bucket = buckets.get(bucketName);
    const before = objects.live(bucket, name);
    requireMet(conditionsOf(call.query), before);
    if (before) permit(world, call.headers, "storage.objects.delete", bucketName, name);
    return bucket;
  };

  const sourceOf = (call: Call): Generation => {
    const { bucket: bucketName = "", object = "" } = call.params;
    permit(world, call.headers, "storage.objects.get", bucketName, object);
    const one = objects.get(buckets.get(bucketName), object, generationOf(call.query, "sourceGeneration"));
    requireMet(conditionsOf(call.query, "Source"), one);
    return one;
  };

  const listOf = (call: Call, bucket: Bucket): { acl?: Grant[] } => {
    const acl = predefinedAcl(world, call, "destinationPredefinedAcl", "object");
    if (!acl) return {};
    requireLists(bucket, acl);
    return { acl };
  };

  /** Metadata of the source goes along unless the caller sends its own, which then replaces it whole. */
  const copy = (
    call: Call,
    source: Generation,
    sourceKey: CustomerKey | undefined,
  ): { bucket: Bucket; one: Generation } => {
    const { destinationBucket = "", destinationObject: name = "" } = call.params;
    const bucket = target(call, destinationBucket, name);
    const key = customerKey(call.headers);
    const kmsKeyName = kmsKeyOf(call.query.get("destinationKmsKeyName"), bucket, key);
    const bytes = plainBytes(source, sourceKey);
    const body = call.json();
    requireWhole(body);
    const given = withoutNulls(settingsOf(world, body));
    const acl = given.acl === undefined ? listOf(call, bucket) : { acl: given.acl };
    if (given.acl !== undefined) requireLists(bucket, given.acl);
    const { acl: _, ...asked } = given;
    const { acl: __, temporaryHold: ___, eventBasedHold: ____, retention: _____, ...own } = source.settings;
    const settings = Object.keys(asked).length > 0 ? { contentType: source.settings.contentType, ...asked } : own;
    const one = objects.put(
      bucket,
      {
        name,
        bytes,
        settings: { ...settings, ...acl },
        ...(body.storageClass ? { storageClass: requireStorageClass(body.storageClass) } : {}),
        ...(source.componentCount !== undefined && { componentCount: source.componentCount }),
        key,
        kmsKeyName,
      },
      conditionsOf(call.query),
    );
    return { bucket, one };
  };

  const copyAtOnce = (call: Call): Answer => {
    // The key of a copy's call is that of both objects.
    const { bucket, one } = copy(call, sourceOf(call), customerKey(call.headers));
    return { json: show(call, bucket, one), headers: { etag: objectEtag(one) } };
  };

  const rewrite = (call: Call): Answer => {
    const { bucket: from = "", destinationBucket: to = "" } = call.params;
    const source = sourceOf(call);
    const sourceKey = customerKey(call.headers, true);
    requireKey(source, sourceKey);
    const far = isFar(call, buckets.get(from), buckets.get(to), source);
    const progress = rewrites.go(call, source, far);
    if (!progress.done) {
      return {
        json: {
          kind: "storage#rewriteResponse",
          totalBytesRewritten: String(progress.bytes),
          objectSize: String(source.bytes.length),
          done: false,
          rewriteToken: progress.token,
        },
      };
    }
    const { bucket, one } = copy(call, source, sourceKey);
    const size = String(one.bytes.length);
    return {
      json: {
        kind: "storage#rewriteResponse",
        totalBytesRewritten: size,
        objectSize: size,
        done: true,
        resource: show(call, bucket, one),
      },
    };
  };

  const compose = (call: Call): Answer => {
    const { bucket: bucketName = "", object: name = "" } = call.params;
    const body = call.json();
    const asked = Array.isArray(body.sourceObjects) ? body.sourceObjects.filter(isObject) : [];
    if (asked.length === 0)
      throw new ApiError(400, "You must provide at least one source component.", { reason: "required" });
    if (asked.length > MOST_SOURCES) {
      throw invalid(
        `The number of source components provided (${asked.length}) exceeds the maximum (${MOST_SOURCES}).`,
      );
    }
    const bucket = target(call, bucketName, name);
    const key = customerKey(call.headers);
    const sources = asked.map((source) => {
      const sourceName = String(source.name ?? "");
      permit(world, call.headers, "storage.objects.get", bucketName, sourceName);
      const generation = source.generation === undefined ? undefined : String(source.generation);
      const one = objects.get(bucket, sourceName, generation);
      const wanted = isObject(source.objectPreconditions) ? source.objectPreconditions.ifGenerationMatch : undefined;
      if (wanted !== undefined && String(wanted) !== one.generation) throw conditionNotMet();
      return one;
    });
    const bytes = Buffer.concat(sources.map((source) => plainBytes(source, key)));
    const destination = isObject(body.destination) ? body.destination : {};
    const settings = withoutNulls(settingsOf(world, destination));
    settings.contentType ??= "application/octet-stream";
    const one = objects.put(
      bucket,
      {
        name,
        bytes,
        key,
        kmsKeyName: kmsKeyOf(call.query.get("kmsKeyName"), bucket, key),
        settings: { ...settings, ...listOf(call, bucket) },
        ...(destination.storageClass ? { storageClass: requireStorageClass(destination.storageClass) } : {}),
        componentCount: sources.reduce((sum, { componentCount = 1 }) => sum + componentCount, 0),
      },
      conditionsOf(call.query),
    );
    if (body.deleteSourceObjects === true) {
      for (const source of new Set(sources)) {
        if (source.name !== name) objects.delete(bucket, source.name, source.generation, {});
      }
    }
    return { json: show(call, bucket, one, "full"), headers: { etag: objectEtag(one) } };
  };

  const move = (call: Call): Answer => {
    const { bucket: bucketName = "", object: from = "", destinationObject: to = "" } = call.params;
    const source = sourceOf(call);
    permit(world, call.headers, "storage.objects.delete", bucketName, from);
    const bucket = target(call, bucketName, to);
    const one = objects.again(bucket, to, source, conditionsOf(call.query));
    if (from !== to) objects.delete(bucket, from, undefined, {});
    return { json: show(call, bucket, one) };
  };

  const between = "/b/{bucket}/o/{object}/{verb}/b/{destinationBucket}/o/{destinationObject}";
  return [
    {
      id: "storage.objects.copy",
      method: "POST",
      path: between.replace("{verb}", "copyTo"),
      run: copyAtOnce,
    },
    {
      id: "storage.objects.rewrite",
      method: "POST",
      path: between.replace("{verb}", "rewriteTo"),
      run: rewrite,
    },
    { id: "storage.objects.compose", method: "POST", path: "/b/{bucket}/o/{object}/compose", run: compose },
    {
      id: "storage.objects.move",
      method: "POST",
      path: "/b/{bucket}/o/{object}/moveTo/o/{destinationObject}",
      run: move,
    },
  ];
}
