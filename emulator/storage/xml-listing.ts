import type { Answer, Call } from "../frame/http.ts";
import { utc } from "../frame/time.ts";
import { list, searchOf } from "./listing.ts";
import type { Bucket, Generation } from "./model.ts";
import { document, element } from "./xml.ts";

/** Objects of a bucket, in either version of the listing. https://cloud.google.com/storage/docs/xml-api/get-bucket-list */
export function listBucket(call: Call, bucket: Bucket): Answer {
  const { query } = call;
  const isSecond = query.get("list-type") === "2";
  const all = function* (): Iterable<Generation> {
    for (const generations of bucket.objects.values()) {
      const last = generations.at(-1);
      if (last && last.deletedAt === undefined) yield last;
    }
  };
  const search = searchOf(
    new URLSearchParams({
      prefix: query.get("prefix") ?? "",
      delimiter: query.get("delimiter") ?? "",
      maxResults: query.get("max-keys") ?? "",
      pageToken: (isSecond ? query.get("continuation-token") : query.get("marker")) ?? "",
      startOffset: query.get("start-after") ?? "",
    }),
  );
  const { items, prefixes, nextPageToken } = list(all(), search);
  const contents = items
    .filter(({ name }) => name !== query.get("start-after"))
    .map(
      (one) =>
        `<Contents>${element("Key", one.name)}${element("Generation", one.generation)}${element("MetaGeneration", one.metageneration)}${element("LastModified", utc(one.updatedAt))}${element("ETag", `"${Buffer.from(one.md5 ?? "", "base64").toString("hex")}"`)}${element("Size", one.bytes.length)}${element("StorageClass", one.storageClass)}</Contents>`,
    );
  const folders = prefixes.map((prefix) => `<CommonPrefixes>${element("Prefix", prefix)}</CommonPrefixes>`);
  const next = isSecond ? "NextContinuationToken" : "NextMarker";
  const head = [
    element("Name", bucket.name),
    element("Prefix", search.prefix),
    search.delimiter && element("Delimiter", search.delimiter),
    isSecond ? element("KeyCount", items.length + prefixes.length) : element("Marker", search.pageToken),
    element("IsTruncated", nextPageToken !== undefined),
    element(next, nextPageToken),
  ];
  return document(
    `<ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'>${head.join("")}${contents.join("")}${folders.join("")}</ListBucketResult>`,
  );
}
