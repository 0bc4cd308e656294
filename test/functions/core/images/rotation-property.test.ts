import fc from "fast-check";
import { expect, it } from "vitest";
import type { ImageHold } from "../../../../functions/core/images/holds.ts";
import type { FamilyPolicy } from "../../../../functions/core/images/policy.ts";
import { decideRotation, type ImageReferences } from "../../../../functions/core/images/rotation.ts";
import { UseIndex } from "../../../../functions/core/images/uses.ts";
import type { Image } from "../../../../wire/compute.d.ts";
import { after, ago, DAY, HOME, headOf, imageOf, NOW } from "./family.ts";

const LADDER = ["ACTIVE", "DEPRECATED", "OBSOLETE", "DELETED"];
const stateOf = (image: Image) => image.deprecated?.state ?? "ACTIVE";

const date = fc.oneof(
  fc.integer({ min: -100, max: 400 }).map((days) => ago(days)),
  fc.integer({ min: -100, max: 400 }).map((days) => ago(days).slice(0, 19)),
  fc.integer({ min: -100, max: 400 }).map((days) => ago(days).slice(0, 10)),
  fc.constantFrom("soon", "9999-12-31", "9999-12-31T23:59:59-12:00"),
);
const status = fc.record(
  {
    state: fc.constantFrom("ACTIVE" as const, "DEPRECATED" as const, "OBSOLETE" as const, "DELETED" as const),
    deprecated: date,
    obsolete: date,
    deleted: date,
  },
  { requiredKeys: [] },
);
const drawn = fc.record({
  daysOld: fc.integer({ min: 0, max: 60 }),
  status: fc.constantFrom("READY" as const, "READY" as const, "READY" as const, "PENDING" as const, "FAILED" as const),
  family: fc.constantFrom("web", "web", "web", "api"),
  deprecated: fc.option(status, { nil: undefined }),
  used: fc.boolean(),
  held: fc.constantFrom(null, "for ever", "past", "future"),
});
const family = fc.array(drawn, { maxLength: 14 }).map((list) => {
  const images = list.map(({ daysOld, status: ready, family: of, deprecated }, i) =>
    imageOf(`web-${i}`, daysOld, {
      id: String(1000 + i),
      status: ready,
      family: of,
      ...(deprecated && { deprecated }),
    }),
  );
  const uses = new UseIndex();
  uses.add(list.flatMap(({ used }, i) => (used ? [{ image: { id: String(1000 + i) }, by: `disk ${i}` }] : [])));
  const holds = list.flatMap(({ held }, i): ImageHold[] => {
    if (held === null) return [];
    const until = held === "past" ? { until: ago(1) } : held === "future" ? { until: ago(-1) } : {};
    return [{ image: { id: String(1000 + i), name: `web-${i}` }, reason: "audit", by: "ada", at: ago(2), ...until }];
  });
  return { images, uses, holds, list };
});
const age = fc.option(
  fc.integer({ min: 1, max: 60 }).map((days) => days * DAY),
  { nil: null },
);
const policies = fc.record({
  family: fc.constant("web"),
  project: fc.constant(HOME),
  rotate: fc.record({ deprecate: age, obsolete: age, delete: age, remove: age }),
  retain: fc.integer({ min: 1, max: 5 }),
  consumers: fc.constant<string[]>([]),
});
const unreads = fc.constantFrom<string[]>([], [], ["the disks of acme-dev"]);

const runs = (
  images: readonly Image[],
  references: ImageReferences,
  policy: FamilyPolicy,
  holds: ImageHold[],
  now = NOW,
) => decideRotation(images, references, policy, holds, now).images;

it("whatever the images, ages, uses and holds are: the head stays the head, what is needed stays usable, and a step is one state", () => {
  fc.assert(
    fc.property(family, policies, unreads, ({ images, uses, holds, list }, policy, unread) => {
      const decided = runs(images, { uses, unread }, policy, holds);
      expect(decided.map(({ image }) => image.name).sort()).toEqual(
        images
          .filter((image) => image.family === "web")
          .map(({ name }) => name)
          .sort(),
      );
      expect(headOf(after(images, decided))).toBe(headOf(images));
      for (const { image, decision } of decided) {
        const from = LADDER.indexOf(stateOf(image));
        const drawnAs = list[Number(image.id) - 1000];
        if (decision.do === "keep") {
          expect(decision.why).not.toBe("");
          continue;
        }
        expect(image.status).toBe("READY");
        expect(drawnAs?.held === "for ever" || drawnAs?.held === "future").toBe(false);
        if (decision.do === "delete") {
          expect(stateOf(image)).toBe("DELETED");
          expect(drawnAs?.used || unread.length > 0).toBe(false);
          continue;
        }
        const to = LADDER.indexOf(decision.to);
        expect([from, from + 1]).toContain(to);
        if (to > 1 && to > from) expect(drawnAs?.used || unread.length > 0).toBe(false);
        const { state, replacement, ...dates } = decision.status;
        expect(state).toBe(decision.to);
        // Of those made in the same instant, any may be the head.
        const named = images.find(({ selfLink }) => selfLink === replacement);
        const head = images.find(({ name }) => name === headOf(images));
        expect(named && stateOf(named)).toBe("ACTIVE");
        expect(named?.creationTimestamp).toBe(head?.creationTimestamp);
        const order = [dates.deprecated, dates.obsolete, dates.deleted].filter((each) => each !== undefined);
        for (const [i, at] of order.entries()) {
          expect(new Date(at).toISOString()).toBe(at);
          expect(i < to ? at <= NOW : at > NOW).toBe(true);
        }
        expect(order.length).toBeGreaterThanOrEqual(to);
        expect(order.slice(to - 1)).toEqual(order.slice(to - 1).sort());
      }
    }),
    { numRuns: 2000 },
  );
});

it("a run that dies after any of its steps is finished by the next, and one more changes nothing", () => {
  fc.assert(
    fc.property(family, policies, unreads, fc.func(fc.boolean()), ({ images, uses, holds }, policy, unread, lived) => {
      const references = { uses, unread };
      const once = after(images, runs(images, references, policy, holds));
      const half = after(images, runs(images, references, policy, holds), ({ id }) => lived(id));
      const whole = after(half, runs(half, references, policy, holds));
      expect(whole).toEqual(once);
      expect(runs(once, references, policy, holds).filter(({ decision }) => decision.do !== "keep")).toEqual([]);
    }),
    { numRuns: 1000 },
  );
});

it("run daily, every image ends where its age and its use say, and none gets there early", () => {
  const ages = fc.integer({ min: 1, max: 20 }).map((days) => days * DAY);
  const rotate = fc.record({ deprecate: ages, obsolete: ages, delete: ages, remove: ages });
  fc.assert(
    fc.property(
      fc.array(fc.record({ daysOld: fc.integer({ min: 0, max: 30 }), used: fc.boolean() }), {
        minLength: 1,
        maxLength: 8,
      }),
      rotate,
      fc.integer({ min: 1, max: 3 }),
      (list, given, retain) => {
        const policy: FamilyPolicy = { family: "web", project: HOME, rotate: given, retain, consumers: [] };
        let images = list.map(({ daysOld }, i) => imageOf(`web-${i}`, daysOld + i / 100, { id: String(1000 + i) }));
        const uses = new UseIndex();
        uses.add(list.flatMap(({ used }, i) => (used ? [{ image: { id: String(1000 + i) }, by: `disk ${i}` }] : [])));
        const head = headOf(images);
        const since = new Map(images.map((image) => [image.id, image.creationTimestamp]));
        const newest = [...images]
          .sort((a, b) => (a.creationTimestamp < b.creationTimestamp ? 1 : -1))
          .slice(0, retain);
        for (let day = 0; day < 120; day++) {
          const now = ago(-day);
          const decided = runs(images, { uses, unread: [] }, policy, [], now);
          for (const { image, state, decision } of decided) {
            if (decision.do === "keep") continue;
            const due = {
              ACTIVE: given.deprecate,
              DEPRECATED: given.obsolete,
              OBSOLETE: given.delete,
              DELETED: given.remove,
            };
            const waited = Date.parse(now) - Date.parse(since.get(image.id) ?? "");
            expect(waited).toBeGreaterThanOrEqual(due[state ?? "ACTIVE"]);
            since.set(image.id, now);
          }
          images = after(images, decided);
          expect(headOf(images)).toBe(head);
        }
        const stays = new Set(newest.map(({ id }) => id));
        for (const [i, { used }] of list.entries()) {
          const image = images.find(({ id }) => id === String(1000 + i));
          const end = stays.has(String(1000 + i)) ? "ACTIVE" : used ? "DEPRECATED" : undefined;
          expect(image && stateOf(image)).toBe(end);
        }
      },
    ),
    { numRuns: 200 },
  );
});
