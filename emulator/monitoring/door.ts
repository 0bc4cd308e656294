import { ApiError } from "../frame/errors.ts";
import type { Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import { byId, type World } from "../frame/world.ts";
import type { AlertPolicies } from "./policies.ts";
import { type Answered, readAnswered } from "./values.ts";

/**
 * `/emulator/monitoring/values`: POST sets what a query answers, GET lists, DELETE with a query forgets it and without a body
 * forgets all. `/emulator/monitoring/alerts`: POST `{policy}` opens an alert, `…/alerts:close` with `{alert}` closes it.
 */
export function monitoringDoor(
  world: World,
  policies: AlertPolicies,
  values: Map<string, Answered>,
  keyOf: (project: string, query: string) => string,
): Route[] {
  const at = "/emulator/monitoring/values";
  const all = () => ({ json: { values: [...values.values()] } });
  const text = (call: Call, field: string): string => {
    const value = call.json()[field];
    if (typeof value !== "string" || value === "") throw new ApiError(400, `"${field}" must be a text`);
    return value;
  };
  return [
    { id: "emulator.monitoring.values.list", method: "GET", path: at, run: all },
    {
      id: "emulator.monitoring.values.set",
      method: "POST",
      path: at,
      run: (call) => {
        const answered = readAnswered(call.json(), world.project);
        values.set(keyOf(answered.project, answered.query), answered);
        world.changed();
        return { json: answered };
      },
    },
    {
      id: "emulator.monitoring.values.remove",
      method: "DELETE",
      path: at,
      run: (call) => {
        if (call.bytes.length === 0) values.clear();
        else {
          const { project } = call.json();
          const key = keyOf(typeof project === "string" ? project : world.project, text(call, "query"));
          if (!values.delete(key)) throw new ApiError(404, "nothing is set for this query");
        }
        world.changed();
        return all();
      },
    },
    {
      id: "emulator.monitoring.alerts.open",
      method: "POST",
      path: "/emulator/monitoring/alerts",
      run: (call) => ({ json: policies.open(world.project, byId(world, text(call, "policy"))) }),
    },
    {
      id: "emulator.monitoring.alerts.close",
      method: "POST",
      path: "/emulator/monitoring/alerts:close",
      run: (call) => ({ json: policies.close(byId(world, text(call, "alert"))) }),
    },
  ];
}
