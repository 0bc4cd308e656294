import type { Route, Service } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import { aclRoutes } from "./acl-routes.ts";
import { storageBatch } from "./batch.ts";
import { bucketRoutes } from "./bucket-routes.ts";
import { Buckets } from "./buckets.ts";
import { bulkRoutes } from "./bulk-routes.ts";
import { copyRoutes } from "./copy-routes.ts";
import { selected } from "./fields.ts";
import { folderRoutes } from "./folder-routes.ts";
import { type HmacKey, hmacRoutes } from "./hmac.ts";
import { runLifecycle } from "./lifecycle.ts";
import { createAnnounce, notificationRoutes } from "./notifications.ts";
import { objectPolicyRoutes } from "./object-policies.ts";
import { downloadRoute, objectRoutes } from "./object-routes.ts";
import { Objects } from "./objects.ts";
import { Operations } from "./operations.ts";
import { paid } from "./payers.ts";
import { suffering } from "./retry/suffer.ts";
import { RetryTests } from "./retry/tests.ts";
import { type SavedStorage, Shelf } from "./saved.ts";
import { uploadRoutes } from "./upload-routes.ts";
import { xmlRoutes } from "./xml-routes.ts";

export interface StorageService extends Service {
  /** The bytes of the live generation; not of one that only a customer-supplied key can read. */
  read(bucket: string, name: string): Buffer | undefined;
}

interface Saved extends SavedStorage {
  hmacKeys?: HmacKey[];
  retryTests?: ReturnType<RetryTests["save"]>;
}

/** Rules are looked at once a day, as the real service says it does. */
const LIFECYCLE_MS = 86_400_000;

/** Any answer can be asked for in part. */
function inPart(route: Route): Route {
  return {
    ...route,
    run: async (call) => {
      const answer = await route.run(call);
      const selector = call.query.get("fields");
      return selector && answer.json !== undefined ? { ...answer, json: selected(answer.json, selector) } : answer;
    },
  };
}

/**
 * Cloud Storage, JSON API v1. https://cloud.google.com/storage/docs/json_api/v1
 * Google's Node client leaves `/storage/v1` out when STORAGE_EMULATOR_HOST is set (it takes the variable as the base
 * URL), so everything below it is served without it too.
 */
export function createStorage(world: World): StorageService {
  const buckets = new Buckets(world);
  const objects = new Objects(world, buckets, createAnnounce(world, buckets));
  const shelf = new Shelf(world);
  const hmacKeys = new Map<string, HmacKey>();
  const stopLifecycle = world.clock.every(LIFECYCLE_MS, () => runLifecycle(buckets, objects, world.clock.now()));
  const inObjects = objectRoutes(world, buckets, objects);
  const operations = new Operations(world);
  const uploads = uploadRoutes(world, buckets, objects);
  const below = [
    ...bucketRoutes(world, buckets),
    ...inObjects,
    ...copyRoutes(world, buckets, objects),
    ...notificationRoutes(world, buckets),
    ...aclRoutes(world, buckets, objects),
    ...hmacRoutes(world, hmacKeys),
    ...folderRoutes(world, buckets, objects, operations),
    ...objectPolicyRoutes(world, buckets, objects),
    ...bulkRoutes(world, buckets, objects, operations),
    ...operations.routes(buckets),
  ];
  const findKey = (accessId: string) => hmacKeys.get(accessId);
  const routes = [
    ...below.map((route) => ({ ...route, path: `/storage/v1${route.path}` })),
    ...below,
    ...downloadRoute(inObjects),
    ...uploads.routes,
    ...xmlRoutes(world, buckets, objects, findKey, uploads.beginOverXml),
    storageBatch(world, () => service),
  ];
  const retryTests = new RetryTests(world);
  const known = new Set(routes.map(({ id }) => id));
  const service: StorageService = {
    name: "storage",
    errors: "legacy",
    routes: [
      ...routes.map((route) => suffering(world, retryTests, inPart(paid(world, buckets, route)))),
      ...retryTests.routes(known),
    ],
    prefixes: /^\/((upload|download|resumable\/upload|batch)\/)?storage\/v1|^\/(b|retry_tests?)(\/|$)/,
    nameUnknown: (method, path) => {
      const parts = path
        .replace(/^.*?\/storage\/v1/, "")
        .split("/")
        .filter((_, i) => i % 2 === 1);
      const names: Record<string, string> = { b: "buckets", o: "objects" };
      return `storage.${parts.map((part) => names[part] ?? part).join(".")} (${method})`;
    },
    read: (bucket, name) => {
      const found = buckets.find(bucket);
      const one = found && objects.live(found, name);
      return one?.seal ? undefined : one?.bytes;
    },
    save: (): Saved => ({
      ...shelf.save(buckets),
      hmacKeys: [...hmacKeys.values()],
      retryTests: retryTests.save(),
    }),
    load: (state) => {
      const saved = state as Saved;
      shelf.load(buckets, saved);
      retryTests.load(saved.retryTests ?? []);
      for (const key of saved.hmacKeys ?? []) hmacKeys.set(key.accessId, key);
    },
    close: stopLifecycle,
  };
  return service;
}
