import { describe, expect, it } from "vitest";
import { dateOf } from "../../../../functions/core/images/dates.ts";
import type { ImageHold } from "../../../../functions/core/images/holds.ts";
import type { FamilyPolicy } from "../../../../functions/core/images/policy.ts";
import { type Decision, decideRotation } from "../../../../functions/core/images/rotation.ts";
import { UseIndex } from "../../../../functions/core/images/uses.ts";
import type { DeprecationStatus, Image } from "../../../../wire/compute.d.ts";
import { ago, DAY, HOME, imageOf, NOW } from "./family.ts";

const policy: FamilyPolicy = {
  family: "web",
  project: HOME,
  rotate: { deprecate: 14 * DAY, obsolete: 30 * DAY, delete: 30 * DAY, remove: 7 * DAY },
  retain: 2,
  consumers: [],
};
const head = imageOf("web-head", 1);
const second = imageOf("web-second", 8);

interface Circumstance {
  image: Image;
  used?: boolean;
  unread?: string[];
  hold?: Partial<ImageHold>;
  policy?: Partial<FamilyPolicy>;
  beside?: Image[];
}

function decide({ image, used, unread = [], hold, policy: more, beside = [head, second] }: Circumstance): Decision {
  const uses = new UseIndex();
  if (used) uses.add([{ image: { id: image.id }, by: "disk web-x of instance web-x in acme-prod/us-central1-a" }]);
  const holds: ImageHold[] = hold
    ? [{ image: { id: image.id, name: image.name }, reason: "audit", by: "ada", at: ago(1), ...hold }]
    : [];
  const { images } = decideRotation([image, ...beside], { uses, unread }, { ...policy, ...more }, holds, NOW);
  const found = images.find((each) => each.image.id === image.id);
  if (!found) throw new Error("every image of the family is decided about");
  return found.decision;
}

const old = (deprecated?: DeprecationStatus) => imageOf("web-old", 200, deprecated ? { deprecated } : {});
const deprecated = (days: number) => old({ state: "DEPRECATED", deprecated: ago(days) });
const obsolete = (days: number) => old({ state: "OBSOLETE", deprecated: ago(days + 30), obsolete: ago(days) });
const gone = (days: number) => old({ state: "DELETED", deprecated: ago(90), obsolete: ago(60), deleted: ago(days) });

describe("an image that moves", () => {
  it.each<[string, Circumstance, DeprecationStatus]>([
    [
      "ACTIVE for longer than 14 days becomes DEPRECATED, with the dates of what follows",
      { image: old() },
      { state: "DEPRECATED", deprecated: NOW, obsolete: ago(-30), deleted: ago(-60) },
    ],
    [
      "DEPRECATED for longer than 30 days becomes OBSOLETE and keeps the date it was deprecated",
      { image: deprecated(31) },
      { state: "OBSOLETE", deprecated: ago(31), obsolete: NOW, deleted: ago(-30) },
    ],
    [
      "OBSOLETE for longer than 30 days becomes DELETED",
      { image: obsolete(30) },
      { state: "DELETED", deprecated: ago(60), obsolete: ago(30), deleted: NOW },
    ],
    [
      "DEPRECATED since nobody knows when gets today as its date, and stays DEPRECATED",
      { image: old({ state: "DEPRECATED" }) },
      { state: "DEPRECATED", deprecated: NOW, obsolete: ago(-30), deleted: ago(-60) },
    ],
    [
      "a date that was announced for later stays as announced",
      { image: old({ state: "ACTIVE", obsolete: ago(-100) }) },
      { state: "DEPRECATED", deprecated: NOW, obsolete: ago(-100), deleted: ago(-130) },
    ],
    [
      "a date without an offset is UTC, and is sent again with one",
      { image: old({ state: "DEPRECATED", deprecated: "2026-10-01T08:00:00" }) },
      { state: "OBSOLETE", deprecated: "2026-10-01T08:00:00.000Z", obsolete: NOW, deleted: ago(-30) },
    ],
    [
      "a policy that ends at OBSOLETE announces nothing after it",
      { image: deprecated(31), policy: { rotate: { ...policy.rotate, delete: null } } },
      { state: "OBSOLETE", deprecated: ago(31), obsolete: NOW },
    ],
    [
      "needed, it is deprecated all the same: it can still be used",
      { image: old(), used: true },
      { state: "DEPRECATED", deprecated: NOW, obsolete: ago(-30), deleted: ago(-60) },
    ],
    [
      "with something unread, it is deprecated all the same",
      { image: old(), unread: ["the disks of acme-dev"] },
      { state: "DEPRECATED", deprecated: NOW, obsolete: ago(-30), deleted: ago(-60) },
    ],
    [
      "a hold that is over holds nothing",
      { image: deprecated(31), hold: { until: NOW } },
      { state: "OBSOLETE", deprecated: ago(31), obsolete: NOW, deleted: ago(-30) },
    ],
  ])("%s", (_sentence, circumstance, status) => {
    const decision = decide(circumstance);
    expect(decision).toMatchObject({ do: "state", to: status.state });
    expect("status" in decision && decision.status).toEqual({ ...status, replacement: head.selfLink });
  });

  it("DELETED for longer than 7 days is deleted", () => {
    expect(decide({ image: gone(7) })).toMatchObject({ do: "delete", why: expect.stringContaining("longer than 7d") });
  });
});

describe("an image that stays", () => {
  it.each<[string, Circumstance, { rule: string; why?: RegExp; until?: string | undefined }]>([
    ["is what the family points to", { image: old(), beside: [] }, { rule: "head" }],
    ["is one of the newest two, however old", { image: old(), beside: [head] }, { rule: "retained", why: /newest 2/ }],
    ["was made as the head was, in the same instant", { image: imageOf("web-twin", 1) }, { rule: "head" }],
    [
      "is young",
      { image: imageOf("web-old", 10), beside: [head, second, imageOf("a", 9)] },
      { rule: "young", until: ago(-4) },
    ],
    ["is held", { image: gone(100), hold: { until: ago(-3) } }, { rule: "held", why: /by ada: audit/, until: ago(-3) }],
    [
      "is needed",
      { image: deprecated(300), used: true },
      { rule: "used", why: /disk web-x of instance web-x/, until: undefined },
    ],
    ["is needed and young", { image: deprecated(10), used: true }, { rule: "used", until: ago(-20) }],
    [
      "is OBSOLETE and needed, which is said loudly",
      { image: obsolete(1), used: true },
      { rule: "stranded", why: /image deprecate web-old --state DEPRECATED/ },
    ],
    ["is DELETED and needed", { image: gone(300), used: true }, { rule: "stranded" }],
    [
      "may be needed by what was not read",
      { image: deprecated(31), unread: ["the disks of acme-dev"] },
      { rule: "unread", why: /disks of acme-dev/ },
    ],
    [
      "may be needed, and is to be deleted",
      { image: gone(8), unread: ["the record of fleet api"] },
      { rule: "unread" },
    ],
    [
      "was announced for later",
      { image: old({ state: "DEPRECATED", deprecated: ago(90), obsolete: ago(-5) }) },
      { rule: "young", until: ago(-5) },
    ],
    [
      "was announced for the year 9999, which never comes",
      { image: old({ state: "DEPRECATED", deprecated: ago(90), obsolete: "9999-12-31" }) },
      { rule: "young", until: "9999-12-31T00:00:00.000Z" },
    ],
    [
      "is DEPRECATED as of the year 9999",
      { image: old({ state: "DEPRECATED", deprecated: "9999-12-31T23:59:59Z" }) },
      { rule: "young", until: "9999-12-31T23:59:59.999Z" },
    ],
    [
      "is in a state the policy does not end",
      { image: obsolete(300), policy: { rotate: { ...policy.rotate, delete: null } } },
      { rule: "no-age" },
    ],
    [
      "is still being made",
      { image: imageOf("web-new", 0, { status: "PENDING" }) },
      { rule: "not-ready", why: /still being made/ },
    ],
    ["could not be made", { image: imageOf("web-new", 90, { status: "FAILED" }) }, { rule: "not-ready" }],
    ["is of a family that points to nothing", { image: deprecated(300), beside: [] }, { rule: "no-head" }],
    [
      "does not say when it was made",
      { image: imageOf("web-odd", 0, { creationTimestamp: "?" }) },
      { rule: "not-ready" },
    ],
  ])("%s", (_sentence, circumstance, { rule, why, ...more }) => {
    const decision = decide(circumstance);
    expect(decision).toMatchObject({ do: "keep", rule });
    if (why) expect(decision.why).toMatch(why);
    expect(decision.why).not.toBe("");
    if ("until" in more) expect("until" in decision ? decision.until : undefined).toBe(more.until);
  });
});

it("a date without an offset is UTC, also on a computer that is elsewhere", () => {
  const { TZ } = process.env;
  process.env.TZ = "America/New_York";
  try {
    expect(new Date(0).getTimezoneOffset()).toBe(300);
    expect(dateOf("2026-10-01T08:00:00")).toBe("2026-10-01T08:00:00.000Z");
    expect(dateOf("2026-10-01")).toBe("2026-10-01T00:00:00.000Z");
    expect(dateOf("2026-10-01T08:00:00.5-07:00")).toBe("2026-10-01T15:00:00.500Z");
    expect(dateOf("soon")).toBeUndefined();
  } finally {
    if (TZ === undefined) delete process.env.TZ;
    else process.env.TZ = TZ;
  }
});

it("a rolled-back head is none of the newest that stay: the one before it is the head", () => {
  const bad = imageOf("web-bad", 1, { deprecated: { state: "DEPRECATED", deprecated: ago(0.5) } });
  const good = imageOf("web-good", 30);
  const { heads, images } = decideRotation(
    [bad, good, imageOf("web-third", 40)],
    { uses: new UseIndex(), unread: [] },
    policy,
    [],
    NOW,
  );
  expect(heads.map(({ name }) => name)).toEqual(["web-good"]);
  expect(images.map(({ image, decision }) => [image.name, decision.do === "keep" && decision.rule])).toEqual([
    ["web-bad", "young"],
    ["web-good", "head"],
    ["web-third", "retained"],
  ]);
});

it("a template that names an image by a project's number needs the image of that name, whichever project it is", () => {
  const uses = new UseIndex();
  uses.add([{ image: { project: "?", name: "web-old" }, by: "template t of group g" }]);
  const { images } = decideRotation([head, second, deprecated(31)], { uses, unread: [] }, policy, [], NOW);
  expect(images.at(-1)?.decision).toMatchObject({ do: "keep", rule: "used" });
});
