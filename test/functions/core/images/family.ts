import type { Decided } from "../../../../functions/core/images/rotation.ts";
import type { Image } from "../../../../wire/compute.d.ts";

export const DAY = 86_400_000;
export const NOW = "2026-11-20T03:23:00.000Z";
export const HOME = "acme-images";

/** An image of family web, so many days old at NOW, READY and ACTIVE unless more says otherwise. */
export function imageOf(name: string, daysOld: number, more: Partial<Image> = {}): Image {
  return {
    id: String(
      7_000_000_000_000_000_000n + BigInt(Array.from(name).reduce((sum, c) => sum * 31 + c.charCodeAt(0), 7) % 1e9),
    ),
    name,
    family: "web",
    creationTimestamp: ago(daysOld),
    status: "READY",
    archiveSizeBytes: String(2 ** 30),
    selfLink: `https://www.googleapis.com/compute/v1/projects/${HOME}/global/images/${name}`,
    ...more,
  };
}

export function ago(days: number, now = NOW): string {
  return new Date(Date.parse(now) - days * DAY).toISOString();
}

/** The family as Compute has it after these of the steps; what a family points to is said by `headOf`, not by what is tested. */
export function after(
  images: readonly Image[],
  decided: readonly Decided[],
  taken: (image: Image) => boolean = () => true,
): Image[] {
  const steps = new Map(decided.map(({ image, decision }) => [image.id, decision]));
  return images.flatMap((image) => {
    const step = steps.get(image.id);
    if (!step || step.do === "keep" || !taken(image)) return [image];
    return step.do === "delete" ? [] : [{ ...image, deprecated: step.status }];
  });
}

/** The newest that is READY and not deprecated, as Google documents it. */
export function headOf(images: readonly Image[], family = "web"): string | undefined {
  const usable = images.filter(
    (image) =>
      image.family === family && image.status === "READY" && (image.deprecated?.state ?? "ACTIVE") === "ACTIVE",
  );
  return usable.sort((a, b) => Date.parse(b.creationTimestamp) - Date.parse(a.creationTimestamp))[0]?.name;
}
