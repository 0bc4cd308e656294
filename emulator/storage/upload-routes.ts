import { ApiError } from "../frame/errors.ts";
import type { Answer, Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import type { Buckets } from "./buckets.ts";
import { store, type Wanted, wantedOf } from "./insert.ts";
import type { Generation, Json } from "./model.ts";
import { twoParts } from "./multipart.ts";
import type { Objects } from "./objects.ts";
import { invalid, noBucket, permit } from "./problems.ts";
import { objectResource } from "./resources.ts";
import { pieceOf, type Session, take } from "./resumable.ts";

type Upload = Session<Wanted, Answer>;

/** A session lives for a week. https://cloud.google.com/storage/docs/resumable-uploads */
const SESSION_MS = 7 * 86_400_000;

function parseJson(bytes: Buffer): Json {
  if (bytes.length === 0) return {};
  try {
    return JSON.parse(bytes.toString("utf8")) as Json;
  } catch {
    throw new ApiError(400, "Parse Error", { reason: "parseError" });
  }
}

/** `objects.insert` in its three forms. Sessions of resumable uploads live in memory only: a restart ends them. */
export function uploadRoutes(world: World, buckets: Buckets, objects: Objects): Route[] {
  const sessions = new Map<string, Upload>();

  const answer = (wanted: Wanted, one: Generation, projection: string | null): Answer => ({
    json: objectResource(world, wanted.bucket, one, projection ?? "noAcl"),
    headers: {
      "x-goog-hash": `crc32c=${one.crc32c}${one.md5 === undefined ? "" : `,md5=${one.md5}`}`,
      "x-goog-generation": one.generation,
      "x-goog-metageneration": String(one.metageneration),
    },
  });

  const bucketOf = (call: Call, name: string) => {
    const bucket = buckets.find(call.params.bucket ?? "");
    if (bucket) return bucket;
    permit(world, call.headers, "storage.objects.create", call.params.bucket ?? "", name);
    throw noBucket();
  };

  const begin = (call: Call): Answer => {
    const body = call.json();
    const wanted = wantedOf(
      world,
      objects,
      bucketOf(call, call.query.get("name") ?? ""),
      call,
      body,
      call.headers["x-upload-content-type"] ?? "",
    );
    const id = world.ids.hex(48);
    for (const [old, { begunAt }] of sessions) if (begunAt + SESSION_MS <= world.clock.now()) sessions.delete(old);
    sessions.set(id, { wanted, parts: [], received: 0, begunAt: world.clock.now() });
    const query = new URLSearchParams(call.query);
    query.set("upload_id", id);
    return {
      headers: {
        location: `${call.origin}${call.path}?${query}`,
        "x-guploader-uploadid": id,
        "content-type": "text/html; charset=UTF-8",
      },
    };
  };

  const sessionOf = (call: Call): Upload => {
    const session = sessions.get(call.query.get("upload_id") ?? "");
    if (!session || session.begunAt + SESSION_MS <= world.clock.now())
      throw new ApiError(404, "Not Found", { reason: "notFound" });
    return session;
  };

  const go = (call: Call): Answer => {
    const session = sessionOf(call);
    if (session.done) return session.done;
    const isWhole = take(session, pieceOf(call.headers["content-range"], call.bytes.length), call.bytes);
    if (!isWhole) {
      const range = session.received > 0 ? { range: `bytes=0-${session.received - 1}` } : {};
      return { status: 308, headers: { ...range, "x-guploader-uploadid": call.query.get("upload_id") ?? "" } };
    }
    const one = store(world, objects, session.wanted, Buffer.concat(session.parts), call.headers);
    session.done = answer(session.wanted, one, call.query.get("projection"));
    session.parts = [];
    return session.done;
  };

  const insert = (call: Call): Answer => {
    const type = call.headers["content-type"] ?? "";
    const uploadType = call.query.get("uploadType") ?? (type.startsWith("multipart/") ? "multipart" : "media");
    if (uploadType === "resumable") return call.query.has("upload_id") ? go(call) : begin(call);
    if (uploadType !== "media" && uploadType !== "multipart") throw invalid(`Invalid uploadType: ${uploadType}`);
    const parts = uploadType === "multipart" ? twoParts(type, call.bytes) : undefined;
    const body = parts ? parseJson(parts.resource) : {};
    const bucket = bucketOf(call, call.query.get("name") ?? String(body.name ?? ""));
    const wanted = wantedOf(world, objects, bucket, call, body, parts ? parts.type : type);
    // Copied: the parsed body is a view into the whole request, which would be kept alive with it.
    const bytes = Buffer.from(parts ? parts.media : call.bytes);
    return answer(wanted, store(world, objects, wanted, bytes, call.headers), call.query.get("projection"));
  };

  /** The form without media: an empty object with the metadata of the body. */
  const insertEmpty = (call: Call): Answer => {
    const body = call.json();
    const bucket = bucketOf(call, call.query.get("name") ?? String(body.name ?? ""));
    const wanted = wantedOf(world, objects, bucket, call, body, "");
    return answer(wanted, store(world, objects, wanted, Buffer.alloc(0), {}), call.query.get("projection"));
  };

  const cancel = (call: Call): Answer => {
    sessionOf(call);
    sessions.delete(call.query.get("upload_id") ?? "");
    return { status: 499 };
  };

  const id = "storage.objects.insert";
  const uploads = ["/upload/storage/v1/b/{bucket}/o", "/resumable/upload/storage/v1/b/{bucket}/o"];
  return [
    ...uploads.flatMap((path): Route[] => [
      { id, method: "POST", path, run: insert },
      { id, method: "PUT", path, run: go },
      { id, method: "DELETE", path, run: cancel },
    ]),
    { id, method: "POST", path: "/storage/v1/b/{bucket}/o", run: insertEmpty },
  ];
}
