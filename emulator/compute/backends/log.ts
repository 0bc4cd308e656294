import { utc } from "../../frame/time.ts";
import type { ProbeResult } from "../../machines/machines.ts";
import type { Cloud } from "../cloud.ts";
import type { StoredGroup } from "../groups/model.ts";
import { probeOf, type StoredHealthCheck } from "../healthchecks/model.ts";
import type { StoredInstance } from "../instances/model.ts";
import type { StoredBackendService } from "./model.ts";

/**
 * The entry that a health check with logging writes when a machine's health changes.
 * https://docs.cloud.google.com/load-balancing/docs/health-check-logging
 */
export function logTransition(
  { world }: Cloud,
  change: {
    service: StoredBackendService;
    group: StoredGroup;
    instance: StoredInstance;
    check: StoredHealthCheck;
    healthy: boolean;
    answer: ProbeResult;
  },
): void {
  const { service, group, instance, check, healthy, answer } = change;
  const now = utc(world.clock.now());
  const word = (good: boolean) => (good ? "HEALTHY" : "UNHEALTHY");
  const port = probeOf(check, group.namedPorts, service.portName)?.port;
  world.doors.log({
    logName: `projects/${group.project}/logs/compute.googleapis.com%2Fhealthchecks`,
    insertId: world.ids.entry(),
    timestamp: now,
    receiveTimestamp: now,
    severity: "INFO",
    resource: {
      type: "gce_instance_group",
      labels: {
        project_id: group.project,
        instance_group_id: String(BigInt(group.id) + 1n),
        instance_group_name: group.name,
        location: group.scope.kind === "global" ? "global" : group.scope.name,
      },
    },
    jsonPayload: {
      healthCheckProbeResult: {
        ipAddress: instance.ip,
        targetIp: instance.ip,
        ...(port !== undefined && { targetPort: port }),
        healthCheckProtocol: check.type,
        healthState: word(healthy),
        previousHealthState: word(!healthy),
        detailedHealthState: answer,
        probeCompletionTimestamp: now,
      },
    },
  });
}
