import { ApiError } from "../frame/errors.ts";
import type { Answer, Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import { aclOf } from "./acl.ts";
import type { Buckets } from "./buckets.ts";
import { download } from "./download.ts";
import { formOf } from "./form.ts";
import { kmsKeyOf } from "./keys.ts";
import { type Bucket, type Generation, isObject } from "./model.ts";
import type { Objects } from "./objects.ts";
import { bucketOf, policyRefusal } from "./post-policy.ts";
import { noBucket, notServed, permitTo } from "./problems.ts";
import { type FindKey, verdictOf } from "./signatures.ts";
import { hasUniformAccess } from "./uniform.ts";
import { xmlError, xmlProblem } from "./xml.ts";
import { listBucket } from "./xml-listing.ts";
import { PartUploads, xmlEtag } from "./xml-multipart.ts";
import { copyFrom, settingsOfHeaders, storageClassOfHeaders, xmlConditions } from "./xml-write.ts";

const READERS = /^roles\/storage\.(objectViewer|objectUser|objectAdmin|admin|legacyObjectReader|legacyObjectOwner)$/;

function isPublic(world: World, bucket: Bucket, one: Generation): boolean {
  const { iamConfiguration } = bucket.settings;
  if (isObject(iamConfiguration) && iamConfiguration.publicAccessPrevention === "enforced") return false;
  const byPolicy = bucket.policy.bindings.some(
    (binding) =>
      isObject(binding) &&
      READERS.test(String(binding.role)) &&
      Array.isArray(binding.members) &&
      binding.members.includes("allUsers"),
  );
  const inList = aclOf(world, one.settings.acl).some(({ entity }) => entity === "allUsers");
  return byPolicy || (inList && !hasUniformAccess(bucket));
}

/** `/v1/…`, `/compute/beta/…`, `/upload/youtube/v3/…`: a version of an API where an object's name would begin. */
const API_PATH = /^\/(?:(?:upload|download|batch|resumable)\/)?(?:[A-Za-z]+\/)?(?:v\d+\w*|alpha|beta)(?:\/|$)/;

const BUCKET_NAME = /^[a-z0-9][a-z0-9._-]+[a-z0-9]$/;

/** One call over XML, with who makes it; undefined for nobody in particular. */
interface Request {
  call: Call;
  bucket: Bucket;
  name: string;
  caller: string | undefined;
}

/** Sub-resources of an object or a bucket that are not served. */
const NOT_SERVED =
  /^(acl|tagging|retention|legal-hold|compose|cors|lifecycle|location|logging|policy|versioning|versions|website|billing|encryption|storageClass)$/;

/** Starts a resumable upload for a call over XML; the session is the same as the JSON API's. */
export type BeginResumable = (call: Call, bucket: Bucket, name: string) => Answer;

/**
 * `/BUCKET` and `/BUCKET/OBJECT` of the XML API: what public links, signed URLs, posted forms and uploads in parts need.
 * https://cloud.google.com/storage/docs/xml-api/reference-methods
 */
export function xmlRoutes(
  world: World,
  buckets: Buckets,
  objects: Objects,
  findKey: FindKey,
  beginResumable: BeginResumable,
): Route[] {
  const uploads = new PartUploads(world, objects);

  const within =
    (run: (request: Request) => Answer) =>
    (call: Call): Answer => {
      const { bucket: bucketName = "", object: name = "" } = call.params;
      const bucket = buckets.find(bucketName);
      const verdict = verdictOf(world, call, findKey);
      // Paths of APIs look like this one too; a method that nobody serves is said to be so.
      if (!bucket && (API_PATH.test(call.path) || !BUCKET_NAME.test(bucketName))) {
        throw notServed(`${call.method} ${call.path} (there is no bucket ${bucketName} either)`);
      }
      if (verdict.kind === "bad") return xmlError(verdict.status, verdict.code, verdict.message);
      const refused = [...call.query.keys()].find((key) => NOT_SERVED.test(key));
      if (refused !== undefined) throw notServed(`${refused} over XML`);
      const known = call.headers.authorization ? world.doors.principal(call.headers) : undefined;
      const caller = verdict.kind === "good" ? verdict.account : known;
      return asXml(() => {
        if (!bucket) throw noBucket();
        return run({ call, bucket, name, caller });
      });
    };

  const allow = ({ bucket, name, caller }: Request, permission: string): void => {
    if (caller === undefined) {
      const what = permission.startsWith("storage.objects.") && name !== "" ? "object" : "bucket";
      throw new ApiError(
        403,
        `Anonymous caller does not have ${permission} access to the Google Cloud Storage ${what}.`,
        { reason: "forbidden" },
      );
    }
    permitTo(world, caller, permission, bucket.name, name || undefined);
  };

  const read = (request: Request): Answer => {
    const { call, bucket, name, caller } = request;
    if (call.query.has("uploadId")) {
      allow(request, "storage.multipartUploads.listParts");
      return uploads.list(call, bucket, name);
    }
    const live = objects.live(bucket, name);
    if (caller !== undefined || !(live && isPublic(world, bucket, live))) allow(request, "storage.objects.get");
    const one = objects.get(bucket, name, call.query.get("generation") ?? undefined);
    const answer = download(one, call.headers);
    // Over XML each checksum is a header of its own, which Go's client counts on; Node's reads both from one, over JSON.
    const hashes = answer.headers?.["x-goog-hash"]?.replaceAll(",", "\n");
    return hashes === undefined ? answer : { ...answer, headers: { ...answer.headers, "x-goog-hash": hashes } };
  };

  const write = (request: Request): Answer => {
    const { call, bucket, name } = request;
    allow(request, "storage.objects.create");
    if (call.query.has("partNumber")) return uploads.put(call, bucket, name);
    if (call.headers["x-goog-copy-source"]) return copyFrom(world, buckets, objects, call, bucket, name);
    const { settings, key } = settingsOfHeaders(world, call, bucket);
    const one = objects.put(
      bucket,
      {
        name,
        // Copied: the body may be a view into more, which would be kept alive with it.
        bytes: Buffer.from(call.bytes),
        settings,
        ...storageClassOfHeaders(call),
        key,
        kmsKeyName: kmsKeyOf(null, bucket, key),
      },
      xmlConditions(call.headers),
    );
    return {
      headers: {
        etag: xmlEtag(call.bytes),
        "x-goog-generation": one.generation,
        "x-goog-metageneration": String(one.metageneration),
        "x-goog-hash": `crc32c=${one.crc32c}${one.md5 === undefined ? "" : `,md5=${one.md5}`}`,
      },
    };
  };

  const post = (request: Request): Answer => {
    const { call, bucket, name } = request;
    allow(request, "storage.objects.create");
    if (call.query.has("uploads")) {
      const { settings } = settingsOfHeaders(world, call, bucket);
      return uploads.begin(call, bucket, name, settings, storageClassOfHeaders(call).storageClass);
    }
    if (call.query.has("uploadId")) return uploads.complete(call, bucket, name);
    if (call.headers["x-goog-resumable"] === "start") return beginResumable(call, bucket, name);
    throw notServed("POST of an object over XML that begins or completes no upload");
  };

  const remove = (request: Request): Answer => {
    const { call, bucket, name } = request;
    if (call.query.has("uploadId")) {
      allow(request, "storage.multipartUploads.abort");
      return uploads.abort(call, bucket, name);
    }
    allow(request, "storage.objects.delete");
    objects.delete(bucket, name, call.query.get("generation") ?? undefined, xmlConditions(call.headers));
    return { status: 204 };
  };

  const listAll = (request: Request): Answer => {
    const { call, bucket } = request;
    if (call.query.has("uploads")) {
      allow(request, "storage.multipartUploads.list");
      return uploads.listUploads(bucket);
    }
    allow(request, "storage.objects.list");
    return listBucket(call, bucket);
  };

  /** A browser's form: the policy in it says who allows what. */
  const postForm = (call: Call): Answer => {
    const type = call.headers["content-type"] ?? "";
    if (!type.startsWith("multipart/form-data")) throw notServed(`${call.method} ${call.path}`);
    return asXml(() => {
      const form = formOf(type, call.bytes);
      const bucketName = call.params.bucket ?? bucketOf(form) ?? "";
      const bucket = buckets.get(bucketName);
      const { fields, file } = form;
      const refusal = policyRefusal(world, bucketName, form, findKey);
      if (refusal) return xmlError(refusal.status, refusal.code, refusal.message);
      if (!file || !fields.key) return xmlError(400, "InvalidArgument", "The form needs a key and a file.");
      const account = fields.googleaccessid ?? (fields["x-goog-credential"] ?? "").split("/")[0] ?? "";
      const name = fields.key.replace(/\$\{filename\}/g, () => file.name);
      permitTo(world, account, "storage.objects.create", bucketName, name);
      const headers = { ...fields, "content-type": fields["content-type"] ?? file.type ?? "application/octet-stream" };
      const { settings } = settingsOfHeaders(world, { ...call, headers, bytes: file.bytes }, bucket);
      const one = objects.put(bucket, { name, bytes: file.bytes, settings }, {});
      const redirect = fields.success_action_redirect;
      const status = Number(fields.success_action_status ?? 204);
      return {
        status: redirect ? 303 : [200, 201, 204].includes(status) ? status : 204,
        headers: {
          etag: xmlEtag(file.bytes),
          location: redirect ?? `${call.origin}/${bucketName}/${encodeURIComponent(name)}`,
          "x-goog-generation": one.generation,
        },
      };
    });
  };

  const object = "/{bucket}/{object+}";
  const common = { coverage: "partly", lastResort: true } as const;
  return [
    { id: "storage.objects.get", method: "GET", path: object, run: within(read), ...common },
    { id: "storage.objects.insert", method: "PUT", path: object, run: within(write), ...common },
    { id: "storage.objects.insert", method: "POST", path: object, run: within(post), ...common },
    { id: "storage.objects.delete", method: "DELETE", path: object, run: within(remove), ...common },
    ...["/{bucket}", "/{bucket}/"].flatMap((path): Route[] => [
      { id: "storage.objects.list", method: "GET", path, run: within(listAll), ...common },
      { id: "storage.objects.insert", method: "POST", path, run: postForm, ...common },
    ]),
    { id: "storage.objects.insert", method: "POST", path: "/", run: postForm, ...common },
  ];
}

function asXml(run: () => Answer): Answer {
  try {
    return run();
  } catch (problem) {
    if (!(problem instanceof ApiError) || problem.code === 501) throw problem;
    return xmlProblem(problem);
  }
}
