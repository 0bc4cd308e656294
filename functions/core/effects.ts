import type { InstanceProperties, ManagerVersion, UpdatePolicy } from "../../wire/compute.d.ts";

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
  /** Keep what the machine said before it is taken away. Best effort: a rollback does not wait for it. */
  | { kind: "keep-evidence"; group: string; machine: string; rollout: string; why: string }
  | { kind: "delete-command"; name: string };
