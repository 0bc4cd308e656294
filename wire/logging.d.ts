/** Cloud Logging v2 LogEntry and the Compute audit entries inside it. Parse leniently: fields come and go over the years. */

export interface AuditLog {
  "@type": "type.googleapis.com/google.cloud.audit.AuditLog";
  serviceName: string;
  /** `<v1|beta|alpha>.compute.<collection>.<verb>`; system events carry no version. */
  methodName: string;
  /** May hold the project number where labels hold the id. */
  resourceName: string;
  authenticationInfo?: { principalEmail?: string };
  requestMetadata?: {
    callerIp?: string;
    callerSuppliedUserAgent?: string;
    requestAttributes?: { time?: string; auth?: object };
    destinationAttributes?: object;
  };
  authorizationInfo?: {
    permission: string;
    granted?: boolean;
    permissionType?: string;
    resource?: string;
    resourceAttributes?: { service: string; name: string; type: string };
  }[];
  request?: Record<string, unknown>;
  response?: Record<string, unknown>;
  resourceLocation?: { currentLocations: string[] };
  status?: { code?: number; message?: string };
  metadata?: Record<string, unknown>;
}

export interface LogEntry {
  logName: string;
  insertId: string;
  timestamp: string;
  receiveTimestamp?: string;
  severity?: string;
  resource: { type: string; labels: Record<string, string> };
  labels?: Record<string, string>;
  /** An absent flag is omitted, never `false`. */
  operation?: { id: string; producer: string; first?: true; last?: true };
  protoPayload?: AuditLog;
  jsonPayload?: Record<string, unknown>;
  textPayload?: string;
}

export interface LogSink {
  name: string;
  destination: string;
  filter?: string;
  disabled?: boolean;
  description?: string;
  exclusions?: { name: string; filter: string; disabled?: boolean }[];
  writerIdentity?: string;
  createTime?: string;
  updateTime?: string;
}
