import { ApiError } from "../frame/errors.ts";
import { type Json, readFields } from "../frame/fields.ts";
import type { Call } from "../frame/http.ts";
import { page } from "../frame/pages.ts";
import type { Route, Service } from "../frame/router.ts";
import { utc } from "../frame/time.ts";
import { byId, type World } from "../frame/world.ts";
import { locationRoutes } from "../locations.ts";
import type { PubsubCore } from "../pubsub/core.ts";
import { changedFields } from "./change.ts";
import { type FunctionTriggers, functionTriggers } from "./functions.ts";
import { type Operation, Operations } from "./operations.ts";
import { TRIGGER } from "./shape.ts";
import { type Kept, PUBLISHED, type Trigger, TriggerStore } from "./store.ts";

export interface EventarcService extends Service {
  ofFunctions: FunctionTriggers;
}

interface Saved {
  triggers: Kept[];
  operations: Operation[];
}

const TRIGGERS = "/v1/projects/{project}/locations/{location}/triggers";

/**
 * Eventarc, as much as turns a topic's messages into CloudEvents for an HTTP endpoint: what stands between Pub/Sub and a
 * 2nd gen function.
 */
export function createEventarc(
  world: World,
  pubsub: PubsubCore,
  /** Seconds before the first redelivery. The real service waits 10; a developer's machine need not. */
  backoffSeconds: number,
): EventarcService {
  const store = new TriggerStore(world, pubsub, backoffSeconds);
  const { triggers } = store;
  const operations = new Operations(world);

  const parentOf = ({ params }: Call) => byId(world, `projects/${params.project}/locations/${params.location}`);
  const nameOf = (call: Call) => `${parentOf(call)}/triggers/${call.params.trigger}`;

  function allow(call: Call, permission: string, name: string): void {
    const principal = world.doors.principal(call.headers);
    if (!world.doors.allowed(principal, `eventarc.triggers.${permission}`, name)) {
      throw new ApiError(
        403,
        `Permission 'eventarc.triggers.${permission}' denied on resource '//eventarc.googleapis.com/${name}' (or it may not exist).`,
      );
    }
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
    const { destination } = given;
    const http = destination && "httpEndpoint" in destination ? destination : undefined;
    const uri = http?.httpEndpoint?.uri;
    const network = http?.networkConfig;
    if (!uri) throw new ApiError(400, "destination.http_endpoint.uri is missing; other destinations are not emulated.");
    if (triggers.has(name)) throw new ApiError(409, `Resource '${name}' already exists`);
    if (call.query.get("validateOnly") === "true") return operations.ended(parent, name, "create", given);

    const { serviceAccount } = given;
    const { topic, subscription, ownTopic } = store.subscribe(name, given.transport?.pubsub?.topic, {
      pushEndpoint: () => uri,
      ...(serviceAccount && { oidcToken: { serviceAccountEmail: serviceAccount, audience: uri } }),
    });
    const trigger = store.keep({
      name,
      eventFilters: given.eventFilters,
      ...(serviceAccount && { serviceAccount }),
      destination: { httpEndpoint: { uri }, ...(network && { networkConfig: network }) },
      transport: { pubsub: { topic, subscription } },
      ...(given.labels && { labels: given.labels }),
      eventDataContentType: given.eventDataContentType ?? "application/json",
      ownTopic,
    });
    return operations.ended(parent, name, "create", shown(trigger));
  }

  function patch(call: Call): Operation {
    const name = nameOf(call);
    allow(call, "update", name);
    if (!triggers.has(name) && call.query.get("allowMissing") === "true") {
      return create({ ...call, query: new URLSearchParams({ triggerId: call.params.trigger ?? "" }) });
    }
    const before = store.find(name);
    const given = readFields(TRIGGER, call.json(), world.loose);
    const after = changedFields(before, given, call.query.get("updateMask") ?? "");
    const { destination, serviceAccount } = after;
    if (!destination || ("httpEndpoint" in destination && !destination.httpEndpoint?.uri)) {
      throw new ApiError(400, "destination.http_endpoint.uri is missing; other destinations are not emulated.");
    }
    const trigger: Kept = { ...after, updateTime: utc(world.clock.now()), etag: world.ids.fingerprint() };
    if (call.query.get("validateOnly") !== "true") {
      if ("httpEndpoint" in destination) {
        const { uri } = destination.httpEndpoint;
        pubsub.modifyPushConfig(before.transport.pubsub.subscription, {
          pushEndpoint: uri,
          ...(serviceAccount && { oidcToken: { serviceAccountEmail: serviceAccount, audience: uri } }),
        });
      }
      triggers.set(name, trigger);
    }
    return operations.ended(parentOf(call), name, "update", shown(trigger));
  }

  function remove(call: Call): Operation {
    const trigger = store.find(nameOf(call));
    allow(call, "delete", trigger.name);
    store.drop(trigger);
    return operations.ended(parentOf(call), trigger.name, "delete", shown(trigger));
  }

  const routes: Route[] = [
    ...locationRoutes(world, "eventarc"),
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
        return { json: shown(store.find(nameOf(call))) };
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
      id: "eventarc.projects.locations.triggers.patch",
      method: "PATCH",
      path: `${TRIGGERS}/{trigger}`,
      coverage: "partly",
      run: (call) => ({ json: patch(call) }),
    },
    {
      id: "eventarc.projects.locations.triggers.delete",
      method: "DELETE",
      path: `${TRIGGERS}/{trigger}`,
      run: (call) => ({ json: remove(call) }),
    },
    operations.route(parentOf),
  ];

  return {
    name: "eventarc",
    ofFunctions: functionTriggers(store, pubsub),
    errors: "modern",
    routes,
    prefixes: /^\/v1\/projects\/[^/]+\/locations\/[^/]+\/(triggers|channels|operations\/eventarc-)/,
    nameUnknown: (method, path) => `eventarc.projects.locations.${path.split("/")[6] ?? ""} ${method}`,
    save: (): Saved => ({ triggers: [...triggers.values()], operations: operations.save() }),
    load: (state) => {
      const saved = state as Saved;
      for (const trigger of saved.triggers) triggers.set(trigger.name, trigger);
      operations.load(saved.operations);
    },
  };
}

function shown({ ownTopic: _, ...trigger }: Kept): Json {
  return { ...trigger };
}

/** `projects/P/locations/-` means every location. */
function inLocation(name: string, parent: string): boolean {
  if (!parent.endsWith("/locations/-")) return name.startsWith(`${parent}/`);
  return name.startsWith(parent.slice(0, -1));
}
