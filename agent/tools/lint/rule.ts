import type { Image } from "./image.ts";

/** One thing an image must not, or should not, be. */
export interface Rule {
  /** Stable word. */
  id: string;
  /** An error makes lint end with 10. */
  severity: "error" | "warning";
  /** What comes of it. */
  why: string;
  /** What to do about it. */
  cure: string;
  /** The evidence: paths or names of units, never contents. Empty when all is well. */
  find(image: Image): string[];
}
