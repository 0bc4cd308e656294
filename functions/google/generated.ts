import { Failure, kindOf } from "./failure.ts";

/**
 * Google's generated clients, over REST: the same methods and errors as over gRPC, and what the functions' bundle holds of
 * them (docs/decisions/0009-functions-bundle.md). `endpoint` as `http://host:port/` reaches an emulator; left out, Google's own.
 */
export function overRest(endpoint: string | undefined) {
  if (!endpoint) return { fallback: true };
  const { hostname, port, protocol } = new URL(endpoint);
  return { fallback: true, apiEndpoint: hostname, port: Number(port), protocol: protocol.replace(":", "") };
}

/** HTTP twins of the gRPC codes. https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto */
const HTTP_OF_GRPC: Record<number, number> = {
  3: 400,
  4: 504,
  5: 404,
  6: 409,
  7: 403,
  8: 429,
  9: 400,
  10: 409,
  11: 400,
  12: 501,
  13: 500,
  14: 503,
  16: 401,
};

/** What such a client throws carries the gRPC code, and the HTTP status where an answer came. */
export function failureOf(what: string, problem: unknown): Failure {
  const { code, httpStatusCode } = problem as { code?: unknown; httpStatusCode?: unknown };
  const status = typeof httpStatusCode === "number" ? httpStatusCode : (HTTP_OF_GRPC[Number(code)] ?? 0);
  return new Failure(kindOf(status), status, what, problem);
}
