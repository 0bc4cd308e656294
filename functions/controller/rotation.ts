import type { FamilyPolicy } from "../core/images/policy.ts";
import { decideRotation, type Rotation } from "../core/images/rotation.ts";
import { instant } from "../core/instants.ts";
import type { Cloud } from "./cloud.ts";
import { type FamilyName, loadFamilies } from "./families.ts";
import { type ImageUses, readImageUses } from "./imageuses.ts";

/** A family with what is to become of each of its images; nothing is changed yet. */
export interface FamilyRotation {
  policy: FamilyPolicy;
  rotation: Rotation;
  /** What could not be read and may need its images: none of them goes past DEPRECATED. */
  unread: string[];
}

export interface RotationPlan {
  families: FamilyRotation[];
  /** Families that could not be looked at, and why. */
  broken: (FamilyName & { why: string })[];
}

/** What a rotation would do now to the families that have a policy and are wanted. Makes no calls when there are none. */
export async function planRotation(
  cloud: Cloud,
  wanted: (name: FamilyName) => boolean = () => true,
): Promise<RotationPlan> {
  const found = await loadFamilies(cloud.state);
  const plan: RotationPlan = { families: [], broken: found.broken.filter(wanted) };
  const broken = new Set(plan.broken.map(({ project, family }) => `${project}/${family}`));
  // Without its holds a family would be rotated as if there were none.
  const policies = found.policies.filter((each) => wanted(each) && !broken.has(`${each.project}/${each.family}`));
  if (policies.length === 0) return plan;
  const projects = policies.flatMap(({ project, consumers }) => [project, ...consumers]);
  const uses = await readImageUses(cloud, new Set([cloud.settings.project, ...projects]));
  const now = instant(cloud.time.now());
  for (const policy of policies) {
    const { project, family } = policy;
    const images = uses.images.get(project);
    if (!images) {
      const [why = "its images could not be listed"] = uses.unread.get(project) ?? [];
      plan.broken.push({ project, family, why: `family ${family} of ${project} is not rotated: ${why}` });
      continue;
    }
    const unread = unreadFor(policy, cloud.settings.project, uses);
    const holds = found.holds.get(project) ?? [];
    const rotation = decideRotation(images, { uses: uses.index, unread }, policy, holds, now);
    plan.families.push({ policy, rotation, unread });
  }
  return plan;
}

/** Another family's consumers do not keep this one's images. */
function unreadFor({ project, consumers }: FamilyPolicy, home: string, uses: ImageUses): string[] {
  const projects = new Set([project, home, ...uses.fleetProjects, ...consumers]);
  return [...uses.unreadFleets, ...[...projects].flatMap((each) => uses.unread.get(each) ?? [])];
}
