import type { Cloud } from "../cloud.ts";
import type { Lifecycle } from "../instances/lifecycle.ts";
import type { StoredInstance } from "../instances/model.ts";
import { decide } from "../updater/decide.ts";
import { type Action, settled } from "../updater/values.ts";
import { Crew } from "./crew.ts";
import { goalOf, neededIn, viewsOf } from "./goal.ts";
import { groupPath, instanceOf, type Member, memberPath, type StoredGroup } from "./model.ts";
import { Prober } from "./prober.ts";
import { Spread } from "./spread.ts";
import { Trail } from "./trail.ts";

/** Looks at groups when something happened to them, and has done what `decide` says. */
export class Engine {
  readonly crew: Crew;
  readonly #cloud: Cloud;
  readonly #lifecycle: Lifecycle;
  readonly #trail: Trail;
  readonly #prober: Prober;
  readonly #due = new Set<string>();
  readonly #emptied = new Map<string, () => void>();

  constructor(cloud: Cloud, lifecycle: Lifecycle) {
    this.#cloud = cloud;
    this.#lifecycle = lifecycle;
    this.#trail = new Trail(cloud);
    this.#prober = new Prober(cloud, (group, member) => {
      this.crew.verify(group, member);
      this.touch(group);
    });
    this.crew = new Crew(
      cloud,
      lifecycle,
      this.#trail,
      (group) => this.touch(group),
      (group, member) => this.#prober.probe(group, member),
    );
    lifecycle.onChange = (instance, gone) => this.#noticed(instance, gone);
  }

  /** Looks at a group again, once, after the current work. */
  touch(group: StoredGroup): void {
    const path = groupPath(group);
    this.#cloud.world.changed();
    if (this.#due.has(path)) return;
    this.#due.add(path);
    this.#cloud.world.clock.after(0, () => {
      this.#due.delete(path);
      if (this.#cloud.groups.get(path) === group) this.#step(group);
    });
  }

  /** After a group was made or its settings changed. */
  changed(group: StoredGroup): void {
    this.#prober.watch(group);
    for (const member of group.members.values()) {
      this.crew.verify(group, member);
      this.crew.preserve(group, member);
    }
    this.touch(group);
  }

  #step(group: StoredGroup): void {
    if (group.deleting) {
      if (group.members.size > 0) return;
      const path = groupPath(group);
      this.#cloud.groups.delete(path);
      this.#cloud.loads.delete(path);
      this.#prober.watch(group);
      this.#emptied.get(path)?.();
      this.#emptied.delete(path);
      return;
    }
    const now = this.#cloud.world.clock.now();
    const actions = decide(goalOf(this.#cloud, group), viewsOf(this.#cloud, group), neededIn(this.#cloud), now);
    if (actions.length === 0) return;
    const spread = new Spread(group, (zone) => this.#cloud.hasRoom(zone));
    for (const action of actions) this.#carryOut(group, action, spread);
  }

  #carryOut(group: StoredGroup, action: Action, spread: Spread): void {
    if (action.do === "create") {
      this.crew.add(group, this.#newName(group), action.target, spread.next());
      return;
    }
    const member = group.members.get(action.member);
    if (!member) return;
    if (action.do === "delete") this.crew.delete(group, member);
    else if (action.do === "recreate") {
      const instance = instanceOf(this.#cloud, group, member);
      if (action.why === "unhealthy")
        this.#trail.repaired(group, member, member.id ?? "", "Instance eligible for repair: instance unhealthy.");
      if (action.why === "lost")
        this.#trail.repaired(
          group,
          member,
          member.id ?? "",
          `instance's intent is RUNNING but instance's ${instance ? `status is ${instance.status}` : "resource does not exist"}.`,
        );
      this.crew.recreate(group, member, action.target);
    } else if (action.do === "restart") this.crew.restart(group, member, action.target);
    else if (action.do === "refresh") this.crew.refresh(group, member, action.target);
    else {
      member.template = action.target.template;
      member.version = action.target.name;
      this.crew.attempt(group, member);
      this.touch(group);
    }
  }

  #newName(group: StoredGroup): string {
    for (;;) {
      const name = `${group.baseInstanceName}-${this.#cloud.world.ids.suffix()}`;
      const taken = group.zones.some((zone) => this.#cloud.instances.has(memberPath(group, { name, zone })));
      if (!group.members.has(name) && !taken) return name;
    }
  }

  /** Deletes the group with all its machines; `done` when nothing is left. */
  remove(group: StoredGroup, done: () => void): void {
    group.deleting = true;
    this.#emptied.set(groupPath(group), done);
    for (const member of [...group.members.values()]) this.crew.delete(group, member);
    this.touch(group);
  }

  /** Something happened to a machine that its group did not do. */
  #noticed(instance: StoredInstance, gone: boolean): void {
    const group = instance.group === undefined ? undefined : this.#cloud.groups.get(instance.group);
    const member = group?.members.get(instance.name);
    if (!group || !member || member.id !== instance.id || !settled(member)) return;
    if (gone || instance.status === "TERMINATED") this.touch(group);
    // Started or reset by somebody: probes begin anew.
    if (instance.status === "RUNNING") this.#prober.probe(group, member);
  }

  /** After a restart of the emulator: what was under way begins again. */
  resume(): void {
    for (const group of this.#cloud.groups.values()) {
      this.#prober.watch(group);
      for (const member of [...group.members.values()]) this.#resume(group, member);
      if (group.deleting) this.remove(group, () => {});
      this.touch(group);
    }
  }

  #resume(group: StoredGroup, member: Member): void {
    const instance = instanceOf(this.#cloud, group, member);
    const { action } = member;
    if (action === "DELETING") {
      member.action = "NONE";
      this.crew.delete(group, member);
    } else if (action === "ABANDONING") {
      this.crew.abandon(group, member);
      // It outlives the group, and nobody else would switch it on again.
      if (instance && instance.status !== "TERMINATED") this.#lifecycle.start(instance, () => {});
    } else if (action === "RECREATING" && instance)
      this.crew.recreate(group, member, { template: member.template, name: member.version });
    else if (action === "RECREATING" || (action === "CREATING" && !instance)) this.crew.attempt(group, member);
    // Somebody was deleting it, and that goes on.
    else if (!instance || this.#lifecycle.isRemoved(instance)) this.crew.overtaken(group, member);
    else if (instance.status !== "TERMINATED" || !settled(member)) this.#whenRunning(group, member, instance);
  }

  /** The machine boots by itself, which no call asked for and no entry tells of; its group waits for it. */
  #whenRunning(group: StoredGroup, member: Member, instance: StoredInstance): void {
    member.action = "STARTING";
    this.crew.powerOn(group, member, instance, () => {});
  }

  close(): void {
    this.#prober.close();
  }
}
