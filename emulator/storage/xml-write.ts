import type { Answer, Call } from "../frame/http.ts";
import { utc } from "../frame/time.ts";
import type { World } from "../frame/world.ts";
import { grantsOfHeader, requireLists } from "./acl.ts";
import type { Buckets } from "./buckets.ts";
import type { Conditions } from "./conditions.ts";
import { type CustomerKey, customerKey, kmsKeyOf, plainBytes } from "./keys.ts";
import { requireStorageClass, settingsOf, verifyChecksums } from "./metadata.ts";
import type { Bucket, Json } from "./model.ts";
import type { Objects } from "./objects.ts";
import { invalid, permit } from "./problems.ts";
import { document, element } from "./xml.ts";

/** What headers of the XML API say of an object to be written. */

const META = "x-goog-meta-";

const PLAIN: Record<string, string> = {
  "cache-control": "cacheControl",
  "content-disposition": "contentDisposition",
  "content-encoding": "contentEncoding",
  "content-language": "contentLanguage",
  "x-goog-custom-time": "customTime",
};

export function xmlConditions(headers: Record<string, string>): Conditions {
  const [generation, metageneration] = [
    headers["x-goog-if-generation-match"],
    headers["x-goog-if-metageneration-match"],
  ];
  return {
    ...(generation !== undefined && { generationMatch: generation }),
    ...(metageneration !== undefined && { metagenerationMatch: metageneration }),
  };
}

export function storageClassOfHeaders({ headers }: Call): { storageClass?: string } {
  const name = headers["x-goog-storage-class"];
  return name === undefined ? {} : { storageClass: requireStorageClass(name) };
}

/** Also checks the checksums in the headers. Throws 400. */
export function settingsOfHeaders(
  world: World,
  { headers, bytes }: Pick<Call, "headers" | "bytes">,
  bucket: Bucket,
): { settings: Json; key: CustomerKey | undefined } {
  verifyChecksums(bytes, {}, headers);
  const metadata = Object.entries(headers).flatMap(([header, value]) =>
    header.startsWith(META) ? [[header.slice(META.length), value]] : [],
  );
  const plain = Object.entries(PLAIN).flatMap(([header, field]) => {
    // gzip of the wire is no property of the object unless the caller says so of the object, which is this same header.
    const value = headers[header];
    return value ? [[field, value]] : [];
  });
  const acl = grantsOfHeader(world, headers);
  if (acl) requireLists(bucket, acl);
  const settings = settingsOf(world, {
    contentType: headers["content-type"] || "application/octet-stream",
    ...Object.fromEntries(plain),
    ...(metadata.length > 0 && { metadata: Object.fromEntries(metadata) }),
  });
  return { settings: { ...settings, ...(acl && { acl }) }, key: customerKey(headers) };
}

/** `x-goog-copy-source: /BUCKET/OBJECT`. Its metadata comes along unless the directive says REPLACE. */
export function copyFrom(
  world: World,
  buckets: Buckets,
  objects: Objects,
  call: Call,
  bucket: Bucket,
  name: string,
): Answer {
  const { headers } = call;
  const found = /^\/?([^/]+)\/(.+)$/.exec(decodeURIComponent(headers["x-goog-copy-source"] ?? ""));
  if (!found) throw invalid("Invalid x-goog-copy-source.");
  const [, from = "", object = ""] = found;
  permit(world, headers, "storage.objects.get", from, object);
  const source = objects.get(buckets.get(from), object, headers["x-goog-copy-source-generation"]);
  const bytes = plainBytes(source, customerKey(headers, true));
  const isNew = headers["x-goog-metadata-directive"]?.toUpperCase() === "REPLACE";
  const { settings: asked, key } = settingsOfHeaders(world, { headers, bytes: call.bytes }, bucket);
  const { acl: _, temporaryHold: __, eventBasedHold: ___, retention: ____, ...own } = source.settings;
  const one = objects.put(
    bucket,
    {
      name,
      bytes,
      settings: isNew ? asked : { ...own, ...(asked.acl !== undefined && { acl: asked.acl }) },
      ...storageClassOfHeaders(call),
      ...(source.componentCount !== undefined && { componentCount: source.componentCount }),
      key,
      kmsKeyName: kmsKeyOf(null, bucket, key),
    },
    xmlConditions(headers),
  );
  const etag = `"${Buffer.from(one.md5 ?? "", "base64").toString("hex")}"`;
  return document(
    `<CopyObjectResult>${element("LastModified", utc(one.updatedAt))}${element("ETag", etag)}</CopyObjectResult>`,
  );
}
