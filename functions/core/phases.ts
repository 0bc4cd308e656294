/** Where a rollout under way can be. docs/rollout.md says what is true in each and draws the moves; a test compares. */
export const PHASES = [
  "prepared",
  "parked",
  "applying",
  "converging",
  "baking",
  "gating",
  "final-bake",
  "finishing",
  "paused",
  "rolling-back",
  "rollback-stuck",
  "restoring",
] as const;

export type Phase = (typeof PHASES)[number];

/** How it ends, once. */
export const ENDINGS = ["succeeded", "rolled-back", "superseded", "cancelled"] as const;

export type Ending = (typeof ENDINGS)[number];

/** Every move there is. Nothing in the code looks it up: histories are checked against it, and the picture is made of it. */
export const MOVES: Readonly<Record<Phase, readonly (Phase | Ending)[]>> = {
  prepared: ["applying", "parked", "paused", "superseded", "cancelled"],
  parked: ["applying", "paused", "rolling-back", "superseded", "cancelled"],
  applying: ["converging", "paused", "rolling-back", "superseded", "cancelled"],
  converging: ["baking", "final-bake", "paused", "rolling-back", "applying"],
  baking: ["gating", "converging", "applying", "paused", "rolling-back"],
  gating: ["applying", "parked", "final-bake", "converging", "finishing", "paused", "rolling-back"],
  "final-bake": ["gating", "converging", "applying", "paused", "rolling-back"],
  finishing: ["succeeded", "paused", "rolling-back"],
  paused: ["prepared", "parked", "applying", "rolling-back", "superseded", "cancelled"],
  "rolling-back": ["restoring", "rollback-stuck"],
  "rollback-stuck": ["restoring"],
  restoring: ["rolled-back"],
};
