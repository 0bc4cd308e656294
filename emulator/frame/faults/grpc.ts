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

/** `/google.pubsub.v1.Publisher/CreateTopic` about `projects/p/topics/t` → `pubsub.projects.topics.create`: as REST names it. */
export function methodOf(path: string, resource: string): string {
  const [, full = "", name = ""] = path.split("/");
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
  const nested = [request.topic, request.subscription, request.snapshot, request.secret];
  const names = [request.name, request.resource, request.parent, request.project, ...nested];
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
