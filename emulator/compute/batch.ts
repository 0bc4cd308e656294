import { type BatchDoor, batchRoute } from "../frame/batch.ts";
import type { Route, Router } from "../frame/router.ts";

/** gcloud lists and deletes this way. */
const DOOR: BatchDoor = {
  id: "compute.batch",
  path: "/batch/compute/v1",
  mostCalls: 1000,
  tooMany: () => "The batch request could not be processed: at most 1000 calls are allowed.",
};

export const computeBatch = (router: () => Router): Route => batchRoute(DOOR, router);
