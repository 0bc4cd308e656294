import { errors } from "../errors.ts";
import { checkZone } from "../geography.ts";
import { regionOf, type Scope } from "../names.ts";
import { isObject, type Json } from "../schema/check.ts";
import type { StoredGroup, StoredPolicy } from "./model.ts";

const AT = "resource.distributionPolicy";
const SHAPES = ["EVEN", "BALANCED", "ANY", "ANY_SINGLE_ZONE"] as const;

type Spread = Pick<StoredGroup, "zones" | "shape">;

/**
 * Reads over which zones a regional group spreads, and how. Zonal groups have no such policy.
 * @param fallback what holds where the caller says nothing.
 */
export function parseDistribution(body: Json, place: { project: string; scope: Scope }, fallback: Spread): Spread {
  const policy = body.distributionPolicy;
  if (place.scope.kind !== "region") {
    if (isObject(policy) && Object.keys(policy).length > 0)
      throw errors.value(AT, policy, "Distribution policy can be set only for regional managed instance groups.");
    return { zones: fallback.zones };
  }
  const given = isObject(policy) ? policy : {};
  const zones = Array.isArray(given.zones) ? given.zones : [];
  return {
    zones: zones.length === 0 ? fallback.zones : zones.map((zone, i) => zoneOf(zone, i, place)),
    shape: shapeOf(given.targetShape) ?? fallback.shape ?? "EVEN",
  };
}

function zoneOf(value: unknown, i: number, { project, scope }: { project: string; scope: Scope }): string {
  const text = isObject(value) ? String(value.zone ?? "") : "";
  const zone = text.slice(text.lastIndexOf("/") + 1);
  checkZone(project, zone);
  if (scope.kind !== "region" || regionOf(zone) !== scope.name)
    throw errors.value(`${AT}.zones[${i}].zone`, text, "The zone must be in the region of the managed instance group.");
  return zone;
}

function shapeOf(value: unknown): Spread["shape"] {
  if (value === undefined || value === null) return undefined;
  const shape = SHAPES.find((word) => word === value);
  if (!shape) throw errors.value(`${AT}.targetShape`, value, `Must be one of [${SHAPES.join(", ")}].`);
  return shape;
}

/**
 * A group that does not have to be even is not made even by itself: only EVEN and BALANCED can be redistributed proactively.
 * @param given the caller's update policy; what it leaves out is NONE.
 */
export function redistributed(policy: StoredPolicy, shape: Spread["shape"], given: unknown): StoredPolicy {
  if (shape !== "ANY" && shape !== "ANY_SINGLE_ZONE") return policy;
  if (isObject(given) && given.instanceRedistributionType === "PROACTIVE")
    throw errors.value(
      "resource.updatePolicy.instanceRedistributionType",
      "PROACTIVE",
      `Instance redistribution type must be NONE for target shape ${shape}.`,
    );
  return { ...policy, instanceRedistributionType: "NONE" };
}

/** Zones are chosen once; a patch may repeat them. */
export function checkZonesKept(old: Spread, wanted: Spread): void {
  if ([...old.zones].sort().join() !== [...wanted.zones].sort().join())
    throw errors.value(
      `${AT}.zones`,
      wanted.zones.join(", "),
      "The zones of a managed instance group cannot be changed.",
    );
}

export function renderDistribution({ zones, shape = "EVEN" }: Spread, to: (zone: string) => string): Json {
  return { zones: zones.map((zone) => ({ zone: to(zone) })), targetShape: shape };
}
