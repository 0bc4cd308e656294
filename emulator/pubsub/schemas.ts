import { ApiError } from "../frame/errors.ts";
import type { Json } from "../frame/fields.ts";
import { utc } from "../frame/time.ts";
import { byId, type World } from "../frame/world.ts";
import { alreadyExists, checkName, notFound } from "./names.ts";

/** https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.schemas */
export interface Schema {
  name: string;
  type: "AVRO" | "PROTOCOL_BUFFER";
  definition?: string;
  revisionId: string;
  revisionCreateTime: string;
}

/**
 * Schemas are kept and shown. Nothing is checked against them, so a topic that asks for one is refused, and so are the
 * methods that validate or revise.
 */
export class Schemas {
  readonly #world: World;
  readonly #byName = new Map<string, Schema>();

  constructor(world: World) {
    this.#world = world;
  }

  create(asked: string, given: Json): Schema {
    const name = checkName("schemas", byId(this.#world, asked));
    const { type, definition } = given;
    if (type !== "AVRO" && type !== "PROTOCOL_BUFFER") throw new ApiError(400, "The schema's type must be set.");
    if (typeof definition !== "string" || definition === "") {
      throw new ApiError(400, "The schema's definition must be set.");
    }
    if (this.#byName.has(name)) throw alreadyExists(name);
    const schema: Schema = {
      name,
      type,
      definition,
      revisionId: this.#world.ids.hex(8),
      revisionCreateTime: utc(this.#world.clock.now()),
    };
    this.#byName.set(name, schema);
    this.#world.changed();
    return schema;
  }

  get(name: string): Schema {
    const schema = this.#byName.get(checkName("schemas", byId(this.#world, name)));
    if (!schema) throw notFound(name);
    return schema;
  }

  /** Of one project (`projects/P`), sorted by name. */
  all(project: string): Schema[] {
    const prefix = byId(this.#world, `${project}/`);
    return this.save()
      .filter(({ name }) => name.startsWith(prefix))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  delete(name: string): void {
    this.#byName.delete(this.get(name).name);
    this.#world.changed();
  }

  save(): Schema[] {
    return [...this.#byName.values()];
  }

  load(saved: Schema[] = []): void {
    for (const schema of saved) this.#byName.set(schema.name, schema);
  }
}

/** A schema as the view shows it: `BASIC` is without its definition. Lists are basic and a single one is full by default. */
export function shownSchema(schema: Schema, view: unknown, usual: "BASIC" | "FULL"): Schema {
  const asked = view === "BASIC" || view === "FULL" ? view : usual;
  if (asked === "FULL") return schema;
  const { definition: _, ...basic } = schema;
  return basic;
}
