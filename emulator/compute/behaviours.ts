import { createHash } from "node:crypto";

/**
 * Where the real service's behaviour is not documented: what this one does. docs/verified.md says of each why it is not
 * known; what builds on groups must hold for all of them.
 */
export interface Behaviours {
  /** Of a percentage of unavailable machines. */
  unavailableRounding: "up" | "down";
  /** Of a percentage of machines beyond the target size. */
  surgeRounding: "up" | "down";
  /** Of a version's percentage. */
  versionRounding: "up" | "down";
  /** Whom a scale-in takes among machines that are equal otherwise. */
  scaleIn: "newest" | "oldest" | "any";
  /** What becomes of machines beyond the target size when an update is paused. */
  pausedSurge: "removed" | "kept";
}

/** Every plausible choice, the default first. */
export const PLAUSIBLE: { readonly [Name in keyof Behaviours]: readonly Behaviours[Name][] } = {
  unavailableRounding: ["down", "up"],
  surgeRounding: ["up", "down"],
  versionRounding: ["up", "down"],
  scaleIn: ["newest", "oldest", "any"],
  pausedSurge: ["removed", "kept"],
};

export const DEFAULT_BEHAVIOURS: Behaviours = {
  unavailableRounding: "down",
  surgeRounding: "up",
  versionRounding: "up",
  scaleIn: "newest",
  pausedSurge: "removed",
};

/** One of the plausible choices each, by a seed. */
export function behavioursBySeed(seed: string): Behaviours {
  const pick = <T>(name: string, choices: readonly T[], usual: T): T => {
    const drawn = createHash("sha256").update(`${seed}:${name}`).digest().readUInt32BE();
    return choices[drawn % choices.length] ?? usual;
  };
  const { unavailableRounding, surgeRounding, versionRounding, scaleIn, pausedSurge } = PLAUSIBLE;
  return {
    unavailableRounding: pick("unavailableRounding", unavailableRounding, "down"),
    surgeRounding: pick("surgeRounding", surgeRounding, "up"),
    versionRounding: pick("versionRounding", versionRounding, "up"),
    scaleIn: pick("scaleIn", scaleIn, "newest"),
    pausedSurge: pick("pausedSurge", pausedSurge, "removed"),
  };
}
