/** The demo's fleet, as demo/fleet.yaml and the images under demo/ name it. */
export const CAST = {
  project: "moult-demo",
  fleet: "web",
  family: "web",
  zone: "us-central1-a",
  group: "web",
  base: "web-base",
  secret: "web-greeting",
  size: 6,
  port: 8080,
} as const;

export type Version = "v1" | "v2" | "v3";

export const imageName = (version: Version) => `web-${version}`;

/** `web-v2` → `v2`; anything else stays as it is. */
export function versionOf(image: string): string {
  return /^web-(v\d+)$/.exec(image)?.[1] ?? image;
}
