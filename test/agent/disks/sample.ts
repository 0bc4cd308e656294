import type { PlannedDisk } from "../../../agent/plan/plan.ts";
import type { Seal } from "../../../agent/seal/seal.ts";

export function disk(part: Partial<PlannedDisk>): PlannedDisk {
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, text: "" };
  return {
    device: "data",
    mount: "/var/lib/web-data",
    fs: "ext4",
    options: [],
    format: "blank",
    owner,
    mode: 0o750,
    withinMs: 1_000,
    ...part,
  };
}

/** A seal of nothing. */
export const emptySeal: Seal = {
  seal: 1,
  instance: "1",
  hardware: "",
  release: "",
  fleet: "",
  reports: null,
  agent: "0",
  bootedAt: "",
  sealedAt: "",
  files: [],
  secretFiles: [],
  directories: [],
  links: [],
  disks: [],
  made: [],
  secrets: {},
  vaults: [],
  units: [],
  start: [],
  reload: false,
  environment: {},
  ready: null,
  drift: null,
  watched: [],
  logs: [],
};
