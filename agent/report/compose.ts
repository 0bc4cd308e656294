import type { BootReport, BootVerdict } from "../../wire/moult.d.ts";
import type { Instance } from "../identify/instance.ts";
import type { Seal } from "../seal/seal.ts";
import type { Phase } from "../timeline.ts";
import { version } from "../version.ts";

export interface Verdict {
  verdict: BootVerdict;
  reason: string;
  message: string;
}

export interface Telling {
  instance: Instance;
  /** Empty when the agent works alone. */
  fleet: string;
  release: string;
  boot: string;
  bootedAt: string;
  phases: readonly Phase[];
  /** What is sealed; undefined when the boot failed before. */
  seal: Seal | undefined;
}

/** Files with secrets are left out: the digest of a short secret gives it away. */
export function composeReport(verdict: Verdict, telling: Telling): BootReport {
  const { instance, fleet, release, boot, bootedAt, phases, seal } = telling;
  return {
    report: 1,
    fleet,
    release,
    instance: {
      id: instance.id,
      name: instance.name,
      zone: instance.zone,
      project: instance.project,
      projectNumber: instance.projectNumber,
    },
    ...verdict,
    boot,
    bootedAt,
    agent: version,
    files: (seal?.files ?? []).map(({ path, sha256, mode, owner }) => ({ path, sha256, mode: octal(mode), owner })),
    ...(seal?.signedBy && { signedBy: seal.signedBy }),
    phases: phases.map(({ name, at, ms }) => ({ name, at, ms })),
  };
}

/** `0640` */
export function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
