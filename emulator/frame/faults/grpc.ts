import { noteCall } from "../calls.ts";
import type { GrpcAround, GrpcCall } from "../grpcaround.ts";
import type { World } from "../world.ts";
import type { Outcome, Subject } from "./faults.ts";

/** Names that a method's own words do not give. */
const NAMED: Record<string, string> = {
  Publish: "topics.publish",
  ListTopicSubscriptions: "topics.subscriptions.list",
  ListTopicSnapshots: "topics.snapshots.list",
  DetachSubscription: "subscriptions.detach",
  Pull: "subscriptions.pull",
  StreamingPull: "subscriptions.streamingPull",
  Acknowledge: "subscriptions.acknowledge",
  ModifyAckDeadline: "subscriptions.modifyAckDeadline",
  ModifyPushConfig: "subscriptions.modifyPushConfig",
  Seek: "subscriptions.seek",
  AddSecretVersion: "secrets.addVersion",
};

/** Services whose names are not made by the rules below. */
const BY_SERVICE: Record<string, Record<string, string>> = {
  "google.pubsub.v1.SchemaService": {
    ListSchemaRevisions: "pubsub.projects.schemas.listRevisions",
    DeleteSchemaRevision: "pubsub.projects.schemas.deleteRevision",
    ValidateMessage: "pubsub.projects.schemas.validateMessage",
  },
  "google.logging.v2.LoggingServiceV2": {
    WriteLogEntries: "logging.entries.write",
    ListLogEntries: "logging.entries.list",
    TailLogEntries: "logging.entries.tail",
    ListLogs: "logging.projects.logs.list",
    DeleteLog: "logging.projects.logs.delete",
  },
  "google.logging.v2.ConfigServiceV2": {
    ListSinks: "logging.projects.sinks.list",
    GetSink: "logging.projects.sinks.get",
    CreateSink: "logging.projects.sinks.create",
    UpdateSink: "logging.projects.sinks.update",
    DeleteSink: "logging.projects.sinks.delete",
  },
  "google.cloud.scheduler.v1.CloudScheduler": Object.fromEntries(
    ["List", "Get", "Create", "Delete", "Pause", "Resume", "Run"].map((verb) => [
      `${verb}Job${verb === "List" ? "s" : ""}`,
      `cloudscheduler.projects.locations.jobs.${verb.toLowerCase()}`,
    ]),
  ),
  "google.cloud.functions.v2.FunctionService": {
    GetFunction: "cloudfunctions.projects.locations.functions.get",
    ListFunctions: "cloudfunctions.projects.locations.functions.list",
    CreateFunction: "cloudfunctions.projects.locations.functions.create",
    UpdateFunction: "cloudfunctions.projects.locations.functions.patch",
    DeleteFunction: "cloudfunctions.projects.locations.functions.delete",
    GenerateUploadUrl: "cloudfunctions.projects.locations.functions.generateUploadUrl",
    GenerateDownloadUrl: "cloudfunctions.projects.locations.functions.generateDownloadUrl",
    ListRuntimes: "cloudfunctions.projects.locations.runtimes.list",
  },
  "google.longrunning.Operations": { GetOperation: "cloudfunctions.projects.locations.operations.get" },
  // Which service a client means by it is not said.
  "google.cloud.location.Locations": {
    ListLocations: "secretmanager.projects.locations.list",
    GetLocation: "secretmanager.projects.locations.get",
  },
};

/** `/google.pubsub.v1.Publisher/CreateTopic` about `projects/p/topics/t` → `pubsub.projects.topics.create`: as REST names it. */
export function methodOf(path: string, resource: string): string {
  const [, full = "", name = ""] = path.split("/");
  if (name === "UpdateJob") return "cloudscheduler.projects.locations.jobs.patch";
  const known = BY_SERVICE[full]?.[name];
  if (known !== undefined) return known;
  const service = full.includes("secretmanager") ? "secretmanager" : "pubsub";
  const [, , ...parts] = resource.split("/");
  const regional = service === "secretmanager" && parts[0] === "locations" ? "projects.locations" : "projects";
  const collection = parts[0] === "locations" ? parts[2] : parts[0];
  const verb = /IamPolicy$|IamPermissions$/.test(name) ? `${collection}.${lower(name)}` : (NAMED[name] ?? plain(name));
  return `${service}.${regional}.${verb}`;
}

const lower = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);

function plain(name: string): string {
  const [, word = "", noun = ""] = /^([A-Z][a-z]+)(\w+)$/.exec(name) ?? [];
  const collection = `${lower(noun).replace(/^secretVersion/, "secrets.version")}${noun.endsWith("s") ? "" : "s"}`;
  return `${collection}.${word === "Update" ? "patch" : lower(word)}`;
}

/** The name in a request, wherever its message has it. */
export function resourceOf(request: Record<string, unknown>): string {
  const nested = [request.topic, request.subscription, request.snapshot, request.secret, request.job, request.function];
  const names = [
    request.name,
    request.sinkName,
    request.logName,
    request.resource,
    request.parent,
    request.project,
    ...nested,
  ];
  const text = names.find((name) => typeof name === "string" && name !== "");
  if (typeof text === "string") return text;
  const inner = nested.find((value) => typeof value === "object" && value !== null) as { name?: string } | undefined;
  return inner?.name ?? "";
}

export function aroundGrpc(world: World): GrpcAround {
  return async <T extends Outcome>(call: GrpcCall, run: () => Promise<T> | T): Promise<T | Outcome> => {
    const resource = resourceOf(call.request);
    const method = methodOf(call.path, resource);
    const subject: Subject = {
      service: method.slice(0, method.indexOf(".")),
      method,
      resource,
      principal: () => world.doors.principal(call.headers),
    };
    const outcome = world.faults ? await world.faults.around(subject, run) : await run();
    if ((outcome.status ?? 200) < 400) noteCall(method, call.headers);
    return outcome;
  };
}
