import { createHash } from "node:crypto";
import { ApiError } from "../frame/errors.ts";
import type { Answer, Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import { aclOf } from "./acl.ts";
import type { Buckets } from "./buckets.ts";
import { download } from "./download.ts";
import { type Bucket, type Generation, isObject } from "./model.ts";
import type { Objects } from "./objects.ts";
import { checkNoCustomerKey } from "./options.ts";
import { notServed, permit } from "./problems.ts";
import { hasUniformAccess } from "./uniform.ts";

const READERS = /^roles\/storage\.(objectViewer|objectUser|objectAdmin|admin|legacyObjectReader|legacyObjectOwner)$/;

/** When a signed URL ends, ms; undefined when the call is not signed. The signature itself is not checked. */
function signedUntil({ query }: Call): number | undefined {
  if (query.has("Signature")) return Number(query.get("Expires")) * 1000;
  if (!query.has("X-Goog-Signature")) return undefined;
  const begun = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get("X-Goog-Date") ?? "");
  const [, year, month, day, hour, minute, second] = (begun ?? []).map(Number);
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second) + Number(query.get("X-Goog-Expires")) * 1000;
}

function isPublic(world: World, bucket: Bucket, one: Generation): boolean {
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

function xml(status: number, code: string, message: string): Answer {
  const text = message.replace(/[<&]/g, (sign) => (sign === "<" ? "&lt;" : "&amp;"));
  return {
    status,
    text: `<?xml version='1.0' encoding='UTF-8'?><Error><Code>${code}</Code><Message>${text}</Message></Error>`,
    headers: { "content-type": "application/xml; charset=UTF-8" },
  };
}

const CODES: Record<number, string> = { 403: "AccessDenied", 404: "NoSuchKey", 412: "PreconditionFailed" };

/**
 * `/BUCKET/OBJECT` of the XML API, as far as public links and signed URLs go: reading and writing one object.
 * https://cloud.google.com/storage/docs/xml-api/reference-methods
 */
export function xmlRoutes(world: World, buckets: Buckets, objects: Objects): Route[] {
  const within =
    (run: (call: Call, bucket: Bucket, name: string) => Answer) =>
    (call: Call): Answer => {
      const { bucket: bucketName = "", object = "" } = call.params;
      const bucket = buckets.find(bucketName);
      // Any other path looks like this one too; what nobody serves is said to be so.
      if (!bucket) throw notServed(`${call.method} ${call.path} (there is no bucket ${bucketName} either)`);
      checkNoCustomerKey(call);
      const until = signedUntil(call);
      if (until !== undefined && !(until > world.clock.now())) {
        return xml(400, "ExpiredToken", "The provided token has expired.");
      }
      try {
        return run(call, bucket, object);
      } catch (problem) {
        if (!(problem instanceof ApiError) || problem.code === 501) throw problem;
        return xml(problem.code, CODES[problem.code] ?? "InvalidArgument", problem.message);
      }
    };
  const isAnonymous = (call: Call) => signedUntil(call) === undefined && !call.headers.authorization;
  const anonymous = (permission: string) =>
    xml(403, "AccessDenied", `Anonymous caller does not have ${permission} access to the Google Cloud Storage object.`);

  const read = (call: Call, bucket: Bucket, name: string): Answer => {
    const found = objects.live(bucket, name);
    if (isAnonymous(call) && !(found && isPublic(world, bucket, found))) return anonymous("storage.objects.get");
    permit(world, call.headers, "storage.objects.get", bucket.name, name);
    return download(objects.get(bucket, name, call.query.get("generation") ?? undefined), call.headers);
  };

  const write = (call: Call, bucket: Bucket, name: string): Answer => {
    if (isAnonymous(call)) return anonymous("storage.objects.create");
    permit(world, call.headers, "storage.objects.create", bucket.name, name);
    const { headers } = call;
    const refused = Object.keys(headers).find((header) => /^x-goog-(acl|copy-source|storage-class)$/.test(header));
    if (refused !== undefined) throw notServed(`the header ${refused}`);
    const metadata = Object.entries(headers).flatMap(([header, value]) =>
      header.startsWith("x-goog-meta-") ? [[header.slice("x-goog-meta-".length), value]] : [],
    );
    const match = headers["x-goog-if-generation-match"];
    const one = objects.put(
      bucket,
      {
        name,
        bytes: call.bytes,
        settings: {
          contentType: headers["content-type"] ?? "application/octet-stream",
          ...(headers["cache-control"] && { cacheControl: headers["cache-control"] }),
          ...(headers["content-encoding"] && { contentEncoding: headers["content-encoding"] }),
          ...(metadata.length > 0 && { metadata: Object.fromEntries(metadata) }),
        },
      },
      match === undefined ? {} : { generationMatch: match },
    );
    const etag = `"${createHash("md5").update(one.bytes).digest("hex")}"`;
    return {
      headers: { etag, "x-goog-generation": one.generation, "x-goog-metageneration": String(one.metageneration) },
    };
  };

  const path = "/{bucket}/{object+}";
  return [
    {
      id: "storage.objects.get",
      method: "GET",
      path,
      run: within(read),
      coverage: "partly",
      lastResort: true,
    },
    {
      id: "storage.objects.insert",
      method: "PUT",
      path,
      run: within(write),
      coverage: "partly",
      lastResort: true,
    },
  ];
}
