import type { Cancel } from "../../frame/clock.ts";
import type { Cloud } from "../cloud.ts";
import type { StoredGroup } from "../groups/model.ts";
import { probeOf, type StoredHealthCheck } from "../healthchecks/model.ts";
import type { StoredInstance } from "../instances/model.ts";
import { logTransition } from "./log.ts";
import { endpoints, type Found, managedGroup, type StoredBackendService, servicePath } from "./model.ts";

/**
 * Asks the machines behind backend services how they are. The real service does so once a forwarding rule leads there;
 * there are none here, so every backend service with a health check is probed.
 */
export class BackendProber {
  readonly #cloud: Cloud;
  readonly #rounds = new Map<string, { service: StoredBackendService; cancel: Cancel }>();
  readonly #asked = new Set<string>();

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  /** Begins, changes or ends the rounds of a backend service after it, or its check, has changed. */
  watch(path: string): void {
    this.#rounds.get(path)?.cancel();
    this.#rounds.delete(path);
    const service = this.#cloud.backendServices.get(path);
    const check = this.#checkOf(service);
    if (!service || !check) return;
    const { clock } = this.#cloud.world;
    const stop = clock.every(check.checkIntervalSec * 1000, () => this.#round(service));
    const stopFirst = clock.after(0, () => this.#round(service));
    const cancel = () => {
      stop();
      stopFirst();
    };
    this.#rounds.set(path, { service, cancel });
  }

  #checkOf(service: StoredBackendService | undefined): StoredHealthCheck | undefined {
    return service?.healthCheck === undefined ? undefined : this.#cloud.healthChecks.get(service.healthCheck);
  }

  #round(service: StoredBackendService): void {
    const present = new Set<string>();
    for (const backend of service.backends) {
      const group = managedGroup(this.#cloud, backend.group);
      for (const { instance } of group ? endpoints(this.#cloud, group) : []) {
        present.add(instance.id);
        if (group) this.#probe(service, group, instance);
      }
    }
    for (const id of Object.keys(service.health)) if (!present.has(id)) delete service.health[id];
  }

  #probe(service: StoredBackendService, group: StoredGroup, instance: StoredInstance): void {
    const check = this.#checkOf(service);
    const asked = `${servicePath(service)} ${instance.id}`;
    if (!check || this.#asked.has(asked)) return;
    const probe = probeOf(check, group.namedPorts, service.portName);
    // Nothing answers at a machine that is off, or at a port that has no number.
    const result =
      probe && instance.status === "RUNNING"
        ? this.#cloud.machines.probe(instance.id, probe).catch(() => "UNHEALTHY" as const)
        : Promise.resolve("TIMEOUT" as const);
    this.#asked.add(asked);
    void result.then((answer) => {
      this.#asked.delete(asked);
      if (this.#cloud.backendServices.get(servicePath(service)) !== service) return;
      const found = service.health[instance.id] ?? { healthy: false, streak: 0 };
      service.health[instance.id] = found;
      if (!count(check, found, answer === "HEALTHY")) return;
      if (check.logged) logTransition(this.#cloud, { service, group, instance, check, healthy: found.healthy, answer });
      this.#cloud.world.changed();
    });
  }

  /** After a restart of the emulator. */
  resume(): void {
    for (const path of this.#cloud.backendServices.keys()) this.watch(path);
  }

  close(): void {
    for (const { cancel } of this.#rounds.values()) cancel();
    this.#rounds.clear();
  }
}

/** Counts probes in a row; true when that changed the state. A machine begins unhealthy. */
function count(check: StoredHealthCheck, found: Found, good: boolean): boolean {
  found.streak = good ? Math.max(0, found.streak) + 1 : Math.min(0, found.streak) - 1;
  const reached = good ? found.streak >= check.healthyThreshold : -found.streak >= check.unhealthyThreshold;
  if (!reached || found.healthy === good) return false;
  found.healthy = good;
  return true;
}
