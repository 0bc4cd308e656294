import type { World } from "./frame/world.ts";

/** What Google's clients (Node, gcloud) and moult's own parts read from their environment. */
export function environment(world: World, web: string, grpc: string): Record<string, string> {
  const root = `http://${web}/`;
  const overrides = [
    "SECRETMANAGER",
    "PUBSUB",
    "LOGGING",
    "MONITORING",
    "CLOUDSCHEDULER",
    "EVENTARC",
    "IAM",
    "CLOUDRESOURCEMANAGER",
    "SERVICEUSAGE",
    "CLOUDFUNCTIONS",
    "CLOUDBUILD",
    "RUN",
  ];
  return {
    GOOGLE_CLOUD_PROJECT: world.project,
    STORAGE_EMULATOR_HOST: `http://${web}`,
    PUBSUB_EMULATOR_HOST: grpc,
    PUBSUB_PROJECT_ID: world.project,
    GCE_METADATA_HOST: web,
    MOULT_COMPUTE_ENDPOINT: `${root}compute/v1/`,
    MOULT_SECRETMANAGER_ENDPOINT: root,
    MOULT_PUBSUB_ENDPOINT: root,
    MOULT_MONITORING_ENDPOINT: root,
    MOULT_CERTS_URL: `${root}oauth2/v3/certs`,
    CLOUDSDK_CORE_PROJECT: world.project,
    CLOUDSDK_AUTH_DISABLE_CREDENTIALS: "true",
    CLOUDSDK_AUTH_TOKEN_HOST: `${root}token`,
    CLOUDSDK_CORE_DISABLE_PROMPTS: "1",
    CLOUDSDK_CORE_CHECK_GCE_METADATA: "false",
    // Compute and Storage want their full path; the others their root.
    CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE: `${root}compute/v1/`,
    CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE: `${root}storage/v1/`,
    ...Object.fromEntries(overrides.map((name) => [`CLOUDSDK_API_ENDPOINT_OVERRIDES_${name}`, root])),
  };
}
