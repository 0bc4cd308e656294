import { ApiError } from "../../frame/errors.ts";
import type { Route } from "../../frame/router.ts";
import type { Cloud } from "../cloud.ts";
import { errors } from "../errors.ts";
import { sameFingerprint } from "../fingerprint.ts";
import { type Change, mutation } from "../method.ts";
import type { Json } from "../schema/check.ts";
import { instancePath, type StoredInstance } from "./model.ts";
import { audited, instanceAt, instanceRef, ONE_INSTANCE } from "./routes.ts";
import { checkScheduling, schedulingOf } from "./scheduling.ts";

/** What can be changed of one instance by a call of its own, besides metadata and labels. */
export function instanceSettingRoutes(cloud: Cloud): Route[] {
  const on = (verb: string, body: string, apply: (instance: StoredInstance, body: Json) => void): Route =>
    mutation(cloud, {
      id: `compute.instances.${verb}`,
      operationType: verb,
      permission: `compute.instances.${verb}`,
      method: "POST",
      path: `${ONE_INSTANCE}/${verb}`,
      body,
      target: (call) => instanceRef(cloud, call),
      ...audited(cloud),
      apply: (given, target): Change => {
        const instance = instanceAt(cloud, target);
        apply(instance, given);
        return { targetId: instance.id };
      },
    });
  const stopped = (instance: StoredInstance, why: string) => {
    if (instance.status !== "TERMINATED") throw new ApiError(400, why, { reason: "resourceNotReady" });
  };
  return [
    on("setTags", "Tags", (instance, body) => {
      if (!sameFingerprint(body.fingerprint, instance.tagsFingerprint))
        throw errors.fingerprint("Supplied fingerprint does not match current tags fingerprint.");
      instance.tags = Array.isArray(body.items) ? body.items.map(String) : [];
      instance.tagsFingerprint = cloud.world.ids.fingerprint();
    }),
    on("setMachineType", "InstancesSetMachineTypeRequest", (instance, body) => {
      const type = String(body.machineType ?? "");
      if (type === "") throw errors.required("machineType");
      stopped(instance, `The instance '${instancePath(instance)}' must be stopped to change its machine type.`);
      instance.machineType = type;
    }),
    on("setServiceAccount", "InstancesSetServiceAccountRequest", (instance, body) => {
      stopped(instance, "The instance must be stopped before the service account can be changed.");
      const scopes = Array.isArray(body.scopes) ? body.scopes.map(String) : [];
      const email = String(body.email ?? "");
      instance.serviceAccounts = email === "" ? [] : [{ email, scopes }];
    }),
    on("setScheduling", "Scheduling", (instance, body) => {
      const before = schedulingOf(instance.kept.scheduling);
      checkScheduling(body);
      if (schedulingOf(body).spot !== before.spot)
        stopped(instance, `The instance '${instancePath(instance)}' must be stopped to change its provisioning model.`);
      instance.kept = { ...instance.kept, scheduling: body };
    }),
  ];
}
