import { randomUUID } from "node:crypto";
import type { Compute } from "../../functions/google/compute.ts";
import type { DeprecationStatus, Image } from "../../wire/compute.d.ts";
import { CliError, EXIT } from "../failure.ts";

export const STATES = ["ACTIVE", "DEPRECATED", "OBSOLETE", "DELETED"] as const;
export type State = (typeof STATES)[number];

/**
 * The status to send: the state with the instant it is reached, and those of the states before it. A status replaces the
 * one there, so dates that are not sent again are lost.
 */
export function statusOf(image: Image, state: State, now: string, replacement: string | undefined): DeprecationStatus {
  if (state === "ACTIVE") return { state };
  const before = image.deprecated ?? {};
  return {
    state,
    ...(replacement !== undefined && { replacement }),
    ...(replacement === undefined && before.replacement && { replacement: before.replacement }),
    deprecated: before.deprecated ?? now,
    ...(state !== "DEPRECATED" && { obsolete: before.obsolete ?? now }),
    ...(state === "DELETED" && { deleted: before.deleted ?? now }),
  };
}

export async function deprecateImage(
  compute: Compute,
  order: { project: string; name: string; state: State; replacement?: string },
): Promise<Image> {
  const image = await compute.image(order.name);
  if (!image) throw new CliError(EXIT.absent, `there is no image ${order.name} in ${order.project}`);
  let replacement: string | undefined;
  if (order.replacement !== undefined) {
    const other = await compute.image(order.replacement);
    if (!other)
      throw new CliError(EXIT.absent, `there is no image ${order.replacement} in ${order.project} to replace it`);
    replacement = other.selfLink;
  }
  const status = statusOf(image, order.state, new Date().toISOString(), replacement);
  await compute.waitFor(await compute.deprecateImage(order.name, status, randomUUID()));
  return (await compute.image(order.name)) ?? image;
}
