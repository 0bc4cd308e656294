import { type Cloud, makeCloud } from "../functions/controller/cloud.ts";
import { readSettings } from "../functions/controller/settings.ts";
import { realTime } from "../functions/controller/time.ts";
import { type Compute, makeCompute } from "../functions/google/compute.ts";
import { makeMonitoring } from "../functions/google/monitoring.ts";
import { makeRest, type Rest } from "../functions/google/rest.ts";
import { type Flag, type Given, usage } from "./args.ts";

export const CLOUD_FLAGS = {
  project: { value: "P", help: "project that holds the fleets' state (default GOOGLE_CLOUD_PROJECT)" },
  "state-bucket": { value: "B", help: "default P-moult-state, or MOULT_STATE_BUCKET" },
  "reports-bucket": { value: "B", help: "default P-moult-reports, or MOULT_REPORTS_BUCKET" },
  "config-bucket": { value: "B", help: "default P-moult-config, or MOULT_CONFIG_BUCKET" },
} satisfies Record<string, Flag>;

export { JSON_FLAG } from "./jsonflag.ts";

/**
 * A client with the usual credentials, except over plain http: an emulator needs none, and a person's token is never sent
 * in clear text.
 */
export function openRest(endpoint: string): Rest {
  if (!endpoint.startsWith("http:")) return makeRest(endpoint);
  return makeRest(endpoint, { getRequestHeaders: async () => new Headers() });
}

export function projectOf(given: Given, env: Record<string, string | undefined>): string {
  const project = given.text("project") ?? env.MOULT_PROJECT ?? env.GOOGLE_CLOUD_PROJECT;
  if (!project) throw usage("which project? Name it with --project P, or set GOOGLE_CLOUD_PROJECT");
  return project;
}

/** The control plane's own view of the cloud, as the flags and the environment say. Nothing is read yet. */
export function openCloud(given: Given, env: Record<string, string | undefined>): Cloud {
  return cloudOf({
    ...env,
    MOULT_PROJECT: projectOf(given, env),
    MOULT_STATE_BUCKET: given.text("state-bucket") ?? env.MOULT_STATE_BUCKET,
    MOULT_REPORTS_BUCKET: given.text("reports-bucket") ?? env.MOULT_REPORTS_BUCKET,
    MOULT_CONFIG_BUCKET: given.text("config-bucket") ?? env.MOULT_CONFIG_BUCKET,
  });
}

export function cloudOf(env: Record<string, string | undefined>): Cloud {
  const settings = readSettings(env);
  const rest = openRest(settings.computeEndpoint);
  const computes = new Map<string, Compute>();
  return {
    // A look's log lines are the functions' to write.
    ...makeCloud(settings, realTime, () => {}),
    monitoring: makeMonitoring(openRest(settings.monitoringEndpoint)),
    compute: (project) => {
      const compute = computes.get(project) ?? makeCompute(rest, project);
      computes.set(project, compute);
      return compute;
    },
  };
}
