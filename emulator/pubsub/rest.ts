import { ApiError } from "../frame/errors.ts";
import { type Json, readFields, type Shape } from "../frame/fields.ts";
import type { Answer, Call } from "../frame/http.ts";
import { page } from "../frame/pages.ts";
import type { Route } from "../frame/router.ts";
import { byId, type World } from "../frame/world.ts";
import { authorize, type Policies, type Policy, permitted } from "./access.ts";
import type { PubsubCore } from "./core.ts";
import type { NewMessage } from "./messages.ts";
import { MESSAGE, PUSH_CONFIG, type PushConfig, SUBSCRIPTION, TOPIC } from "./resources.ts";

const TOPICS = "/v1/projects/{project}/topics";
const SUBSCRIPTIONS = "/v1/projects/{project}/subscriptions";
const SNAPSHOTS = "/v1/projects/{project}/snapshots";
const MOST_PER_PAGE = 1000;

const UPDATE_TOPIC: Shape = { topic: { one: TOPIC }, updateMask: "string" };
const UPDATE_SUBSCRIPTION: Shape = { subscription: { one: SUBSCRIPTION }, updateMask: "string" };
const PUBLISH: Shape = { messages: { many: MESSAGE } };
const PULL: Shape = { maxMessages: "int32", returnImmediately: "boolean" };
const ACKNOWLEDGE: Shape = { ackIds: "strings" };
const MODIFY_DEADLINE: Shape = { ackIds: "strings", ackDeadlineSeconds: "int32" };
const MODIFY_PUSH: Shape = { pushConfig: { one: PUSH_CONFIG } };
const SET_POLICY: Shape = { policy: "json", updateMask: "string" };
const TEST_PERMISSIONS: Shape = { permissions: "strings" };

/** https://cloud.google.com/pubsub/docs/reference/rest */
export function restRoutes(world: World, core: PubsubCore, policies: Policies): Route[] {
  const body = (shape: Shape, call: Call): Json => readFields(shape, call.json(), world.loose);
  const allow = (call: Call, permission: string, name: string) =>
    authorize(world, call.headers, `pubsub.${permission}`, name);

  const topicOf = ({ params }: Call) => byId(world, `projects/${params.project}/topics/${params.topic}`);
  const subscriptionOf = ({ params }: Call) =>
    byId(world, `projects/${params.project}/subscriptions/${params.subscription}`);
  const projectOf = ({ params }: Call) => byId(world, `projects/${params.project}/`).slice(0, -1);

  const topicRoute = (
    verb: string,
    method: Route["method"],
    permission: string,
    run: (name: string, call: Call) => Answer,
    suffix = "",
  ): Route => ({
    id: `pubsub.projects.topics.${verb}`,
    method,
    path: `${TOPICS}/{topic}${suffix}`,
    run: (call) => {
      allow(call, `topics.${permission}`, permission === "create" ? projectOf(call) : topicOf(call));
      return run(topicOf(call), call);
    },
  });

  const subscriptionRoute = (
    verb: string,
    method: Route["method"],
    permission: string,
    run: (name: string, call: Call) => Answer | Promise<Answer>,
    suffix = "",
  ): Route => ({
    id: `pubsub.projects.subscriptions.${verb}`,
    method,
    path: `${SUBSCRIPTIONS}/{subscription}${suffix}`,
    run: (call) => {
      allow(call, `subscriptions.${permission}`, permission === "create" ? projectOf(call) : subscriptionOf(call));
      return run(subscriptionOf(call), call);
    },
  });

  const listRoute = <T>(
    id: string,
    path: string,
    permission: string,
    field: string,
    key: (item: T) => string,
    all: (call: Call) => T[],
    parent: (call: Call) => string = projectOf,
  ): Route => ({
    id: `pubsub.projects.${id}`,
    method: "GET",
    path,
    run: (call) => {
      allow(call, permission, parent(call));
      const { items, nextPageToken } = page(
        all(call),
        key,
        Number(call.query.get("pageSize") ?? 0),
        call.query.get("pageToken") ?? undefined,
        MOST_PER_PAGE,
      );
      return { json: { ...(items.length > 0 && { [field]: items }), ...(nextPageToken && { nextPageToken }) } };
    },
  });

  const byName = ({ name }: { name: string }) => name;

  return [
    topicRoute("create", "PUT", "create", (name, call) => ({ json: core.createTopic({ ...body(TOPIC, call), name }) })),
    topicRoute("get", "GET", "get", (name) => ({ json: core.topic(name) })),
    topicRoute("patch", "PATCH", "update", (name, call) => {
      const { topic, updateMask } = body(UPDATE_TOPIC, call);
      return { json: core.updateTopic({ ...(topic as Json), name }, mask(updateMask)) };
    }),
    topicRoute("delete", "DELETE", "delete", (name) => {
      core.deleteTopic(name);
      return { json: {} };
    }),
    topicRoute(
      "publish",
      "POST",
      "publish",
      (name, call) => ({
        json: { messageIds: core.publish(name, (body(PUBLISH, call).messages as NewMessage[] | undefined) ?? []) },
      }),
      ":publish",
    ),
    listRoute("topics.list", TOPICS, "topics.list", "topics", byName, (call) => core.topics(projectOf(call))),
    listRoute(
      "topics.subscriptions.list",
      `${TOPICS}/{topic}/subscriptions`,
      "topics.get",
      "subscriptions",
      (name: string) => name,
      (call) => core.topicSubscriptions(topicOf(call)),
      topicOf,
    ),

    subscriptionRoute("create", "PUT", "create", (name, call) => {
      const given = body(SUBSCRIPTION, call);
      allow(call, "topics.attachSubscription", String(given.topic));
      return { json: core.createSubscription({ ...given, name }) };
    }),
    subscriptionRoute("get", "GET", "get", (name) => ({ json: core.subscription(name) })),
    subscriptionRoute("patch", "PATCH", "update", (name, call) => {
      const { subscription, updateMask } = body(UPDATE_SUBSCRIPTION, call);
      return { json: core.updateSubscription({ ...(subscription as Json), name }, mask(updateMask)) };
    }),
    subscriptionRoute("delete", "DELETE", "delete", (name) => {
      core.deleteSubscription(name);
      return { json: {} };
    }),
    subscriptionRoute(
      "detach",
      "POST",
      "update",
      (name) => {
        core.detachSubscription(name);
        return { json: {} };
      },
      ":detach",
    ),
    subscriptionRoute(
      "pull",
      "POST",
      "consume",
      async (name, call) => {
        const { maxMessages = 0, returnImmediately = false } = body(PULL, call);
        const receivedMessages = await core.pull(name, Number(maxMessages), Boolean(returnImmediately));
        return { json: receivedMessages.length > 0 ? { receivedMessages } : {} };
      },
      ":pull",
    ),
    subscriptionRoute(
      "acknowledge",
      "POST",
      "consume",
      (name, call) => {
        core.acknowledge(name, (body(ACKNOWLEDGE, call).ackIds as string[] | undefined) ?? []);
        return { json: {} };
      },
      ":acknowledge",
    ),
    subscriptionRoute(
      "modifyAckDeadline",
      "POST",
      "consume",
      (name, call) => {
        const { ackIds = [], ackDeadlineSeconds = 0 } = body(MODIFY_DEADLINE, call);
        core.modifyAckDeadline(name, ackIds as string[], Number(ackDeadlineSeconds));
        return { json: {} };
      },
      ":modifyAckDeadline",
    ),
    subscriptionRoute(
      "modifyPushConfig",
      "POST",
      "update",
      (name, call) => {
        core.modifyPushConfig(name, (body(MODIFY_PUSH, call).pushConfig ?? {}) as PushConfig);
        return { json: {} };
      },
      ":modifyPushConfig",
    ),
    listRoute("subscriptions.list", SUBSCRIPTIONS, "subscriptions.list", "subscriptions", byName, (call) =>
      core.subscriptions(projectOf(call)),
    ),

    ...policyRoutes(world, "topics", TOPICS, (call) => core.topic(topicOf({ ...call, params: named(call) })).name),
    ...policyRoutes(
      world,
      "snapshots",
      SNAPSHOTS,
      ({ params }) => core.snapshots.get(`projects/${params.project}/snapshots/${params.resource}`).name,
    ),
    ...policyRoutes(
      world,
      "subscriptions",
      SUBSCRIPTIONS,
      (call) => core.subscription(subscriptionOf({ ...call, params: named(call) })).name,
    ),
  ];

  function named({ params }: Call): Record<string, string> {
    return { ...params, topic: params.resource ?? "", subscription: params.resource ?? "" };
  }

  function policyRoutes(world: World, kind: string, path: string, existing: (call: Call) => string): Route[] {
    const id = (verb: string) => `pubsub.projects.${kind}.${verb}`;
    return [
      {
        id: id("getIamPolicy"),
        method: "GET",
        path: `${path}/{resource}:getIamPolicy`,
        run: (call) => {
          const name = existing(call);
          allow(call, `${kind}.getIamPolicy`, name);
          return { json: policies.get(name) };
        },
      },
      {
        id: id("setIamPolicy"),
        method: "POST",
        path: `${path}/{resource}:setIamPolicy`,
        run: (call) => {
          const name = existing(call);
          allow(call, `${kind}.setIamPolicy`, name);
          const { policy } = body(SET_POLICY, call);
          if (!policy) throw new ApiError(400, "The policy is missing.");
          const stored = policies.set(name, policy as Policy);
          world.changed();
          return { json: stored };
        },
      },
      {
        id: id("testIamPermissions"),
        method: "POST",
        path: `${path}/{resource}:testIamPermissions`,
        run: (call) => {
          const name = existing(call);
          const asked = (body(TEST_PERMISSIONS, call).permissions as string[] | undefined) ?? [];
          const permissions = asked.filter((permission) => permitted(world, call.headers, permission, name));
          return { json: permissions.length > 0 ? { permissions } : {} };
        },
      },
    ];
  }
}

function mask(text: unknown): string[] {
  return typeof text === "string" && text !== "" ? text.split(",").map((path) => path.trim()) : [];
}
