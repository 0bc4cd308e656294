import { ApiError } from "../frame/errors.ts";
import { type Json, readFields, type Shape } from "../frame/fields.ts";
import type { Call } from "../frame/http.ts";
import { page } from "../frame/pages.ts";
import type { Route, Service } from "../frame/router.ts";
import { utc } from "../frame/time.ts";
import { byId, type World } from "../frame/world.ts";
import type { PubsubCore } from "../pubsub/core.ts";

/** https://cloud.google.com/eventarc/docs/reference/rest/v1/projects.locations.triggers */
export interface Trigger {
  name: string;
  uid: string;
  createTime: string;
  updateTime: string;
  eventFilters: { attribute: string; value: string; operator?: string }[];
  serviceAccount?: string;
  destination: { httpEndpoint: { uri: string } };
  transport: { pubsub: { topic: string; subscription: string } };
  labels?: Record<string, string>;
  eventDataContentType?: string;
  etag: string;
}

interface Operation {
  name: string;
  metadata: object;
  done: true;
  response: object;
}

interface Saved {
  triggers: (Trigger & { ownTopic: boolean })[];
  operations: Operation[];
}

const TRIGGERS = "/v1/projects/{project}/locations/{location}/triggers";
const PUBLISHED = "google.cloud.pubsub.topic.v1.messagePublished";

/** What Eventarc gives the subscriptions it makes. https://cloud.google.com/eventarc/docs/retry-events */
const RETENTION = "86400s";
const MOST_BACKOFF = "600s";

const TRIGGER: Shape = {
  name: "string",
  uid: "output",
  createTime: "output",
  updateTime: "output",
  eventFilters: { many: { attribute: "string", value: "string", operator: "string" } },
  serviceAccount: "string",
  destination: {
    one: {
      httpEndpoint: { one: { uri: "string" } },
      cloudRun: "absent",
      cloudFunction: "absent",
      gke: "absent",
      workflow: "absent",
      networkConfig: "absent",
    },
  },
  transport: { one: { pubsub: { one: { topic: "string", subscription: "output" } } } },
  labels: "map",
  channel: "absent",
  conditions: "output",
  eventDataContentType: "string",
  satisfiesPzs: "output",
  retryPolicy: "absent",
  etag: "output",
};

/**
 * Eventarc, as much as turns a topic's messages into CloudEvents for an HTTP endpoint: what stands between Pub/Sub and a
 * 2nd gen function.
 */
export function createEventarc(
  world: World,
  pubsub: PubsubCore,
  /** Seconds before the first redelivery. The real service waits 10; a developer's machine need not. */
  backoffSeconds: number,
): Service {
  const triggers = new Map<string, Trigger & { ownTopic: boolean }>();
  const operations = new Map<string, Operation>();

  const parentOf = ({ params }: Call) => byId(world, `projects/${params.project}/locations/${params.location}`);
  const nameOf = (call: Call) => `${parentOf(call)}/triggers/${call.params.trigger}`;

  function find(name: string): Trigger & { ownTopic: boolean } {
    const trigger = triggers.get(name);
    if (!trigger) throw new ApiError(404, `Resource '${name}' was not found`);
    return trigger;
  }

  function allow(call: Call, permission: string, name: string): void {
    const principal = world.doors.principal(call.headers);
    if (!world.doors.allowed(principal, `eventarc.triggers.${permission}`, name)) {
      throw new ApiError(
        403,
        `Permission 'eventarc.triggers.${permission}' denied on resource '//eventarc.googleapis.com/${name}' (or it may not exist).`,
      );
    }
  }

  /** Long-running in form only: done when answered. */
  function operation(parent: string, target: string, verb: string, type: string, response: object): Operation {
    const now = utc(world.clock.now());
    const made: Operation = {
      name: `${parent}/operations/eventarc-${world.ids.uuid()}`,
      metadata: {
        "@type": "type.googleapis.com/google.cloud.eventarc.v1.OperationMetadata",
        createTime: now,
        endTime: now,
        target,
        verb,
        requestedCancellation: false,
        apiVersion: "v1",
      },
      done: true,
      response: { "@type": `type.googleapis.com/${type}`, ...response },
    };
    operations.set(made.name, made);
    world.changed();
    return made;
  }

  function create(call: Call): Operation {
    const parent = parentOf(call);
    const id = call.query.get("triggerId") ?? "";
    const name = `${parent}/triggers/${id}`;
    allow(call, "create", name);
    if (!/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(id)) {
      throw new ApiError(400, `The trigger id ${JSON.stringify(id)} must match ^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$.`);
    }
    const given = readFields(TRIGGER, call.json(), world.loose) as Partial<Trigger>;
    const type = given.eventFilters?.find(({ attribute }) => attribute === "type")?.value;
    if (type === undefined) throw new ApiError(400, `event_filters must name the event's "type".`);
    if (type !== PUBLISHED || given.eventFilters?.length !== 1) {
      throw new ApiError(
        501,
        `triggers are emulated for the type ${PUBLISHED} without further filters, not for ${type}`,
      );
    }
    const uri = given.destination?.httpEndpoint?.uri;
    if (!uri) throw new ApiError(400, "destination.http_endpoint.uri is missing; other destinations are not emulated.");
    if (triggers.has(name)) throw new ApiError(409, `Resource '${name}' already exists`);
    if (call.query.get("validateOnly") === "true") return operation(parent, name, "create", TRIGGER_TYPE, given);

    const { project = "", location = "" } = call.params;
    const number = world.ids.numeric();
    const asked = given.transport?.pubsub?.topic;
    const own = `projects/${byId(world, `projects/${project}/`).slice(9, -1)}`;
    const topic = asked
      ? pubsub.topic(asked).name
      : pubsub.createTopic({ name: `${own}/topics/eventarc-${location}-${id}-${number.slice(-3)}` }).name;
    const { name: subscription } = pubsub.createSubscription(
      {
        name: `${own}/subscriptions/eventarc-${location}-${id}-sub-${number.slice(-3)}`,
        topic,
        pushConfig: {
          pushEndpoint: uri,
          ...(given.serviceAccount && { oidcToken: { serviceAccountEmail: given.serviceAccount, audience: uri } }),
        },
        messageRetentionDuration: RETENTION,
        expirationPolicy: {},
        retryPolicy: { minimumBackoff: `${backoffSeconds}s`, maximumBackoff: MOST_BACKOFF },
      },
      true,
    );
    const now = utc(world.clock.now());
    const trigger: Trigger & { ownTopic: boolean } = {
      name,
      uid: world.ids.uuid(),
      createTime: now,
      updateTime: now,
      eventFilters: given.eventFilters,
      ...(given.serviceAccount && { serviceAccount: given.serviceAccount }),
      destination: { httpEndpoint: { uri } },
      transport: { pubsub: { topic, subscription } },
      ...(given.labels && { labels: given.labels }),
      eventDataContentType: given.eventDataContentType ?? "application/json",
      etag: world.ids.fingerprint(),
      ownTopic: !asked,
    };
    triggers.set(name, trigger);
    return operation(parent, name, "create", TRIGGER_TYPE, shown(trigger));
  }

  /** Also removes what the trigger made: its subscription, and the topic unless it was there before. */
  function remove(call: Call): Operation {
    const trigger = find(nameOf(call));
    allow(call, "delete", trigger.name);
    triggers.delete(trigger.name);
    const { topic, subscription } = trigger.transport.pubsub;
    for (const remove of [
      () => pubsub.deleteSubscription(subscription),
      ...(trigger.ownTopic ? [() => pubsub.deleteTopic(topic)] : []),
    ]) {
      try {
        remove();
      } catch (problem) {
        // Somebody removed it by hand before.
        if (!(problem instanceof ApiError && problem.code === 404)) throw problem;
      }
    }
    return operation(parentOf(call), trigger.name, "delete", TRIGGER_TYPE, shown(trigger));
  }

  const routes: Route[] = [
    {
      id: "eventarc.projects.locations.triggers.create",
      method: "POST",
      path: TRIGGERS,
      coverage: "partly",
      run: (call) => ({ json: create(call) }),
    },
    {
      id: "eventarc.projects.locations.triggers.get",
      method: "GET",
      path: `${TRIGGERS}/{trigger}`,
      run: (call) => {
        allow(call, "get", nameOf(call));
        return { json: shown(find(nameOf(call))) };
      },
    },
    {
      id: "eventarc.projects.locations.triggers.list",
      method: "GET",
      path: TRIGGERS,
      coverage: "partly",
      run: (call) => {
        const parent = parentOf(call);
        allow(call, "list", parent);
        const { items, nextPageToken } = page(
          [...triggers.values()]
            .filter(({ name }) => inLocation(name, parent))
            .sort((a, b) => (a.name < b.name ? -1 : 1)),
          ({ name }) => name,
          Number(call.query.get("pageSize") ?? 0),
          call.query.get("pageToken") ?? undefined,
          500,
        );
        return { json: { triggers: items.map(shown), ...(nextPageToken && { nextPageToken }) } };
      },
    },
    {
      id: "eventarc.projects.locations.triggers.delete",
      method: "DELETE",
      path: `${TRIGGERS}/{trigger}`,
      run: (call) => ({ json: remove(call) }),
    },
    {
      id: "eventarc.projects.locations.operations.get",
      method: "GET",
      // Operations of several services share this path; each names its own.
      path: "/v1/projects/{project}/locations/{location}/operations/eventarc-{operation}",
      run: (call) => {
        const name = `${parentOf(call)}/operations/eventarc-${call.params.operation}`;
        const found = operations.get(name);
        if (!found) throw new ApiError(404, `Resource '${name}' was not found`);
        return { json: found };
      },
    },
  ];

  return {
    name: "eventarc",
    errors: "modern",
    routes,
    prefixes: /^\/v1\/projects\/[^/]+\/locations\/[^/]+\/(triggers|channels|operations\/eventarc-)/,
    nameUnknown: (method, path) => `eventarc.projects.locations.${path.split("/")[6] ?? ""} ${method}`,
    save: (): Saved => ({ triggers: [...triggers.values()], operations: [...operations.values()] }),
    load: (state) => {
      const saved = state as Saved;
      for (const trigger of saved.triggers) triggers.set(trigger.name, trigger);
      for (const made of saved.operations) operations.set(made.name, made);
    },
  };
}

const TRIGGER_TYPE = "google.cloud.eventarc.v1.Trigger";

function shown({ ownTopic: _, ...trigger }: Trigger & { ownTopic: boolean }): Json {
  return { ...trigger };
}

/** `projects/P/locations/-` means every location. */
function inLocation(name: string, parent: string): boolean {
  if (!parent.endsWith("/locations/-")) return name.startsWith(`${parent}/`);
  return name.startsWith(parent.slice(0, -1));
}
