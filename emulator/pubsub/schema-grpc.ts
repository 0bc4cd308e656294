import type { ServiceDefinition } from "@grpc/grpc-js";
import { fromProto, type Json, toProto } from "../frame/fields.ts";
import type { GrpcService } from "../frame/grpc.ts";
import type { World } from "../frame/world.ts";
import type { PubsubCore } from "./core.ts";
import { byName, methods, paged } from "./replay-grpc.ts";
import { SCHEMA } from "./resources.ts";
import { shownSchema } from "./schemas.ts";

const SCHEMA_OUT = { ...SCHEMA, revisionId: "string", revisionCreateTime: "timestamp" } as const;
const MESSAGE = { name: "string", schema: { one: SCHEMA }, message: "bytes", encoding: "string" } as const;

/** google.pubsub.v1.SchemaService. */
export function schemaService(world: World, core: PubsubCore, definition: ServiceDefinition): GrpcService {
  const { schemas } = core;
  const out = (schema: object) => toProto(SCHEMA_OUT, { ...schema });
  const read = (schema: unknown) => fromProto(SCHEMA, (schema ?? {}) as Json);
  const implementation = methods(world, {
    CreateSchema: [
      "parent",
      "schemas.create",
      (parent, { schema, schemaId }) => out(schemas.create(`${parent}/schemas/${schemaId ?? ""}`, read(schema))),
    ],
    GetSchema: ["name", "schemas.get", (name, { view }) => out(shownSchema(schemas.get(name), view, "FULL"))],
    ListSchemas: [
      "parent",
      "schemas.list",
      (parent, request) => {
        const { items, ...rest } = paged(request, schemas.all(parent), byName);
        return { schemas: items.map((schema) => out(shownSchema(schema, request.view, "BASIC"))), ...rest };
      },
    ],
    ListSchemaRevisions: [
      "name",
      "schemas.listRevisions",
      (name, request) => {
        const all = schemas.revisions(name).map((schema, i) => ({ schema, at: String(i).padStart(4, "0") }));
        const { items, ...rest } = paged(request, all, ({ at }) => at);
        return { schemas: items.map(({ schema }) => out(shownSchema(schema, request.view, "BASIC"))), ...rest };
      },
    ],
    CommitSchema: ["name", "schemas.commit", (name, { schema }) => out(schemas.commit(name, read(schema)))],
    RollbackSchema: ["name", "schemas.rollback", (name, { revisionId }) => out(schemas.rollback(name, revisionId))],
    DeleteSchemaRevision: [
      "name",
      "schemas.delete",
      (name, { revisionId }) => out(schemas.deleteRevision(name, revisionId ? String(revisionId) : undefined)),
    ],
    DeleteSchema: [
      "name",
      "schemas.delete",
      (name) => {
        core.deleteSchema(name);
        return {};
      },
    ],
    ValidateSchema: [
      "parent",
      "schemas.validate",
      (_, { schema }) => {
        schemas.validate(read(schema));
        return {};
      },
    ],
    ValidateMessage: [
      "parent",
      "schemas.validate",
      (_, request) => {
        schemas.validateMessage(fromProto(MESSAGE, request));
        return {};
      },
    ],
  });
  return { definition, implementation };
}
