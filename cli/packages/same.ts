import type { Image } from "../../wire/compute.d.ts";
import { diffPackages } from "./diff.ts";
import { distributionText, identityOf, type PackageList } from "./list.ts";

/** An image as it is compared: what Compute Engine says of it, its packages, and the digest of its application. */
export interface Compared {
  image: Pick<Image, "name" | "architecture" | "diskSizeGb">;
  list: PackageList | undefined;
  application: string | undefined;
}

/** Why the new image is not the old one over again; empty when nothing tells them apart. What is not known is a difference. */
export function differences(fresh: Compared, old: Compared): string[] {
  const told: string[] = [];
  const field = (what: string, ours: string | undefined, theirs: string | undefined) => {
    if (ours !== theirs) told.push(`${what} ${ours ?? "unknown"}, not ${theirs ?? "unknown"}`);
  };
  field("architecture", fresh.image.architecture, old.image.architecture);
  field("disk size in GB", fresh.image.diskSizeGb, old.image.diskSizeGb);
  if (old.application === undefined)
    told.push(`${old.image.name} has no label application, so its application is not known`);
  else if (fresh.application !== old.application)
    told.push(`application ${fresh.application ?? "unknown"}, not ${old.application}`);
  if (!old.list || !fresh.list)
    told.push(`there is no package list of ${old.list ? fresh.image.name : old.image.name}`);
  else if (identityOf(fresh.list) !== identityOf(old.list)) told.push(...packageDifferences(fresh.list, old.list));
  return told;
}

function packageDifferences(fresh: PackageList, old: PackageList): string[] {
  const diff = diffPackages(old, fresh);
  const counts = Object.entries(diff).flatMap(([group, all]) => (all.length > 0 ? [`${all.length} ${group}`] : []));
  const [ours, theirs] = [distributionText(fresh.distribution), distributionText(old.distribution)];
  return [
    ...(ours === theirs ? [] : [`distribution ${ours}, not ${theirs}`]),
    ...(counts.length > 0 ? [`packages: ${counts.join(", ")}`] : []),
  ];
}
