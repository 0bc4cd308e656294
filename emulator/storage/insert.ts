import type { Call } from "../frame/http.ts";
import type { World } from "../frame/world.ts";
import { predefinedAcl, requireLists } from "./acl.ts";
import { type Conditions, conditionsOf, requireMet } from "./conditions.ts";
import { type CustomerKey, customerKey, kmsKeyOf } from "./keys.ts";
import { requireStorageClass, settingsOf, verifyChecksums, withoutNulls } from "./metadata.ts";
import type { Bucket, Generation, Json } from "./model.ts";
import type { Objects } from "./objects.ts";
import { permit, required } from "./problems.ts";
import { checkObjectRetention } from "./retention.ts";

/** What a caller asked to be stored, before its bytes have come. */
export interface Wanted {
  bucket: Bucket;
  name: string;
  body: Json;
  settings: Json;
  conditions: Conditions;
  headers: Record<string, string>;
  key: CustomerKey | undefined;
  kmsKeyName: string | undefined;
}

/** Reads an insert's parameters and asks everything that can be asked before the bytes have come. */
export function wantedOf(world: World, objects: Objects, bucket: Bucket, call: Call, body: Json, type: string): Wanted {
  const key = customerKey(call.headers);
  const kmsKeyName = kmsKeyOf(call.query.get("kmsKeyName"), bucket, key);
  const name = call.query.get("name") ?? (typeof body.name === "string" ? body.name : "");
  if (name === "") throw required("name");
  permit(world, call.headers, "storage.objects.create", bucket.name, name);
  const encoding = call.query.get("contentEncoding");
  const settings = withoutNulls(settingsOf(world, body));
  settings.contentType ??= type || "application/octet-stream";
  const acl = predefinedAcl(world, call, "predefinedAcl", "object");
  if (acl) {
    settings.acl = acl;
  }
  if (settings.acl !== undefined) requireLists(bucket, settings.acl);
  checkObjectRetention(bucket, settings.retention, world.clock.now());
  if (encoding) settings.contentEncoding ??= encoding;
  const conditions = conditionsOf(call.query);
  const wanted: Wanted = { bucket, name, body, settings, conditions, headers: call.headers, key, kmsKeyName };
  requireOverwrite(world, objects, wanted);
  objects.check(bucket, name, conditions);
  return wanted;
}

/** Replacing an object is deleting one: who may only create may not replace. */
function requireOverwrite(world: World, objects: Objects, { bucket, name, conditions, headers }: Wanted): void {
  const before = objects.live(bucket, name);
  requireMet(conditions, before);
  if (before) permit(world, headers, "storage.objects.delete", bucket.name, name);
}

export function store(
  world: World,
  objects: Objects,
  wanted: Wanted,
  bytes: Buffer,
  last: Record<string, string>,
): Generation {
  verifyChecksums(bytes, wanted.body, last);
  // Asked again: a resumable upload may have begun a week ago.
  requireOverwrite(world, objects, wanted);
  const { bucket, name, settings, conditions, body, key, kmsKeyName } = wanted;
  const storageClass = body.storageClass ? { storageClass: requireStorageClass(body.storageClass) } : {};
  return objects.put(bucket, { name, bytes, settings, ...storageClass, key, kmsKeyName }, conditions);
}
