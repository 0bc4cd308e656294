import { describe, expect, it } from "vitest";
import { rotationText } from "../../cli/images/rotationtext.ts";
import { viewOfRotation } from "../../cli/images/rotationview.ts";
import type { RotationPlan } from "../../functions/controller/rotation.ts";
import type { StepOutcome } from "../../functions/controller/rotationsteps.ts";
import { stepsOf } from "../../functions/controller/rotationsteps.ts";
import type { FamilyPolicy } from "../../functions/core/images/policy.ts";
import { decideRotation } from "../../functions/core/images/rotation.ts";
import { UseIndex } from "../../functions/core/images/uses.ts";
import { ago, DAY, HOME, imageOf, NOW } from "../functions/core/images/family.ts";

const plain = (_style: unknown, text: string) => text;
const policy: FamilyPolicy = {
  family: "web",
  project: HOME,
  rotate: { deprecate: 14 * DAY, obsolete: 30 * DAY, delete: 30 * DAY, remove: 7 * DAY },
  retain: 1,
  consumers: [],
};
const gib = (n: number) => ({ archiveSizeBytes: String(n * 2 ** 30) });
const images = [
  imageOf("web-head", 1, gib(10)),
  imageOf("web-old", 20, gib(8)),
  imageOf("web-undated", 50, { ...gib(0.12), deprecated: { state: "DEPRECATED" } }),
  imageOf("web-meant", 90, { ...gib(2), deprecated: { state: "OBSOLETE", obsolete: ago(9) } }),
  imageOf("web-last", 100, { ...gib(20), deprecated: { state: "DELETED", deleted: ago(8) } }),
  // Its size is not known before it is READY.
  { ...imageOf("web-failed", 120), status: "FAILED" as const, archiveSizeBytes: "" },
];
const uses = new UseIndex();
uses.add([{ image: { id: images[3]?.id ?? "" }, by: "disk a of instance a in acme-prod/us-central1-a" }]);
const rotation = decideRotation(images, { uses, unread: [] }, policy, [], NOW);
const plan: RotationPlan = { families: [{ policy, rotation, unread: [] }], broken: [] };

function outcomes(of: (image: string) => Pick<StepOutcome, "outcome" | "why">): StepOutcome[][] {
  return [
    stepsOf(rotation.images).map(({ image, state, step }) => ({
      image: image.name,
      from: state,
      step,
      ...of(image.name),
    })),
  ];
}

describe("what moult image rotate shows", () => {
  it("each image with its cost and what would become of it, and the sums", () => {
    expect(
      rotationText(viewOfRotation(plan, undefined), plain),
    ).toBe(`family web of acme-images, which points to web-head
IMAGE        STATE       MADE        A MONTH  WOULD              WHY
web-head     ACTIVE      2026-11-19  $0.50    stay               the family points to it
web-old      ACTIVE      2026-10-31  $0.40    become DEPRECATED  ACTIVE since 2026-10-31, longer than 14d; the next step from 2026-12-20
web-undated  DEPRECATED  2026-10-01  <$0.01   be dated           nothing says since when it is DEPRECATED: its age counts from now; the next step from 2026-12-20
web-meant    OBSOLETE    2026-08-22  $0.10    stay               OBSOLETE and still needed by disk a of instance a in acme-prod/us-central1-a: no new machine can be made from it. If that is not meant: moult image deprecate web-meant --state DEPRECATED
web-last     DELETED     2026-08-12  $1.00    be deleted         DELETED since 2026-11-12, longer than 7d
web-failed   ACTIVE      2026-07-23  $0.00    stay               it could not be made; nobody can use it, and a person may delete it

6 images of one family; those that stay cost $1.01 a month, and $1.00 would be saved (taken as $0.05 a GiB of archive and month)
Nothing was changed. moult image rotate --apply takes the 3 steps.
`);
  });

  it("what became of each step, and only what is gone is saved", () => {
    const view = viewOfRotation(
      plan,
      outcomes((image) =>
        image === "web-old"
          ? { outcome: "done" }
          : image === "web-last"
            ? { outcome: "failed", why: "permission denied" }
            : { outcome: "left", why: "permission denied" },
      ),
    );
    expect(view.usdPerMonth).toEqual({ kept: 2.006, freed: 0, perGiB: 0.05 });
    const text = rotationText(view, plain);
    expect(text).toMatch(/^web-old .* DEPRECATED +ACTIVE since/m);
    expect(text).toMatch(/^web-undated .* left +permission denied$/m);
    expect(text).toMatch(/^web-last .* failed +permission denied$/m);
    expect(text).toMatch(/^1 of 3 steps taken$/m);
    expect(
      viewOfRotation(
        plan,
        outcomes(() => ({ outcome: "done" })),
      ).usdPerMonth,
    ).toMatchObject({ kept: 1.006, freed: 1 });
  });
});
