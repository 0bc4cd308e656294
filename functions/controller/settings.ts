/** Where everything is. From the environment of the function; each has the default that infra/ uses. */
export interface Settings {
  project: string;
  stateBucket: string;
  reportsBucket: string;
  configBucket: string;
  /** Full name, `projects/P/topics/T`: agents publish to it over REST. */
  reportsTopic: string;
  ticksTopic: string;
  deadLettersTopic: string;
  computeEndpoint: string;
  monitoringEndpoint: string;
  /** Set only for an emulator. */
  secretsEndpoint?: string;
  /** Set only for an emulator. */
  topicsEndpoint?: string;
  certsUrl: string;
  /** The functions' own service account: what it did itself is no news to it. */
  principal: string;
}

/** Throws when the project is not named: everything else follows from it. */
export function readSettings(env: Record<string, string | undefined>): Settings {
  const project = env.MOULT_PROJECT ?? env.GOOGLE_CLOUD_PROJECT;
  if (!project) throw new Error("set GOOGLE_CLOUD_PROJECT to the project that holds the fleets' state");
  // Google's own emulator, which every Google client finds by this name, serves REST beside gRPC on that port.
  const elsewhere = env.PUBSUB_EMULATOR_HOST && `http://${env.PUBSUB_EMULATOR_HOST}/`;
  const topicsEndpoint = env.MOULT_PUBSUB_ENDPOINT ?? elsewhere;
  return {
    project,
    stateBucket: env.MOULT_STATE_BUCKET ?? `${project}-moult-state`,
    reportsBucket: env.MOULT_REPORTS_BUCKET ?? `${project}-moult-reports`,
    configBucket: env.MOULT_CONFIG_BUCKET ?? `${project}-moult-config`,
    reportsTopic: `projects/${project}/topics/moult-reports`,
    ticksTopic: "moult-ticks",
    deadLettersTopic: "moult-dead-letters",
    computeEndpoint: env.MOULT_COMPUTE_ENDPOINT ?? "https://compute.googleapis.com/compute/v1/",
    monitoringEndpoint: env.MOULT_MONITORING_ENDPOINT ?? "https://monitoring.googleapis.com/",
    ...(env.MOULT_SECRETMANAGER_ENDPOINT && { secretsEndpoint: env.MOULT_SECRETMANAGER_ENDPOINT }),
    ...(topicsEndpoint && { topicsEndpoint }),
    certsUrl: env.MOULT_CERTS_URL ?? "https://www.googleapis.com/oauth2/v3/certs",
    principal: env.MOULT_SERVICE_ACCOUNT ?? `moult-functions@${project}.iam.gserviceaccount.com`,
  };
}
