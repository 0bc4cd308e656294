import { createRequire } from "node:module";
import { Metadata, type ServiceDefinition, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import { ApiError } from "../frame/errors.ts";
import { type GrpcService, grpcStatus, textHeaders } from "../frame/grpc.ts";
import { encodeStatus } from "../frame/status.ts";
import type { Method } from "./methods.ts";
import { isObject, type Json } from "./model.ts";
import { instantText, parseInstant } from "./times.ts";

const SERVICE = "google.cloud.secretmanager.v1.SecretManagerService";

const INSTANTS = new Set(["createTime", "destroyTime", "scheduledDestroyTime", "expireTime", "nextRotationTime"]);
const DURATIONS = new Set(["ttl", "rotationPeriod", "versionDestroyTtl"]);
const MAPS = new Set(["labels", "annotations", "versionAliases", "tags"]);

interface Seconds {
  seconds?: string | number;
  nanos?: number;
}

/** A message as protobuf has it, to REST's JSON: instants, durations, masks and bytes become text. */
function toJson(value: unknown, key = ""): unknown {
  if (Buffer.isBuffer(value)) return value.toString("base64");
  if (Array.isArray(value)) return value.map((one) => toJson(one));
  if (!isObject(value)) return value;
  const { seconds = 0, nanos = 0 } = value as Seconds;
  if (INSTANTS.has(key)) return instantText(Number(seconds) * 1e6 + Math.floor(nanos / 1000));
  if (DURATIONS.has(key)) return `${Number(seconds) + nanos / 1e9}s`;
  if (key === "updateMask") return Array.isArray(value.paths) ? value.paths : [];
  if (MAPS.has(key)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, toJson(one, name)]));
}

/** The other way. `etag` is text in this service's resources and bytes in an IAM policy. */
function toMessage(value: unknown, key = "", isPolicy = false): unknown {
  if (Array.isArray(value)) return value.map((one) => toMessage(one, "", isPolicy));
  if (typeof value === "string" && INSTANTS.has(key)) {
    const micros = parseInstant(value, key);
    const seconds = Math.floor(micros / 1e6);
    return { seconds, nanos: (micros - seconds * 1e6) * 1000 };
  }
  if (typeof value === "string" && DURATIONS.has(key)) {
    const all = Number(value.slice(0, -1));
    return { seconds: Math.floor(all), nanos: Math.round((all % 1) * 1e9) };
  }
  if (typeof value === "string" && (key === "data" || (isPolicy && key === "etag"))) {
    return Buffer.from(value, "base64");
  }
  if (!isObject(value) || MAPS.has(key)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, toMessage(one, name, isPolicy)]));
}

let definition: ServiceDefinition | undefined;

/** The service as Google's own client package describes it. */
function load(): ServiceDefinition {
  if (definition) return definition;
  const protos: unknown = createRequire(import.meta.url)("@google-cloud/secret-manager/build/protos/protos.json");
  const loaded = fromJSON(protos as Parameters<typeof fromJSON>[0], { longs: String, enums: String });
  definition = loaded[SERVICE] as ServiceDefinition;
  return definition;
}

/** The same methods over gRPC. Those without a method here answer UNIMPLEMENTED. */
export function grpcService(methods: Record<string, Method>): GrpcService {
  const implementation: UntypedServiceImplementation = {};
  for (const [name, run] of Object.entries(methods)) {
    const isPolicy = name.endsWith("IamPolicy");
    implementation[name] = (
      call: { request: Json; metadata: Metadata },
      answer: (problem: object | null, message?: unknown) => void,
    ) => {
      try {
        answer(null, toMessage(run(toJson(call.request) as Json, textHeaders(call.metadata)), "", isPolicy));
      } catch (problem) {
        const metadata = new Metadata();
        if (problem instanceof ApiError && problem.extras.details) {
          metadata.set("grpc-status-details-bin", encodeStatus(problem));
        }
        answer({ ...grpcStatus(problem), metadata });
      }
    };
  }
  return { definition: load(), implementation };
}
