import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isFailure } from "../../functions/google/failure.ts";
import type { Objects } from "../config/objects.ts";
import { CliError, EXIT } from "../failure.ts";
import { cycloneDxOf, readCycloneDx } from "./cyclonedx.ts";
import { identityOf, type PackageList, tsvOf } from "./list.ts";

export const SBOM = "sbom.cdx.json";
export const TSV = "packages.tsv";

/** Both documents of one list, as they lie in a folder or below `contents/<image>/` in the images bucket. */
export interface Contents {
  sbom: string;
  tsv: string;
  list: PackageList;
  /** When it was collected, RFC 3339. */
  time: string;
}

export function contentsOf(list: PackageList, about: { time: string; moult: string }): Contents {
  return { sbom: cycloneDxOf(list, about), tsv: tsvOf(list), list, time: about.time };
}

export function contentsFolder(image: string): string {
  return `contents/${image}/`;
}

/** What `moult image packages --out DIR` wrote. */
export async function readContents(folder: string): Promise<Contents> {
  const advice = "Write one with moult image packages --root ROOT --out DIR.";
  const [sbom, tsv] = await Promise.all(
    [SBOM, TSV].map(async (name) => {
      try {
        return await readFile(join(folder, name), "utf8");
      } catch {
        throw new CliError(
          EXIT.usage,
          `${join(folder, name)} cannot be read: a package list is ${SBOM} and ${TSV}`,
          advice,
        );
      }
    }),
  );
  const read = readCycloneDx(sbom ?? "");
  if (read.problem !== undefined) throw new CliError(EXIT.usage, `${join(folder, SBOM)}: ${read.problem}`, advice);
  if (tsvOf(read.list) !== tsv)
    throw new CliError(EXIT.usage, `${join(folder, TSV)} does not say what ${SBOM} beside it says`, advice);
  return { sbom: sbom ?? "", tsv, ...read };
}

/**
 * Each object is made once and never changed. One that is there with the same packages is our own from a call that died, or
 * whose answer was lost; any other is of another image.
 */
export async function storeContents(bucket: Objects, image: string, contents: Contents): Promise<void> {
  const folder = contentsFolder(image);
  // The document that is read comes last: when it is there, all is.
  for (const [name, text] of [
    [TSV, contents.tsv],
    [SBOM, contents.sbom],
  ] as const)
    try {
      await bucket.write(`${folder}${name}`, Buffer.from(text), "0");
    } catch (problem) {
      if (!isFailure(problem, "conflict")) throw problem;
      const there = (await bucket.read(`${folder}${name}`))?.bytes.toString("utf8") ?? "";
      const read = name === SBOM ? readCycloneDx(there) : undefined;
      const same =
        read && read.problem === undefined ? identityOf(read.list) === identityOf(contents.list) : there === text;
      if (!same)
        throw new CliError(
          EXIT.failed,
          `${bucket.place}/${folder}${name} is there and lists other packages: the name ${image} was baked before`,
          "Images never change, so choose a new name.",
        );
    }
}

/** Undefined when none was stored. */
export async function loadContents(bucket: Objects, image: string): Promise<Omit<Contents, "tsv"> | undefined> {
  const object = `${contentsFolder(image)}${SBOM}`;
  const stored = await bucket.read(object);
  if (!stored) return undefined;
  const sbom = stored.bytes.toString("utf8");
  const read = readCycloneDx(sbom);
  if (read.problem === undefined) return { sbom, ...read };
  throw new CliError(
    EXIT.refused,
    `${bucket.place}/${object} is damaged: ${read.problem}`,
    "Look at who wrote it; moult never changes one. Delete both objects of that folder to store the list anew.",
  );
}

/** A list that has to be there. */
export async function neededContents(bucket: Objects, image: string): Promise<Omit<Contents, "tsv">> {
  const found = await loadContents(bucket, image);
  if (found) return found;
  throw new CliError(EXIT.absent, `there is no package list of ${image} in ${bucket.place}`, adviceFor(image));
}

export function adviceFor(image: string): string {
  return `Collect it where the image is made, moult image packages --root ROOT --out DIR, and store it: moult image packages ${image} --put DIR, or moult image create … --packages DIR.`;
}

/** Goes with its image; a name is never used twice, but its list must not speak of what is gone. */
export async function deleteContents(bucket: Objects, image: string): Promise<void> {
  for (const { name, generation } of await bucket.list(contentsFolder(image))) await bucket.delete(name, generation);
}
