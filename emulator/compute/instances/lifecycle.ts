import type { Cancel } from "../../frame/clock.ts";
import { ExternalAddresses } from "../addresses/external.ts";
import { reservationOf } from "../addresses/model.ts";
import { Reservations } from "../addresses/reservations.ts";
import { wantedAddresses } from "../addresses/wanted.ts";
import type { Cloud } from "../cloud.ts";
import { attached, detached, keptDisks } from "../disks/model.ts";
import type { StoredImage } from "../images/model.ts";
import { regionOf } from "../names.ts";
import type { Failure } from "../operations.ts";
import { accessConfigOf, natOf } from "./accessconfigs.ts";
import { Addresses } from "./addresses.ts";
import { makeInstance, type Plan } from "./make.ts";
import { instancePath, type StoredInstance } from "./model.ts";
import { SerialLog } from "./serial.ts";
import { specOf } from "./spec.ts";

/** What lives only while the emulator runs. */
interface Live {
  guest: Map<string, string>;
  serial: SerialLog;
  /** Power is on, or being switched on. */
  power?: Promise<void>;
  /** Suspended, with its memory. */
  paused?: true;
  cancel?: Cancel;
  /** Ends the operation that is under way, when something else overtakes it. */
  interrupted?: (failure: Failure) => void;
  removed?: (() => void)[];
}

const OVERTAKEN: Failure = { code: "RESOURCE_IN_USE", http: 409, message: "Another operation has overtaken this one." };

/** Instances from their creation to their end. Machines do the running; this decides when. */
export class Lifecycle {
  readonly #cloud: Cloud;
  readonly #live = new Map<string, Live>();
  /** Held by groups for machines that shall have them again. */
  readonly addresses: Addresses;
  readonly external = new ExternalAddresses();
  readonly reservations: Reservations;
  /** Called after every change of a status, and with `gone` after the end. */
  onChange: (instance: StoredInstance, gone: boolean) => void = () => {};

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
    this.addresses = new Addresses(cloud);
    this.reservations = new Reservations(cloud, this.addresses, this.external);
  }

  live(instance: StoredInstance): Live {
    let live = this.#live.get(instance.id);
    if (!live) {
      live = { guest: new Map(), serial: new SerialLog() };
      this.#live.set(instance.id, live);
    }
    return live;
  }

  /** Makes an instance and powers it on. `done` hears of RUNNING, or of what came between. */
  create(plan: Plan, image: StoredImage | undefined, done: (failure?: Failure) => void): StoredInstance {
    const { ip, natIp } = wantedAddresses(plan);
    if (ip !== undefined) this.addresses.keep(ip);
    if (natIp !== undefined) this.external.keep(natIp);
    const instance = makeInstance(this.#cloud, plan, ip ?? this.addresses.take(), image);
    this.#cloud.instances.set(instancePath(instance), instance);
    attached(this.#cloud, instance, instancePath(instance));
    this.#boot(instance, done);
    return instance;
  }

  /** Nothing overtakes a deletion: one that is being deleted is neither started nor stopped. */
  start(instance: StoredInstance, done: (failure?: Failure) => void): void {
    if (this.isRemoved(instance)) done(OVERTAKEN);
    else this.#boot(instance, done);
  }

  #status(instance: StoredInstance, status: StoredInstance["status"]): void {
    instance.status = status;
    this.#cloud.world.changed();
    this.onChange(instance, false);
  }

  #boot(instance: StoredInstance, done: (failure?: Failure) => void): void {
    const { clock } = this.#cloud.world;
    const { provisioning, staging } = this.#cloud.timings;
    const live = this.live(instance);
    live.interrupted = done;
    delete instance.host;
    const access = accessConfigOf(instance);
    if (access && natOf(instance) === undefined) access.natIP = this.external.take();
    this.#status(instance, "PROVISIONING");
    live.cancel = clock.after(provisioning, () => {
      this.#status(instance, "STAGING");
      live.cancel = clock.after(staging, () => this.#powerOn(instance, done));
    });
  }

  #powerOn(instance: StoredInstance, done: (failure?: Failure) => void): void {
    const live = this.live(instance);
    const events = { serial: (text: string) => live.serial.append(text) };
    const { machines } = this.#cloud;
    const start = () => machines.start(specOf(this.#cloud, instance, live.guest), events);
    // What a suspended machine had in memory is lost with the emulator; it boots then.
    const power = live.paused ? machines.resume(instance.id) : start();
    delete live.paused;
    live.power = power.catch(() => {});
    power.then(
      () => {
        if (live.interrupted !== done) return;
        delete live.interrupted;
        instance.started = this.#cloud.world.clock.now();
        this.#status(instance, "RUNNING");
        done();
      },
      (problem: unknown) => {
        live.serial.append(`${problem instanceof Error ? problem.message : String(problem)}\n`);
        if (live.interrupted !== done) return;
        delete live.interrupted;
        delete live.power;
        this.#status(instance, "TERMINATED");
        done({
          code: "INTERNAL_ERROR",
          http: 500,
          message: problem instanceof Error ? problem.message : String(problem),
        });
      },
    );
  }

  #interrupt(live: Live): void {
    live.cancel?.();
    delete live.cancel;
    const interrupted = live.interrupted;
    delete live.interrupted;
    interrupted?.(OVERTAKEN);
  }

  /** Powers off; the instance stays, TERMINATED unless `into` says otherwise. `graceMs` is the guest's time to shut down. */
  stop(
    instance: StoredInstance,
    done: (failure?: Failure) => void,
    { graceMs, into = "TERMINATED" }: { graceMs?: number; into?: "TERMINATED" | "REPAIRING" } = {},
  ): void {
    if (this.isRemoved(instance)) {
      done(OVERTAKEN);
      return;
    }
    const live = this.live(instance);
    this.#interrupt(live);
    live.interrupted = done;
    this.#powerOff(
      instance,
      live,
      () => {
        if (live.interrupted !== done) return;
        delete live.interrupted;
        instance.stopped = this.#cloud.world.clock.now();
        this.#freeNat(instance);
        this.#status(instance, into);
        done();
      },
      graceMs,
    );
  }

  /** Holds the machine still where it is. Switched on again, it goes on from there. */
  suspend(instance: StoredInstance, done: (failure?: Failure) => void): void {
    if (this.isRemoved(instance)) {
      done(OVERTAKEN);
      return;
    }
    const { clock } = this.#cloud.world;
    const live = this.live(instance);
    this.#interrupt(live);
    live.interrupted = done;
    this.#status(instance, "SUSPENDING");
    live.cancel = clock.after(this.#cloud.timings.stopping, () => {
      void (live.power ?? Promise.resolve())
        .then(() => this.#cloud.machines.pause(instance.id))
        .catch((problem: unknown) => live.serial.append(`${String(problem)}\n`))
        .then(() => {
          if (live.interrupted !== done) return;
          delete live.interrupted;
          live.paused = true;
          instance.suspended = clock.now();
          this.#status(instance, "SUSPENDED");
          done();
        });
    });
  }

  /** The power goes without a warning, and the instance is what `into` says. */
  cut(instance: StoredInstance, into: "TERMINATED" | "REPAIRING", done: (failure?: Failure) => void): void {
    const live = this.live(instance);
    this.#interrupt(live);
    live.interrupted = done;
    const power = live.power ?? Promise.resolve();
    delete live.power;
    delete live.paused;
    if (into === "REPAIRING") this.#status(instance, into);
    void power
      .then(() => this.#cloud.machines.stop(instance.id, 0))
      .catch((problem: unknown) => live.serial.append(`${String(problem)}\n`))
      .then(() => {
        if (live.interrupted !== done) return;
        delete live.interrupted;
        instance.stopped = this.#cloud.world.clock.now();
        if (into === "TERMINATED") this.#status(instance, into);
        done();
      });
  }

  #powerOff(instance: StoredInstance, live: Live, off: () => void, graceMs = this.#cloud.timings.shutdownGrace): void {
    const { clock } = this.#cloud.world;
    const { stopping } = this.#cloud.timings;
    this.#status(instance, "STOPPING");
    live.cancel = clock.after(stopping, () => {
      const power = live.power;
      delete live.power;
      delete live.paused;
      if (!power) return off();
      void power
        .then(() => this.#cloud.machines.stop(instance.id, graceMs))
        .catch((problem: unknown) => live.serial.append(`${String(problem)}\n`))
        .then(off);
    });
  }

  /** An ephemeral external address goes when its machine is off; a static one stays its project's, and the machine's. */
  #freeNat(instance: StoredInstance): void {
    const ip = natOf(instance);
    if (ip === undefined || reservationOf(this.#cloud, instance.project, regionOf(instance.zone), ip)) return;
    this.external.free(ip);
    delete accessConfigOf(instance)?.natIP;
  }

  /** Switches off and on at once, without asking the guest. */
  reset(instance: StoredInstance, done: (failure?: Failure) => void): void {
    const live = this.live(instance);
    this.#interrupt(live);
    live.interrupted = done;
    void (live.power ?? Promise.resolve())
      .then(() => this.#cloud.machines.stop(instance.id, 0))
      .catch(() => {})
      .then(() => {
        if (live.interrupted === done) this.#powerOn(instance, done);
      });
  }

  /** Deletes the instance and its disk. A second call joins the first. */
  remove(instance: StoredInstance, done: () => void, graceMs?: number): void {
    const live = this.live(instance);
    if (live.removed) {
      live.removed.push(done);
      return;
    }
    this.#interrupt(live);
    const removed = [done];
    live.removed = removed;
    this.#powerOff(
      instance,
      live,
      () => {
        live.cancel = this.#cloud.world.clock.after(this.#cloud.timings.deleting, () => {
          void this.#cloud.machines
            .remove(instance.id, keptDisks(this.#cloud, instance))
            .catch(() => {})
            .then(() => {
              this.#cloud.instances.delete(instancePath(instance));
              this.#live.delete(instance.id);
              this.addresses.free(instance.ip);
              this.#freeNat(instance);
              detached(this.#cloud, instance, instancePath(instance));
              this.#cloud.world.changed();
              this.onChange(instance, true);
              for (const hear of removed) hear();
            });
        });
      },
      graceMs,
    );
  }

  isRemoved(instance: StoredInstance): boolean {
    return this.#live.get(instance.id)?.removed !== undefined;
  }

  save(): unknown {
    return [...this.#live].map(([id, live]) => ({
      id,
      guest: [...live.guest],
      ...(live.removed && { removed: true }),
    }));
  }

  /** After a restart of the emulator: what was on, or on its way, boots again; what was going away goes. */
  load(saved: { id: string; guest: [string, string][]; removed?: true }[]): void {
    for (const address of this.#cloud.addresses.values()) this.reservations.hold(address);
    const byId = new Map(saved.map((entry) => [entry.id, entry]));
    for (const instance of this.#cloud.instances.values()) {
      this.addresses.keep(instance.ip);
      const natIp = natOf(instance);
      if (natIp !== undefined) this.external.keep(natIp);
      const entry = byId.get(instance.id);
      const live = this.live(instance);
      for (const [key, value] of entry?.guest ?? []) live.guest.set(key, value);
      if (entry?.removed) this.remove(instance, () => {});
      else if (instance.status === "STOPPING") instance.status = "TERMINATED";
      else if (instance.status === "SUSPENDING") instance.status = "SUSPENDED";
      // Its group starts a member, and waits for it.
      else if (instance.status !== "TERMINATED" && instance.status !== "SUSPENDED" && !instance.group)
        this.#boot(instance, () => {});
    }
  }

  close(): void {
    for (const live of this.#live.values()) {
      live.cancel?.();
      delete live.interrupted;
    }
  }
}
