import { ApiError } from "../frame/errors.ts";
import type { Route } from "../frame/router.ts";
import { behavioursBySeed, PLAUSIBLE } from "./behaviours.ts";
import type { Cloud } from "./cloud.ts";
import type { Json } from "./schema/check.ts";

/** The emulator's own routes for how long things take, what is undocumented, and what runs out. */
export function controlRoutes(cloud: Cloud): Route[] {
  return [
    ...pair(cloud, "timings", "/emulator/timings", (value) => typeof value === "number" && value >= 0),
    ...pair(cloud, "behaviours", "/emulator/behaviours", (value, name) =>
      (PLAUSIBLE[name as keyof typeof PLAUSIBLE] as readonly unknown[]).includes(value),
    ),
    {
      id: "emulator.behaviours.choose",
      method: "POST",
      path: "/emulator/behaviours:choose",
      run: (call) => {
        const { seed } = call.json<Json>();
        if (typeof seed !== "string" || seed === "")
          throw new ApiError(400, `"seed" is a text that is not empty, e.g. {"seed": "7"}`, { reason: "invalid" });
        cloud.behaviours = behavioursBySeed(seed);
        cloud.world.changed();
        return { json: cloud.behaviours };
      },
    },
    ...pair(cloud, "limits", "/emulator/limits", (value, name) =>
      name === "exhaustedZones"
        ? Array.isArray(value) && value.every((zone) => typeof zone === "string")
        : value === null || (typeof value === "number" && value >= 0),
    ),
  ];
}

function pair(
  cloud: Cloud,
  what: "timings" | "behaviours" | "limits",
  path: string,
  valid: (value: unknown, name: string) => boolean,
): Route[] {
  return [
    { id: `emulator.${what}.get`, method: "GET", path, run: () => ({ json: cloud[what] }) },
    {
      id: `emulator.${what}.patch`,
      method: "PATCH",
      path,
      run: (call) => {
        const body = call.json<Json>();
        for (const [name, value] of Object.entries(body))
          if (!Object.hasOwn(cloud[what], name) || !valid(value, name))
            throw new ApiError(400, `${what}: ${name} cannot be ${JSON.stringify(value)}`, { reason: "invalid" });
        Object.assign(cloud[what], body);
        cloud.world.changed();
        return { json: cloud[what] };
      },
    },
  ];
}
