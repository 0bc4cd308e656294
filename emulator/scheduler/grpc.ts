import type { Package } from "../frame/descriptors.ts";
import type { GrpcService } from "../frame/grpc.ts";
import type { Route } from "../frame/router.ts";
import { grpcOverRest } from "../frame/transcode.ts";

const NAMED = { name: "string 1" };

/**
 * google.cloud.scheduler.v1. Of the App Engine target it matters only that it was given, which is answered with 501.
 * https://github.com/googleapis/googleapis/tree/master/google/cloud/scheduler/v1
 */
const SCHEDULER: Package = {
  name: "google.cloud.scheduler.v1",
  messages: {
    Job: {
      name: "string 1",
      description: "string 2",
      pubsubTarget: "PubsubTarget 4",
      appEngineHttpTarget: "AppEngineHttpTarget 5",
      httpTarget: "HttpTarget 6",
      schedule: "string 20",
      timeZone: "string 21",
      userUpdateTime: "Timestamp 9",
      state: "State 10",
      status: "Status 11",
      scheduleTime: "Timestamp 17",
      lastAttemptTime: "Timestamp 18",
      retryConfig: "RetryConfig 19",
      attemptDeadline: "Duration 22",
    },
    PubsubTarget: { topicName: "string 1", data: "bytes 3", attributes: "map 4" },
    AppEngineHttpTarget: { relativeUri: "string 3" },
    HttpTarget: {
      uri: "string 1",
      httpMethod: "HttpMethod 2",
      headers: "map 3",
      body: "bytes 4",
      oauthToken: "OAuthToken 5",
      oidcToken: "OidcToken 6",
    },
    OAuthToken: { serviceAccountEmail: "string 1", scope: "string 2" },
    OidcToken: { serviceAccountEmail: "string 1", audience: "string 2" },
    RetryConfig: {
      retryCount: "int32 1",
      maxRetryDuration: "Duration 2",
      minBackoffDuration: "Duration 3",
      maxBackoffDuration: "Duration 4",
      maxDoublings: "int32 5",
    },
    Status: { code: "int32 1", message: "string 2" },
    ListJobsRequest: { parent: "string 1", pageSize: "int32 5", pageToken: "string 6" },
    ListJobsResponse: { jobs: "Job[] 1", nextPageToken: "string 2" },
    GetJobRequest: NAMED,
    CreateJobRequest: { parent: "string 1", job: "Job 2" },
    UpdateJobRequest: { job: "Job 1", updateMask: "FieldMask 2" },
    DeleteJobRequest: NAMED,
    PauseJobRequest: NAMED,
    ResumeJobRequest: NAMED,
    RunJobRequest: NAMED,
  },
  enums: {
    State: { STATE_UNSPECIFIED: 0, ENABLED: 1, PAUSED: 2, DISABLED: 3, UPDATE_FAILED: 4 },
    HttpMethod: {
      HTTP_METHOD_UNSPECIFIED: 0,
      POST: 1,
      GET: 2,
      HEAD: 3,
      PUT: 4,
      DELETE: 5,
      PATCH: 6,
      OPTIONS: 7,
    },
  },
  services: {
    CloudScheduler: {
      ListJobs: ["ListJobsRequest", "ListJobsResponse"],
      GetJob: ["GetJobRequest", "Job"],
      CreateJob: ["CreateJobRequest", "Job"],
      UpdateJob: ["UpdateJobRequest", "Job"],
      DeleteJob: ["DeleteJobRequest", "Empty"],
      PauseJob: ["PauseJobRequest", "Job"],
      ResumeJob: ["ResumeJobRequest", "Job"],
      RunJob: ["RunJobRequest", "Job"],
    },
  },
};

export function schedulerGrpc(routes: Route[]): GrpcService[] {
  return grpcOverRest(
    SCHEDULER,
    {
      CloudScheduler: [
        { rpc: "ListJobs", http: "GET /v1/{parent}/jobs" },
        { rpc: "GetJob", http: "GET /v1/{name}" },
        { rpc: "CreateJob", http: "POST /v1/{parent}/jobs", body: "job" },
        { rpc: "UpdateJob", http: "PATCH /v1/{job.name}", body: "job" },
        { rpc: "DeleteJob", http: "DELETE /v1/{name}" },
        { rpc: "PauseJob", http: "POST /v1/{name}:pause" },
        { rpc: "ResumeJob", http: "POST /v1/{name}:resume" },
        { rpc: "RunJob", http: "POST /v1/{name}:run" },
      ],
    },
    routes,
  );
}
