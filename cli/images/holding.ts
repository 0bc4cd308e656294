import type { Cloud } from "../../functions/controller/cloud.ts";
import { type FamilyName, familyPaths, loadHolds, saveHolds } from "../../functions/controller/families.ts";
import type { ImageHold } from "../../functions/core/images/holds.ts";
import { isFailure } from "../../functions/google/failure.ts";
import type { Image } from "../../wire/compute.d.ts";
import { CliError, EXIT } from "../failure.ts";
import { namedIn } from "./named.ts";

export interface HeldImage extends FamilyName {
  image: Image;
}

/** How often a change is tried again when somebody else changed the family's holds meanwhile. */
const TRIES = 5;

/** The image that a word names, in its family: rotation knows images by their families. */
export async function familyImage(cloud: Cloud, word: string): Promise<HeldImage> {
  const { project, name } = namedIn(word, "an image", cloud.settings.project);
  const image = await cloud.compute(project).image(name);
  if (!image) throw new CliError(EXIT.absent, `there is no image ${name} in ${project}`);
  if (!image.family)
    throw new CliError(
      EXIT.refused,
      `image ${name} is in no family, so no rotation touches it and there is nothing to hold`,
      `If it should be in one: moult image adopt ${name} --family F`,
    );
  return { image, project, family: image.family };
}

/** Changes the holds of a family and returns those there were before. */
export async function changeHolds(
  cloud: Cloud,
  name: FamilyName,
  change: (holds: readonly ImageHold[]) => ImageHold[],
): Promise<ImageHold[]> {
  for (let tried = 1; ; tried++) {
    const { holds, generation } = await readHolds(cloud, name);
    try {
      await saveHolds(cloud.state, name, change(holds), generation);
      return holds;
    } catch (problem) {
      if (!isFailure(problem, "conflict") || tried === TRIES) throw problem;
    }
  }
}

/** The family that holds the image: its own, or the one it was in when it was held. */
export async function familyThatHolds(cloud: Cloud, { image, project, family }: HeldImage): Promise<FamilyName> {
  const isHeld = async (each: FamilyName) =>
    (await readHolds(cloud, each)).holds.some((hold) => hold.image.id === image.id);
  if (await isHeld({ project, family })) return { project, family };
  for (const other of await cloud.state.folders(`${familyPaths.families}${project}/`))
    if (await isHeld({ project, family: other })) return { project, family: other };
  throw new CliError(EXIT.absent, `image ${image.name} is not held`);
}

async function readHolds(cloud: Cloud, name: FamilyName): ReturnType<typeof loadHolds> {
  try {
    return await loadHolds(cloud.state, name);
  } catch (problem) {
    if (isFailure(problem)) throw problem;
    throw new CliError(
      EXIT.refused,
      `gs://${cloud.state.name}/${familyPaths.holds(name)} cannot be read: ${(problem as Error).message}`,
      "While it is so, the family is not rotated. Put back an older generation of the object, or delete it and hold its images again.",
    );
  }
}
