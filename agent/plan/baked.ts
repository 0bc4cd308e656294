import { readFileSync } from "node:fs";
import { unlessMissing } from "../place/disk.ts";
import { readJson } from "./json.ts";
import type { Description } from "./pack.ts";

/** The description in the image itself; undefined when there is none. */
export function bakedDescription(root: string): Description | undefined {
  return describedBy(`${root}/usr/lib/moult/manifest.json`, `${root}/usr/lib/moult/files`);
}

/** Names of sources have been checked to stay inside `folder` before they get here. */
export function describedBy(manifest: string, folder: string): Description | undefined {
  const text = unlessMissing(() => readFileSync(manifest, "utf8"));
  if (text === undefined) return undefined;
  return {
    manifest: readJson("manifest", text),
    source: (name) => {
      try {
        return readFileSync(`${folder}/${name}`);
      } catch {
        return undefined;
      }
    },
  };
}

/** Nothing is described: the image is complete as it is, and the agent only seals and reports. */
export const emptyDescription: Description = {
  // Read when it is wanted: a sealed boot never does.
  get manifest() {
    return readJson("manifest", '{"manifest":1}');
  },
  source: () => undefined,
};
