/**
 * External addresses, all of 198.18.0.0/15: a range for tests (RFC 2544) that no network routes, so that nobody is reached by
 * mistake. They are handed out in order, so that a run can be repeated exactly.
 */
export class ExternalAddresses {
  readonly #taken = new Set<string>();
  #next = 0;

  take(): string {
    for (let tries = 0; tries < 1 << 17; tries++) {
      const number = 2 + (this.#next++ & 0x1_ffff);
      const ip = `198.${18 + ((number >> 16) & 1)}.${(number >> 8) & 255}.${number & 255}`;
      if (/\.(0|255)$/.test(ip) || this.#taken.has(ip)) continue;
      this.#taken.add(ip);
      return ip;
    }
    throw new Error("no external address is left");
  }

  keep(ip: string): void {
    this.#taken.add(ip);
  }

  free(ip: string): void {
    this.#taken.delete(ip);
  }
}
