import { createHash } from "node:crypto";
import { ApiError } from "../frame/errors.ts";
import type { Answer, Call } from "../frame/http.ts";
import { utc } from "../frame/time.ts";
import type { World } from "../frame/world.ts";
import { type CustomerKey, customerKey, kmsKeyOf } from "./keys.ts";
import { verifyChecksums } from "./metadata.ts";
import type { Bucket, Json } from "./model.ts";
import type { Objects } from "./objects.ts";
import { document, element, textsOf, xmlError } from "./xml.ts";

interface Part {
  bytes: Buffer;
  etag: string;
  at: number;
}

interface Upload {
  id: string;
  bucket: string;
  name: string;
  settings: Json;
  storageClass: string | undefined;
  key: CustomerKey | undefined;
  begunAt: number;
  parts: Map<number, Part>;
}

const MOST_PARTS = 10_000;
const LEAST_PART_BYTES = 5 * 1024 * 1024;

/** MD5 in hex, quoted: what a part, and an object over XML, is tagged with. */
export function xmlEtag(bytes: Buffer): string {
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
}

/**
 * Uploads in parts that come in any order and at once, as transfer managers make them. They live while the emulator
 * runs. https://cloud.google.com/storage/docs/multipart-uploads
 */
export class PartUploads {
  readonly #world: World;
  readonly #objects: Objects;
  readonly #byId = new Map<string, Upload>();

  constructor(world: World, objects: Objects) {
    this.#world = world;
    this.#objects = objects;
  }

  begin(call: Call, bucket: Bucket, name: string, settings: Json, storageClass: string | undefined): Answer {
    const upload: Upload = {
      id: this.#world.ids.hex(64),
      bucket: bucket.name,
      name,
      settings,
      storageClass,
      key: customerKey(call.headers),
      begunAt: this.#world.clock.now(),
      parts: new Map(),
    };
    this.#byId.set(upload.id, upload);
    const content = element("Bucket", bucket.name) + element("Key", name) + element("UploadId", upload.id);
    return document(`<InitiateMultipartUploadResult>${content}</InitiateMultipartUploadResult>`);
  }

  #get(call: Call, bucket: Bucket, name: string): Upload {
    const upload = this.#byId.get(call.query.get("uploadId") ?? "");
    if (upload?.bucket !== bucket.name || upload.name !== name) {
      throw new ApiError(404, "The requested upload was not found.", { reason: "notFound" });
    }
    return upload;
  }

  put(call: Call, bucket: Bucket, name: string): Answer {
    const upload = this.#get(call, bucket, name);
    const number = Number(call.query.get("partNumber"));
    if (!Number.isInteger(number) || number < 1 || number > MOST_PARTS) {
      throw new ApiError(400, `The part number must be between 1 and ${MOST_PARTS}.`, { reason: "invalid" });
    }
    verifyChecksums(call.bytes, {}, call.headers);
    const etag = xmlEtag(call.bytes);
    upload.parts.set(number, { bytes: Buffer.from(call.bytes), etag, at: this.#world.clock.now() });
    const md5 = createHash("md5").update(call.bytes).digest("base64");
    return { headers: { etag, "x-goog-hash": `md5=${md5}` } };
  }

  list(call: Call, bucket: Bucket, name: string): Answer {
    const upload = this.#get(call, bucket, name);
    const parts = [...upload.parts].sort(([a], [b]) => a - b);
    const rows = parts.map(
      ([number, { bytes, etag, at }]) =>
        `<Part>${element("PartNumber", number)}${element("LastModified", utc(at))}${element("ETag", etag)}${element("Size", bytes.length)}</Part>`,
    );
    const head = element("Bucket", bucket.name) + element("Key", name) + element("UploadId", upload.id);
    return document(
      `<ListPartsResult>${head}${element("MaxParts", 1000)}${element("IsTruncated", false)}${rows.join("")}</ListPartsResult>`,
    );
  }

  /** Uploads of a bucket that are not complete. */
  listUploads(bucket: Bucket): Answer {
    const rows = [...this.#byId.values()]
      .filter((upload) => upload.bucket === bucket.name)
      .map(
        ({ name, id, begunAt }) =>
          `<Upload>${element("Key", name)}${element("UploadId", id)}${element("Initiated", utc(begunAt))}</Upload>`,
      );
    return document(
      `<ListMultipartUploadsResult>${element("Bucket", bucket.name)}${element("IsTruncated", false)}${rows.join("")}</ListMultipartUploadsResult>`,
    );
  }

  /** Puts together the parts that the body names, each by its tag, in that order. */
  complete(call: Call, bucket: Bucket, name: string): Answer {
    const upload = this.#get(call, bucket, name);
    const body = call.bytes.toString("utf8");
    const numbers = textsOf(body, "PartNumber").map(Number);
    const tags = textsOf(body, "ETag");
    const parts = numbers.map((number) => upload.parts.get(number));
    const unquoted = (tag: string | undefined) => tag?.replaceAll('"', "");
    const isWrong = parts.some((part, i) => part === undefined || unquoted(part.etag) !== unquoted(tags[i]));
    if (numbers.length === 0 || isWrong) {
      return xmlError(400, "InvalidPart", "One or more of the specified parts could not be found or did not match.");
    }
    if (numbers.some((number, i) => i > 0 && number <= (numbers[i - 1] ?? 0))) {
      return xmlError(400, "InvalidPartOrder", "The list of parts was not in ascending order.");
    }
    if (parts.slice(0, -1).some((part) => (part?.bytes.length ?? 0) < LEAST_PART_BYTES)) {
      return xmlError(400, "EntityTooSmall", "A part that is not the last is smaller than 5 MiB.");
    }
    const { settings, storageClass, key } = upload;
    const one = this.#objects.put(
      bucket,
      {
        name,
        bytes: Buffer.concat(parts.flatMap((part) => (part ? [part.bytes] : []))),
        settings,
        ...(storageClass !== undefined && { storageClass }),
        // Like a composed object it has no MD5.
        componentCount: numbers.length,
        key,
        kmsKeyName: kmsKeyOf(null, bucket, key),
      },
      {},
    );
    this.#byId.delete(upload.id);
    const content =
      element("Location", `${call.origin}/${bucket.name}/${name}`) +
      element("Bucket", bucket.name) +
      element("Key", name) +
      element("ETag", `"${one.generation}"`);
    return {
      ...document(`<CompleteMultipartUploadResult>${content}</CompleteMultipartUploadResult>`),
      headers: {
        "content-type": "application/xml; charset=UTF-8",
        "x-goog-generation": one.generation,
        "x-goog-hash": `crc32c=${one.crc32c}`,
      },
    };
  }

  abort(call: Call, bucket: Bucket, name: string): Answer {
    this.#byId.delete(this.#get(call, bucket, name).id);
    return { status: 204 };
  }
}
