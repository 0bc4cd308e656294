import { ManualClock } from "./frame/clock.ts";
import { ApiError } from "./frame/errors.ts";
import type { Router, Service } from "./frame/router.ts";
import type { World } from "./frame/world.ts";

/** The emulator's own door, `/emulator/…`: what no real cloud has. */
export function createAdmin(world: World, router: Router): Service {
  return {
    name: "emulator",
    errors: "modern",
    prefixes: /^\/(emulator(\/|$)|$)/,
    nameUnknown: (method, path) => `emulator ${method} ${path}`,
    routes: [
      {
        id: "emulator.info",
        method: "GET",
        path: "/emulator",
        run: () => ({
          json: {
            project: world.project,
            projectNumber: world.projectNumber,
            now: new Date(world.clock.now()).toISOString(),
          },
        }),
      },
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
      {
        id: "emulator.clock.advance",
        method: "POST",
        path: "/emulator/clock:advance",
        run: async (call) => {
          if (!(world.clock instanceof ManualClock)) {
            throw new ApiError(400, "the clock is real; start the emulator with --clock manual to drive it");
          }
          const { seconds } = call.json<{ seconds?: number }>();
          if (typeof seconds !== "number" || !(seconds >= 0)) {
            throw new ApiError(400, `"seconds" must be a number of at least 0, e.g. {"seconds": 60}`);
          }
          await world.clock.advance(seconds * 1000);
          return { json: { now: new Date(world.clock.now()).toISOString() } };
        },
      },
    ],
  };
}
