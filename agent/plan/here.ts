import type { ReleaseMetadata } from "../../wire/moult.d.ts";
import type { Instance } from "../identify/instance.ts";
import { lookupIn } from "../render/files.ts";
import { faultsOfShape } from "../render/template.ts";
import { imageFiles } from "./image.ts";
import type { Manifest } from "./manifest.ts";
import { knownNames, type Names, nameIn } from "./names.ts";
import type { Surroundings } from "./plan.ts";

/** Of one instance on one image. Only the shapes that templates take on it are looked at. */
export function oneInstance(
  root: string,
  instance: Instance,
  release: ReleaseMetadata | undefined,
  owner: Surroundings["owner"],
): Surroundings {
  const pinned = new Map(Object.entries(release?.secrets ?? {}));
  let known: { names: Names; secrets: Map<string, Buffer> } | undefined;
  const of = (manifest: Manifest) => {
    // Which there are decides a shape; what they hold does not.
    const there = [...manifest.secrets.keys(), ...pinned.keys()].map((name): [string, Buffer] => [
      name,
      Buffer.alloc(0),
    ]);
    known ??= { names: knownNames(instance, release, manifest), secrets: new Map(there) };
    return known;
  };
  return {
    knows: (name, manifest) => nameIn(of(manifest).names, name) !== undefined,
    examine: (template, manifest) => faultsOfShape(template, lookupIn(of(manifest).names, of(manifest).secrets)),
    pinned,
    metadata: instance.attributes,
    owner,
    image: imageFiles(root),
  };
}
