import { ApiError } from "../frame/errors.ts";
import type { Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import { byId, type World } from "../frame/world.ts";
import type { Buckets } from "./buckets.ts";
import { isObject } from "./model.ts";

/** The project a service account belongs to; undefined for people, who are the bucket's own here. */
function projectOf(principal: string): string | undefined {
  return /@([^.@]+)\.iam\.gserviceaccount\.com$/.exec(principal)?.[1];
}

/**
 * A bucket whose requesters pay asks callers of other projects who pays: `userProject`, or the header that says the
 * same. https://cloud.google.com/storage/docs/requester-pays
 */
export function paid(world: World, buckets: Buckets, route: Route): Route {
  const check = (call: Call): void => {
    if (call.query.has("userProject") || call.headers["x-goog-user-project"]) return;
    for (const name of [call.params.bucket, call.params.destinationBucket]) {
      const bucket = name === undefined ? undefined : buckets.find(name);
      if (!bucket || !isObject(bucket.settings.billing) || bucket.settings.billing.requesterPays !== true) continue;
      const project = projectOf(world.doors.principal(call.headers));
      if (project === undefined || project === byId(world, `projects/${bucket.project}/`).split("/")[1]) continue;
      throw new ApiError(400, "Bucket is a requester pays bucket but no user project provided.", {
        reason: "required",
      });
    }
  };
  return {
    ...route,
    run: (call) => {
      check(call);
      return route.run(call);
    },
  };
}
