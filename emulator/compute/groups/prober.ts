import type { Cancel } from "../../frame/clock.ts";
import type { Cloud } from "../cloud.ts";
import { probeOf, type StoredHealthCheck } from "../healthchecks/model.ts";
import { settled } from "../updater/values.ts";
import { groupPath, instanceOf, type Member, type StoredGroup } from "./model.ts";

/** Asks the machines of groups with an autohealing check how they are, as often as the check says. */
export class Prober {
  readonly #cloud: Cloud;
  readonly #rounds = new Map<string, { check: string; seconds: number; cancel: Cancel }>();
  readonly #asked = new Set<string>();
  readonly #changed: (group: StoredGroup, member: Member) => void;

  constructor(cloud: Cloud, changed: (group: StoredGroup, member: Member) => void) {
    this.#cloud = cloud;
    this.#changed = changed;
  }

  /** Begins, changes or ends the rounds of a group after its check has changed. */
  watch(group: StoredGroup): void {
    const path = groupPath(group);
    const wanted = this.#cloud.groups.has(path) ? group.healing?.healthCheck : undefined;
    const current = this.#rounds.get(path);
    const check = wanted === undefined ? undefined : this.#cloud.healthChecks.get(wanted);
    if (current?.check === wanted && current?.seconds === check?.checkIntervalSec) return;
    current?.cancel();
    this.#rounds.delete(path);
    if (!check || wanted === undefined) return;
    const cancel = this.#cloud.world.clock.every(check.checkIntervalSec * 1000, () => {
      for (const member of group.members.values()) this.probe(group, member);
    });
    this.#rounds.set(path, { check: wanted, seconds: check.checkIntervalSec, cancel });
  }

  /** One probe now, unless the last one of this machine is still out. */
  probe(group: StoredGroup, member: Member): void {
    const check = this.#cloud.healthChecks.get(group.healing?.healthCheck ?? "");
    const id = member.id;
    if (!check || id === undefined || this.#asked.has(id) || !settled(member)) return;
    if (instanceOf(this.#cloud, group, member)?.status !== "RUNNING") return;
    this.#asked.add(id);
    const probe = probeOf(check, group.namedPorts);
    // Nothing answers at a port that has no number.
    const result = probe ? this.#cloud.machines.probe(id, probe) : Promise.resolve("TIMEOUT" as const);
    result
      .catch(() => "UNHEALTHY" as const)
      .then((result) => {
        this.#asked.delete(id);
        if (member.id === id && count(check, member, result)) this.#changed(group, member);
      });
  }

  close(): void {
    for (const { cancel } of this.#rounds.values()) cancel();
    this.#rounds.clear();
  }
}

/** Counts probes in a row; a state changes when its threshold is reached. True when something changed. */
function count(check: StoredHealthCheck, member: Member, result: "HEALTHY" | "UNHEALTHY" | "TIMEOUT"): boolean {
  const good = result === "HEALTHY";
  member.streak = good ? Math.max(0, member.streak) + 1 : Math.min(0, member.streak) - 1;
  if (good && member.streak >= check.healthyThreshold && member.health !== "HEALTHY") {
    member.health = "HEALTHY";
    member.everHealthy = true;
    return true;
  }
  if (!good && -member.streak >= check.unhealthyThreshold && member.health !== result) {
    member.health = result;
    return true;
  }
  // A machine found ill before its initial delay is over is judged again at every probe.
  return !good && member.health === result;
}
