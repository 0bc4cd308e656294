import type { Shape } from "../frame/fields.ts";

/** https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry */
export const LOG_ENTRY: Shape = {
  logName: "string",
  resource: "json",
  timestamp: "timestamp",
  receiveTimestamp: "timestamp",
  severity: "json",
  insertId: "string",
  httpRequest: "json",
  labels: "map",
  metadata: "output",
  operation: "json",
  trace: "string",
  spanId: "string",
  traceSampled: "boolean",
  sourceLocation: "json",
  split: "json",
  errorGroups: "output",
  textPayload: "string",
  jsonPayload: "json",
  protoPayload: "json",
};

/** In order of gravity. https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#logseverity */
export const SEVERITIES: Record<string, number> = {
  DEFAULT: 0,
  DEBUG: 100,
  INFO: 200,
  NOTICE: 300,
  WARNING: 400,
  ERROR: 500,
  CRITICAL: 600,
  ALERT: 700,
  EMERGENCY: 800,
};

export function severityRank(text: string): number | undefined {
  const name = text.toUpperCase();
  if (Object.hasOwn(SEVERITIES, name)) return SEVERITIES[name];
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/**
 * What a field of LogEntry itself counts as when an entry has none; a field inside a payload or a label has no default,
 * and comparing it is false. (Documented under "missing fields" of the query language.)
 */
export const DEFAULTS: Record<string, string | boolean | number> = {
  severity: "DEFAULT",
  insertId: "",
  trace: "",
  spanId: "",
  traceSampled: false,
  "operation.id": "",
  "operation.producer": "",
  "operation.first": false,
  "operation.last": false,
  "resource.type": "",
  "sourceLocation.file": "",
  "sourceLocation.line": "0",
  "sourceLocation.function": "",
  "split.uid": "",
  "split.index": 0,
  "split.totalSplits": 0,
  "httpRequest.requestMethod": "",
  "httpRequest.requestUrl": "",
  "httpRequest.status": 0,
  "httpRequest.userAgent": "",
  "httpRequest.remoteIp": "",
  "httpRequest.serverIp": "",
  "httpRequest.referer": "",
  "httpRequest.protocol": "",
};

/**
 * Nanoseconds since the epoch of an RFC 3339 instant or a date, so that entries of one millisecond keep their order.
 * Undefined when it is neither.
 */
export function nanoseconds(text: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)?)?$/.exec(text);
  if (!match) return undefined;
  const [, date, time = "00:00:00", fraction = "", zone = "Z"] = match;
  const ms = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}
