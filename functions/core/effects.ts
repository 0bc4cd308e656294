import type { InstanceProperties, ManagerVersion, UpdatePolicy } from "../../wire/compute.d.ts";
import type { Instant } from "./instants.ts";
import type { PublishedImage } from "./record.ts";

/** What a decision wants done. The controller does it, in order, after the record is saved. */
export type Effect =
  | { kind: "insert-template"; group: string; name: string; properties: InstanceProperties; requestId: string }
  | {
      kind: "patch-group";
      group: string;
      fingerprint: string;
      versions: ManagerVersion[];
      updatePolicy: UpdatePolicy;
      requestId: string;
    }
  | { kind: "patch-autoscaler"; group: string; name: string; mode: "ON" | "ONLY_SCALE_OUT"; requestId: string }
  /** Written for the fleets that follow this one; idempotent. */
  | { kind: "publish"; images: PublishedImage[] }
  /** Room for so many new machines at once out of a shared budget; 0 gives it back. */
  | { kind: "lease"; budget: string; rollout: string; machines: number; begun: number; until: Instant }
  /** Keep what the machine said before it is taken away. Best effort: a rollback does not wait for it. */
  | { kind: "keep-evidence"; group: string; machine: string; rollout: string; why: string }
  | { kind: "delete-command"; name: string };
