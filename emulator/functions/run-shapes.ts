import { createHash } from "node:crypto";
import type { Json } from "../frame/fields.ts";
import type { World } from "../frame/world.ts";
import { PORT } from "./instance.ts";
import { type CloudFunction, placeOf, serviceId } from "./model.ts";

const MANAGED = "cloudfunctions";

function uidOf(name: string): string {
  const hex = createHash("sha256").update(name).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function imageOf(shown: CloudFunction): string {
  const { project, location, id } = placeOf(shown.name);
  return `${location}-docker.pkg.dev/${project}/gcf-artifacts/${id}:version_1`;
}

function environment({ serviceConfig, buildConfig, eventTrigger }: CloudFunction): Json[] {
  const plain = { ...serviceConfig.environmentVariables, FUNCTION_TARGET: buildConfig.entryPoint ?? "" };
  const type = { FUNCTION_SIGNATURE_TYPE: eventTrigger ? "cloudevent" : "http" };
  return Object.entries({ ...plain, ...type }).map(([name, value]) => ({ name, value }));
}

const limits = ({ serviceConfig }: CloudFunction) => ({
  cpu: serviceConfig.availableCpu ?? "",
  memory: serviceConfig.availableMemory ?? "",
});

/** https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services */
export function runService(world: World, shown: CloudFunction): Json {
  const { serviceConfig, createTime, updateTime, labels } = shown;
  const revision = `${serviceConfig.service}/revisions/${serviceConfig.revision}`;
  const ready = { type: "Ready", state: "CONDITION_SUCCEEDED", lastTransitionTime: updateTime };
  return {
    name: serviceConfig.service,
    uid: uidOf(serviceConfig.service ?? ""),
    generation: String(Number(/-(\d{5})-/.exec(serviceConfig.revision ?? "")?.[1] ?? 1)),
    labels: { ...labels, "goog-managed-by": MANAGED },
    createTime,
    updateTime,
    creator: `service-${world.projectNumber}@gcf-admin-robot.iam.gserviceaccount.com`,
    client: MANAGED,
    ingress: INGRESS[serviceConfig.ingressSettings ?? ""] ?? "INGRESS_TRAFFIC_ALL",
    launchStage: "GA",
    template: {
      serviceAccount: serviceConfig.serviceAccountEmail,
      timeout: `${serviceConfig.timeoutSeconds ?? 60}s`,
      maxInstanceRequestConcurrency: serviceConfig.maxInstanceRequestConcurrency,
      scaling: {
        ...(serviceConfig.minInstanceCount && { minInstanceCount: serviceConfig.minInstanceCount }),
        maxInstanceCount: serviceConfig.maxInstanceCount,
      },
      containers: [
        {
          name: "worker",
          image: imageOf(shown),
          env: environment(shown),
          resources: { limits: limits(shown) },
          ports: [{ name: "http1", containerPort: Number(PORT) }],
        },
      ],
    },
    traffic: [{ type: "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", percent: 100 }],
    observedGeneration: String(Number(/-(\d{5})-/.exec(serviceConfig.revision ?? "")?.[1] ?? 1)),
    terminalCondition: ready,
    latestReadyRevision: revision,
    latestCreatedRevision: revision,
    trafficStatuses: [{ type: "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", percent: 100 }],
    uri: serviceConfig.uri,
    urls: [serviceConfig.uri],
  };
}

const INGRESS: Record<string, string> = {
  ALLOW_ALL: "INGRESS_TRAFFIC_ALL",
  ALLOW_INTERNAL_ONLY: "INGRESS_TRAFFIC_INTERNAL_ONLY",
  ALLOW_INTERNAL_AND_GCLB: "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
};

/** https://cloud.google.com/run/docs/reference/rest/v1/namespaces.services */
export function knativeService(world: World, shown: CloudFunction): Json {
  const { serviceConfig, createTime, updateTime, labels } = shown;
  const { location, id } = placeOf(shown.name);
  const name = serviceId(id);
  const generation = Number(/-(\d{5})-/.exec(serviceConfig.revision ?? "")?.[1] ?? 1);
  const conditions = ["Ready", "ConfigurationsReady", "RoutesReady"].map((type) => ({
    type,
    status: "True",
    lastTransitionTime: updateTime,
  }));
  return {
    apiVersion: "serving.knative.dev/v1",
    kind: "Service",
    metadata: {
      name,
      namespace: world.projectNumber,
      selfLink: `/apis/serving.knative.dev/v1/namespaces/${world.projectNumber}/services/${name}`,
      uid: uidOf(serviceConfig.service ?? ""),
      generation,
      creationTimestamp: createTime,
      labels: { ...labels, "goog-managed-by": MANAGED, "cloud.googleapis.com/location": location },
      annotations: {
        "cloudfunctions.googleapis.com/function-id": id,
        "run.googleapis.com/ingress": serviceConfig.ingressSettings === "ALLOW_ALL" ? "all" : "internal",
        "serving.knative.dev/creator": `service-${world.projectNumber}@gcf-admin-robot.iam.gserviceaccount.com`,
        "serving.knative.dev/lastModifier": `service-${world.projectNumber}@gcf-admin-robot.iam.gserviceaccount.com`,
      },
    },
    spec: {
      template: {
        metadata: {
          name: serviceConfig.revision,
          annotations: {
            "autoscaling.knative.dev/maxScale": String(serviceConfig.maxInstanceCount ?? 1),
            ...(serviceConfig.minInstanceCount && {
              "autoscaling.knative.dev/minScale": String(serviceConfig.minInstanceCount),
            }),
          },
        },
        spec: {
          containerConcurrency: serviceConfig.maxInstanceRequestConcurrency,
          timeoutSeconds: serviceConfig.timeoutSeconds,
          serviceAccountName: serviceConfig.serviceAccountEmail,
          containers: [
            {
              name: "worker",
              image: imageOf(shown),
              env: environment(shown),
              resources: { limits: limits(shown) },
              ports: [{ name: "http1", containerPort: Number(PORT) }],
            },
          ],
        },
      },
      traffic: [{ percent: 100, latestRevision: true }],
    },
    status: {
      observedGeneration: generation,
      conditions,
      latestReadyRevisionName: serviceConfig.revision,
      latestCreatedRevisionName: serviceConfig.revision,
      traffic: [{ revisionName: serviceConfig.revision, percent: 100, latestRevision: true }],
      url: serviceConfig.uri,
      address: { url: serviceConfig.uri },
    },
  };
}
