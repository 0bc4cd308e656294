import { ApiError } from "../frame/errors.ts";
import type { Json, Shape } from "../frame/fields.ts";
import { checkDeadline, checkHttpTarget, HTTP_TARGET, type HttpTarget } from "./http.ts";

export interface RetryConfig {
  retryCount: number;
  maxRetryDuration: string;
  minBackoffDuration: string;
  maxBackoffDuration: string;
  maxDoublings: number;
}

/** https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs */
export interface Job {
  name: string;
  description?: string;
  schedule: string;
  timeZone: string;
  /** One of the two targets. */
  pubsubTarget?: { topicName: string; data?: string; attributes?: Record<string, string> };
  httpTarget?: HttpTarget;
  /** Of an HTTP target's answer. */
  attemptDeadline?: string;
  retryConfig: RetryConfig;
  state: "ENABLED" | "PAUSED";
  userUpdateTime: string;
  scheduleTime?: string;
  lastAttemptTime?: string;
  /** Of the last attempt; `{}` is success, as the API shows it. */
  status?: { code?: number; message?: string };
}

export const JOB: Shape = {
  name: "string",
  description: "string",
  pubsubTarget: { one: { topicName: "string", data: "bytes", attributes: "map" } },
  appEngineHttpTarget: "absent",
  httpTarget: { one: HTTP_TARGET },
  schedule: "string",
  timeZone: "string",
  userUpdateTime: "output",
  state: "output",
  status: "output",
  scheduleTime: "output",
  lastAttemptTime: "output",
  retryConfig: {
    one: {
      retryCount: "int32",
      maxRetryDuration: "duration",
      minBackoffDuration: "duration",
      maxBackoffDuration: "duration",
      maxDoublings: "int32",
    },
  },
  attemptDeadline: "duration",
  satisfiesPzs: "output",
};

/** The one target of a job, complete. Throws 400 for none, for two, and for one that cannot be reached as it stands. */
export function targetOf(given: Json): Pick<Job, "pubsubTarget" | "httpTarget" | "attemptDeadline"> {
  const { pubsubTarget, httpTarget, attemptDeadline } = given as Partial<Job>;
  if (pubsubTarget && httpTarget) throw new ApiError(400, "A job has one target.");
  if (httpTarget) return { httpTarget: checkHttpTarget(httpTarget), attemptDeadline: checkDeadline(attemptDeadline) };
  if (!pubsubTarget?.topicName) throw new ApiError(400, "pubsub_target with a topic_name is required.");
  if (!/^projects\/[^/]+\/topics\/[^/]+$/.test(pubsubTarget.topicName)) {
    throw new ApiError(400, `PubsubTarget.topic_name ${JSON.stringify(pubsubTarget.topicName)} is not a topic's name.`);
  }
  if (!pubsubTarget.data && Object.keys(pubsubTarget.attributes ?? {}).length === 0) {
    throw new ApiError(400, "PubsubTarget must contain either non-empty data or at least one attribute.");
  }
  return { pubsubTarget };
}
