import type { Cloud } from "../cloud.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { instancePath, type StoredInstance } from "./model.ts";
import { type HostState, schedulingOf } from "./scheduling.ts";

/** What Google does to machines by itself: it takes spot machines back, hosts fail, hosts are maintained. */
export class HostEvents {
  readonly #cloud: Cloud;
  readonly #lifecycle: Lifecycle;

  constructor(cloud: Cloud, lifecycle: Lifecycle) {
    this.#cloud = cloud;
    this.#lifecycle = lifecycle;
  }

  /**
   * Takes a spot machine back: the guest is told, has its time to shut down, and is stopped or deleted as it was asked for.
   * https://docs.cloud.google.com/compute/docs/instances/spot#preemption-process
   */
  preempt(instance: StoredInstance, done: () => void = () => {}): void {
    const { terminationAction } = schedulingOf(instance.kept.scheduling);
    const graceMs = this.#cloud.timings.preemptionNotice;
    this.#host(instance, { preempted: true });
    this.#tell(instance, "preempted", "Instance was preempted.", "system");
    if (terminationAction === "DELETE") this.#lifecycle.remove(instance, done, graceMs);
    else this.#lifecycle.stop(instance, done, { graceMs });
  }

  /** The host fails: no notice, no shutdown. What restarts automatically does so on another host. */
  fail(instance: StoredInstance, done: () => void = () => {}): void {
    this.#tell(instance, "hostError", "Instance terminated by Compute Engine.");
    const restarts = schedulingOf(instance.kept.scheduling).automaticRestart;
    this.#lifecycle.cut(instance, restarts ? "REPAIRING" : "TERMINATED", (failure) => {
      if (failure || !restarts) done();
      else this.#restart(instance, done);
    });
  }

  /**
   * Maintenance of the host: the guest is told, and after that the machine moves to another host or is terminated and, if
   * it restarts automatically, started again. A spot machine is preempted instead.
   * https://docs.cloud.google.com/compute/docs/instances/simulating-host-maintenance
   */
  maintain(instance: StoredInstance, done: () => void = () => {}): void {
    const { spot, onHostMaintenance } = schedulingOf(instance.kept.scheduling);
    if (spot) {
      delete instance.host?.upcoming;
      this.preempt(instance, done);
      return;
    }
    const { clock } = this.#cloud.world;
    const { maintenanceNotice, migration } = this.#cloud.timings;
    const end = () => {
      delete instance.host;
      this.#cloud.world.changed();
      done();
    };
    const upcoming = instance.host?.upcoming && { ...instance.host.upcoming, ongoing: true };
    this.#host(instance, {
      maintenanceEvent: `${onHostMaintenance}_ON_HOST_MAINTENANCE`,
      ...(upcoming && { upcoming }),
    });
    clock.after(maintenanceNotice, () => {
      if (!this.#isRunning(instance)) end();
      else if (onHostMaintenance === "MIGRATE") {
        this.#tell(instance, "migrateOnHostMaintenance", "Instance migrated during Compute Engine maintenance.");
        clock.after(migration, end);
      } else this.#terminate(instance, end);
    });
  }

  /** Says ahead that there will be maintenance; it begins with the window unless somebody has it done before. */
  announce(instance: StoredInstance): void {
    const { clock } = this.#cloud.world;
    const { maintenanceWindow } = this.#cloud.timings;
    const from = clock.now() + maintenanceWindow;
    this.#host(instance, { ...instance.host, upcoming: { from, until: from + maintenanceWindow, ongoing: false } });
    this.#await(instance);
  }

  #await(instance: StoredInstance): void {
    const { clock } = this.#cloud.world;
    const upcoming = instance.host?.upcoming;
    if (!upcoming || upcoming.ongoing) return;
    clock.after(Math.max(0, upcoming.from - clock.now()), () => {
      if (instance.host?.upcoming === upcoming && this.#isRunning(instance)) this.maintain(instance);
    });
  }

  #terminate(instance: StoredInstance, end: () => void): void {
    this.#tell(instance, "terminateOnHostMaintenance", "Instance terminated during Compute Engine maintenance.");
    const restarts = schedulingOf(instance.kept.scheduling).automaticRestart;
    this.#lifecycle.stop(
      instance,
      (failure) => {
        if (failure || !restarts) end();
        else this.#restart(instance, end);
      },
      { into: restarts ? "REPAIRING" : "TERMINATED" },
    );
  }

  #restart(instance: StoredInstance, done: () => void): void {
    this.#cloud.world.clock.after(this.#cloud.timings.repair, () => {
      // Somebody stopped or deleted it meanwhile.
      if (instance.status !== "REPAIRING" || this.#cloud.instances.get(instancePath(instance)) !== instance)
        return done();
      this.#tell(instance, "automaticRestart", "Instance automatically restarted by Compute Engine.");
      this.#lifecycle.start(instance, () => done());
    });
  }

  #isRunning(instance: StoredInstance): boolean {
    return this.#cloud.instances.get(instancePath(instance)) === instance && instance.status === "RUNNING";
  }

  #host(instance: StoredInstance, state: HostState): void {
    instance.host = state;
    this.#cloud.world.changed();
  }

  /** One entry, and an operation that is over when it is seen; recorded for preemption and repair. */
  #tell(instance: StoredInstance, what: string, message: string, user?: string): void {
    const { operations, audit } = this.#cloud;
    const { project, zone, id } = instance;
    const method = `compute.instances.${what}`;
    const path = instancePath(instance);
    const operation = operations.start(
      {
        project,
        scope: { kind: "zone", name: zone },
        type: method,
        target: path,
        targetId: id,
        statusMessage: message,
        ...(user !== undefined && { user }),
      },
      "systemevent",
    );
    operations.end(operation);
    const resource = { type: "gce_instance", labels: { project_id: project, instance_id: id, zone } };
    audit.systemEvent({ project, method, path, resource, message, id: operation.name });
  }

  /** After a restart of the emulator: what was announced comes, what was under way is over. */
  resume(): void {
    for (const instance of this.#cloud.instances.values()) {
      if (instance.host?.upcoming && !instance.host.upcoming.ongoing) this.#await(instance);
      else if (instance.host?.preempted !== true) delete instance.host;
    }
  }
}
