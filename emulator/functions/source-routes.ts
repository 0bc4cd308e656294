import type { Answer, Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import { byId } from "../frame/world.ts";
import type { Functions } from "./methods.ts";
import type { Sources } from "./sources.ts";

function refused(status: number, code: string, message: string): Answer {
  return {
    status,
    text: `<?xml version='1.0' encoding='UTF-8'?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
    headers: { "content-type": "application/xml; charset=UTF-8" },
  };
}

/** The signed URLs by which sources come and go. The buckets are the service's own and do not show in Cloud Storage. */
export function sourceRoutes(world: World, functions: Functions, sources: Sources): Route[] {
  const expired = ({ query }: Call) => !(Number(query.get("Expires")) * 1000 > world.clock.now());
  return [
    {
      id: "storage.objects.insert",
      method: "PUT",
      coverage: "partly",
      path: "/gcf-v2-uploads-{bucket}/{object}",
      run: (call) => {
        if (expired(call)) return refused(400, "ExpiredToken", "The provided token has expired.");
        // The type is part of what the real URL's signature is of.
        if (call.headers["content-type"] !== "application/zip") {
          return refused(403, "SignatureDoesNotMatch", "Access denied. The upload must be of type application/zip.");
        }
        const { bucket = "", object = "" } = call.params;
        if (!sources.upload(`gcf-v2-uploads-${bucket}`, object, call.bytes)) {
          return refused(403, "AccessDenied", "Access denied.");
        }
        return { status: 200 };
      },
    },
    {
      id: "storage.objects.get",
      method: "GET",
      coverage: "partly",
      path: "/gcf-v2-sources-{bucket}/{function}/function-source.zip",
      run: (call) => {
        if (expired(call)) return refused(400, "ExpiredToken", "The provided token has expired.");
        const location = (call.params.bucket ?? "").replace(`${world.projectNumber}-`, "");
        const name = byId(world, `projects/${world.project}/locations/${location}/functions/${call.params.function}`);
        const { source } = functions.kept.get(name) ?? {};
        if (source === undefined) return refused(404, "NoSuchKey", "The specified key does not exist.");
        return { bytes: sources.read(source), headers: { "content-type": "application/zip" } };
      },
    },
  ];
}
