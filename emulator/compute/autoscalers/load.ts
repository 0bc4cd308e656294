import { ApiError } from "../../frame/errors.ts";
import type { Call } from "../../frame/http.ts";
import type { Route } from "../../frame/router.ts";
import type { Cloud } from "../cloud.ts";
import { isObject } from "../schema/check.ts";
import type { Load } from "./model.ts";

const SIGNALS = ["cpuUtilization", "totalCpuUtilization", "size"] as const;

/**
 * The emulator's own routes for the load of a group, which nothing here measures. `GROUP` is a name, or a path
 * (`projects/P/zones/Z/instanceGroupManagers/N`) where several groups have the same.
 */
export function loadRoutes(cloud: Cloud): Route[] {
  const path = "/emulator/load/{group+}";
  const set = (call: Call, load?: Load) => {
    const group = groupOf(cloud, call.params.group ?? "");
    if (load) cloud.loads.set(group, load);
    else cloud.loads.delete(group);
    cloud.world.changed();
    return { json: { group, ...load } };
  };
  return [
    {
      id: "emulator.load.get",
      method: "GET",
      path,
      run: (call) => {
        const group = groupOf(cloud, call.params.group ?? "");
        return { json: { group, ...cloud.loads.get(group) } };
      },
    },
    { id: "emulator.load.put", method: "PUT", path, run: (call) => set(call, loadOf(call.json())) },
    { id: "emulator.load.delete", method: "DELETE", path, run: (call) => set(call) },
  ];
}

function groupOf(cloud: Cloud, text: string): string {
  const found = [...cloud.groups].filter(([path, { name }]) => path === text || name === text).map(([path]) => path);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  throw found.length === 0
    ? new ApiError(404, `there is no group ${text}`, { reason: "notFound" })
    : new ApiError(400, `several groups are called ${text}: ${found.join(", ")}`, { reason: "invalid" });
}

function loadOf(body: unknown): Load {
  const example = `e.g. {"cpuUtilization": 0.9}, {"totalCpuUtilization": 2.5} or {"size": 4}`;
  const [entry, ...others] = isObject(body) ? Object.entries(body) : [];
  const signal = SIGNALS.find((name) => name === entry?.[0]);
  const value = entry?.[1];
  if (!signal || others.length > 0)
    throw new ApiError(400, `exactly one of ${SIGNALS.join(", ")} must be set, ${example}`, { reason: "invalid" });
  if (typeof value !== "number" || !(value >= 0) || (signal === "size" && !Number.isInteger(value)))
    throw new ApiError(400, `${signal} must be a number of at least 0, ${example}`, { reason: "invalid" });
  if (signal === "size") return { size: value };
  return signal === "cpuUtilization" ? { cpuUtilization: value } : { totalCpuUtilization: value };
}
