import type { ManagerVersion } from "../../wire/compute.d.ts";
import type { Instant } from "./instants.ts";
import type { Release } from "./release.ts";

/** The release of the last rollout that succeeded, or what was running when the fleet was taken on. */
export interface Stable {
  release: Release;
  since: Instant;
  /** Taken on as found: its machines run from templates moult did not make, have no configuration from it and owe no reports. */
  adopted: boolean;
  /** Only of one that is taken on: its image with what the inputs asked for then. It begins when a person says so. */
  asked?: Release;
  /** Group key → the versions that put it there. */
  versions: Record<string, ManagerVersion[]>;
}
