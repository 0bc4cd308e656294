import type { handleUnaryCall } from "@grpc/grpc-js";
import { fromProto, type Json, readFields, type Shape, toProto } from "../frame/fields.ts";
import { type GrpcService, grpcStatus, textHeaders, unary } from "../frame/grpc.ts";
import { page } from "../frame/pages.ts";
import type { World } from "../frame/world.ts";
import { authorize, type Policies, permitted } from "./access.ts";
import type { PubsubCore } from "./core.ts";
import type { NewMessage } from "./messages.ts";
import { projectOf } from "./names.ts";
import { pubsubDefinitions } from "./proto.ts";
import { replayMethods, topicSnapshots } from "./replay-grpc.ts";
import { MESSAGE, PUSH_CONFIG, type PushConfig, RECEIVED, SUBSCRIPTION, TOPIC } from "./resources.ts";
import { schemaService } from "./schema-grpc.ts";
import { streamingPull } from "./streaming.ts";

type Headers = Record<string, string>;

const MOST_PER_PAGE = 1000;

/** google.pubsub.v1.Publisher and Subscriber, and google.iam.v1.IAMPolicy for their resources. */
export function grpcServices(world: World, core: PubsubCore, policies: Policies): GrpcService[] {
  const { publisher, subscriber, iam, schema } = pubsubDefinitions();

  /** A gRPC message in the JSON form, refused when it uses what is not emulated. */
  const read = (shape: Shape, message: unknown): Json =>
    readFields(shape, fromProto(shape, (message ?? {}) as Json), world.loose);

  const allow = (headers: Headers, permission: string, name: string) =>
    authorize(world, headers, `pubsub.${permission}`, name);

  const paged = <T>(request: Json, all: T[], key: (item: T) => string) =>
    page(all, key, Number(request.pageSize ?? 0), String(request.pageToken ?? ""), MOST_PER_PAGE);

  const on = (
    field: string,
    permission: string,
    run: (name: string, request: Json) => Json | Promise<Json>,
  ): handleUnaryCall<Json, Json> =>
    unary((request, headers) => {
      const name = String(request[field] ?? "");
      allow(headers, permission, name);
      return run(name, request);
    });

  return [
    {
      definition: publisher,
      implementation: {
        CreateTopic: unary((request: Json, headers) => {
          allow(headers, "topics.create", projectOf(request.name));
          return toProto(TOPIC_OUT, { ...core.createTopic(read(TOPIC, request)) });
        }),
        UpdateTopic: unary((request: Json, headers) => {
          const topic = read(TOPIC, request.topic);
          allow(headers, "topics.update", String(topic.name));
          return toProto(TOPIC_OUT, { ...core.updateTopic(topic, paths(request)) });
        }),
        Publish: on("topic", "topics.publish", (topic, { messages = [] }) => ({
          messageIds: core.publish(
            topic,
            (messages as Json[]).map((message) => fromProto(MESSAGE, message)) as NewMessage[],
          ),
        })),
        GetTopic: on("topic", "topics.get", (topic) => toProto(TOPIC_OUT, { ...core.topic(topic) })),
        ListTopics: on("project", "topics.list", (project, request) => {
          const { items, ...rest } = paged(request, core.topics(project), byName);
          return { topics: items.map((topic) => toProto(TOPIC_OUT, { ...topic })), ...rest };
        }),
        ListTopicSubscriptions: on("topic", "topics.get", (topic, request) => {
          const { items, ...rest } = paged(request, core.topicSubscriptions(topic), (name) => name);
          return { subscriptions: items, ...rest };
        }),
        DeleteTopic: on("topic", "topics.delete", (topic) => {
          core.deleteTopic(topic);
          return {};
        }),
        ...topicSnapshots(world, core),
        DetachSubscription: on("subscription", "subscriptions.update", (subscription) => {
          core.detachSubscription(subscription);
          return {};
        }),
      },
    },
    {
      definition: subscriber,
      implementation: {
        CreateSubscription: unary((request: Json, headers) => {
          allow(headers, "subscriptions.create", projectOf(request.name || request.topic));
          allow(headers, "topics.attachSubscription", String(request.topic));
          return toProto(SUBSCRIPTION_OUT, { ...core.createSubscription(read(SUBSCRIPTION, request)) });
        }),
        GetSubscription: on("subscription", "subscriptions.get", (name) =>
          toProto(SUBSCRIPTION_OUT, { ...core.subscription(name) }),
        ),
        UpdateSubscription: unary((request: Json, headers) => {
          const subscription = read(SUBSCRIPTION, request.subscription);
          allow(headers, "subscriptions.update", String(subscription.name));
          return toProto(SUBSCRIPTION_OUT, { ...core.updateSubscription(subscription, paths(request)) });
        }),
        ListSubscriptions: on("project", "subscriptions.list", (project, request) => {
          const { items, ...rest } = paged(request, core.subscriptions(project), byName);
          return { subscriptions: items.map((item) => toProto(SUBSCRIPTION_OUT, { ...item })), ...rest };
        }),
        DeleteSubscription: on("subscription", "subscriptions.delete", (name) => {
          core.deleteSubscription(name);
          return {};
        }),
        ModifyAckDeadline: on("subscription", "subscriptions.consume", (name, { ackIds, ackDeadlineSeconds = 0 }) => {
          core.modifyAckDeadline(name, texts(ackIds), Number(ackDeadlineSeconds));
          return {};
        }),
        Acknowledge: on("subscription", "subscriptions.consume", (name, { ackIds }) => {
          core.acknowledge(name, texts(ackIds));
          return {};
        }),
        ...replayMethods(world, core),
        Pull: pull,
        StreamingPull: streamingPull((name, headers) => {
          allow(headers, "subscriptions.consume", name);
          return core.subscriber(name);
        }),
        ModifyPushConfig: on("subscription", "subscriptions.update", (name, { pushConfig }) => {
          core.modifyPushConfig(name, read(PUSH_CONFIG, pushConfig) as PushConfig);
          return {};
        }),
      },
    },
    schemaService(world, core, schema),
    {
      definition: iam,
      implementation: {
        GetIamPolicy: unary((request: Json, headers) => {
          const name = existing(String(request.resource));
          allow(headers, `${kindOf(name)}.getIamPolicy`, name);
          return policyOut({ ...policies.get(name) });
        }),
        SetIamPolicy: unary((request: Json, headers) => {
          const name = existing(String(request.resource));
          allow(headers, `${kindOf(name)}.setIamPolicy`, name);
          const stored = policies.set(name, fromProto(POLICY, (request.policy ?? {}) as Json));
          world.changed();
          return policyOut({ ...stored });
        }),
        TestIamPermissions: unary((request: Json, headers) => {
          const name = existing(String(request.resource));
          const asked = texts(request.permissions);
          return { permissions: asked.filter((permission) => permitted(world, headers, permission, name)) };
        }),
      },
    },
  ];

  function pull(...[call, answer]: Parameters<handleUnaryCall<Json, Json>>): void {
    const gone = new AbortController();
    call.on("cancelled", () => gone.abort());
    void (async () => {
      try {
        const { subscription, maxMessages = 0, returnImmediately = false } = call.request;
        const name = String(subscription ?? "");
        allow(textHeaders(call.metadata), "subscriptions.consume", name);
        const received = await core.pull(name, Number(maxMessages), Boolean(returnImmediately), gone.signal);
        answer(null, { receivedMessages: received.map((message) => toProto(RECEIVED, { ...message })) });
      } catch (problem) {
        answer(grpcStatus(problem));
      }
    })();
  }

  function existing(name: string): string {
    const kind = kindOf(name);
    if (kind === "snapshots") return core.snapshots.get(name).name;
    return kind === "topics" ? core.topic(name).name : core.subscription(name).name;
  }
}

const POLICY: Shape = { version: "int32", etag: "bytes", bindings: "json" };
const TOPIC_OUT: Shape = { ...TOPIC, state: "string" };
const SUBSCRIPTION_OUT: Shape = {
  ...SUBSCRIPTION,
  state: "string",
  detached: "boolean",
  enableExactlyOnceDelivery: "boolean",
  topicMessageRetentionDuration: "duration",
};

function policyOut(policy: Json): Json {
  return toProto(POLICY, policy);
}

function byName({ name }: { name: string }): string {
  return name;
}

function kindOf(name: string): string {
  const kind = name.split("/")[2] ?? "";
  return ["topics", "snapshots"].includes(kind) ? kind : "subscriptions";
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function paths({ updateMask }: Json): string[] {
  return texts((updateMask as Json | undefined)?.paths);
}
