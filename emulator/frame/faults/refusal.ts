import { ApiError } from "../errors.ts";
import type { FaultAction } from "./rule.ts";

const REASONS: Record<number, string> = {
  401: "authError",
  403: "forbidden",
  404: "notFound",
  409: "conflict",
  412: "conditionNotMet",
  429: "rateLimitExceeded",
};

const MESSAGES: Record<number, string> = {
  401: "Request had invalid authentication credentials.",
  403: "The caller does not have permission.",
  404: "The requested entity was not found.",
  409: "The request conflicts with another one.",
  412: "A precondition was not met.",
  429: "The rate limit was exceeded. Please try again later.",
  500: "Internal error encountered.",
  503: "The service is currently unavailable.",
  504: "The deadline expired before the request was completed.",
};

/** The error that a `fail` or a quota stands for, as its service would say it. */
export function refusalOf({ fail, quota }: FaultAction, { service }: { service: string }): ApiError {
  if (quota !== undefined) return tooMany(service);
  const { status = 503, rpc, reason, message, retryAfter } = fail ?? {};
  return new ApiError(status, message ?? MESSAGES[status] ?? `The emulator was told to fail with ${status}.`, {
    reason: reason ?? REASONS[status] ?? (status >= 500 ? "backendError" : "invalid"),
    ...(rpc && { status: rpc }),
    ...(retryAfter !== undefined && {
      headers: { "retry-after": String(Math.ceil(retryAfter)) },
      details: [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: `${retryAfter}s` }],
    }),
  });
}

/** Compute answers 403, everybody else 429. https://cloud.google.com/compute/api-quota, https://cloud.google.com/storage/quotas */
function tooMany(service: string): ApiError {
  const api = `${service}.googleapis.com`;
  const message = `Quota exceeded for quota metric 'Requests' and limit 'Requests per minute' of service '${api}' for consumer 'project_number:123456789012'.`;
  return new ApiError(service === "compute" ? 403 : 429, message, {
    reason: "rateLimitExceeded",
    status: "RESOURCE_EXHAUSTED",
  });
}
