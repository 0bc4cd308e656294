import type { Cloud } from "../compute/cloud.ts";
import { type Clock, ManualClock } from "../frame/clock.ts";
import { ApiError } from "../frame/errors.ts";
import type { Faults } from "../frame/faults/faults.ts";
import { readRule } from "../frame/faults/rule.ts";
import type { Router, Service } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import type { Feed } from "./feed.ts";
import { overview } from "./overview.ts";
import { pageAnswer } from "./page.ts";

/** What the emulator as a whole can do to itself. */
export interface Hands {
  /** Back to an empty cloud. */
  reset(): Promise<void>;
  export(): Buffer;
  /** Replaces everything by what an archive holds. Throws a 400 and changes nothing when it cannot be read. */
  import(archive: Buffer): Promise<void>;
}

export interface Admin {
  world: World;
  clock: Clock;
  router: Router;
  faults: Faults;
  feed: Feed;
  cloud: Cloud;
}

/** The emulator's own door, `/emulator/…`, and its page: what no real cloud has. */
export function createAdmin({ world, clock, router, faults, feed, cloud }: Admin, hands: Hands): Service {
  const now = () => new Date(world.clock.now()).toISOString();
  const info = () => ({
    json: {
      project: world.project,
      projectNumber: world.projectNumber,
      now: now(),
      clock: clock instanceof ManualClock ? "manual" : "real",
      instances: cloud.machines.kind,
    },
  });
  return {
    name: "emulator",
    errors: "modern",
    prefixes: /^\/(emulator(\/|$)|$)/,
    nameUnknown: (method, path) => `emulator ${method} ${path}`,
    routes: [
      {
        id: "emulator.page",
        method: "GET",
        path: "/",
        run: (call) => ((call.headers.accept ?? "").includes("text/html") ? pageAnswer() : info()),
      },
      { id: "emulator.info", method: "GET", path: "/emulator", run: info },
      {
        id: "emulator.methods",
        method: "GET",
        path: "/emulator/methods",
        run: () => ({
          json: {
            methods: router.services.flatMap(({ routes }) =>
              routes.map(({ id, method, path, coverage = "full" }) => ({ id, method, path, coverage })),
            ),
          },
        }),
      },
      { id: "emulator.overview", method: "GET", path: "/emulator/overview", run: () => ({ json: overview(cloud) }) },
      {
        id: "emulator.events",
        method: "GET",
        path: "/emulator/events",
        run: (call) => ({
          headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
          stream: (write) =>
            feed.follow(Number(call.headers["last-event-id"] ?? 0), (happening) =>
              write(`id: ${happening.id}\ndata: ${JSON.stringify(happening)}\n\n`),
            ),
        }),
      },
      {
        id: "emulator.clock.advance",
        method: "POST",
        path: "/emulator/clock:advance",
        run: async (call) => {
          if (!(clock instanceof ManualClock)) {
            throw new ApiError(400, "the clock is real; start the emulator with --clock manual to drive it");
          }
          const { seconds } = call.json<{ seconds?: number }>();
          if (typeof seconds !== "number" || !(seconds >= 0)) {
            throw new ApiError(400, `"seconds" must be a number of at least 0, e.g. {"seconds": 60}`);
          }
          await clock.advance(seconds * 1000);
          return { json: { now: now() } };
        },
      },
      {
        id: "emulator.faults.list",
        method: "GET",
        path: "/emulator/faults",
        run: () => ({ json: { faults: faults.list() } }),
      },
      {
        id: "emulator.faults.add",
        method: "POST",
        path: "/emulator/faults",
        run: (call) => ({ json: faults.add(readRule(call.json())) }),
      },
      {
        id: "emulator.faults.clear",
        method: "DELETE",
        path: "/emulator/faults",
        run: () => {
          faults.clear();
          return { json: {} };
        },
      },
      {
        id: "emulator.faults.remove",
        method: "DELETE",
        path: "/emulator/faults/{id}",
        run: (call) => {
          if (!faults.remove(call.params.id ?? "")) throw new ApiError(404, `there is no fault ${call.params.id}`);
          return { json: {} };
        },
      },
      {
        id: "emulator.reset",
        method: "POST",
        path: "/emulator/reset",
        run: async () => {
          await hands.reset();
          return { json: {} };
        },
      },
      {
        id: "emulator.export",
        method: "GET",
        path: "/emulator/export",
        run: () => ({ bytes: hands.export(), headers: { "content-type": "application/gzip" } }),
      },
      {
        id: "emulator.import",
        method: "POST",
        path: "/emulator/import",
        run: async (call) => {
          await hands.import(call.bytes);
          return { json: {} };
        },
      },
    ],
    save: () => faults.save(),
    load: (state) => faults.load(state as ReturnType<Faults["save"]>),
  };
}
