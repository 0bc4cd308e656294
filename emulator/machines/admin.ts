import { ApiError } from "../frame/errors.ts";
import type { Service } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import { readBehaviour } from "./behaviours.ts";
import type { EmulatedMachines } from "./index.ts";

/** `/emulator/machines/…`: how virtual machines behave. */
export function createMachineAdmin(world: World, machines: EmulatedMachines): Service {
  const { behaviours } = machines;
  const onlyVirtual = () => {
    if (machines.kind === "virtual") return;
    throw new ApiError(
      400,
      "instances are real processes here and behave as they do; start the emulator with --instances virtual",
      {
        status: "FAILED_PRECONDITION",
      },
    );
  };
  return {
    name: "machines",
    errors: "modern",
    prefixes: /^\/emulator\/machines(\/|$)/,
    nameUnknown: (method, path) => `emulator.machines ${method} ${path}`,
    routes: [
      {
        id: "emulator.machines.behaviours.list",
        method: "GET",
        path: "/emulator/machines/behaviours",
        run: () => ({ json: { behaviours: behaviours.list() } }),
      },
      {
        id: "emulator.machines.behaviours.insert",
        method: "POST",
        path: "/emulator/machines/behaviours",
        run: (call) => {
          onlyVirtual();
          const known = behaviours.add(readBehaviour(call.json()));
          world.changed();
          return { json: known };
        },
      },
      {
        id: "emulator.machines.behaviours.clear",
        method: "DELETE",
        path: "/emulator/machines/behaviours",
        run: () => {
          behaviours.clear();
          world.changed();
          return { json: {} };
        },
      },
      {
        id: "emulator.machines.behaviours.delete",
        method: "DELETE",
        path: "/emulator/machines/behaviours/{id}",
        run: (call) => {
          if (!behaviours.remove(call.params.id ?? ""))
            throw new ApiError(404, `there is no behaviour ${call.params.id}`);
          world.changed();
          return { json: {} };
        },
      },
    ],
    save: () => behaviours.save(),
    load: (state) => behaviours.load(state as ReturnType<typeof behaviours.save>),
  };
}
