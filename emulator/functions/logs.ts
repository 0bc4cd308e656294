import type { LogEntry } from "../../wire/logging.d.ts";
import type { Json } from "../frame/fields.ts";
import { Micros, utcMicros } from "../frame/micros.ts";
import type { World } from "../frame/world.ts";
import { severityRank } from "../logging/entry.ts";
import { placeOf, serviceId } from "./model.ts";

/** https://cloud.google.com/logging/docs/structured-logging#structured_logging_special_fields */
const SPECIAL: Record<string, string> = {
  "logging.googleapis.com/insertId": "insertId",
  "logging.googleapis.com/labels": "labels",
  "logging.googleapis.com/operation": "operation",
  "logging.googleapis.com/sourceLocation": "sourceLocation",
  "logging.googleapis.com/spanId": "spanId",
  "logging.googleapis.com/trace": "trace",
  "logging.googleapis.com/trace_sampled": "traceSampled",
  httpRequest: "httpRequest",
};

const NAMES = ["DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"];

/** What of a line is an entry: a JSON object is a structured one, anything else its text. */
export function entryOf(line: string): Json {
  const fields = objectIn(line);
  if (!fields) return { textPayload: line };
  const entry: Json = {};
  const payload: Json = {};
  for (const [key, value] of Object.entries(fields)) {
    const place = SPECIAL[key];
    if (place !== undefined) entry[place] = value;
    else if (key === "severity" && severityOf(value)) entry.severity = severityOf(value);
    else if (key === "time" && typeof value === "string" && !Number.isNaN(Date.parse(value))) entry.timestamp = value;
    else payload[key] = value;
  }
  const [only, ...more] = Object.keys(payload);
  if (only === "message" && more.length === 0 && typeof payload.message === "string") {
    // The framework wraps a line whole, with its end.
    return { ...entry, textPayload: payload.message.replace(/\n$/, "") };
  }
  return { ...entry, jsonPayload: payload };
}

function objectIn(line: string): Json | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Json;
  } catch {
    return undefined;
  }
}

function severityOf(value: unknown): string | undefined {
  const rank = severityRank(String(value));
  return rank === undefined ? undefined : NAMES[Math.floor(rank / 100)];
}

/** Writes what a function and its platform say into Cloud Logging, as Cloud Run does. */
export class FunctionLogs {
  readonly #world: World;
  /** Lines of one millisecond keep their order. */
  readonly #micros: Micros;

  constructor(world: World) {
    this.#world = world;
    this.#micros = new Micros(world.clock);
  }

  /** `log` is what follows `run.googleapis.com/`, e.g. `stdout`. */
  write(name: string, revision: string, log: string, entry: Json, labels: Record<string, string> = {}): void {
    const { project, location, id } = placeOf(name);
    const service = serviceId(id);
    const complete: LogEntry & Json = {
      insertId: this.#world.ids.hex(24),
      timestamp: utcMicros(this.#micros.next()),
      ...entry,
      logName: `projects/${project}/logs/run.googleapis.com%2F${encodeURIComponent(log)}`,
      resource: {
        type: "cloud_run_revision",
        labels: {
          project_id: project,
          location,
          service_name: service,
          configuration_name: service,
          revision_name: revision,
        },
      },
      labels: {
        "goog-managed-by": "cloudfunctions",
        "goog-drz-cloudfunctions-id": service,
        "goog-drz-cloudfunctions-location": location,
        ...labels,
        ...(entry.labels as Record<string, string> | undefined),
      },
    };
    this.#world.doors.log(complete);
  }

  build(name: string, build: string, line: string, severity = "INFO"): void {
    const { project } = placeOf(name);
    this.#world.doors.log({
      insertId: this.#world.ids.hex(24),
      timestamp: utcMicros(this.#micros.next()),
      logName: `projects/${project}/logs/cloudbuild`,
      severity,
      resource: { type: "build", labels: { project_id: project, build_id: build, build_trigger_id: "" } },
      textPayload: line,
    });
  }
}
