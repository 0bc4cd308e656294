import { createHash } from "node:crypto";
import { sameBytes } from "../frame/bytes.ts";
import { ApiError } from "../frame/errors.ts";
import type { Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { World } from "../frame/world.ts";

export interface ProjectPolicy {
  version?: number;
  etag?: string;
  bindings?: { role: string; members?: string[] }[];
  [other: string]: unknown;
}

/** What Cloud Resource Manager keeps of the one project. */
export class Project {
  readonly #world: World;
  policy: ProjectPolicy;

  constructor(world: World) {
    this.#world = world;
    // Enabling an API gives its agent its role; gcloud looks whether Pub/Sub's may make tokens for pushes.
    const agent = `serviceAccount:service-${world.projectNumber}@gcp-sa-pubsub.iam.gserviceaccount.com`;
    this.policy = {
      version: 1,
      bindings: [
        { role: "roles/owner", members: ["user:owner@example.com"] },
        { role: "roles/pubsub.serviceAgent", members: [agent] },
      ],
    };
  }

  get etag(): string {
    return createHash("sha256").update(JSON.stringify(this.policy)).digest().subarray(0, 8).toString("base64");
  }

  /** Any other project answers as one that the caller may not see, which is also what a missing one does. */
  require(call: Call, permission: string): void {
    const { project, projectNumber, doors } = this.#world;
    const asked = call.params.project ?? "";
    const known = asked === project || asked === projectNumber;
    if (!known || !doors.allowed(doors.principal(call.headers), permission, `projects/${project}`)) {
      throw new ApiError(403, "The caller does not have permission");
    }
  }
}

/** Cloud Resource Manager and Service Usage, as much as `gcloud` asks on its way to something else. */
export function projectRoutes(world: World, project: Project): Route[] {
  const created = "2020-01-01T00:00:00.000Z";
  const answerPolicy = () => ({ ...project.policy, etag: project.etag });
  const testPermissions = (call: Call) => {
    const { permissions = [] } = call.json<{ permissions?: string[] }>();
    const principal = world.doors.principal(call.headers);
    const held = permissions.filter((one) => world.doors.allowed(principal, one, `projects/${world.project}`));
    return { json: held.length > 0 ? { permissions: held } : {} };
  };
  const policyRoutes = (version: "v1" | "v3"): Route[] => [
    {
      id: "cloudresourcemanager.projects.getIamPolicy",
      method: "POST",
      path: `/${version}/projects/{project}:getIamPolicy`,
      run: (call) => {
        project.require(call, "resourcemanager.projects.getIamPolicy");
        return { json: answerPolicy() };
      },
    },
    {
      id: "cloudresourcemanager.projects.setIamPolicy",
      method: "POST",
      path: `/${version}/projects/{project}:setIamPolicy`,
      run: (call) => {
        project.require(call, "resourcemanager.projects.setIamPolicy");
        const { policy } = call.json<{ policy?: ProjectPolicy }>();
        if (!policy) throw new ApiError(400, "Field [policy] is required.");
        if (policy.etag && !sameBytes(policy.etag, project.etag)) {
          throw new ApiError(
            409,
            "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.",
            { status: "ABORTED" },
          );
        }
        const { etag: _, ...kept } = policy;
        project.policy = { version: 1, ...kept };
        world.changed();
        return { json: answerPolicy() };
      },
    },
    {
      id: "cloudresourcemanager.projects.testIamPermissions",
      method: "POST",
      path: `/${version}/projects/{project}:testIamPermissions`,
      run: testPermissions,
    },
  ];
  return [
    {
      id: "cloudresourcemanager.projects.get",
      method: "GET",
      path: "/v1/projects/{project}",
      run: (call) => {
        project.require(call, "resourcemanager.projects.get");
        return {
          json: {
            projectNumber: world.projectNumber,
            projectId: world.project,
            lifecycleState: "ACTIVE",
            name: world.project,
            createTime: created,
          },
        };
      },
    },
    {
      id: "cloudresourcemanager.projects.get",
      method: "GET",
      path: "/v3/projects/{project}",
      run: (call) => {
        project.require(call, "resourcemanager.projects.get");
        return {
          json: {
            name: `projects/${world.projectNumber}`,
            projectId: world.project,
            state: "ACTIVE",
            displayName: world.project,
            createTime: created,
          },
        };
      },
    },
    ...policyRoutes("v1"),
    ...policyRoutes("v3"),
    {
      id: "serviceusage.services.get",
      method: "GET",
      path: "/v1/projects/{project}/services/{api}",
      run: (call) => {
        project.require(call, "serviceusage.services.get");
        const { api = "" } = call.params;
        return {
          json: {
            name: `projects/${world.projectNumber}/services/${api}`,
            config: { name: api },
            state: "ENABLED",
            parent: `projects/${world.projectNumber}`,
          },
        };
      },
    },
  ];
}
