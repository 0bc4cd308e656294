import type { World } from "../frame/world.ts";

/** Where a resource lives. A value, so that what serves zones serves regions too. */
export type Scope = { kind: "global" } | { kind: "zone"; name: string } | { kind: "region"; name: string };

export const GLOBAL: Scope = { kind: "global" };

export function scopePath(scope: Scope): string {
  return scope.kind === "global" ? "global" : `${scope.kind}s/${scope.name}`;
}

/** `us-central1-a` → `us-central1` */
export function regionOf(zone: string): string {
  return zone.replace(/-[a-z]$/, "");
}

/** One resource, named. */
export interface Ref {
  project: string;
  scope: Scope;
  /** As in the path, e.g. `instanceGroupManagers`. */
  collection: string;
  name: string;
}

/** `projects/P/zones/Z/instances/I`: the key of everything stored here. */
export function pathOf(ref: Ref): string {
  return `projects/${ref.project}/${scopePath(ref.scope)}/${ref.collection}/${ref.name}`;
}

export function link(origin: string, path: string): string {
  return `${origin}/compute/v1/${path}`;
}

/** The last segment: `zones/us-central1-a` → `us-central1-a`; a bare name stays. */
export function lastOf(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}

type Projects = Pick<World, "project" | "projectNumber">;

export function projectId(world: Projects, project: string): string {
  return project === world.projectNumber ? world.project : project;
}

/**
 * Reads any form in which a resource may be named: a URL on any host (www.googleapis.com, compute.googleapis.com, this
 * emulator), `projects/…`, `global/…`, `zones/…`. Undefined when it is none of these.
 */
export function parseRef(world: Projects, text: string, project: string): Ref | undefined {
  const found =
    /(?:^|\/)(?:projects\/([^/]+)\/)?(global|zones\/[^/]+|regions\/[^/]+)\/([A-Za-z]+)\/((?:family\/)?[^/?]+)$/.exec(
      text,
    );
  if (!found) return undefined;
  const [, owner, where = "", collection = "", name = ""] = found;
  const [kind, place = ""] = where.split("/");
  const scope: Scope =
    kind === "zones" ? { kind: "zone", name: place } : kind === "regions" ? { kind: "region", name: place } : GLOBAL;
  return { project: projectId(world, owner ?? project), scope, collection, name };
}

/** As `parseRef`, for a field that may also hold the bare name of something in a known place. */
export function parseRefIn(world: Projects, text: string, place: Omit<Ref, "name">): Ref | undefined {
  return text.includes("/") ? parseRef(world, text, place.project) : { ...place, name: text };
}
