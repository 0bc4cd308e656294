import type { Metafile } from "esbuild";

/** Bytes of all chunks together that a bundle may have. */
export const MOST_BYTES: number;

export interface FunctionsBundle {
  /** Of all chunks: those that every start of a function reads, and all. */
  startBytes: number;
  allBytes: number;
  metafile: Metafile;
}

export function buildFunctions(
  folder: string,
  options?: { entryPoints?: Record<string, string>; most?: number },
): Promise<FunctionsBundle>;
