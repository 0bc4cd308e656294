import { CAST } from "../../../cli/demo/cast.ts";

/** The demo's, because the manifest in the demo's image names its secret by it. */
export const PROJECT = CAST.project;
