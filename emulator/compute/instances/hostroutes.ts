import { ApiError } from "../../frame/errors.ts";
import type { Call } from "../../frame/http.ts";
import type { Route } from "../../frame/router.ts";
import type { Cloud } from "../cloud.ts";
import { errors } from "../errors.ts";
import { type Change, mutation } from "../method.ts";
import { pathOf, projectId, type Ref } from "../names.ts";
import type { HostEvents } from "./hostevents.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { type InstanceStatus, instancePath, type StoredInstance } from "./model.ts";
import { audited, instanceAt, instanceRef, ONE_INSTANCE } from "./routes.ts";
import { schedulingOf } from "./scheduling.ts";

/** Suspension, host events that a caller asks for, and the emulator's own routes for those that nobody asks for. */
export function hostRoutes(cloud: Cloud, lifecycle: Lifecycle, events: HostEvents): Route[] {
  const inState = (target: Ref, status: InstanceStatus): StoredInstance => {
    const instance = instanceAt(cloud, target);
    if (instance.status !== status) throw errors.notReady(pathOf(target));
    return instance;
  };
  const on = (
    verb: string,
    query: string[],
    apply: (instance: StoredInstance, call: Call) => Change,
    status: InstanceStatus = "RUNNING",
  ): Route =>
    mutation(cloud, {
      id: `compute.instances.${verb}`,
      operationType: verb,
      permission: `compute.instances.${verb}`,
      method: "POST",
      path: `${ONE_INSTANCE}/${verb}`,
      query,
      target: (call) => instanceRef(cloud, call),
      ...audited(cloud),
      apply: (_body, target, call) => apply(inState(target, status), call),
    });
  return [
    on("simulateMaintenanceEvent", ["withExtendedNotifications"], (instance, call) => {
      if (instance.host?.maintenanceEvent !== undefined) throw errors.notReady(instancePath(instance));
      if (call.query.get("withExtendedNotifications") === "true") {
        events.announce(instance);
        return { targetId: instance.id };
      }
      return { targetId: instance.id, until: (end) => events.maintain(instance, () => end()) };
    }),
    on("performMaintenance", [], (instance) => {
      const { upcoming } = instance.host ?? {};
      if (!upcoming || upcoming.ongoing)
        throw errors.usage(`Instance ${instance.name} does not have upcoming maintenance that can be performed`);
      return { targetId: instance.id, until: (end) => events.maintain(instance, () => end()) };
    }),
    on("suspend", ["discardLocalSsd"], (instance) => ({
      targetId: instance.id,
      until: (end) => lifecycle.suspend(instance, end),
    })),
    on(
      "resume",
      [],
      (instance) => ({ targetId: instance.id, until: (end) => lifecycle.start(instance, end) }),
      "SUSPENDED",
    ),
    ...doors(cloud, events),
  ];
}

/** `POST /emulator/instances/{zone}/{instance}:preempt`, `:fail`, `:maintain`; `?project=` for another than the home project. */
function doors(cloud: Cloud, events: HostEvents): Route[] {
  const door = (verb: "preempt" | "fail" | "maintain"): Route => ({
    id: `emulator.instances.${verb}`,
    method: "POST",
    path: `/emulator/instances/{zone}/{instance}:${verb}`,
    run: (call) => {
      const { zone = "", instance: name = "" } = call.params;
      const project = projectId(cloud.world, call.query.get("project") ?? cloud.world.project);
      const path = instancePath({ project, zone, name });
      const instance = cloud.instances.get(path);
      const refuse = (code: number, why: string) => new ApiError(code, why, { reason: "invalid" });
      if (!instance) throw refuse(404, `there is no instance ${path}`);
      if (instance.status !== "RUNNING")
        throw refuse(400, `${name} is ${instance.status}; only what runs can be struck`);
      if (verb === "preempt" && !schedulingOf(instance.kept.scheduling).spot)
        throw refuse(400, `${name} is no spot machine: only those are preempted`);
      events[verb](instance);
      return { json: { instance: path, status: instance.status } };
    },
  });
  return [door("preempt"), door("fail"), door("maintain")];
}
