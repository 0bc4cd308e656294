import { type Json, readFields, type Shape } from "../frame/fields.ts";
import type { Call } from "../frame/http.ts";
import { page } from "../frame/pages.ts";
import type { Route } from "../frame/router.ts";
import { byId, type World } from "../frame/world.ts";
import { authorize } from "./access.ts";
import type { PubsubCore } from "./core.ts";
import { SCHEMA } from "./resources.ts";
import { shownSchema } from "./schemas.ts";

const MOST_PER_PAGE = 1000;
const COLLECTION = "/v1/projects/{project}/schemas";
const ONE = { schema: { one: SCHEMA } } as const;
const COMMIT: Shape = { ...ONE, name: "output" };
const ROLLBACK: Shape = { name: "output", revisionId: "string" };
const VALIDATE: Shape = { ...ONE, parent: "output" };
const MESSAGE: Shape = { ...ONE, parent: "output", name: "string", message: "bytes", encoding: "string" };

/** https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.schemas */
export function schemaRoutes(world: World, core: PubsubCore): Route[] {
  const { schemas } = core;
  const body = (shape: Shape, call: Call): Json => readFields(shape, call.json(), world.loose);
  const parentOf = ({ params }: Call) => byId(world, `projects/${params.project}/`).slice(0, -1);
  const nameOf = (call: Call) => `${parentOf(call)}/schemas/${call.params.schema ?? ""}`;
  const paged = <T>(call: Call, all: T[], key: (item: T, at: number) => string, show: (item: T) => unknown) => {
    const keyed = all.map((item, at) => ({ item, key: key(item, at) }));
    const size = Number(call.query.get("pageSize") ?? 0);
    const token = call.query.get("pageToken") ?? undefined;
    const { items, ...rest } = page(keyed, (one) => one.key, size, token, MOST_PER_PAGE);
    return { ...(items.length > 0 && { schemas: items.map(({ item }) => show(item)) }), ...rest };
  };
  /** A method on the collection, or with a suffix that begins in `/{schema}` on one. */
  const route = (
    verb: string,
    method: Route["method"],
    suffix: string,
    permission: string,
    run: (call: Call, name: string) => unknown,
  ): Route => ({
    id: `pubsub.projects.schemas.${verb}`,
    method,
    path: `${COLLECTION}${suffix}`,
    run: (call) => {
      const name = suffix.startsWith("/") ? nameOf(call) : parentOf(call);
      authorize(world, call.headers, `pubsub.schemas.${permission}`, name.split("@")[0] ?? name);
      return { json: run(call, name) ?? {} };
    },
  });
  const shown = (call: Call, usual: "BASIC" | "FULL") => (schema: Parameters<typeof shownSchema>[0]) =>
    shownSchema(schema, call.query.get("view"), usual);

  return [
    route("create", "POST", "", "create", (call, parent) =>
      schemas.create(`${parent}/schemas/${call.query.get("schemaId") ?? ""}`, body(SCHEMA, call)),
    ),
    route("list", "GET", "", "list", (call, parent) =>
      paged(call, schemas.all(parent), ({ name }) => name, shown(call, "BASIC")),
    ),
    route("validate", "POST", ":validate", "validate", (call) =>
      schemas.validate((body(VALIDATE, call).schema ?? {}) as Json),
    ),
    route("validateMessage", "POST", ":validateMessage", "validate", (call) =>
      schemas.validateMessage(body(MESSAGE, call)),
    ),
    route("get", "GET", "/{schema}", "get", (call, name) => shown(call, "FULL")(schemas.get(name))),
    route("delete", "DELETE", "/{schema}", "delete", (_, name) => core.deleteSchema(name)),
    route("listRevisions", "GET", "/{schema}:listRevisions", "listRevisions", (call, name) =>
      paged(call, schemas.revisions(name), (_, at) => String(at).padStart(4, "0"), shown(call, "BASIC")),
    ),
    route("commit", "POST", "/{schema}:commit", "commit", (call, name) =>
      schemas.commit(name, (body(COMMIT, call).schema ?? {}) as Json),
    ),
    route("rollback", "POST", "/{schema}:rollback", "rollback", (call, name) =>
      schemas.rollback(name, body(ROLLBACK, call).revisionId),
    ),
    route("deleteRevision", "DELETE", "/{schema}:deleteRevision", "delete", (call, name) =>
      schemas.deleteRevision(name, call.query.get("revisionId") ?? undefined),
    ),
  ];
}
