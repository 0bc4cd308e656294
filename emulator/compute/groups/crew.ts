import type { Cancel } from "../../frame/clock.ts";
import { addressesRefused } from "../addresses/wanted.ts";
import { drain } from "../backends/draining.ts";
import type { Cloud } from "../cloud.ts";
import { disksRefused } from "../disks/model.ts";
import type { Lifecycle } from "../instances/lifecycle.ts";
import { bootImage, type Plan, shortage } from "../instances/make.ts";
import type { StoredInstance } from "../instances/model.ts";
import type { Failure } from "../operations.ts";
import { leaving, settled, type Target } from "../updater/values.ts";
import { groupPath, instanceOf, type Member, memberPath, noteError, type StoredGroup } from "./model.ts";
import { applied, configured, letGo, preserve } from "./preserved.ts";
import { renew } from "./renew.ts";
import { nextZone } from "./spread.ts";
import type { Trail } from "./trail.ts";

type Hear = (group: StoredGroup, member: Member) => void;

/** What can be done to one machine of a group, each to its end, telling the group when it is done. */
export class Crew {
  readonly #cloud: Cloud;
  readonly #lifecycle: Lifecycle;
  readonly #trail: Trail;
  readonly #retries = new WeakMap<Member, Cancel>();
  /** Ids of machines that are going because their group wants it. */
  readonly #removing = new Set<string>();
  readonly #touch: (group: StoredGroup) => void;
  readonly #probe: Hear;

  constructor(cloud: Cloud, lifecycle: Lifecycle, trail: Trail, touch: (group: StoredGroup) => void, probe: Hear) {
    this.#cloud = cloud;
    this.#lifecycle = lifecycle;
    this.#trail = trail;
    this.#touch = touch;
    this.#probe = probe;
  }

  add(group: StoredGroup, name: string, target: Target, zone: string): void {
    const member: Member = {
      name,
      zone,
      createdAt: this.#cloud.world.clock.now(),
      action: "CREATING",
      template: target.template,
      version: target.name,
      health: "UNKNOWN",
      everHealthy: false,
      streak: 0,
      attempts: 0,
    };
    group.members.set(name, member);
    this.attempt(group, member);
  }

  /** Tries to make the machine of a member; a failure is kept and tried again for ever. */
  attempt(group: StoredGroup, member: Member): void {
    const path = groupPath(group);
    if (this.#cloud.groups.get(path) !== group || group.members.get(member.name) !== member) return;
    if (member.id !== undefined || (member.action !== "CREATING" && member.action !== "RECREATING")) return;
    this.#retries.get(member)?.();
    const template = this.#cloud.templates.get(member.template);
    const own = configured(group, member, template?.properties ?? {});
    const plan: Plan = {
      project: group.project,
      zone: member.zone,
      name: member.name,
      ...own,
      metadata: { ...own.metadata, ...this.#trail.metadata(group, member.template) },
      group: path,
    };
    const missing = (what: string): Failure => ({
      code: "RESOURCE_NOT_FOUND",
      http: 404,
      message: `The resource '${what}' was not found`,
    });
    const boot = template ? bootImage(this.#cloud, plan) : missing(member.template);
    const failure =
      "code" in boot
        ? boot
        : (this.#collision(plan) ??
          disksRefused(this.#cloud, plan.properties.disks, plan.project) ??
          addressesRefused(this.#cloud, plan) ??
          shortage(this.#cloud, plan));
    if (failure || "code" in boot) {
      const why = failure ?? missing(member.template);
      this.#trail.inserted(group, plan, this.#cloud.world.ids.numeric())(why);
      this.#failed(group, member, why);
      return;
    }
    let ended: (failure?: Failure) => void = () => {};
    const instance = this.#lifecycle.create(plan, boot.image, (problem) => {
      ended(problem);
      if (member.id !== instance.id || group.members.get(member.name) !== member) return;
      if (!problem) this.#arrived(group, member);
      else if (instance.status === "TERMINATED")
        this.#lifecycle.remove(instance, () => this.#failed(group, member, problem));
      else this.overtaken(group, member);
    });
    member.id = instance.id;
    applied(group, member);
    this.preserve(group, member);
    ended = this.#trail.inserted(group, plan, instance.id);
    this.#cloud.world.changed();
  }

  #collision(plan: Plan): Failure | undefined {
    const path = memberPath(plan, plan);
    return this.#cloud.instances.has(path)
      ? { code: "RESOURCE_ALREADY_EXISTS", http: 409, message: `The resource '${path}' already exists` }
      : undefined;
  }

  #failed(group: StoredGroup, member: Member, why: Failure): void {
    const { clock } = this.#cloud.world;
    const message = `Instance '${member.name}' creation failed: ${why.message}`;
    member.attempts++;
    delete member.id;
    member.lastAttempt = { ...why, message };
    noteError(group, member, { ...why, message }, clock.now());
    // What is kept for it stays in its zone.
    const moves = !member.kept && !group.configs.has(member.name);
    if (moves && why.code.startsWith("ZONE_RESOURCE_POOL_EXHAUSTED"))
      member.zone = nextZone(group, member.zone, (zone) => this.#cloud.hasRoom(zone));
    const times = Math.min(10, 2 ** (member.attempts - 1));
    const retry = clock.after(this.#cloud.timings.creationRetry * times, () => this.attempt(group, member));
    this.#retries.set(member, retry);
    this.#cloud.world.changed();
  }

  running(group: StoredGroup, member: Member): void {
    member.runningSince = this.#cloud.world.clock.now();
    member.health = "UNKNOWN";
    member.everHealthy = false;
    member.streak = 0;
    member.attempts = 0;
    delete member.lastAttempt;
    member.action = "VERIFYING";
    this.verify(group, member);
    this.#probe(group, member);
    this.#touch(group);
  }

  /** One that is leaving meanwhile goes on leaving. */
  #arrived(group: StoredGroup, member: Member): void {
    if (!leaving(member)) this.running(group, member);
  }

  /**
   * Somebody stopped or deleted the machine while the group was at work on it. The work ends here: what is left is a lost
   * machine like any other, and repaired like any other.
   */
  overtaken(group: StoredGroup, member: Member): void {
    if (leaving(member) || (member.id !== undefined && this.#removing.has(member.id))) return;
    member.action = "NONE";
    this.#touch(group);
  }

  /** Verified is who was healthy once, or need not be. */
  verify(group: StoredGroup, member: Member): void {
    if (member.action !== "VERIFYING") return;
    if (member.everHealthy || group.healing?.healthCheck === undefined) member.action = "NONE";
  }

  /** What it is connected to comes to an end first, where a backend service says so. */
  #removeInstance(group: StoredGroup, member: Member, then: () => void): void {
    drain(this.#cloud, group, member, () => this.#takeDown(group, member, then));
  }

  #takeDown(group: StoredGroup, member: Member, then: () => void): void {
    const instance = instanceOf(this.#cloud, group, member);
    if (!instance) {
      then();
      return;
    }
    const ended = this.#trail.deleted(group, member, instance.id);
    this.#removing.add(instance.id);
    this.#lifecycle.remove(instance, () => {
      this.#removing.delete(instance.id);
      ended();
      then();
    });
  }

  delete(group: StoredGroup, member: Member): void {
    if (member.action === "DELETING") return;
    member.action = "DELETING";
    this.#removeInstance(group, member, () => {
      if (group.members.get(member.name) === member) group.members.delete(member.name);
      letGo(this.#cloud, group, member, this.#lifecycle.reservations, false);
      this.#touch(group);
    });
  }

  /** Makes the machine again under its name. */
  recreate(group: StoredGroup, member: Member, target: Target): void {
    member.action = "RECREATING";
    member.template = target.template;
    member.version = target.name;
    member.health = "UNKNOWN";
    member.everHealthy = false;
    delete member.runningSince;
    const id = member.id;
    this.#removeInstance(group, member, () => {
      if (member.id === id && member.action === "RECREATING") {
        delete member.id;
        this.attempt(group, member);
      }
    });
  }

  restart(group: StoredGroup, member: Member, target: Target): void {
    const instance = instanceOf(this.#cloud, group, member);
    // One that somebody is deleting is not started again.
    if (!instance || !settled(member) || this.#lifecycle.isRemoved(instance)) return;
    member.action = "RESTARTING";
    member.everHealthy = false;
    const ended = this.#trail.switched(group, member, instance.id, "stop");
    this.#lifecycle.stop(instance, (failure) => {
      ended(failure);
      if (member.action !== "RESTARTING") return;
      if (failure) {
        this.overtaken(group, member);
        return;
      }
      this.#renew(group, member, instance, target);
      this.powerOn(group, member, instance, this.#trail.switched(group, member, instance.id, "start"));
    });
  }

  /** Powers a member's machine on; what comes of it counts for as long as the member's action is the one it has now. */
  powerOn(group: StoredGroup, member: Member, instance: StoredInstance, ended: (failure?: Failure) => void): void {
    const { action } = member;
    this.#lifecycle.start(instance, (problem) => {
      ended(problem);
      if (member.action !== action) return;
      if (problem) this.overtaken(group, member);
      else this.running(group, member);
    });
  }

  /** Changes what can change on a running machine. */
  refresh(group: StoredGroup, member: Member, target: Target): void {
    const instance = instanceOf(this.#cloud, group, member);
    if (!instance || !settled(member)) return;
    member.action = "REFRESHING";
    this.#cloud.world.clock.after(this.#cloud.timings.operation, () => {
      if (member.action !== "REFRESHING") return;
      this.#renew(group, member, instance, target);
      member.action = "VERIFYING";
      this.verify(group, member);
      this.#touch(group);
    });
  }

  #renew(group: StoredGroup, member: Member, instance: StoredInstance, target: Target): void {
    member.template = target.template;
    member.version = target.name;
    renew(this.#cloud, group, member, instance, this.#trail.metadata(group, target.template));
    this.preserve(group, member);
    this.#cloud.world.changed();
  }

  /** What is to be kept of a machine is kept from now on, should it have to be made again. */
  preserve(group: StoredGroup, member: Member): void {
    preserve(this.#cloud, group, member, this.#lifecycle.reservations);
  }

  abandon(group: StoredGroup, member: Member): void {
    member.action = "ABANDONING";
    const leave = () => {
      const instance = instanceOf(this.#cloud, group, member);
      if (instance) delete instance.group;
      group.members.delete(member.name);
      letGo(this.#cloud, group, member, this.#lifecycle.reservations, true);
      this.#touch(group);
    };
    drain(this.#cloud, group, member, () => this.#cloud.world.clock.after(this.#cloud.timings.operation, leave));
  }
}
