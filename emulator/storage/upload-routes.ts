import { ApiError } from "../frame/errors.ts";
import type { Answer, Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import type { Buckets } from "./buckets.ts";
import { store, type Wanted, wantedOf } from "./insert.ts";
import { kmsKeyOf } from "./keys.ts";
import { type Generation, isObject, type Json } from "./model.ts";
import { twoParts } from "./multipart.ts";
import type { Objects } from "./objects.ts";
import { invalid, noBucket, permit } from "./problems.ts";
import { objectResource } from "./resources.ts";
import { pieceOf, type Session, take } from "./resumable.ts";
import type { BeginResumable } from "./xml-routes.ts";
import { settingsOfHeaders, storageClassOfHeaders, xmlConditions } from "./xml-write.ts";

type Upload = Session<Wanted, Answer>;

/** The list is shown to who sent one. */
function usual({ body }: Wanted): string {
  return body.acl === undefined ? "noAcl" : "full";
}

/** Of the part that describes an object; what a caller may put into it is limited further. */
const MOST_METADATA_BYTES = 1_048_576;

/** A session lives for a week. https://cloud.google.com/storage/docs/resumable-uploads */
const SESSION_MS = 7 * 86_400_000;

function parseJson(bytes: Buffer): Json {
  if (bytes.length > MOST_METADATA_BYTES) throw invalid("Metadata part is too large.");
  if (bytes.length === 0) return {};
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    return isObject(value) ? value : {};
  } catch {
    throw new ApiError(400, "Parse Error", { reason: "parseError" });
  }
}

/** `objects.insert` in its three forms. Sessions of resumable uploads live in memory only: a restart ends them. */
export function uploadRoutes(
  world: World,
  buckets: Buckets,
  objects: Objects,
): { routes: Route[]; beginOverXml: BeginResumable } {
  const sessions = new Map<string, Upload>();

  const answer = (wanted: Wanted, one: Generation, projection: string | null): Answer => ({
    json: objectResource(world, wanted.bucket, one, projection ?? usual(wanted), true),
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

  /** A session, and where its pieces go. */
  const opened = (call: Call, path: string, wanted: Wanted): Answer => {
    const id = world.ids.hex(48);
    for (const [old, { begunAt }] of sessions) if (begunAt + SESSION_MS <= world.clock.now()) sessions.delete(old);
    sessions.set(id, { wanted, parts: [], received: 0, begunAt: world.clock.now() });
    const query = new URLSearchParams(call.query);
    query.set("upload_id", id);
    return {
      headers: {
        location: `${call.origin}${path}?${query}`,
        "x-guploader-uploadid": id,
        "content-type": "text/html; charset=UTF-8",
      },
    };
  };

  const begin = (call: Call): Answer => {
    const body = parseJson(call.bytes);
    const bucket = bucketOf(call, call.query.get("name") ?? "");
    const type = call.headers["x-upload-content-type"] ?? "";
    return opened(call, call.path, wantedOf(world, objects, bucket, call, body, type));
  };

  /** Over XML, headers say what the JSON API's body does; who may do it was asked already. */
  const beginOverXml: BeginResumable = (call, bucket, name) => {
    const { settings, key } = settingsOfHeaders(world, { ...call, bytes: Buffer.alloc(0) }, bucket);
    const wanted: Wanted = {
      bucket,
      name,
      body: { ...storageClassOfHeaders(call) },
      settings,
      conditions: xmlConditions(call.headers),
      headers: call.headers,
      key,
      kmsKeyName: kmsKeyOf(null, bucket, key),
    };
    objects.check(bucket, name, wanted.conditions);
    const answer = opened({ ...call, query: new URLSearchParams() }, `/upload/storage/v1/b/${bucket.name}/o`, wanted);
    return { ...answer, status: 201 };
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
      const headers = { ...range, "x-guploader-uploadid": call.query.get("upload_id") ?? "" };
      // Go's clients, whose HTTP library would follow a 308, ask for another form of "go on".
      return call.headers["x-guploader-no-308"] === "yes"
        ? { status: 200, headers: { ...headers, "x-http-status-code-override": "308" } }
        : { status: 308, headers };
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
  const routes: Route[] = [
    ...uploads.flatMap((path): Route[] => [
      { id, method: "POST", path, run: insert },
      { id, method: "PUT", path, run: go },
      { id, method: "DELETE", path, run: cancel },
    ]),
    { id, method: "POST", path: "/storage/v1/b/{bucket}/o", run: insertEmpty },
  ];
  return { routes, beginOverXml };
}
