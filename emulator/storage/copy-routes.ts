import { ApiError } from "../frame/errors.ts";
import type { Answer, Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import { type Grant, predefinedAcl, requireLists } from "./acl.ts";
import type { Buckets } from "./buckets.ts";
import { conditionsOf, generationOf, requireMet } from "./conditions.ts";
import { settingsOf, withoutNulls } from "./metadata.ts";
import { type Bucket, type Generation, isObject, type Json } from "./model.ts";
import type { Objects } from "./objects.ts";
import { checkNoCustomerKey } from "./options.ts";
import { conditionNotMet, invalid, permit } from "./problems.ts";
import { objectEtag, objectResource } from "./resources.ts";

const MOST_SOURCES = 32;

/** Objects made from objects: `copy`, `rewrite`, `compose`, `move`. All bytes are here, so a rewrite is done at once. */
export function copyRoutes(world: World, buckets: Buckets, objects: Objects): Route[] {
  const show = (call: Call, bucket: Bucket, one: Generation): Json =>
    objectResource(world, bucket, one, call.query.get("projection") ?? "noAcl");

  const target = (call: Call, bucketName: string, name: string): Bucket => {
    checkNoCustomerKey(call);
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
    requireLists(bucket);
    return { acl };
  };

  /** Metadata of the source goes along unless the caller sends its own, which then replaces it whole. */
  const copy = (call: Call): { bucket: Bucket; one: Generation } => {
    const { destinationBucket = "", destinationObject: name = "" } = call.params;
    const source = sourceOf(call);
    const bucket = target(call, destinationBucket, name);
    const body = call.json();
    const acl = listOf(call, bucket);
    const { acl: _, ...asked } = withoutNulls(settingsOf(world, body));
    const { acl: __, temporaryHold: ___, eventBasedHold: ____, retention: _____, ...own } = source.settings;
    const settings = Object.keys(asked).length > 0 ? { contentType: source.settings.contentType, ...asked } : own;
    const storageClass = typeof body.storageClass === "string" ? body.storageClass : undefined;
    const one = objects.put(
      bucket,
      {
        name,
        bytes: source.bytes,
        settings: { ...settings, ...acl },
        ...(storageClass !== undefined && { storageClass }),
        ...(source.componentCount !== undefined && { componentCount: source.componentCount }),
      },
      conditionsOf(call.query),
    );
    return { bucket, one };
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
    const sources = asked.map((source) => {
      const sourceName = String(source.name ?? "");
      permit(world, call.headers, "storage.objects.get", bucketName, sourceName);
      const generation = source.generation === undefined ? undefined : String(source.generation);
      const one = objects.get(bucket, sourceName, generation);
      const wanted = isObject(source.objectPreconditions) ? source.objectPreconditions.ifGenerationMatch : undefined;
      if (wanted !== undefined && String(wanted) !== one.generation) throw conditionNotMet();
      return one;
    });
    const settings = withoutNulls(settingsOf(world, isObject(body.destination) ? body.destination : {}));
    settings.contentType ??= sources[0]?.settings.contentType ?? "application/octet-stream";
    const one = objects.put(
      bucket,
      {
        name,
        bytes: Buffer.concat(sources.map(({ bytes }) => bytes)),
        settings: { ...settings, ...listOf(call, bucket) },
        componentCount: sources.reduce((sum, { componentCount = 1 }) => sum + componentCount, 0),
      },
      conditionsOf(call.query),
    );
    if (body.deleteSourceObjects === true) {
      for (const source of new Set(sources)) {
        if (source.name !== name) objects.delete(bucket, source.name, source.generation, {});
      }
    }
    return { json: show(call, bucket, one), headers: { etag: objectEtag(one) } };
  };

  const move = (call: Call): Answer => {
    const { bucket: bucketName = "", object: from = "", destinationObject: to = "" } = call.params;
    const source = sourceOf(call);
    permit(world, call.headers, "storage.objects.delete", bucketName, from);
    const bucket = target(call, bucketName, to);
    const { name: _, bytes, settings, storageClass, componentCount } = source;
    const count = componentCount === undefined ? {} : { componentCount };
    const one = objects.put(bucket, { name: to, bytes, settings, storageClass, ...count }, conditionsOf(call.query));
    if (from !== to) objects.delete(bucket, from, undefined, {});
    return { json: show(call, bucket, one) };
  };

  const between = "/b/{bucket}/o/{object}/{verb}/b/{destinationBucket}/o/{destinationObject}";
  return [
    {
      id: "storage.objects.copy",
      method: "POST",
      path: between.replace("{verb}", "copyTo"),
      run: (call) => {
        const { bucket, one } = copy(call);
        return { json: show(call, bucket, one), headers: { etag: objectEtag(one) } };
      },
    },
    {
      id: "storage.objects.rewrite",
      method: "POST",
      path: between.replace("{verb}", "rewriteTo"),
      run: (call) => {
        const { bucket, one } = copy(call);
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
      },
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
