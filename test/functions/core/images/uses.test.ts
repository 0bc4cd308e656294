import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { followedImage } from "../../../../functions/core/follow.ts";
import { takeable, usesOfFleet } from "../../../../functions/core/images/fleetuses.ts";
import { type Inventory, usesOfProject } from "../../../../functions/core/images/inventory.ts";
import { UseIndex, usersText } from "../../../../functions/core/images/uses.ts";
import { emptyRecord, type PublishedImage } from "../../../../functions/core/record.ts";
import { makeRelease } from "../../../../functions/core/release.ts";
import type { InstanceTemplate } from "../../../../wire/compute.d.ts";
import { sha256 } from "../small-cloud.ts";
import { ago, NOW } from "./family.ts";

const ROOT = "https://www.googleapis.com/compute/v1/projects/acme-prod";
const ZONE = `${ROOT}/zones/us-central1-a`;

const template = (name: string, sourceImage: string, region?: string): InstanceTemplate => ({
  name,
  selfLink: `${ROOT}/${region ? `regions/${region}` : "global"}/instanceTemplates/${name}`,
  properties: { disks: [{ boot: true, initializeParams: { sourceImage } }] },
});

function found(inventory: Partial<Inventory>, needed: { template: string; by: string }[] = []) {
  const all = { project: "acme-prod", disks: [], templates: [], groups: [], images: [], ...inventory };
  const { uses, unread } = usesOfProject(all, needed);
  const index = new UseIndex();
  index.add(uses);
  const of = (id: string, name = "web-1", project = "acme-images") => usersText(index.of({ id, name }, project));
  return { of, unread };
}

describe("what needs an image", () => {
  it.each<[string, string, boolean]>([
    ["by its whole URL", "https://www.googleapis.com/compute/v1/projects/acme-images/global/images/web-1", true],
    ["by its path", "projects/acme-images/global/images/web-1", true],
    ["by its project's number, which could be any project's", "projects/123456789012/global/images/web-1", true],
    ["by another project's image of the same name: not this one", "projects/acme-else/global/images/web-1", false],
    ["by its name in the template's own project: not this one", "global/images/web-1", false],
    ["by its family: that is the head, which stays anyway", "projects/acme-images/global/images/family/web-1", false],
    ["by another image", "projects/acme-images/global/images/web-10", false],
  ])("a template of a group, which names it %s", (_how, sourceImage, needs) => {
    const { of } = found({
      templates: [template("t", sourceImage)],
      groups: [{ name: "g", zone: ZONE, versions: [{ instanceTemplate: `${ROOT}/global/instanceTemplates/t` }] }],
    });
    expect(of("1")).toBe(needs ? "template t of group us-central1-a/g" : "");
  });

  it("a regional template is another than the global one of its name", () => {
    const named = "projects/acme-images/global/images/";
    const { of } = found({
      templates: [template("t", `${named}web-1`), template("t", `${named}web-2`, "us-central1")],
      groups: [
        {
          name: "g",
          region: `${ROOT}/regions/us-central1`,
          instanceTemplate: `${ROOT}/regions/us-central1/instanceTemplates/t`,
        },
      ],
    });
    expect(of("1")).toBe("");
    expect(of("2", "web-2")).toBe("template t of group us-central1/g");
  });

  it("a template that no group uses needs nothing, unless a fleet's record names it", () => {
    const templates = [template("t", "projects/acme-images/global/images/web-1")];
    expect(found({ templates }).of("1")).toBe("");
    expect(found({ templates }, [{ template: "t", by: "the rollout web-3 of fleet web" }]).of("1")).toBe(
      "template t of the rollout web-3 of fleet web",
    );
  });

  it("a group whose template is not in the list may need anything", () => {
    const { unread } = found({
      groups: [{ name: "g", zone: ZONE, instanceTemplate: `${ROOT}/global/instanceTemplates/t` }],
    });
    expect(unread).toEqual([expect.stringMatching(/instanceTemplates\/t of group us-central1-a\/g in acme-prod/)]);
  });

  it("disks by numeric id, attached or not, wherever the image was, and images made from it", () => {
    const { of } = found({
      disks: [
        { name: "web-x", zone: ZONE, sourceImageId: "7718790431234567890", users: [`${ZONE}/instances/web-x`] },
        { name: "kept", region: `${ROOT}/regions/us-central1`, sourceImageId: "7718790431234567890" },
        { name: "data", zone: ZONE },
      ],
      images: [{ name: "api-1", sourceImageId: "7718790431234567890" } as never],
    });
    expect(of("7718790431234567890")).toBe(
      "disk web-x of instance web-x in acme-prod/us-central1-a, disk kept, which no instance uses, in acme-prod/us-central1, image api-1 of acme-prod, which was made from it",
    );
    // Ids are beyond what a number holds.
    expect(of("7718790431234567891")).toBe("");
  });

  it("of a thousand, the first three are named and the others counted", () => {
    const disks = Array.from({ length: 1000 }, (_, i) => ({
      name: `d${i}`,
      zone: ZONE,
      sourceImageId: "1",
      users: [`${ZONE}/instances/d${i}`],
    }));
    expect(found({ disks }).of("1")).toMatch(/^disk d0 .*, disk d1 .*, disk d2 .* and 997 more$/);
  });

  it("every release that a fleet's record has", () => {
    const kept = (id: string) => ({
      release: makeRelease(
        { image: { id, name: `web-${id}`, project: "acme-images" }, configCommit: null, secrets: {}, base: {} },
        sha256,
      ),
      since: ago(5),
      adopted: false,
      versions: {},
    });
    const candidate = (id: string) => ({
      release: kept(id).release,
      since: ago(1),
      cause: { word: "image", text: "" },
    });
    const record = {
      ...emptyRecord("web"),
      stable: { ...kept("1"), asked: kept("2").release },
      previous: [kept("3"), kept("4")],
      candidate: candidate("5"),
      pending: candidate("6"),
      active: { from: kept("7"), to: kept("8").release },
      published: [{ image: { id: "9", name: "web-9", project: "acme-images" }, since: ago(9) }],
    };
    const uses = usesOfFleet(record as never, NOW);
    expect(uses.map(({ image }) => ("id" in image ? image.id : "")).sort()).toEqual([
      "1",
      "2",
      "3",
      "4",
      "5",
      "6",
      "7",
      "8",
      "9",
    ]);
    expect(uses.find(({ image }) => "id" in image && image.id === "3")?.by).toMatch(
      /^the previous release [0-9a-f]{12} of fleet web$/,
    );
  });
});

describe("what a follower could take of what a fleet has published", () => {
  const list = fc
    .array(
      fc.record({
        days: fc.integer({ min: 1, max: 30 }),
        gap: fc.integer({ min: 0, max: 3 }),
        withdrawn: fc.boolean(),
      }),
      { maxLength: 8 },
    )
    .map((drawn) => {
      let at = 0;
      return drawn.map(({ days, gap, withdrawn }, i): PublishedImage => {
        const until = at + gap;
        at = until + days;
        return {
          image: { id: String(i % 5), name: `web-${i % 5}`, project: "p" },
          since: ago(at),
          ...((i > 0 || gap > 0) && { until: ago(until) }),
          ...(withdrawn && { withdrawn: true }),
        };
      });
    });

  it("has in it whatever a follower takes, with any soak time, and what it takes when the newest is withdrawn", () => {
    fc.assert(
      fc.property(list, fc.integer({ min: 0, max: 40 }), (published, soakDays) => {
        const kept = new Set(takeable(published, NOW).map(({ image }) => image.id));
        const taken = (entries: PublishedImage[]) => followedImage(entries, soakDays * 86_400_000, NOW).taken?.image.id;
        const now = taken(published);
        if (now !== undefined) expect(kept).toContain(now);
        const newest = published.find(({ withdrawn }) => !withdrawn);
        const next = followedImage(
          published.map((each) => (each === newest ? { ...each, withdrawn: true } : each)),
          0,
          NOW,
        ).taken?.image.id;
        if (next !== undefined) expect(kept).toContain(next);
      }),
      { numRuns: 1000 },
    );
  });
});
