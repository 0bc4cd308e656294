import { createRequire } from "node:module";
import {
  type GrpcObject,
  loadPackageDefinition,
  type ServiceClientConstructor,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { fromJSON, type Options } from "@grpc/proto-loader";
import { type Descriptors, IAM } from "./iam-proto.ts";

const OPTIONS: Options = { longs: String, enums: String, arrays: true };

function definitionAt(root: GrpcObject, path: string): ServiceDefinition {
  let at: unknown = root;
  for (const part of path.split(".")) at = (at as GrpcObject)[part];
  return (at as ServiceClientConstructor).service;
}

/** The service definitions, from the client library that is installed anyway. */
export function pubsubDefinitions(): Record<"publisher" | "subscriber" | "schema" | "iam", ServiceDefinition> {
  const require = createRequire(import.meta.url);
  const descriptors = require("@google-cloud/pubsub/build/protos/protos.json") as Descriptors;
  const pubsub = loadPackageDefinition(fromJSON(descriptors, OPTIONS));
  return {
    publisher: definitionAt(pubsub, "google.pubsub.v1.Publisher"),
    subscriber: definitionAt(pubsub, "google.pubsub.v1.Subscriber"),
    schema: definitionAt(pubsub, "google.pubsub.v1.SchemaService"),
    iam: definitionAt(loadPackageDefinition(fromJSON(IAM, OPTIONS)), "google.iam.v1.IAMPolicy"),
  };
}
