import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonical } from "../../../functions/core/canonical.ts";
import type { GroupView } from "../../../functions/core/observation.ts";
import type { RolloutGroup } from "../../../functions/core/rolloutrecord.ts";
import { ownedText, ownPolicy } from "../../../functions/core/wanted.ts";
import type { FixedOrPercent, ManagerVersion, UpdatePolicy } from "../../../wire/compute.d.ts";

const sizes: fc.Arbitrary<FixedOrPercent> = fc.oneof(
  fc.record({ fixed: fc.nat(50) }),
  fc.record({ percent: fc.nat(100), calculated: fc.nat(50) }),
);
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const versions: fc.Arbitrary<ManagerVersion[]> = fc.array(
  fc
    .record({
      instanceTemplate: fc.constantFrom(
        "projects/p/global/instanceTemplates/a",
        "https://www.googleapis.com/compute/v1/b",
      ),
      name: optional(fc.constantFrom("", "x")),
      targetSize: optional(sizes),
    })
    .map(({ instanceTemplate, name, targetSize }) => ({
      instanceTemplate,
      ...(name !== undefined && { name }),
      ...(targetSize && { targetSize }),
    })),
  { minLength: 1, maxLength: 2 },
);
const policies: fc.Arbitrary<UpdatePolicy> = fc
  .record({
    type: optional(fc.constantFrom("PROACTIVE" as const, "OPPORTUNISTIC" as const)),
    maxSurge: optional(sizes),
    maxUnavailable: optional(sizes),
  })
  .map(({ type, maxSurge, maxUnavailable }) => ({
    ...(type && { type }),
    ...(maxSurge && { maxSurge }),
    ...(maxUnavailable && { maxUnavailable }),
  }));

describe("the text of what moult owns of a group", () => {
  it("is canonical, so that records of any version of moult compare", () => {
    fc.assert(
      fc.property(versions, policies, (versions, updatePolicy) => {
        const text = ownedText({ versions, updatePolicy });
        expect(text).toBe(canonical(JSON.parse(text)));
      }),
    );
  });

  it("says what is not said as Compute takes it", () => {
    const instanceTemplate = "projects/p/global/instanceTemplates/a";
    const spoken = { type: "OPPORTUNISTIC", minimalAction: "REPLACE", replacementMethod: "SUBSTITUTE" } as const;
    const said = ownedText({ versions: [{ instanceTemplate, name: "" }], updatePolicy: spoken });
    expect(ownedText({ versions: [{ instanceTemplate }], updatePolicy: {} })).toBe(said);
  });
});

describe("a group's own update policy in percentages, given back where the group has become too small for them", () => {
  const given = (above: number, missing: number, size: number, zones: number) => {
    const updatePolicy = { maxSurge: { percent: above }, maxUnavailable: { percent: missing } };
    const group: RolloutGroup = { from: { versions: [], updatePolicy, targetSize: 20 }, to: [], template: "web-2" };
    const { maxSurge, maxUnavailable } = ownPolicy(group, { targetSize: size, zones } as GroupView);
    return [maxSurge, maxUnavailable];
  };

  it.each<[string, [above: number, missing: number, size: number, zones: number], above: object, missing: object]>([
    ["is as it was from ten machines on", [20, 10, 10, 3], { percent: 20 }, { percent: 10 }],
    [
      "has the numbers they stand for, of those above rounded up and of those missing down",
      [30, 50, 5, 1],
      { fixed: 2 },
      { fixed: 2 },
    ],
    ["lets none be missing where that is less than one", [20, 10, 5, 1], { fixed: 1 }, { fixed: 0 }],
    [
      "does not let both machines of a regional group be missing for a tenth",
      [20, 10, 2, 3],
      { fixed: 3 },
      { fixed: 0 },
    ],
    ["lets as many be missing as there are zones where none may be above", [0, 10, 5, 3], { fixed: 0 }, { fixed: 3 }],
    ["lets one be missing of a zonal group where none may be above", [0, 10, 5, 1], { fixed: 0 }, { fixed: 1 }],
    ["lets none be above where none was", [0, 50, 8, 3], { fixed: 0 }, { fixed: 4 }],
  ])("%s", (_, [above, missing, size, zones], surge, unavailable) => {
    expect(given(above, missing, size, zones)).toEqual([surge, unavailable]);
  });
});
