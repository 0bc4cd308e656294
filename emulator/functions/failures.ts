import { ApiError } from "../frame/errors.ts";
import type { World } from "../frame/world.ts";
import { PORT } from "./instance.ts";
import { placeOf, serviceId } from "./model.ts";
import type { StageName } from "./operations.ts";

/** Why a deployment failed, as its operation says it. */
export class DeployFailure extends Error {
  readonly stage: StageName;
  readonly error: ApiError;

  constructor(stage: StageName, error: ApiError) {
    super(error.message);
    this.stage = stage;
    this.error = error;
  }
}

export function buildPage(world: World, location: string, build: string): string {
  return `https://console.cloud.google.com/cloud-build/builds;region=${location}/${build}?project=${world.projectNumber}`;
}

export function buildFailed(world: World, location: string, build: string, message: string): DeployFailure {
  return new DeployFailure(
    "BUILD",
    new ApiError(
      400,
      `Build failed with status: FAILURE and message: ${message}. For more details see the logs at ${buildPage(world, location, build)}.`,
    ),
  );
}

/** As recorded in reports of failed deployments of the real service. */
export function containerFailed(world: World, name: string, revision: string): DeployFailure {
  const service = serviceId(placeOf(name).id);
  const filter = encodeURIComponent(
    `resource.type="cloud_run_revision"\nresource.labels.service_name="${service}"\nresource.labels.revision_name="${revision}"`,
  );
  const logs = `https://console.cloud.google.com/logs/viewer?project=${world.project}&resource=cloud_run_revision/service_name/${service}/revision_name/${revision}&advancedFilter=${filter}`;
  return new DeployFailure(
    "SERVICE",
    new ApiError(
      400,
      `Could not create or update Cloud Run service ${service}, Container Healthcheck failed. Revision '${revision}' is not ready and cannot serve traffic. The user-provided container failed to start and listen on the port defined provided by the PORT=${PORT} environment variable within the allocated timeout. This can happen when the container port is misconfigured or if the timeout is too short. The health check timeout can be extended. Logs for this revision might contain more information.\n\nLogs URL: ${logs} \nFor more troubleshooting guidance, see https://cloud.google.com/run/docs/troubleshooting#container-failed-to-start`,
    ),
  );
}

export function serviceFailed(name: string, message: string): DeployFailure {
  const service = serviceId(placeOf(name).id);
  return new DeployFailure(
    "SERVICE",
    new ApiError(400, `Could not create or update Cloud Run service ${service}, ${message}`),
  );
}
