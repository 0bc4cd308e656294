import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import { fromProto, type Json, toProto } from "../frame/fields.ts";
import { unary } from "../frame/grpc.ts";
import { page } from "../frame/pages.ts";
import type { World } from "../frame/world.ts";
import { authorize } from "./access.ts";
import type { PubsubCore } from "./core.ts";
import { projectOf } from "./names.ts";
import { SEEK, SNAPSHOT } from "./resources.ts";

const MOST_PER_PAGE = 1000;

type Run = (name: string, request: Json) => Json;

/** Methods whose one permission is asked on the name in one field of their request. */
export function methods(world: World, of: Record<string, [field: string, permission: string, run: Run]>) {
  return Object.fromEntries(
    Object.entries(of).map(([rpc, [field, permission, run]]) => [
      rpc,
      unary((request: Json, headers) => {
        const name = String(request[field] ?? "");
        authorize(world, headers, `pubsub.${permission}`, name);
        return run(name, request);
      }),
    ]),
  );
}

export function paged<T>(request: Json, all: T[], key: (item: T) => string) {
  return page(all, key, Number(request.pageSize ?? 0), String(request.pageToken ?? ""), MOST_PER_PAGE);
}

export const byName = ({ name }: { name: string }) => name;

/** Seek and snapshots: the part of Subscriber that goes back in time. */
export function replayMethods(world: World, core: PubsubCore): UntypedServiceImplementation {
  const out = (snapshot: object) => toProto(SNAPSHOT, { ...snapshot });
  return {
    ...methods(world, {
      GetSnapshot: ["snapshot", "snapshots.get", (name) => out(core.snapshots.get(name))],
      DeleteSnapshot: [
        "snapshot",
        "snapshots.delete",
        (name) => {
          core.snapshots.delete(name);
          return {};
        },
      ],
      ListSnapshots: [
        "project",
        "snapshots.list",
        (project, request) => {
          const { items, ...rest } = paged(request, core.listSnapshots(project), byName);
          return { snapshots: items.map(out), ...rest };
        },
      ],
      Seek: [
        "subscription",
        "subscriptions.consume",
        (name, request) => {
          core.seek(name, fromProto(SEEK, request));
          return {};
        },
      ],
    }),
    CreateSnapshot: unary((request: Json, headers) => {
      authorize(world, headers, "pubsub.snapshots.create", String(request.name || projectOf(request.subscription)));
      return out(core.createSnapshot(request));
    }),
    UpdateSnapshot: unary((request: Json, headers) => {
      const snapshot = fromProto(SNAPSHOT, (request.snapshot ?? {}) as Json);
      authorize(world, headers, "pubsub.snapshots.update", String(snapshot.name));
      const { paths = [] } = (request.updateMask ?? {}) as { paths?: string[] };
      return out(core.snapshots.update(snapshot, paths));
    }),
  };
}

export function topicSnapshots(world: World, core: PubsubCore): UntypedServiceImplementation {
  return methods(world, {
    ListTopicSnapshots: [
      "topic",
      "topics.get",
      (topic, request) => {
        const { items, ...rest } = paged(request, core.topicSnapshots(topic), (name) => name);
        return { snapshots: items, ...rest };
      },
    ],
  });
}
