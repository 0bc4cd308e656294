import { randomUUID } from "node:crypto";
import type { Compute } from "../../functions/google/compute.ts";
import type { Image } from "../../wire/compute.d.ts";
import { CliError, EXIT } from "../failure.ts";

/** Lets an image that was made without a family join one. It becomes the head unless the head was made later. Says the head. */
export async function adoptImage(
  compute: Compute,
  order: { project: string; name: string; family: string },
): Promise<Image | undefined> {
  const { project, name, family } = order;
  const image = await compute.image(name);
  if (!image) throw new CliError(EXIT.absent, `there is no image ${name} in ${project}`);
  const state = image.deprecated?.state ?? "ACTIVE";
  if (image.status !== "READY")
    throw new CliError(EXIT.failed, `image ${name} is ${image.status}, and only one that is READY can be followed`);
  if (state !== "ACTIVE")
    throw new CliError(
      EXIT.failed,
      `image ${name} is ${state}, so it would be no head of family ${family}`,
      `If it is good after all: moult image deprecate ${name} --state ACTIVE.`,
    );
  if (image.family !== undefined && image.family !== family)
    throw new CliError(
      EXIT.failed,
      `image ${name} is in family ${image.family}, and fleets that follow that would lose it`,
      "Make another image for another family.",
    );
  if (image.family === undefined) await compute.waitFor(await compute.patchImage(name, { family }, randomUUID()));
  return compute.head(family);
}
