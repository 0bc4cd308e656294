import type { Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { Cloud } from "./cloud.ts";
import { errors } from "./errors.ts";
import { sameFingerprint } from "./fingerprint.ts";
import { itemsOf, renderMetadata } from "./instances/model.ts";
import { mutation, projectOf, read } from "./method.ts";
import { GLOBAL, link, type Ref } from "./names.ts";

export function projectRoutes(cloud: Cloud): Route[] {
  const base = "/compute/v1/projects/{project}";
  const ref = (call: Call): Ref => ({
    project: projectOf(cloud, call),
    scope: GLOBAL,
    collection: "projects",
    name: projectOf(cloud, call),
  });
  return [
    read(cloud, {
      id: "compute.projects.get",
      path: base,
      permission: "compute.projects.get",
      coverage: "partly",
      resource: (call) => `projects/${projectOf(cloud, call)}`,
      run: (call) => {
        const project = cloud.project(projectOf(cloud, call));
        const number = project.id === cloud.world.project ? cloud.world.projectNumber : "0";
        return {
          kind: "compute#project",
          id: number,
          creationTimestamp: "2020-01-01T00:00:00.000-08:00",
          name: project.id,
          commonInstanceMetadata: renderMetadata(project.metadata, project.fingerprint),
          quotas: [],
          selfLink: link(call.origin, `projects/${project.id}`),
          defaultServiceAccount: `${number}-compute@developer.gserviceaccount.com`,
          defaultNetworkTier: "PREMIUM",
          vmDnsSetting: "ZONAL_ONLY",
        };
      },
    }),
    mutation(cloud, {
      id: "compute.projects.setCommonInstanceMetadata",
      operationType: "setMetadata",
      method: "POST",
      path: `${base}/setCommonInstanceMetadata`,
      permission: "compute.projects.setCommonInstanceMetadata",
      body: "Metadata",
      target: ref,
      monitored: (target) => ({ type: "gce_project", labels: { project_id: target.project } }),
      idOf: () => undefined,
      apply: (body, target) => {
        const project = cloud.project(target.project);
        if (body.fingerprint !== undefined && !sameFingerprint(body.fingerprint, project.fingerprint))
          throw errors.fingerprint("Supplied fingerprint does not match current metadata fingerprint.");
        project.metadata = itemsOf(body);
        project.fingerprint = cloud.world.ids.fingerprint();
        return { targetId: cloud.world.projectNumber };
      },
    }),
  ];
}
