import { ApiError } from "../frame/errors.ts";
import type { Json } from "../frame/fields.ts";
import { utc } from "../frame/time.ts";
import { byId, type World } from "../frame/world.ts";
import { alreadyExists, checkName, notFound } from "./names.ts";
import { compileSchema, type Encoding, type Fits, requireFit, type SchemaType } from "./schema/check.ts";

/** One revision of a schema. https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.schemas */
export interface Schema {
  name: string;
  type: SchemaType;
  definition?: string;
  revisionId: string;
  revisionCreateTime: string;
}

/** https://cloud.google.com/pubsub/quotas#resource_limits */
const MOST_REVISIONS = 20;
const MOST_DEFINITION_BYTES = 307_200;

function isType(value: unknown): value is SchemaType {
  return value === "AVRO" || value === "PROTOCOL_BUFFER";
}

/** What a topic demands of its messages. */
export interface SchemaSettings {
  schema: string;
  encoding: Encoding;
  firstRevisionId?: string;
  lastRevisionId?: string;
}

export class Schemas {
  readonly #world: World;
  /** Revisions by name, oldest first. */
  readonly #byName = new Map<string, Schema[]>();
  readonly #compiled = new WeakMap<Schema, Fits>();

  constructor(world: World) {
    this.#world = world;
  }

  #checked(given: Json): { type: SchemaType; definition: string } {
    const { type, definition } = given;
    if (!isType(type)) throw new ApiError(400, "The schema's type must be set.");
    if (typeof definition !== "string" || definition === "") {
      throw new ApiError(400, "The schema's definition must be set.");
    }
    if (Buffer.byteLength(definition) > MOST_DEFINITION_BYTES) {
      throw new ApiError(400, `The schema's definition is longer than ${MOST_DEFINITION_BYTES} bytes.`);
    }
    compileSchema(type, definition);
    return { type, definition };
  }

  #revision(name: string, type: SchemaType, definition: string): Schema {
    const revisions = this.#byName.get(name) ?? [];
    if (revisions.length >= MOST_REVISIONS) {
      throw new ApiError(400, `A schema may have at most ${MOST_REVISIONS} revisions.`, {
        status: "FAILED_PRECONDITION",
      });
    }
    const schema: Schema = {
      name,
      type,
      definition,
      revisionId: this.#world.ids.hex(8),
      revisionCreateTime: utc(this.#world.clock.now()),
    };
    this.#byName.set(name, [...revisions, schema]);
    this.#world.changed();
    return schema;
  }

  create(asked: string, given: Json): Schema {
    const name = checkName("schemas", byId(this.#world, asked));
    const { type, definition } = this.#checked(given);
    if (this.#byName.has(name)) throw alreadyExists(name);
    return this.#revision(name, type, definition);
  }

  /** A further revision, of the same type. */
  commit(asked: string, given: Json): Schema {
    const head = this.get(asked);
    const { type, definition } = this.#checked(given);
    if (type !== head.type) throw new ApiError(400, "A revision must be of the same type as the schema.");
    if (definition === head.definition) {
      throw alreadyExists(`${head.name}@${head.revisionId}`);
    }
    return this.#revision(head.name, type, definition);
  }

  /** A further revision that is the same as an earlier one. */
  rollback(asked: string, revisionId: unknown): Schema {
    const { name } = this.get(asked);
    const { type, definition = "" } = this.get(`${name}@${String(revisionId ?? "")}`);
    return this.#revision(name, type, definition);
  }

  /** The newest revision, or the one that is named: `projects/P/schemas/S@1a2b3c4d`. Throws 404. */
  get(asked: string): Schema {
    const [text = "", revisionId] = asked.split("@");
    const revisions = this.#byName.get(checkName("schemas", byId(this.#world, text))) ?? [];
    const found = revisionId === undefined ? revisions.at(-1) : revisions.find((one) => one.revisionId === revisionId);
    if (!found) throw notFound(asked);
    return found;
  }

  /** Newest first. */
  revisions(asked: string): Schema[] {
    return (this.#byName.get(this.get(asked.split("@")[0] ?? "").name) ?? []).toReversed();
  }

  /** The newest revisions of one project (`projects/P`), sorted by name. */
  all(project: string): Schema[] {
    const prefix = byId(this.#world, `${project}/`);
    return [...this.#byName.values()]
      .flatMap((revisions) => revisions.slice(-1))
      .filter(({ name }) => name.startsWith(prefix))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Of a name with a revision, all its revisions go too. Returns the schema's own name. */
  delete(asked: string): string {
    const { name } = this.get(asked.split("@")[0] ?? "");
    this.#byName.delete(name);
    this.#world.changed();
    return name;
  }

  /** Takes one revision out, which may not be the only one; returns the newest that is left. */
  deleteRevision(asked: string, revisionId?: string): Schema {
    const full = asked.includes("@") ? asked : `${asked}@${revisionId ?? ""}`;
    const gone = this.get(full);
    const left = (this.#byName.get(gone.name) ?? []).filter((one) => one !== gone);
    if (left.length === 0) {
      throw new ApiError(400, "The last revision of a schema cannot be deleted: delete the schema.");
    }
    this.#byName.set(gone.name, left);
    this.#world.changed();
    return this.get(gone.name);
  }

  validate(given: Json): void {
    this.#checked(given);
  }

  /** Holds a message against a schema that is kept, or one that is only shown. */
  validateMessage({ name, schema, message = "", encoding }: Json): void {
    if (encoding !== "JSON" && encoding !== "BINARY") throw new ApiError(400, "The message's encoding must be set.");
    const { type, definition } = name ? this.get(String(name)) : this.#checked((schema ?? {}) as Json);
    requireFit(compileSchema(type, definition ?? ""), Buffer.from(String(message), "base64"), encoding);
  }

  /** Throws for settings that a topic cannot have. */
  checkSettings({ schema, encoding, firstRevisionId, lastRevisionId }: SchemaSettings): SchemaSettings {
    const { name } = this.get(schema);
    if (encoding !== "JSON" && encoding !== "BINARY") {
      throw new ApiError(400, "The encoding of a topic's schema must be JSON or BINARY.");
    }
    for (const revision of [firstRevisionId, lastRevisionId]) if (revision) this.get(`${name}@${revision}`);
    return {
      schema: name,
      encoding,
      ...(firstRevisionId && { firstRevisionId }),
      ...(lastRevisionId && { lastRevisionId }),
    };
  }

  /**
   * The attributes that a message gains by fitting: the newest revision in the topic's range that it fits. Throws 400
   * when it fits none.
   */
  attributesFor(settings: SchemaSettings, bytes: Buffer): Record<string, string> {
    const { schema, encoding, firstRevisionId, lastRevisionId } = settings;
    if (!this.#byName.has(schema)) {
      throw new ApiError(400, "The schema of the topic was deleted: no message can fit it.", {
        status: "FAILED_PRECONDITION",
      });
    }
    const all = this.revisions(schema);
    const last = lastRevisionId ? all.findIndex((one) => one.revisionId === lastRevisionId) : 0;
    const first = firstRevisionId ? all.findIndex((one) => one.revisionId === firstRevisionId) : all.length - 1;
    let problem: unknown;
    for (const revision of all.slice(Math.max(last, 0), first < 0 ? all.length : first + 1)) {
      const fits = this.#compiled.get(revision) ?? compileSchema(revision.type, revision.definition ?? "");
      this.#compiled.set(revision, fits);
      try {
        requireFit(fits, bytes, encoding);
        return {
          googclient_schemaencoding: encoding,
          googclient_schemaname: schema,
          googclient_schemarevisionid: revision.revisionId,
        };
      } catch (why) {
        problem ??= why;
      }
    }
    throw problem;
  }

  save(): Schema[] {
    return [...this.#byName.values()].flat();
  }

  load(saved: Schema[] = []): void {
    for (const schema of saved) this.#byName.set(schema.name, [...(this.#byName.get(schema.name) ?? []), schema]);
  }
}

/** A schema as the view shows it: `BASIC` is without its definition. Lists are basic and a single one is full by default. */
export function shownSchema(schema: Schema, view: unknown, usual: "BASIC" | "FULL"): Schema {
  const asked = view === "BASIC" || view === "FULL" ? view : usual;
  if (asked === "FULL") return schema;
  const { definition: _, ...basic } = schema;
  return basic;
}
