import type { AuditLog, LogEntry } from "../../wire/logging.d.ts";
import { ApiError, errorBody } from "../frame/errors.ts";
import { utc } from "../frame/time.ts";
import type { World } from "../frame/world.ts";
import { autoscalerPath, type StoredAutoscaler } from "./autoscalers/model.ts";
import type { StoredGroup } from "./groups/model.ts";
import { lastOf, link, scopePath } from "./names.ts";
import { type Failure, renderOperation, type StoredOperation } from "./operations.ts";

/** The Logging resource an entry is about, e.g. `gce_image`. */
export interface Monitored {
  type: string;
  labels: Record<string, string>;
}

export interface Permission {
  permission: string;
  /** `projects/P/…`; the call's own resource when left out. */
  resource?: string;
}

/** What the entries of one call share. */
export interface Audited {
  project: string;
  /** `v1.compute.images.insert` without its version. */
  method: string;
  resource: Monitored;
  /** Named with the project id; the entry may show the number. */
  path: string;
  byNumber?: boolean;
  principal: string;
  userAgent?: string;
  callerIp?: string;
  permissions: Permission[];
  /** Already in the log's form. */
  request: Record<string, unknown>;
  locations: string[];
}

const HOST = "https://www.googleapis.com";

/**
 * Writes the audit entries of Compute. Which fields stand in which entry is recorded: the first has request, response,
 * authorization and location; the last has only the request's type; a rejected call has one entry without operation.
 * research/gcp-facts.md §1.1.
 */
export class Audit {
  readonly #world: World;
  readonly #roots = new Map<string, string>();

  constructor(world: World) {
    this.#world = world;
  }

  first(call: Audited, operation: StoredOperation): void {
    const rendered: Record<string, unknown> = renderOperation({ ...operation, status: "RUNNING" }, HOST);
    const { kind: _, progress: __, endTime: ___, error: ____, ...rest } = rendered;
    const place = `projects/${operation.project}/${scopePath(operation.scope)}`;
    this.#roots.set(operation.name, this.#world.ids.uuid());
    this.#write(call, {
      severity: "NOTICE",
      operation: { id: operation.name, producer: "compute.googleapis.com", first: true },
      root: this.#roots.get(operation.name) ?? "",
      payload: {
        ...this.#full(call, true),
        response: {
          "@type": "type.googleapis.com/operation",
          ...rest,
          progress: "0",
          selfLinkWithId: link(HOST, `${place}/operations/${operation.id}`),
        },
      },
    });
  }

  last(call: Audited, operation: StoredOperation, failure?: Failure): void {
    const root = this.#roots.get(operation.name) ?? this.#world.ids.uuid();
    this.#roots.delete(operation.name);
    this.#write(call, {
      severity: failure ? "ERROR" : "NOTICE",
      operation: { id: operation.name, producer: "compute.googleapis.com", last: true },
      root,
      payload: {
        ...(failure && { status: { code: rpcCode(failure.http), message: failure.code } }),
        requestMetadata: { ...this.#caller(call), requestAttributes: {}, destinationAttributes: {} },
        request: { "@type": `type.googleapis.com/${call.method}` },
      },
    });
  }

  rejected(call: Audited, error: ApiError): void {
    this.#write(call, {
      severity: "ERROR",
      root: this.#world.ids.uuid(),
      payload: {
        ...this.#full(call, error.code !== 403),
        response: { "@type": "type.googleapis.com/error", ...errorBody(error, "legacy") },
        status: { code: rpcCode(error.code), message: error.message },
      },
    });
  }

  /** Runs a change that is done when it is answered: one entry without operation, whichever way it ends. */
  around<T>(call: Audited, run: () => T): T {
    try {
      const answer = run();
      this.#write(call, { severity: "NOTICE", root: this.#world.ids.uuid(), payload: this.#full(call, true) });
      return answer;
    } catch (problem) {
      if (problem instanceof ApiError && problem.code < 500) this.rejected(call, problem);
      throw problem;
    }
  }

  /** What Google does by itself. `methodName` has no version; first and last are one entry. */
  systemEvent(event: {
    project: string;
    method: string;
    path: string;
    resource: Monitored;
    message: string;
    id: string;
  }): void {
    const now = utc(this.#world.clock.now());
    this.#world.doors.log({
      logName: `projects/${event.project}/logs/cloudaudit.googleapis.com%2Fsystem_event`,
      insertId: this.#insertId(),
      timestamp: now,
      receiveTimestamp: now,
      severity: "INFO",
      resource: event.resource,
      operation: { id: event.id, producer: event.method, first: true, last: true },
      protoPayload: {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        status: { message: event.message },
        authenticationInfo: { principalEmail: "system@google.com" },
        serviceName: "compute.googleapis.com",
        methodName: event.method,
        resourceName: event.path,
        request: { "@type": `type.googleapis.com/${event.method}` },
      },
    });
  }

  /** What an autoscaler decided, or what it lacks: neither operation nor principal stands in its entries. */
  autoscaler(
    autoscaler: StoredAutoscaler,
    group: Pick<StoredGroup, "id" | "name"> | undefined,
    what: "resize" | "changeStatus",
    metadata: Record<string, unknown>,
    severity = "INFO",
  ): void {
    const { project, scope } = autoscaler;
    const now = utc(this.#world.clock.now());
    this.#world.doors.log({
      logName: `projects/${project}/logs/cloudaudit.googleapis.com%2Fsystem_event`,
      insertId: this.#insertId(),
      timestamp: now,
      receiveTimestamp: now,
      severity,
      resource: {
        type: "autoscaler",
        labels: {
          project_id: project,
          autoscaler_id: autoscaler.id,
          autoscaler_name: autoscaler.name,
          instance_group_manager_id: group?.id ?? "",
          instance_group_manager_name: group?.name ?? lastOf(autoscaler.target),
          location: scope.kind === "global" ? "global" : scope.name,
        },
      },
      protoPayload: {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        serviceName: "compute.googleapis.com",
        methodName: `compute.autoscalers.${what}`,
        resourceName: autoscalerPath(autoscaler),
        metadata,
      },
    });
  }

  #caller(call: Audited): object {
    return {
      ...(call.callerIp && { callerIp: call.callerIp }),
      ...(call.userAgent && { callerSuppliedUserAgent: call.userAgent }),
    };
  }

  #full(call: Audited, granted: boolean): Partial<AuditLog> {
    return {
      requestMetadata: {
        ...this.#caller(call),
        requestAttributes: { time: utc(this.#world.clock.now()), auth: {} },
        destinationAttributes: {},
      },
      authorizationInfo: call.permissions.map(({ permission, resource = call.path }) => ({
        permission,
        granted,
        permissionType: "ADMIN_WRITE",
        resource,
        resourceAttributes: {
          service: "compute",
          name: resource,
          type: permission.slice(0, permission.lastIndexOf(".")),
        },
      })),
      request: { "@type": `type.googleapis.com/${call.method}`, ...call.request },
      resourceLocation: { currentLocations: call.locations },
    };
  }

  #insertId(): string {
    return `-${this.#world.ids.entry()}`;
  }

  #write(
    call: Audited,
    entry: {
      severity: string;
      operation?: NonNullable<LogEntry["operation"]>;
      root: string;
      payload: Partial<AuditLog>;
    },
  ): void {
    const world = this.#world;
    const now = utc(world.clock.now());
    world.doors.log({
      logName: `projects/${call.project}/logs/cloudaudit.googleapis.com%2Factivity`,
      insertId: this.#insertId(),
      timestamp: now,
      receiveTimestamp: now,
      severity: entry.severity,
      resource: call.resource,
      labels: { "compute.googleapis.com/root_trigger_id": entry.root },
      ...(entry.operation && { operation: entry.operation }),
      protoPayload: {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        authenticationInfo: { principalEmail: call.principal },
        serviceName: "compute.googleapis.com",
        methodName: `v1.${call.method}`,
        resourceName: call.byNumber
          ? call.path.replace(`projects/${world.project}/`, `projects/${world.projectNumber}/`)
          : call.path,
        ...entry.payload,
      },
    });
  }
}

/** google.rpc.Code of an HTTP status as the entries show it; a failed precondition is recorded as 3. */
function rpcCode(http: number): number {
  const codes: Record<number, number> = { 400: 3, 403: 7, 404: 5, 409: 6, 412: 3, 429: 8, 500: 13, 501: 12, 503: 14 };
  return codes[http] ?? 2;
}
