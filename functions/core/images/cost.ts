import type { Image } from "../../../wire/compute.d.ts";

/**
 * US dollars for a GiB of stored image and month: the list price of custom images, taken to be the same everywhere. Discounts,
 * taxes and other currencies are not known here.
 */
export const USD_PER_GIB_MONTH = 0.05;

/** What keeping an image costs a month, from the size of its archive; 0 until that is known. */
export function monthlyUsd({ archiveSizeBytes }: Pick<Image, "archiveSizeBytes">): number {
  const bytes = Number(archiveSizeBytes ?? 0);
  return Number.isFinite(bytes) ? (bytes / 2 ** 30) * USD_PER_GIB_MONTH : 0;
}
