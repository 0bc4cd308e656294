import type { LogEntry } from "../../../wire/logging.d.ts";
import { utc } from "../../frame/time.ts";
import type { World } from "../../frame/world.ts";
import type { AuditedMethod } from "./methods.ts";
import { monitoredOf } from "./monitored.ts";

export interface AuditedCall {
  method: AuditedMethod;
  /** `projects/P/topics/T`, `projects/_/buckets/B`. */
  name: string;
  project: string;
  principal: string;
  userAgent?: string;
  request: Record<string, unknown>;
}

/** How a call ended: what it answered, or why it was refused. */
export type Ending = { response?: Record<string, unknown> } | { code: number; message: string };

/**
 * Writes the admin activity of services other than Compute, whose entries have their own form: one for a call that has ended
 * when it is answered, two for one that goes on.
 * https://docs.cloud.google.com/logging/docs/audit/understanding-audit-logs
 */
export function writeActivity(world: World, call: AuditedCall, ending: Ending): void {
  const { method } = call;
  const failed = "code" in ending;
  if (!method.long || failed) {
    world.doors.log(entryOf(world, call, ending));
    return;
  }
  const { response = {} } = ending;
  const id = String(response.name ?? `projects/${call.project}/operations/${world.ids.hex(16)}`);
  const operation = { id, producer: method.service };
  const begun = { ...call, method: { ...method, answer: "google.longrunning.Operation" } };
  world.doors.log({ ...entryOf(world, begun, { response }), operation: { ...operation, first: true } });
  const pending = underWay.get(world) ?? new Map<string, AuditedCall>();
  underWay.set(world, pending.set(id, call));
  if (response.done === false) return;
  // Its end has an instant of its own.
  const answer = isObject(response.response) ? { response: response.response } : {};
  world.clock.after(1, () => activityEnded(world, { name: id, ...answer }));
}

/** Calls whose operations go on, by the operation's name. What the emulator forgets when it stops has no end in the log. */
const underWay = new WeakMap<World, Map<string, AuditedCall>>();

/** A long operation has come to its end: its second entry. */
export function activityEnded(
  world: World,
  { name, response, error }: { name: string; response?: object; error?: { code: number; message: string } },
): void {
  const pending = underWay.get(world);
  const call = pending?.get(name);
  if (!call) return;
  pending?.delete(name);
  const ending = error ?? { response: { ...response } };
  world.doors.log({
    ...entryOf(world, call, ending),
    operation: { id: name, producer: call.method.service, last: true },
  });
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

function entryOf(world: World, call: AuditedCall, ending: Ending): LogEntry {
  const { method, name, project } = call;
  const now = utc(world.clock.now());
  const failed = "code" in ending;
  // Secret Manager names what it is about with the project's number, the others with its id.
  const shown =
    method.service === "secretmanager.googleapis.com"
      ? name.replace(`projects/${world.project}/`, `projects/${world.projectNumber}/`)
      : name;
  const response = failed ? undefined : ending.response;
  // What is being made is asked of its parent: there is nothing else yet.
  const isMade = method.message !== undefined && method.permission.endsWith(".create");
  const asked = isMade ? shown.replace(new RegExp(`/${method.collection}/[^/]+$`), "") : shown;
  return {
    logName: `projects/${project}/logs/cloudaudit.googleapis.com%2Factivity`,
    insertId: world.ids.entry(),
    timestamp: now,
    receiveTimestamp: now,
    severity: failed ? "ERROR" : "NOTICE",
    resource: monitoredOf(method, name, project),
    protoPayload: {
      "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
      status: failed ? { code: ending.code, message: ending.message } : {},
      authenticationInfo: { principalEmail: call.principal },
      requestMetadata: {
        callerIp: "127.0.0.1",
        ...(call.userAgent && { callerSuppliedUserAgent: call.userAgent }),
        requestAttributes: { time: now, auth: {} },
        destinationAttributes: {},
      },
      serviceName: method.service,
      methodName: method.methodName,
      authorizationInfo: [
        {
          resource: asked,
          permission: method.permission,
          ...(!(failed && ending.code === 7) && { granted: true }),
          permissionType: "ADMIN_WRITE",
          resourceAttributes: { service: method.service, name: asked, type: "" },
        },
      ],
      resourceName: shown,
      ...(method.message && {
        request: { "@type": `type.googleapis.com/${method.message}`, ...call.request },
        ...(response &&
          Object.keys(response).length > 0 && {
            response: { ...(method.answer && { "@type": `type.googleapis.com/${method.answer}` }), ...response },
          }),
      }),
      ...(!method.message && { resourceLocation: { currentLocations: ["us"] } }),
    },
  };
}
