import type { Audited } from "../audit.ts";
import type { Cloud } from "../cloud.ts";
import type { Plan } from "../instances/make.ts";
import { lastOf, regionOf } from "../names.ts";
import type { Failure } from "../operations.ts";
import { auditForm, isObject, type Json } from "../schema/check.ts";
import { groupPath, type Member, memberPath, type StoredGroup } from "./model.ts";

/** The audit entries and operations that a group leaves when it makes and deletes machines by itself. */
export class Trail {
  readonly #cloud: Cloud;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  inserted(group: StoredGroup, plan: Plan, id: string): (failure?: Failure) => void {
    const requestId = this.#cloud.world.ids.uuid();
    return this.#started(group, plan, id, "insert", "compute.instances.create", requestId, {
      ...this.#body(group, plan),
      requestId,
    });
  }

  deleted(group: StoredGroup, member: Member, id: string): (failure?: Failure) => void {
    return this.#bare(group, member, id, "delete");
  }

  /** A restart is a stop and a start. */
  switched(group: StoredGroup, member: Member, id: string, verb: "stop" | "start"): (failure?: Failure) => void {
    return this.#bare(group, member, id, verb);
  }

  #bare(group: StoredGroup, member: Member, id: string, verb: "delete" | "stop" | "start") {
    const requestId = this.#cloud.world.ids.uuid();
    return this.#started(group, member, id, verb, `compute.instances.${verb}`, requestId, { requestId });
  }

  #started(
    group: StoredGroup,
    member: { name: string; zone: string },
    id: string,
    verb: "insert" | "delete" | "stop" | "start",
    permission: string,
    requestId: string,
    request: Json,
  ): (failure?: Failure) => void {
    const { operations, audit, world } = this.#cloud;
    const principal = `${world.projectNumber}@cloudservices.gserviceaccount.com`;
    const path = memberPath(group, member);
    const operation = operations.start({
      project: group.project,
      scope: { kind: "zone", name: member.zone },
      type: verb,
      target: path,
      targetId: id,
      user: principal,
      clientOperationId: requestId,
    });
    const entry: Audited = {
      project: group.project,
      method: `compute.instances.${verb}`,
      resource: this.#resource(group, member, id),
      path,
      byNumber: true,
      principal,
      userAgent: "GCE Managed Instance Group",
      permissions: [{ permission }],
      request,
      locations: [member.zone],
    };
    audit.first(entry, operation);
    return (failure) => {
      operations.end(operation, failure);
      audit.last(entry, operation, failure);
    };
  }

  #resource(group: StoredGroup, member: { zone: string }, id: string) {
    return { type: "gce_instance", labels: { project_id: group.project, instance_id: id, zone: member.zone } };
  }

  /** The body that the group sends for a machine, in the log's form; `links` is the only place that names the group. */
  #body(group: StoredGroup, plan: Plan): Json {
    const byNumber = (path: string) => this.#cloud.byNumber(path);
    const project = byNumber(`projects/${plan.project}/`);
    const { metadata: _, description: __, machineType, disks, networkInterfaces, ...rest } = plan.properties;
    const place = (path: string) => `${project}locations/${path}`;
    const from = `${group.name}@${group.id}`;
    const at = group.scope.kind === "global" ? "global" : group.scope.name;
    return {
      ...auditForm("InstanceProperties", {
        name: plan.name,
        machineType: `${project}zones/${plan.zone}/machineTypes/${lastOf(String(machineType))}`,
        networkInterfaces: (Array.isArray(networkInterfaces) ? networkInterfaces : []).map(() => ({
          network: `${project}global/networks/default`,
          subnetwork: `${project}regions/${regionOf(plan.zone)}/subnetworks/default`,
        })),
        disks: (Array.isArray(disks) ? disks.filter(isObject) : []).map(
          ({ kind: _kind, index: _index, interface: _interface, ...disk }) => disk,
        ),
        ...rest,
      }),
      links: [
        {
          target: place(`${plan.zone}/instances/${plan.name}`),
          type: "MEMBER_OF",
          source: place(`${at}/instanceGroupManagers/${from}`),
        },
      ],
    };
  }

  /** Autohealing is a system event, and an operation without a user. */
  repaired(group: StoredGroup, member: Member, id: string, reason: string): void {
    const { operations, audit } = this.#cloud;
    const path = memberPath(group, member);
    const message = `Instance Group Manager '${group.name}' initiated recreateInstance on instance '${this.#cloud.byNumber(path)}'. Reason: ${reason}`;
    const method = "compute.instances.repair.recreateInstance";
    const operation = operations.start(
      {
        project: group.project,
        scope: { kind: "zone", name: member.zone },
        type: method,
        target: path,
        targetId: id,
        statusMessage: message,
      },
      "repair",
    );
    operations.end(operation);
    audit.systemEvent({
      project: group.project,
      method,
      path,
      resource: this.#resource(group, member, id),
      message,
      id: operation.name,
    });
  }

  /** Link of the group's template as the instance's metadata shows it. */
  metadata(group: StoredGroup, template: string): Record<string, string> {
    return {
      "instance-template": this.#cloud.byNumber(template),
      "created-by": this.#cloud.byNumber(groupPath(group)),
    };
  }
}
