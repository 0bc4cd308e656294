import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { collectable, type MadeTemplate, type References, referencesOf } from "../../../functions/core/collect.ts";
import { begin } from "../../../functions/core/consider.ts";
import { emptyRecord, type FleetRecord } from "../../../functions/core/record.ts";
import type { Release } from "../../../functions/core/release.ts";
import type { Stable } from "../../../functions/core/stable.ts";
import { places, policyOf, sha256 } from "./small-cloud.ts";

const NOW = "2026-11-20T12:00:00.000Z";
const OLD = "2026-11-01T12:00:00.000Z";
const made = (name: string, more: Partial<MadeTemplate> = {}): MadeTemplate => ({
  name,
  created: OLD,
  release: `release of ${name}`,
  ...more,
});
const nothing: References = { templates: [], releases: [], unread: [] };

describe("a template that moult made", () => {
  it.each<[string, MadeTemplate, Partial<References>, string | null]>([
    ["that nothing needs goes", made("web-1"), {}, null],
    [
      "of a group's versions stays",
      made("web-1"),
      { templates: [{ template: "web-1", by: "group z/web" }] },
      "needed by group z/web",
    ],
    [
      "named by its URL stays as well",
      made("web-1"),
      {
        templates: [{ template: "https://compute/v1/projects/p/global/instanceTemplates/web-1", by: "machine web-x" }],
      },
      "needed by machine web-x",
    ],
    [
      "whose name only begins like one that is needed goes",
      made("web-1"),
      { templates: [{ template: "web-12", by: "group z/web" }] },
      null,
    ],
    [
      "of a release that waits stays, although nothing names it yet",
      made("web-1", { release: "abc" }),
      { releases: [{ release: "abc", by: "the pending release abc of fleet web" }] },
      "needed by the pending release abc of fleet web",
    ],
    [
      "younger than a day stays",
      made("web-1", { created: "2026-11-19T12:00:00.001Z" }),
      {},
      "made less than a day ago",
    ],
    ["a day old goes", made("web-1", { created: "2026-11-19T12:00:00.000Z" }), {}, null],
    ["made at a time that cannot be read stays", made("web-1", { created: "" }), {}, "made less than a day ago"],
    [
      "stays while anything could not be read",
      made("web-1"),
      { unread: ["group z/api"] },
      "group z/api could not be read, and may need it",
    ],
  ])("%s", (_, template, references, why) => {
    const expected =
      why === null ? { delete: [template.name], keep: [] } : { delete: [], keep: [{ name: template.name, why }] };
    expect(collectable([template], { ...nothing, ...references }, NOW)).toEqual(expected);
  });
});

function release(digest: string): Release {
  return { digest, image: { id: "1", name: "web-1", project: "p" }, configCommit: null, secrets: {}, base: {} };
}

function stable(digest: string, template: string): Stable {
  const versions = { "z/web": [{ instanceTemplate: `projects/p/global/instanceTemplates/${template}` }] };
  return { release: release(digest), since: OLD, adopted: false, versions };
}

function recordOf(digests: {
  stable: string;
  previous: string[];
  pending: string;
  candidate: string;
  active: string;
}): FleetRecord {
  const record = emptyRecord("web");
  record.stable = stable(digests.stable, `of-${digests.stable}`);
  record.previous = digests.previous.map((digest) => stable(digest, `of-${digest}`));
  record.pending = { release: release(digests.pending), since: OLD };
  record.candidate = { release: release(digests.candidate), since: OLD };
  const url = `projects/p/global/instanceTemplates/of-${digests.active}`;
  const context = { now: NOW, sha256, places };
  const observation = { at: NOW, commands: [], groups: {}, reports: [], gates: {}, templates: {} };
  record.active = begin({ record, observation, context, effects: [], reasons: [], moves: [] }, policyOf(), {
    id: "web-7",
    kind: "forward",
    from: record.stable,
    to: release(digests.active),
    reports: true,
    groups: {
      "z/web": {
        from: { versions: record.stable.versions["z/web"] ?? [], updatePolicy: {}, targetSize: 3 },
        to: [{ instanceTemplate: url }],
        template: `of-${digests.active}`,
      },
    },
  });
  return record;
}

describe("what a record needs", () => {
  it("is every release it could still put somewhere, and the templates that it names", () => {
    const record = recordOf({ stable: "s", previous: ["p", "q"], pending: "n", candidate: "c", active: "a" });
    record.approved = { release: "w", by: "ada", at: NOW, urgent: false };
    const { templates, releases } = referencesOf(record);
    expect(new Set(releases.map(({ release: digest }) => digest))).toEqual(
      new Set(["s", "p", "q", "n", "c", "a", "w"]),
    );
    expect(new Set(templates.map(({ template }) => template.replace(/.*\//, "")))).toEqual(
      new Set(["of-s", "of-p", "of-q", "of-a"]),
    );
    expect(releases.find(({ release: digest }) => digest === "q")?.by).toBe("the previous release q of fleet web");
  });
});

describe("whatever is there", () => {
  const digest = fc.integer({ min: 0, max: 30 }).map((n) => `r${n}`);
  const records = fc.array(
    fc
      .record({
        stable: digest,
        previous: fc.array(digest, { maxLength: 4 }),
        pending: digest,
        candidate: digest,
        active: digest,
      })
      .map((digests) => ({ digests, record: recordOf(digests) })),
    { maxLength: 3 },
  );

  it("nothing referenced is ever deleted, and all is either kept or deleted", () => {
    let deleted = 0;
    fc.assert(
      fc.property(
        records,
        fc.array(digest),
        fc.array(digest),
        fc.integer({ min: 0, max: 9 }),
        (fleets, groups, machines, broken) => {
          const templates = Array.from({ length: 31 }, (_, n) => made(`of-r${n}`, { release: `r${n}` }));
          const references = fleets.map(({ record }) => referencesOf(record));
          const found = collectable(
            templates,
            {
              templates: [
                ...references.flatMap((of) => of.templates),
                ...groups.map((one) => ({ template: `of-${one}`, by: "a group" })),
                ...machines.map((one) => ({ template: `of-${one}`, by: "a machine" })),
              ],
              releases: references.flatMap((of) => of.releases),
              unread: broken === 0 ? ["a bucket"] : [],
            },
            NOW,
          );
          const needed = new Set(
            [
              ...groups,
              ...machines,
              ...fleets.flatMap(({ digests: { previous, ...others } }) => [...previous, ...Object.values(others)]),
            ].map((one) => `of-${one}`),
          );
          expect(found.delete.filter((name) => needed.has(name))).toEqual([]);
          expect([...found.delete, ...found.keep.map(({ name }) => name)].sort()).toEqual(
            templates.map(({ name }) => name).sort(),
          );
          expect(found.keep.every(({ why }) => why.length > 10)).toBe(true);
          if (broken === 0) expect(found.delete).toEqual([]);
          else expect(found.delete.length).toBe(31 - needed.size);
          deleted += found.delete.length;
        },
      ),
      { numRuns: 300 },
    );
    expect(deleted).toBeGreaterThan(300);
  });
});
