import type { FamilyRotation, RotationPlan } from "../../functions/controller/rotation.ts";
import type { StepOutcome } from "../../functions/controller/rotationsteps.ts";
import { monthlyUsd, USD_PER_GIB_MONTH } from "../../functions/core/images/cost.ts";
import type { Decided } from "../../functions/core/images/rotation.ts";

/** One image of a rotation, as programs read it. */
export interface ImageView {
  name: string;
  id: string;
  /** Null when Compute names one that moult does not know. */
  state: string | null;
  created: string;
  usdPerMonth: number;
  /** `keep`, or the state it moves to, or `delete`. The same state: only the date of the state is recorded. */
  do: string;
  /** Of a keep: docs/image-rotation.md explains each. */
  rule?: string;
  why: string;
  /** The earliest that what is said here changes by itself. */
  until?: string;
  /** Only after --apply. */
  outcome?: StepOutcome["outcome"];
  /** Why the step was not taken. */
  problem?: string;
}

export interface FamilyView {
  project: string;
  family: string;
  head: string | null;
  /** What could not be read: nothing goes past DEPRECATED. */
  unread: string[];
  images: ImageView[];
}

export interface RotationView {
  applied: boolean;
  families: FamilyView[];
  broken: RotationPlan["broken"];
  /** `kept`: what the images that stay cost; `freed`: those that go. */
  usdPerMonth: { kept: number; freed: number; perGiB: number };
}

/** @param outcomes what became of the steps, by family and in the same order; undefined before --apply */
export function viewOfRotation(plan: RotationPlan, outcomes: StepOutcome[][] | undefined): RotationView {
  const families = plan.families.map((found, i) => familyView(found, outcomes?.[i]));
  const images = families.flatMap((each) => each.images);
  const goes = ({ do: what, outcome }: ImageView) => what === "delete" && (outcome ?? "done") === "done";
  const sum = (list: ImageView[]) => cents(list.reduce((total, { usdPerMonth }) => total + usdPerMonth, 0));
  return {
    applied: outcomes !== undefined,
    families,
    broken: plan.broken,
    usdPerMonth: {
      kept: sum(images.filter((image) => !goes(image))),
      freed: sum(images.filter(goes)),
      perGiB: USD_PER_GIB_MONTH,
    },
  };
}

function familyView({ policy, rotation, unread }: FamilyRotation, outcomes: StepOutcome[] | undefined): FamilyView {
  const byImage = new Map(outcomes?.map((outcome) => [outcome.image, outcome]));
  return {
    project: policy.project,
    family: policy.family,
    head: rotation.heads[0]?.name ?? null,
    unread,
    images: rotation.images.map((decided) => imageView(decided, byImage.get(decided.image.name))),
  };
}

function imageView({ image, state, decision }: Decided, said: StepOutcome | undefined): ImageView {
  const until = decision.do === "delete" ? undefined : decision.until;
  return {
    name: image.name,
    id: image.id,
    state: state ?? null,
    created: image.creationTimestamp,
    usdPerMonth: cents(monthlyUsd(image)),
    do: decision.do === "state" ? decision.to : decision.do,
    ...(decision.do === "keep" && { rule: decision.rule }),
    why: decision.why,
    ...(until !== undefined && { until }),
    ...(said && { outcome: said.outcome }),
    ...(said?.why !== undefined && { problem: said.why }),
  };
}

/** To a hundredth of a cent: what is smaller is noise of the arithmetic. */
function cents(usd: number): number {
  return Math.round(usd * 10_000) / 10_000;
}
