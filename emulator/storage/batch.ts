import { type BatchDoor, batchRoute } from "../frame/batch.ts";
import { aroundCalls } from "../frame/faults/calls.ts";
import { type Route, Router, type Service } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import { auditedCalls } from "../logging/audit/around.ts";

/** Without media. https://cloud.google.com/storage/docs/batch */
const DOOR: BatchDoor = {
  id: "storage.batch",
  path: "/batch/storage/v1",
  mostCalls: 100,
  tooMany: (count) => `The batch request holds ${count} calls; at most 100 are allowed.`,
  refuse: ({ query, path }) => {
    if (query.get("alt") !== "media" && !path.startsWith("/upload/")) return undefined;
    const message = "Media cannot be sent or fetched in a batch.";
    return { status: 400, json: { error: { code: 400, message, errors: [{ message, reason: "badRequest" }] } } };
  },
};

export function storageBatch(world: World, service: () => Service): Route {
  let router: Router | undefined;
  const known = () => {
    if (router) return router;
    router = new Router(auditedCalls(world, aroundCalls(world)));
    router.add(service());
    return router;
  };
  return batchRoute(DOOR, known);
}
