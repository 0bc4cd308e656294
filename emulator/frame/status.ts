import { type ApiError, RPC_CODES } from "./errors.ts";

/** google.rpc.Status in protobuf, written by hand: it has three fields, and the details that are sent are two kinds. */

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

/** A length-delimited field. */
function field(number: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(bytes.length)]), bytes]);
}

function errorInfo(detail: Record<string, unknown>): Buffer {
  const metadata = Object.entries(isObject(detail.metadata) ? detail.metadata : {});
  return Buffer.concat([
    field(1, String(detail.reason ?? "")),
    field(2, String(detail.domain ?? "")),
    ...metadata.map(([key, value]) => field(3, Buffer.concat([field(1, key), field(2, String(value))]))),
  ]);
}

/** `retryDelay` is a JSON duration, e.g. `1.5s`. */
function retryInfo(detail: Record<string, unknown>): Buffer {
  const all = Number(String(detail.retryDelay ?? "0s").slice(0, -1));
  const seconds = Math.floor(all);
  const nanos = Math.round((all - seconds) * 1e9);
  return field(1, Buffer.from([0x08, ...varint(seconds), 0x10, ...varint(nanos)]));
}

function encoded(detail: Record<string, unknown>): Buffer {
  return String(detail["@type"]).endsWith("RetryInfo") ? retryInfo(detail) : errorInfo(detail);
}

/** For the trailer `grpc-status-details-bin`, where clients look for the reason of an error. */
export function encodeStatus(error: ApiError): Buffer {
  const details = (error.extras.details ?? []).filter(isObject);
  return Buffer.concat([
    Buffer.from([0x08, ...varint(RPC_CODES[error.status])]),
    field(2, error.message),
    ...details.map((detail) => field(3, Buffer.concat([field(1, String(detail["@type"])), field(2, encoded(detail))]))),
  ]);
}
