import { type Bucket, makeBucket } from "../google/bucket.ts";
import { type Compute, makeCompute } from "../google/compute.ts";
import { makeIdentityVerifier } from "../google/identity.ts";
import { type Monitoring, makeMonitoring } from "../google/monitoring.ts";
import { makeRest, type Rest } from "../google/rest.ts";
import { makeSecrets, type Secrets } from "../google/secrets.ts";
import { makeTopics, type Topics } from "../google/topics.ts";
import type { Settings } from "./settings.ts";
import { realTime, type Time } from "./time.ts";

/** Everything the control plane touches. Tests give their own. */
export interface Cloud {
  settings: Settings;
  state: Bucket;
  reports: Bucket;
  config: Bucket;
  /** Another installation's, by name. Only read. */
  bucket(name: string): Pick<Bucket, "read">;
  /** For the fleet's own project. */
  compute(project: string): Compute;
  secrets: Secrets;
  monitoring: Monitoring;
  topics: Topics;
  verifyIdentity: ReturnType<typeof makeIdentityVerifier>;
  time: Time;
  /** At least 0, less than 1. */
  random(): number;
  log: Log;
}

/** One JSON line a decision; Cloud Logging reads `severity` and `message`. */
export type Log = (
  severity: "DEBUG" | "INFO" | "WARNING" | "ERROR",
  message: string,
  fields?: Record<string, unknown>,
) => void;

export const logJson: Log = (severity, message, fields = {}) => {
  process.stdout.write(`${JSON.stringify({ severity, message, ...fields })}\n`);
};

export function makeCloud(settings: Settings, time: Time = realTime, log: Log = logJson): Cloud {
  let rest: Rest | undefined;
  const computes = new Map<string, Compute>();
  return {
    settings,
    state: makeBucket(settings.stateBucket),
    reports: makeBucket(settings.reportsBucket),
    config: makeBucket(settings.configBucket),
    bucket: (name) => makeBucket(name),
    compute: (project) => {
      rest ??= makeRest(settings.computeEndpoint);
      const compute = computes.get(project) ?? makeCompute(rest, project);
      computes.set(project, compute);
      return compute;
    },
    secrets: makeSecrets(settings.secretsEndpoint),
    monitoring: makeMonitoring(makeRest(settings.monitoringEndpoint)),
    topics: makeTopics(settings.project, settings.topicsEndpoint),
    verifyIdentity: makeIdentityVerifier(settings.certsUrl, time.now),
    time,
    random: Math.random,
    log,
  };
}
