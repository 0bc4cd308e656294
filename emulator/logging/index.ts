import type { LogEntry } from "../../wire/logging.d.ts";
import { ApiError } from "../frame/errors.ts";
import { type Json, readFields, type Shape } from "../frame/fields.ts";
import type { GrpcService } from "../frame/grpc.ts";
import type { Call } from "../frame/http.ts";
import { page } from "../frame/pages.ts";
import type { Route, Service } from "../frame/router.ts";
import { byId, type Doors, type World } from "../frame/world.ts";
import { Entries } from "./entries.ts";
import { LOG_ENTRY, SEVERITIES, severityRank } from "./entry.ts";
import { loggingGrpc } from "./grpc.ts";
import { compileFilter } from "./match.ts";
import { LOG_SINK, Sinks } from "./sinks.ts";

export interface LoggingService extends Service {
  write: Doors["log"];
  grpc(): GrpcService[];
}

interface Saved {
  entries: LogEntry[];
  sinks: Json[];
}

const WRITE: Shape = {
  logName: "string",
  resource: "json",
  labels: "map",
  entries: { many: LOG_ENTRY },
  partialSuccess: "boolean",
  dryRun: "boolean",
};

const LIST: Shape = {
  resourceNames: "strings",
  projectIds: "strings",
  filter: "string",
  orderBy: "string",
  pageSize: "int32",
  pageToken: "string",
};

export function createLogging(world: World): LoggingService {
  const entries = new Entries(world);
  const sinks = new Sinks(world);

  const parentOf = ({ params }: Call) => byId(world, `projects/${params.project}/`).slice(0, -1);
  const sinkOf = (call: Call) => `${parentOf(call)}/sinks/${call.params.sink}`;

  function allow(call: Call, permission: string, name: string): void {
    if (!world.doors.allowed(world.doors.principal(call.headers), `logging.${permission}`, name)) {
      throw new ApiError(403, `Permission 'logging.${permission}' denied on resource (or it may not exist).`);
    }
  }

  function write(entry: Partial<LogEntry> & Pick<LogEntry, "logName" | "resource">): void {
    sinks.export(entries.add(entry));
  }

  /** An entry of a write request with the request's common parts, checked. */
  function complete(given: Json, common: Json): Partial<LogEntry> & Pick<LogEntry, "logName" | "resource"> {
    const logName = byId(world, String(given.logName ?? common.logName ?? ""));
    if (!/^(projects|organizations|folders|billingAccounts)\/[^/]+\/logs\/[^/]+$/.test(logName)) {
      throw new ApiError(400, `Name ${JSON.stringify(logName)} is missing the logs component, or is not a log's name.`);
    }
    const resource = (given.resource ?? common.resource) as LogEntry["resource"] | undefined;
    if (!resource?.type) throw new ApiError(400, "A monitored resource must be specified for each log entry.");
    const severity = given.severity === undefined ? undefined : severityRank(String(given.severity));
    if (given.severity !== undefined && severity === undefined) {
      throw new ApiError(400, `Invalid value at 'entries.severity', ${JSON.stringify(given.severity)}`);
    }
    const name = Object.keys(SEVERITIES).find((key) => SEVERITIES[key] === severity);
    const labels = { ...(common.labels as object | undefined), ...(given.labels as object | undefined) };
    const { severity: _, receiveTimestamp: __, ...rest } = given;
    return {
      ...(rest as Partial<LogEntry>),
      logName,
      resource,
      ...(name && name !== "DEFAULT" && { severity: name }),
      ...(Object.keys(labels).length > 0 && { labels }),
    };
  }

  const routes: Route[] = [
    {
      id: "logging.entries.write",
      method: "POST",
      path: "/v2/entries:write",
      run: (call) => {
        const request = readFields(WRITE, call.json(), world.loose);
        const given = (request.entries as Json[] | undefined) ?? [];
        if (given.length === 0) throw new ApiError(400, "At least one log entry is required.");
        const completed: ReturnType<typeof complete>[] = [];
        let problem: unknown;
        for (const one of given) {
          try {
            const entry = complete(one, request);
            allow(call, "logEntries.create", entry.logName.split("/logs/")[0] ?? "");
            completed.push(entry);
          } catch (caught) {
            problem ??= caught;
          }
        }
        if (!request.dryRun && (!problem || request.partialSuccess)) for (const entry of completed) write(entry);
        if (problem) throw problem;
        return { json: {} };
      },
    },
    {
      id: "logging.entries.list",
      method: "POST",
      path: "/v2/entries:list",
      run: (call) => {
        const request = readFields(LIST, call.json(), world.loose);
        const projects = [
          ...((request.resourceNames as string[] | undefined) ?? []),
          ...((request.projectIds as string[] | undefined) ?? []).map((id) => `projects/${id}`),
        ].map((name) => byId(world, `${name}/`).split("/").slice(0, 2).join("/"));
        if (projects.length === 0) throw new ApiError(400, "At least one resource name is required.");
        for (const project of projects) allow(call, "logEntries.list", project);
        const orderBy = String(request.orderBy || "timestamp asc");
        if (!/^timestamp( (asc|desc))?$/.test(orderBy)) {
          throw new ApiError(400, `Invalid order_by: ${JSON.stringify(orderBy)}; "timestamp asc" or "timestamp desc"`);
        }
        const listed = entries.list(
          projects,
          compileFilter(String(request.filter ?? "")),
          orderBy.endsWith("desc"),
          Number(request.pageSize ?? 0),
          request.pageToken as string | undefined,
        );
        return { json: { ...(listed.entries.length > 0 && { entries: listed.entries }), ...without(listed) } };
      },
    },
    {
      id: "logging.projects.logs.list",
      method: "GET",
      path: "/v2/projects/{project}/logs",
      run: (call) => {
        const parent = parentOf(call);
        allow(call, "logs.list", parent);
        const { items, nextPageToken } = paged(call, entries.logNames(parent), (name) => name);
        return { json: { ...(items.length > 0 && { logNames: items }), ...(nextPageToken && { nextPageToken }) } };
      },
    },
    {
      id: "logging.projects.logs.delete",
      method: "DELETE",
      path: "/v2/projects/{project}/logs/{log}",
      run: (call) => {
        const name = `${parentOf(call)}/logs/${logId(call.params.log ?? "")}`;
        allow(call, "logs.delete", name);
        entries.deleteLog(name);
        return { json: {} };
      },
    },
    {
      id: "logging.projects.sinks.create",
      method: "POST",
      path: "/v2/projects/{project}/sinks",
      run: (call) => {
        allow(call, "sinks.create", parentOf(call));
        const given = readFields(LOG_SINK, call.json(), world.loose);
        const unique = /^true$/i.test(call.query.get("uniqueWriterIdentity") ?? "");
        return { json: sinks.create(parentOf(call), given, unique) };
      },
    },
    {
      id: "logging.projects.sinks.list",
      method: "GET",
      path: "/v2/projects/{project}/sinks",
      run: (call) => {
        allow(call, "sinks.list", parentOf(call));
        const { items, nextPageToken } = paged(call, sinks.list(parentOf(call)), ({ name }) => name);
        return { json: { ...(items.length > 0 && { sinks: items }), ...(nextPageToken && { nextPageToken }) } };
      },
    },
    {
      id: "logging.projects.sinks.get",
      method: "GET",
      path: "/v2/projects/{project}/sinks/{sink}",
      run: (call) => {
        allow(call, "sinks.get", sinkOf(call));
        return { json: sinks.get(sinkOf(call)) };
      },
    },
    ...(["PUT", "PATCH"] as const).map(
      (method): Route => ({
        id: `logging.projects.sinks.${method === "PUT" ? "update" : "patch"}`,
        method,
        path: "/v2/projects/{project}/sinks/{sink}",
        run: (call) => {
          allow(call, "sinks.update", sinkOf(call));
          const given = readFields(LOG_SINK, call.json(), world.loose);
          return { json: sinks.update(sinkOf(call), given, call.query.get("updateMask") ?? "") };
        },
      }),
    ),
    {
      id: "logging.projects.sinks.delete",
      method: "DELETE",
      path: "/v2/projects/{project}/sinks/{sink}",
      run: (call) => {
        allow(call, "sinks.delete", sinkOf(call));
        sinks.delete(sinkOf(call));
        return { json: {} };
      },
    },
  ];

  return {
    name: "logging",
    errors: "modern",
    routes,
    prefixes:
      /^\/v2\/(entries|(projects|folders|organizations|billingAccounts)\/[^/]+\/(sinks|logs|exclusions|metrics))/,
    nameUnknown: (method, path) => {
      const [, collection = "entries"] = /^\/v2\/\w+\/[^/]+\/(\w+)/.exec(path) ?? [];
      return `logging.${collection}${/:(\w+)$/.exec(path)?.[0]?.replace(":", ".") ?? ` ${method}`}`;
    },
    write,
    grpc: () => loggingGrpc(routes),
    save: (): Saved => ({ entries: entries.save(), sinks: sinks.save() }),
    load: (state) => {
      const saved = state as Saved;
      entries.load(saved.entries);
      sinks.load(saved.sinks);
    },
  };
}

/** A log's id as names have it, escaped once; clients that escape the whole path escape it twice. */
function logId(given: string): string {
  return encodeURIComponent(/%[0-9a-f]{2}/i.test(given) ? decodeURIComponent(given) : given);
}

function without({ nextPageToken }: { nextPageToken?: string }): { nextPageToken?: string } {
  return nextPageToken === undefined ? {} : { nextPageToken };
}

function paged<T>(call: Call, all: T[], key: (item: T) => string): { items: T[]; nextPageToken?: string } {
  const { query } = call;
  return page(all, key, Number(query.get("pageSize") ?? 0), query.get("pageToken") ?? undefined, 1000);
}
