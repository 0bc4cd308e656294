import type { Cloud } from "../cloud.ts";

/**
 * Loopback addresses, one for each instance, all in 127.0.0.0/8. Real processes listen on them, so two emulators on one
 * machine must not hand out the same: the port this one listens on, unique while it lives, is the middle of its addresses.
 * Virtual machines never listen; theirs begin at a fixed place so that a run can be repeated exactly.
 */
export class Addresses {
  readonly #cloud: Cloud;
  readonly #taken = new Set<number>();
  readonly #held = new Set<string>();
  #next = 0;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  #base(): number {
    const { machines, world } = this.#cloud;
    if (machines.kind === "virtual") return 10 << 16;
    return Number(new URL(world.origin || "http://127.0.0.1:2560").port || 2560) << 8;
  }

  take(): string {
    const base = this.#base();
    for (let tries = 0; tries < 1 << 20; tries++) {
      const number = (base + 2 + this.#next++) & 0xff_ffff;
      // Neither networks nor broadcasts, and nothing in 127.0.0.0/24, where everybody lives.
      if ((number & 0xff) < 2 || (number & 0xff) === 255 || number < 256 || this.#taken.has(number)) continue;
      this.#taken.add(number);
      return `127.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
    }
    throw new Error("no loopback address is left");
  }

  keep(ip: string): void {
    if (ip.startsWith("127.")) this.#taken.add(toNumber(ip));
  }

  free(ip: string): void {
    if (!this.#held.has(ip)) this.#taken.delete(toNumber(ip));
  }

  /** Keeps an address from being given to anybody else while its machine is away. */
  hold(ip: string): void {
    this.#held.add(ip);
    this.keep(ip);
  }

  /** Ends holding; the address is free once its machine is gone. */
  release(ip: string): void {
    this.#held.delete(ip);
    for (const instance of this.#cloud.instances.values()) if (instance.ip === ip) return;
    this.#taken.delete(toNumber(ip));
  }
}

function toNumber(ip: string): number {
  const [, a = 0, b = 0, c = 0] = ip.split(".").map(Number);
  return (a << 16) | (b << 8) | c;
}
