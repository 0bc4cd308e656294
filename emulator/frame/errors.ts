/** google.rpc.Code by its name; the numbers gRPC sends. https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto */
export const RPC_CODES = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

export type RpcStatus = keyof typeof RPC_CODES;

const STATUS_OF_HTTP: Record<number, RpcStatus> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  409: "ALREADY_EXISTS",
  412: "FAILED_PRECONDITION",
  429: "RESOURCE_EXHAUSTED",
  499: "CANCELLED",
  500: "INTERNAL",
  501: "UNIMPLEMENTED",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

export interface ApiErrorExtras {
  /** Compute's and Storage's `errors[0].reason`, e.g. `notFound`. */
  reason?: string;
  /** Newer services' status word; worked out from the HTTP code when left out. */
  status?: RpcStatus;
  location?: string;
  locationType?: string;
  /** google.rpc details, e.g. ErrorInfo. */
  details?: object[];
  headers?: Record<string, string>;
}

/** An answer that is an error. Each service renders it in its own style (see `ErrorStyle`). */
export class ApiError extends Error {
  readonly code: number;
  readonly extras: ApiErrorExtras;

  constructor(code: number, message: string, extras: ApiErrorExtras = {}) {
    super(message);
    this.code = code;
    this.extras = extras;
  }

  get status(): RpcStatus {
    return this.extras.status ?? STATUS_OF_HTTP[this.code] ?? "UNKNOWN";
  }
}

/**
 * `legacy`: Compute and Storage, with `errors[]` and reasons. `modern`: Secret Manager, Pub/Sub, Logging, with `status`
 * and without `errors[]`.
 */
export type ErrorStyle = "legacy" | "modern";

export function errorBody(error: ApiError, style: ErrorStyle): object {
  const { code, message } = error;
  const details = error.extras.details;
  if (style === "modern") return { error: { code, message, status: error.status, ...(details && { details }) } };
  const { reason = "invalid", location, locationType } = error.extras;
  const entry = {
    message,
    domain: "global",
    reason,
    ...(location && { location }),
    ...(locationType && { locationType }),
  };
  return { error: { code, message, errors: [entry], ...(details && { details }) } };
}
