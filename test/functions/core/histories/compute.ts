import type { Compute } from "../../../../functions/google/compute.ts";
import { Failure } from "../../../../functions/google/failure.ts";
import type { InstanceGroupManager, ManagedInstance } from "../../../../wire/compute.d.ts";
import { imageOf } from "../small-cloud.ts";
import { type ModelCloud, Refused } from "./cloud.ts";

interface Place {
  location: string;
  name: string;
}

/** The model cloud as the control plane calls Compute Engine. */
export function computeOf(model: ModelCloud): Partial<Compute> {
  const group = ({ location, name }: Place) => model.group(`${location}/${name}`);
  const change = (effect: Parameters<ModelCloud["perform"]>[0]) => {
    try {
      model.perform(effect);
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      const kind = problem.kind === "no-room" ? "invalid" : problem.kind;
      throw new Failure(kind, 412, effect.kind, problem.message);
    }
  };
  const properties = (name: string) => model.templates.get(name)?.properties;
  return {
    group: async (place) => {
      const found = group(place);
      const { autoscaler, machines } = found;
      const { fingerprint, targetSize, versions, updatePolicy, checked } = found.view(false);
      return {
        name: place.name,
        fingerprint,
        targetSize,
        versions,
        updatePolicy,
        ...(checked && { autoHealingPolicies: [{ healthCheck: "global/healthChecks/web" }] }),
        status: {
          isStable: [...machines.values()].every(({ action }) => action === "NONE"),
          ...(autoscaler && { autoscaler: `autoscalers/${autoscaler.name}` }),
        },
      } as InstanceGroupManager;
    },
    managedInstances: async (place) =>
      group(place)
        .view(true)
        .machines.map(
          ({ name, id, status, action, template, health, errors }) =>
            ({
              name,
              instance: `projects/acme-prod/zones/us-central1-a/instances/${name}`,
              ...(id !== undefined && { id }),
              ...(status !== undefined && { instanceStatus: status }),
              currentAction: action,
              version: { instanceTemplate: `global/instanceTemplates/${template}` },
              ...(health !== undefined && { instanceHealth: [{ detailedHealthState: health }] }),
              ...(errors.length > 0 && { lastAttempt: { errors: { errors } } }),
            }) as ManagedInstance,
        ),
    groupErrors: async () => [],
    patchGroup: async ({ location, name }, { fingerprint = "", versions = [], updatePolicy = {} }, requestId) =>
      change({ kind: "patch-group", group: `${location}/${name}`, fingerprint, versions, updatePolicy, requestId }),
    autoscaler: async (place) => {
      const { autoscaler } = group(place);
      return autoscaler && { name: autoscaler.name, target: "", autoscalingPolicy: { mode: autoscaler.mode } };
    },
    setAutoscalerMode: async ({ location, name }, scaler, mode, requestId) => {
      if (mode !== "ON" && mode !== "ONLY_SCALE_OUT") throw new Error(`nobody asks for ${mode}`);
      change({ kind: "patch-autoscaler", group: `${location}/${name}`, name: scaler, mode, requestId });
    },
    head: async () => model.head,
    images: async () => [model.head],
    image: async (name) => (model.images.has(name) ? imageOf(name, String(1000 + Number(name.slice(4)))) : undefined),
    template: async (name) => {
      const found = properties(name);
      return found && { name, properties: found };
    },
    insertTemplate: async ({ name, properties: held }, requestId) => {
      if (model.templates.has(name)) throw new Failure("exists", 409, name, "alreadyExists");
      change({ kind: "insert-template", group: "", name, properties: held, requestId });
    },
    disks: async () =>
      model.groups.flatMap(({ machines }) =>
        [...machines.values()].map(({ name, template }) => {
          const image = model.imageName(template);
          const user = `projects/acme-prod/zones/us-central1-a/instances/${name}`;
          const sourceImage = `projects/acme-prod/global/images/${image}`;
          return {
            name,
            zone: "us-central1-a",
            users: [user],
            sourceImage,
            sourceImageId: String(1000 + Number(image.slice(4))),
          };
        }),
      ),
    projectQuotas: async () => [],
    region: async () => undefined,
    operationsOn: async () => [],
    instance: async () => undefined,
    serialOutput: async () => "",
    guestAttributes: async () => ({}),
  };
}
