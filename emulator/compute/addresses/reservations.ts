import type { Cloud } from "../cloud.ts";
import type { Addresses } from "../instances/addresses.ts";
import { regionOf } from "../names.ts";
import type { ExternalAddresses } from "./external.ts";
import { addressPath, reservationOf, type StoredAddress, userOf } from "./model.ts";

/** Addresses that are reserved, in the pools they come from. */
export class Reservations {
  readonly #cloud: Cloud;
  readonly #internal: Addresses;
  readonly #external: ExternalAddresses;

  constructor(cloud: Cloud, internal: Addresses, external: ExternalAddresses) {
    this.#cloud = cloud;
    this.#internal = internal;
    this.#external = external;
  }

  /** A free address of a kind; it is taken from now on. */
  pick(type: StoredAddress["addressType"]): string {
    return type === "INTERNAL" ? this.#internal.take() : this.#external.take();
  }

  add(address: StoredAddress): void {
    this.#cloud.addresses.set(addressPath(address), address);
    this.hold(address);
    this.#cloud.world.changed();
  }

  /** Nobody else gets a reserved address. */
  hold({ address, addressType }: StoredAddress): void {
    if (addressType === "INTERNAL") this.#internal.hold(address);
    else this.#external.keep(address);
  }

  /** Ends a reservation. A machine that has the address keeps it, as an ephemeral one. */
  remove(address: StoredAddress): void {
    const user = userOf(this.#cloud, address);
    this.#cloud.addresses.delete(addressPath(address));
    if (address.addressType === "INTERNAL") this.#internal.release(address.address);
    else if (user === undefined) this.#external.free(address.address);
    this.#cloud.world.changed();
  }

  /**
   * Reserves the address that a machine has, as a group does for what it keeps; the reservation there is already is used.
   * @param name of the new one; taken names get a suffix.
   */
  promote(
    { project, zone }: { project: string; zone: string },
    ip: string,
    addressType: StoredAddress["addressType"],
    name: string,
  ): StoredAddress {
    const region = regionOf(zone);
    const known = reservationOf(this.#cloud, project, region, ip);
    if (known) return known;
    const { ids, clock } = this.#cloud.world;
    const place = { project, scope: { kind: "region" as const, name: region } };
    let free = name.slice(0, 63);
    while (this.#cloud.addresses.has(addressPath({ ...place, name: free })))
      free = `${name.slice(0, 58)}-${ids.suffix()}`;
    const address: StoredAddress = {
      ...place,
      id: ids.numeric(),
      name: free,
      created: clock.now(),
      address: ip,
      addressType,
      networkTier: "PREMIUM",
      ...(addressType === "INTERNAL" && {
        purpose: "GCE_ENDPOINT",
        subnetwork: `projects/${project}/regions/${region}/subnetworks/default`,
      }),
      labels: {},
      labelFingerprint: ids.fingerprint(),
    };
    this.add(address);
    return address;
  }
}
