import type { Package } from "../frame/descriptors.ts";
import type { GrpcService } from "../frame/grpc.ts";
import type { Route } from "../frame/router.ts";
import { type Binding, grpcOverRest } from "../frame/transcode.ts";
import { SEVERITIES } from "./entry.ts";

/**
 * google.logging.v2, and what an audit entry holds (google.cloud.audit).
 * https://github.com/googleapis/googleapis/tree/master/google/logging/v2
 */
const LOGGING: Package = {
  name: "google.logging.v2",
  messages: {
    LogEntry: {
      logName: "string 12",
      resource: "MonitoredResource 8",
      protoPayload: "Any 2",
      textPayload: "string 3",
      jsonPayload: "Struct 6",
      timestamp: "Timestamp 9",
      receiveTimestamp: "Timestamp 24",
      severity: "LogSeverity 10",
      insertId: "string 4",
      httpRequest: "HttpRequest 7",
      labels: "map 11",
      operation: "LogEntryOperation 15",
      trace: "string 22",
      spanId: "string 27",
      traceSampled: "bool 30",
      sourceLocation: "LogEntrySourceLocation 23",
      split: "LogSplit 35",
    },
    MonitoredResource: { type: "string 1", labels: "map 2" },
    LogEntryOperation: { id: "string 1", producer: "string 2", first: "bool 3", last: "bool 4" },
    LogEntrySourceLocation: { file: "string 1", line: "int64 2", function: "string 3" },
    LogSplit: { uid: "string 1", index: "int32 2", totalSplits: "int32 3" },
    HttpRequest: {
      requestMethod: "string 1",
      requestUrl: "string 2",
      requestSize: "int64 3",
      status: "int32 4",
      responseSize: "int64 5",
      userAgent: "string 6",
      remoteIp: "string 7",
      serverIp: "string 13",
      referer: "string 8",
      latency: "Duration 14",
      cacheLookup: "bool 11",
      cacheHit: "bool 9",
      cacheValidatedWithOriginServer: "bool 10",
      cacheFillBytes: "int64 12",
      protocol: "string 15",
    },
    AuditLog: {
      serviceName: "string 7",
      methodName: "string 8",
      resourceName: "string 11",
      resourceLocation: "ResourceLocation 20",
      numResponseItems: "int64 12",
      status: "Status 2",
      authenticationInfo: "AuthenticationInfo 3",
      authorizationInfo: "AuthorizationInfo[] 9",
      requestMetadata: "RequestMetadata 4",
      request: "Struct 16",
      response: "Struct 17",
      metadata: "Struct 18",
    },
    Status: { code: "int32 1", message: "string 2", details: "Any[] 3" },
    AuthenticationInfo: { principalEmail: "string 1", authoritySelector: "string 2", principalSubject: "string 8" },
    AuthorizationInfo: {
      resource: "string 1",
      permission: "string 2",
      granted: "bool 3",
      resourceAttributes: "ResourceAttributes 5",
    },
    ResourceAttributes: { service: "string 1", name: "string 2", type: "string 3" },
    RequestMetadata: {
      callerIp: "string 1",
      callerSuppliedUserAgent: "string 2",
      requestAttributes: "RequestAttributes 7",
      destinationAttributes: "Empty 8",
    },
    RequestAttributes: { time: "Timestamp 9", auth: "Empty 13" },
    ResourceLocation: { currentLocations: "string[] 1", originalLocations: "string[] 2" },
    WriteLogEntriesRequest: {
      logName: "string 1",
      resource: "MonitoredResource 2",
      labels: "map 3",
      entries: "LogEntry[] 4",
      partialSuccess: "bool 5",
      dryRun: "bool 6",
    },
    WriteLogEntriesResponse: {},
    ListLogEntriesRequest: {
      resourceNames: "string[] 8",
      filter: "string 2",
      orderBy: "string 3",
      pageSize: "int32 4",
      pageToken: "string 5",
    },
    ListLogEntriesResponse: { entries: "LogEntry[] 1", nextPageToken: "string 2" },
    ListLogsRequest: { parent: "string 1", resourceNames: "string[] 8", pageSize: "int32 2", pageToken: "string 3" },
    ListLogsResponse: { logNames: "string[] 3", nextPageToken: "string 2" },
    DeleteLogRequest: { logName: "string 1" },
    LogSink: {
      name: "string 1",
      destination: "string 3",
      filter: "string 5",
      description: "string 18",
      disabled: "bool 19",
      exclusions: "LogExclusion[] 16",
      outputVersionFormat: "int32 6",
      writerIdentity: "string 8",
      includeChildren: "bool 9",
      bigqueryOptions: "BigQueryOptions 12",
      createTime: "Timestamp 13",
      updateTime: "Timestamp 14",
    },
    LogExclusion: { name: "string 1", description: "string 2", filter: "string 3", disabled: "bool 4" },
    BigQueryOptions: { usePartitionedTables: "bool 1" },
    ListSinksRequest: { parent: "string 1", pageToken: "string 2", pageSize: "int32 3" },
    ListSinksResponse: { sinks: "LogSink[] 1", nextPageToken: "string 2" },
    GetSinkRequest: { sinkName: "string 1" },
    CreateSinkRequest: { parent: "string 1", sink: "LogSink 2", uniqueWriterIdentity: "bool 3" },
    UpdateSinkRequest: {
      sinkName: "string 1",
      sink: "LogSink 2",
      uniqueWriterIdentity: "bool 3",
      updateMask: "FieldMask 4",
    },
    DeleteSinkRequest: { sinkName: "string 1" },
  },
  enums: { LogSeverity: SEVERITIES },
  services: {
    LoggingServiceV2: {
      DeleteLog: ["DeleteLogRequest", "Empty"],
      WriteLogEntries: ["WriteLogEntriesRequest", "WriteLogEntriesResponse"],
      ListLogEntries: ["ListLogEntriesRequest", "ListLogEntriesResponse"],
      ListLogs: ["ListLogsRequest", "ListLogsResponse"],
    },
    ConfigServiceV2: {
      ListSinks: ["ListSinksRequest", "ListSinksResponse"],
      GetSink: ["GetSinkRequest", "LogSink"],
      CreateSink: ["CreateSinkRequest", "LogSink"],
      UpdateSink: ["UpdateSinkRequest", "LogSink"],
      DeleteSink: ["DeleteSinkRequest", "Empty"],
    },
  },
};

const BINDINGS: Record<string, Binding[]> = {
  LoggingServiceV2: [
    { rpc: "DeleteLog", http: "DELETE /v2/{logName}" },
    { rpc: "WriteLogEntries", http: "POST /v2/entries:write", body: "*" },
    { rpc: "ListLogEntries", http: "POST /v2/entries:list", body: "*" },
    { rpc: "ListLogs", http: "GET /v2/{parent}/logs" },
  ],
  ConfigServiceV2: [
    { rpc: "ListSinks", http: "GET /v2/{parent}/sinks" },
    { rpc: "GetSink", http: "GET /v2/{sinkName}" },
    { rpc: "CreateSink", http: "POST /v2/{parent}/sinks", body: "sink" },
    { rpc: "UpdateSink", http: "PUT /v2/{sinkName}", body: "sink" },
    { rpc: "DeleteSink", http: "DELETE /v2/{sinkName}" },
  ],
};

/** The routes' methods over gRPC, which is what Google's clients of Logging speak. */
export function loggingGrpc(routes: Route[]): GrpcService[] {
  return grpcOverRest(LOGGING, BINDINGS, routes, ["AuditLog"]);
}
