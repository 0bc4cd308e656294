import { randomUUID } from "node:crypto";
import type { Compute } from "../../functions/google/compute.ts";
import type { Image } from "../../wire/compute.d.ts";
import type { Objects } from "../config/objects.ts";
import { CliError, EXIT } from "../failure.ts";
import { differences } from "../packages/same.ts";
import { adviceFor, deleteContents, loadContents } from "../packages/stored.ts";

/** The label that says which application is in an image. */
export const APPLICATION = "application";

export interface DiscardOrder {
  project: string;
  name: string;
  /** Whose head it is compared with. */
  family: string;
  /** Compared with this one instead. */
  than?: string;
  /** What is in the new one when no label says so. */
  application?: string;
}

export interface Verdict {
  /** Absent when there is nothing to compare with. */
  than?: string;
  discarded: boolean;
  /** Why it was kept; empty when it was discarded. */
  reasons: string[];
}

/**
 * Deletes an image that is another one over again, before anybody follows it. One that is in a family is not touched: its
 * fleets have heard of it, their templates name it, and deleting it would take it from under machines that are being made.
 */
export async function discardIfSame(compute: Compute, bucket: Objects, order: DiscardOrder): Promise<Verdict> {
  const { project, name, family } = order;
  const fresh = await compute.image(name);
  if (!fresh)
    throw new CliError(
      EXIT.absent,
      `there is no image ${name} in ${project}`,
      "If this command was run before, it may have discarded it then.",
    );
  if (fresh.status !== "READY")
    throw new CliError(EXIT.failed, `image ${name} is ${fresh.status}, and only one that is READY is compared`);
  refuseFollowed(fresh);
  const application = applicationOf(fresh, order.application);
  const old = await otherOf(compute, order);
  if (!old) return { discarded: false, reasons: [`family ${family} has no head that it could be the same as`] };
  const state = old.deprecated?.state ?? "ACTIVE";
  if (state !== "ACTIVE") return { than: old.name, discarded: false, reasons: [`${old.name} is ${state}`] };
  const [freshContents, oldContents] = await Promise.all([loadContents(bucket, name), loadContents(bucket, old.name)]);
  if (!freshContents)
    throw new CliError(EXIT.absent, `there is no package list of ${name} in ${bucket.place}`, adviceFor(name));
  const reasons = differences(
    { image: fresh, list: freshContents.list, application },
    { image: old, list: oldContents?.list, application: old.labels?.[APPLICATION] },
  );
  if (reasons.length > 0) return { than: old.name, discarded: false, reasons };
  await discard(compute, name, old);
  await deleteContents(bucket, name);
  return { than: old.name, discarded: true, reasons: [] };
}

/**
 * OBSOLETE first: from then on it cannot become a head, whoever lets it join a family meanwhile, and who is killed here
 * leaves an image that says by what it was replaced. Then it is looked at once more.
 */
async function discard(compute: Compute, name: string, old: Image): Promise<void> {
  const now = new Date().toISOString();
  const status = { state: "OBSOLETE" as const, replacement: old.selfLink, deprecated: now, obsolete: now };
  await compute.waitFor(await compute.deprecateImage(name, status, randomUUID()));
  const again = await compute.image(name);
  if (again?.family !== undefined) {
    await compute.waitFor(await compute.deprecateImage(name, {}, randomUUID()));
    refuseFollowed(again);
  }
  if (again) await compute.deleteImage(name, randomUUID());
}

function refuseFollowed({ name, family }: Image): void {
  if (family === undefined) return;
  throw new CliError(
    EXIT.failed,
    `image ${name} is in family ${family} already: fleets that follow it have heard of it, so it is not deleted`,
    "Make images with --no-family, compare, and let the new ones join with moult image adopt; docs/image-contents.md shows how.",
  );
}

function applicationOf({ name, labels }: Image, given: string | undefined): string {
  const label = labels?.[APPLICATION];
  if (label !== undefined && given !== undefined && label !== given)
    throw new CliError(
      EXIT.usage,
      `--application says ${given}, and the label of ${name} says ${label}`,
      "Leave the flag out, or make the image with the right label.",
    );
  const known = label ?? given;
  if (known !== undefined) return known;
  throw new CliError(
    EXIT.usage,
    `nothing says which application is in ${name}, and the same packages do not mean the same application`,
    "Make images with --label application=DIGEST, or name it here with --application DIGEST.",
  );
}

async function otherOf(compute: Compute, order: DiscardOrder): Promise<Image | undefined> {
  if (order.than === undefined) return compute.head(order.family);
  if (order.than === order.name) throw new CliError(EXIT.usage, `--than ${order.than} is the image itself`);
  const found = await compute.image(order.than);
  if (found) return found;
  throw new CliError(EXIT.absent, `there is no image ${order.than} in ${order.project} to compare with`);
}
