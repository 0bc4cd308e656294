import type { LogEntry, LogSink } from "../../wire/logging.d.ts";
import { ApiError } from "../frame/errors.ts";
import { camel, type Json, type Shape } from "../frame/fields.ts";
import { utc } from "../frame/time.ts";
import type { World } from "../frame/world.ts";
import { compileFilter, type Matcher } from "./match.ts";

/** https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.sinks */
export const LOG_SINK: Shape = {
  name: "string",
  resourceName: "output",
  destination: "string",
  filter: "string",
  description: "string",
  disabled: "boolean",
  exclusions: { many: { name: "string", description: "string", filter: "string", disabled: "boolean" } },
  // Deprecated, and V2 is all there is.
  outputVersionFormat: "output",
  writerIdentity: "output",
  // They say something only of folders and organizations.
  includeChildren: "boolean",
  interceptChildren: "absent",
  bigqueryOptions: "absent",
  createTime: "output",
  updateTime: "output",
};

const UPDATABLE = ["destination", "filter", "description", "disabled", "exclusions", "includeChildren"];
/** What an update without a mask changes, as old clients expect. */
const DEFAULT_MASK = ["destination", "filter", "includeChildren"];

const TOPIC = /^pubsub\.googleapis\.com\/(projects\/[^/]+\/topics\/[^/]+)$/;

const EXPORT = { service: "logging", method: "logging.export" };

interface Sink {
  shown: LogSink & { resourceName: string };
  topic: string;
  matches: Matcher;
}

/** Sinks of all projects; they export what is written from their creation on. */
export class Sinks {
  readonly #world: World;
  readonly #sinks = new Map<string, Sink>();

  constructor(world: World) {
    this.#world = world;
  }

  create(parent: string, given: Json, uniqueWriter: boolean): LogSink {
    const name = String(given.name ?? "");
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/.test(name)) {
      throw new ApiError(400, `Invalid sink name: ${JSON.stringify(name)}`);
    }
    const resourceName = `${parent}/sinks/${name}`;
    if (this.#sinks.has(resourceName)) throw new ApiError(409, `Sink ${name} already exists`);
    const now = utc(this.#world.clock.now());
    const writer = uniqueWriter
      ? `service-${this.#world.projectNumber}@gcp-sa-logging.iam.gserviceaccount.com`
      : "cloud-logs@system.gserviceaccount.com";
    return this.#put(resourceName, {
      ...given,
      writerIdentity: `serviceAccount:${writer}`,
      createTime: now,
      updateTime: now,
    });
  }

  #put(resourceName: string, sink: Json): LogSink {
    const shown = {
      ...(sink as Partial<LogSink>),
      name: String(sink.name),
      destination: String(sink.destination ?? ""),
      resourceName,
    };
    const topic = TOPIC.exec(shown.destination)?.[1];
    if (topic === undefined) {
      const known = /^(storage|bigquery|logging)\.googleapis\.com\//.test(shown.destination);
      throw known
        ? new ApiError(501, `sinks to ${shown.destination} are not emulated, only to Pub/Sub topics`)
        : new ApiError(400, `Invalid sink destination: ${JSON.stringify(shown.destination)}`);
    }
    const included = compileFilter(shown.filter ?? "");
    const excluded = (shown.exclusions ?? []).map(({ filter, disabled }) => {
      const matches = compileFilter(filter);
      return disabled ? () => false : matches;
    });
    const matches: Matcher = (entry) =>
      !shown.disabled && included(entry) && !excluded.some((exclusion) => exclusion(entry));
    this.#sinks.set(resourceName, { shown, topic, matches });
    this.#world.changed();
    return shown;
  }

  #find(resourceName: string): Sink {
    const sink = this.#sinks.get(resourceName);
    if (!sink) throw new ApiError(404, `Sink ${resourceName.split("/").pop()} does not exist`);
    return sink;
  }

  get(resourceName: string): LogSink {
    return this.#find(resourceName).shown;
  }

  list(parent: string): LogSink[] {
    return [...this.#sinks]
      .filter(([name]) => name.startsWith(`${parent}/sinks/`))
      .map(([, { shown }]) => shown)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** `mask` is the text of `updateMask`; empty changes destination and filter. */
  update(resourceName: string, given: Json, mask: string): LogSink {
    const { shown } = this.#find(resourceName);
    const merged: Json = { ...shown };
    for (const path of mask ? mask.split(",").map((text) => camel(text.trim())) : DEFAULT_MASK) {
      if (!UPDATABLE.includes(path)) throw new ApiError(400, `Invalid update_mask: '${path}' cannot be updated.`);
      if (given[path] === undefined) delete merged[path];
      else merged[path] = given[path];
    }
    return this.#put(resourceName, { ...merged, updateTime: utc(this.#world.clock.now()) });
  }

  delete(resourceName: string): void {
    this.#find(resourceName);
    this.#sinks.delete(resourceName);
    this.#world.changed();
  }

  /** Publishes the entry to every sink of its project that wants it: its JSON, and its timestamp as the one attribute. */
  export(entry: LogEntry): void {
    for (const [name, { shown, topic, matches }] of this.#sinks) {
      if (!entry.logName.startsWith(`${name.split("/sinks/")[0]}/`) || !matches(entry)) continue;
      const writer = shown.writerIdentity?.replace("serviceAccount:", "") ?? "";
      if (!this.#world.doors.allowed(writer, "pubsub.topics.publish", topic)) continue;
      const message = {
        data: Buffer.from(JSON.stringify(entry)).toString("base64"),
        attributes: { "logging.googleapis.com/timestamp": entry.timestamp },
      };
      const { doors, faults } = this.#world;
      const send = (again: boolean) => {
        try {
          doors.publish(topic, message);
          // Exported twice is published twice, under two message ids.
          if (again) doors.publish(topic, message);
        } catch (problem) {
          // What its destination refuses is lost to the sink; the call that the entry is about knows nothing of it.
          if (!(problem instanceof ApiError)) throw problem;
        }
      };
      if (faults) faults.deliver({ ...EXPORT, resource: name, principal: () => writer }, send);
      else send(false);
    }
  }

  save(): Json[] {
    return [...this.#sinks.values()].map(({ shown }) => ({ ...shown }));
  }

  load(saved: Json[]): void {
    for (const sink of saved) this.#put(String(sink.resourceName), sink);
  }
}
