import { beforeEach, describe, expect, it } from "vitest";
import { imageChanged, ticked } from "../../../functions/controller/events.ts";
import { familyPaths, savePolicy } from "../../../functions/controller/families.ts";
import { paths } from "../../../functions/controller/records.ts";
import { rotateDaily } from "../../../functions/controller/rotatedaily.ts";
import { planRotation } from "../../../functions/controller/rotation.ts";
import { takeSteps } from "../../../functions/controller/rotationsteps.ts";
import { emptyRecord } from "../../../functions/core/record.ts";
import type { Compute } from "../../../functions/google/compute.ts";
import { Failure } from "../../../functions/google/failure.ts";
import type { DeprecationStatus, Image } from "../../../wire/compute.d.ts";
import { headOf, imageOf } from "../core/images/family.ts";
import { policyOf } from "../core/small-cloud.ts";
import { type Fakes, fakeCloud } from "./fakes.ts";

const PROJECT = "acme-images";
let images: Image[];
let calls: string[];
let requestIds: string[];
let cloud: Fakes;
/** What Google says to a call instead; thrown. */
let refuse: (call: string) => Failure | undefined;
let before: (call: string) => void;

function compute(project: string): Compute {
  const made = async <T>(call: string, answer: () => T): Promise<T> => {
    calls.push(`${call} ${project}`);
    before(call);
    const refused = refuse(`${call} ${project}`);
    if (refused) throw refused;
    return answer();
  };
  const change = (name: string, status: DeprecationStatus) => {
    images = images.map((image) => (image.name === name ? { ...image, deprecated: status } : image));
  };
  const fake: Partial<Compute> = {
    images: () => made("list images", () => (project === PROJECT ? images : [])),
    image: (name) => made(`get ${name}`, () => images.find((image) => image.name === name)),
    head: (family) => made(`head ${family}`, () => images.find(({ name }) => name === headOf(images, family))),
    allDisks: () => made("list disks", () => []),
    allTemplates: () => made("list templates", () => []),
    allGroups: () => made("list groups", () => []),
    deprecateImage: (name, status, requestId) =>
      made(`deprecate ${name}`, () => {
        requestIds.push(requestId);
        change(name, status);
        return { name: "op", status: "DONE" } as never;
      }),
    deleteImage: (name, requestId) =>
      made(`delete ${name}`, () => {
        requestIds.push(requestId);
        images = images.filter((image) => image.name !== name);
      }),
    waitFor: async () => {},
    templatesDescribed: async () => [],
  };
  return fake as Compute;
}

async function family(name: string, more: Record<string, unknown> = {}): Promise<void> {
  const policy = { family: name, project: PROJECT, rotate: { deprecate: "14d", obsolete: "30d" }, retain: 1, ...more };
  await savePolicy(cloud.state, { project: PROJECT, family: name }, policy);
}

const states = () => Object.fromEntries(images.map(({ name, deprecated }) => [name, deprecated?.state ?? "ACTIVE"]));
const changes = () => calls.filter((call) => /^(deprecate|delete) /.test(call));

beforeEach(() => {
  images = [imageOf("web-new", 1), imageOf("web-mid", 20), imageOf("web-old", 60)];
  calls = [];
  requestIds = [];
  refuse = () => undefined;
  before = () => {};
  cloud = { ...fakeCloud(), compute };
});

describe("the daily rotation", () => {
  it("makes no call to Compute while no family has a policy", async () => {
    await rotateDaily(cloud);
    expect(calls).toEqual([]);
  });

  it("is part of the daily tick, and says each step and each keep with its reason", async () => {
    await family("web");
    await ticked(cloud, { message: { attributes: { daily: "true" } }, subscription: "s" });
    expect(states()).toEqual({ "web-new": "ACTIVE", "web-mid": "DEPRECATED", "web-old": "DEPRECATED" });
    const said = cloud.logged.join("\n");
    expect(said).toMatch(/image web-new stays as it is: the family points to it/);
    expect(said).toMatch(/image web-old is DEPRECATED: ACTIVE since 2026-09-21, longer than 14d/);
  });

  it("lists each project once, however many families there are, and asks for no head of those with nothing to do", async () => {
    for (let i = 0; i < 20; i++) {
      await family(`f-${i}`, { consumers: ["acme-lab", "acme-prod"] });
      images.push(imageOf(`f-${i}-1`, 1, { id: `9${i}`, family: `f-${i}` }));
    }
    await rotateDaily(cloud);
    expect(calls.sort()).toEqual(
      ["acme-images", "acme-lab", "acme-prod"]
        .flatMap((project) => ["disks", "groups", "images", "templates"].map((what) => `list ${what} ${project}`))
        .sort(),
    );
  });

  it("a family whose policy cannot be read is said, and the others are rotated", async () => {
    await family("web");
    await cloud.state.write(familyPaths.policy({ project: PROJECT, family: "api" }), '{"schema": 2}', "0");
    await rotateDaily(cloud);
    expect(states()["web-old"]).toBe("DEPRECATED");
    const said = cloud.logged.findIndex((line) =>
      /family api of acme-images cannot be read: another version/.test(line),
    );
    expect(cloud.severities[said]).toBe("ERROR");
  });

  it("holds that cannot be read stop their family: nobody knows what is held", async () => {
    await family("web");
    await cloud.state.write(
      familyPaths.holds({ project: PROJECT, family: "web" }),
      '{"schema": 1, "holds": [{}]}',
      "0",
    );
    await rotateDaily(cloud);
    expect(changes()).toEqual([]);
    expect(cloud.logged.join("\n")).toMatch(/family web .* cannot be read: it is not a list of holds/);
  });

  it("while Google is busy it stops with this family and goes on with the next", async () => {
    await family("web");
    await family("zoo");
    for (let i = 0; i < 40; i++) images.push(imageOf(`web-a${i}`, 100 + i, { id: `5${i}` }));
    images.push(imageOf("zoo-2", 1, { family: "zoo" }), imageOf("zoo-1", 40, { family: "zoo" }));
    refuse = (call) =>
      /^deprecate web/.test(call) ? new Failure("unavailable", 503, call, "backend error") : undefined;
    await rotateDaily(cloud);
    // Those that were under way together were tried.
    expect(changes().filter((call) => /web/.test(call)).length).toBeLessThanOrEqual(8);
    expect(states()["zoo-1"]).toBe("DEPRECATED");
    expect(cloud.logged.join("\n")).toMatch(/image web-\S+ should become DEPRECATED and is as it was: .*backend error/);
  });

  it("stops when its time is up, oldest first, and the next run goes on", async () => {
    await family("web");
    for (let i = 0; i < 40; i++) images.push(imageOf(`web-a${i}`, 100 + i, { id: `5${i}` }));
    let now = cloud.time.now();
    cloud.time.now = () => now;
    before = (call) => {
      if (call.startsWith("deprecate")) now += 20_000;
    };
    await rotateDaily(cloud);
    const first = Object.values(states()).filter((state) => state === "DEPRECATED").length;
    expect(first).toBeGreaterThan(10);
    expect(first).toBeLessThan(42);
    expect(states()["web-a39"]).toBe("DEPRECATED");
    expect(states()["web-mid"]).toBe("ACTIVE");
    expect(cloud.logged.join("\n")).toMatch(
      /web-mid should become DEPRECATED and is as it was: the time of this run was up/,
    );
    before = () => {};
    await rotateDaily(cloud);
    expect(Object.values(states()).filter((state) => state === "DEPRECATED")).toHaveLength(42);
  });
});

describe("the event of a deprecation", () => {
  const event = (method: string, principalEmail: string) => ({
    message: {
      data: Buffer.from(
        JSON.stringify({
          protoPayload: { methodName: `v1.compute.images.${method}`, authenticationInfo: { principalEmail } },
        }),
      ).toString("base64"),
    },
    subscription: "s",
  });

  it.each([
    [
      "that rotation made is no news to fleets: the head is the same",
      "deprecate",
      "moult-functions@acme-prod.iam.gserviceaccount.com",
      false,
    ],
    ["nor is a deletion by it", "delete", "moult-functions@acme-prod.iam.gserviceaccount.com", false],
    ["that a person made rings them: it may have been the head", "deprecate", "ada@example.com", true],
  ])("%s", async (_what, method, principal, rings) => {
    await cloud.state.write(paths.record("web"), JSON.stringify(emptyRecord("web")), "0");
    let over = false;
    const done = imageChanged(cloud, event(method, principal)).finally(() => {
      over = true;
    });
    while (!over) await cloud.time.pass(1_000);
    await done;
    expect(cloud.state.objects.has(paths.bell("web"))).toBe(rings);
  });
});

describe("a step", () => {
  async function step(meanwhile: () => void): Promise<string[]> {
    await family("web");
    const { families } = await planRotation(cloud);
    meanwhile();
    const [found] = families;
    if (!found) throw new Error("the family has a policy");
    return (await takeSteps(cloud, found)).map(({ image, outcome, why }) => `${image} ${outcome}: ${why}`).sort();
  }

  it.each<[string, string, Partial<Image> | null, RegExp]>([
    ["the head was deprecated", "web-new", { deprecated: { state: "DEPRECATED" } }, /points to another image/],
    ["it went", "web-mid", null, /it is gone/],
    ["another took its name", "web-mid", { id: "1" }, /somebody changed it/],
    ["it joined another family", "web-mid", { family: "api" }, /somebody changed it/],
    ["a person gave it a date", "web-mid", { deprecated: { obsolete: "2027-01-01" } }, /somebody changed it/],
  ])("is not taken when meanwhile %s", async (_what, name, change, why) => {
    const [mid = ""] = await step(() => {
      images = images.flatMap((image) => (image.name !== name ? [image] : change ? [{ ...image, ...change }] : []));
    });
    expect(mid).toMatch(/^web-mid changed/);
    expect(mid).toMatch(why);
    expect(changes().some((call) => call.includes("web-mid"))).toBe(false);
  });

  it("is repeated with the same request id, and another step has another", async () => {
    await step(() => {});
    const first = [...requestIds].sort();
    expect(new Set(first).size).toBe(2);
    images = [imageOf("web-new", 1), imageOf("web-mid", 20), imageOf("web-old", 60)];
    requestIds = [];
    await rotateDaily(cloud);
    expect([...requestIds].sort()).toEqual(first);
  });

  it("without the right to it the first says so, and the rest of the family is not tried", async () => {
    for (let i = 0; i < 40; i++) images.push(imageOf(`web-a${i}`, 100 + i, { id: `5${i}` }));
    refuse = (call) =>
      /^deprecate/.test(call)
        ? new Failure("denied", 403, call, "Required 'compute.images.deprecate' permission")
        : undefined;
    const outcomes = await step(() => {});
    expect(outcomes).toHaveLength(42);
    expect(outcomes.every((line) => /failed|left: .*compute\.images\.deprecate/.test(line))).toBe(true);
    expect(changes().length).toBeLessThanOrEqual(8);
  });
});

describe("what cannot be read", () => {
  it.each<[string, () => Promise<void> | void, RegExp]>([
    [
      "a consumer that is not there",
      () => {
        refuse = (call) => (/acme-lab/.test(call) ? new Failure("missing", 404, call, "no such project") : undefined);
      },
      /of acme-lab/,
    ],
    [
      "a fleet's record",
      () => cloud.state.write(paths.record("shop"), "{", "0").then(() => {}),
      /the record of fleet shop/,
    ],
    [
      "the project of a fleet",
      async () => {
        await cloud.state.write(
          paths.record("shop"),
          JSON.stringify({ ...emptyRecord("shop"), policy: policyOf({ project: "acme-shop" }) }),
          "0",
        );
        refuse = (call) => (/groups acme-shop/.test(call) ? new Failure("denied", 403, call, "no") : undefined);
      },
      /the instance groups of acme-shop/,
    ],
  ])("%s keeps what would go past DEPRECATED", async (_what, arrange, named) => {
    await family("web", { consumers: ["acme-lab"] });
    images.push(imageOf("web-past", 90, { deprecated: { state: "DEPRECATED", deprecated: "2026-01-01" } }));
    await arrange();
    const { families } = await planRotation(cloud);
    expect(families[0]?.unread.join("\n")).toMatch(named);
    const past = families[0]?.rotation.images.find(({ image }) => image.name === "web-past");
    expect(past?.decision).toMatchObject({ do: "keep", rule: "unread" });
  });

  it("another family's consumer keeps nothing of this one", async () => {
    await family("web");
    await family("api", { consumers: ["acme-lab"] });
    images.push(imageOf("web-past", 90, { deprecated: { state: "DEPRECATED", deprecated: "2026-01-01" } }));
    refuse = (call) => (/acme-lab/.test(call) ? new Failure("denied", 403, call, "no") : undefined);
    await rotateDaily(cloud);
    expect(states()["web-past"]).toBe("OBSOLETE");
  });

  it("a family whose images cannot be listed is not rotated, and the others are", async () => {
    await family("web");
    await savePolicy(
      cloud.state,
      { project: "acme-other", family: "api" },
      { family: "api", project: "acme-other", rotate: {} },
    );
    refuse = (call) => (call === "list images acme-other" ? new Failure("denied", 403, call, "no") : undefined);
    const plan = await planRotation(cloud);
    expect(plan.broken).toEqual([
      {
        project: "acme-other",
        family: "api",
        why: expect.stringMatching(/api of acme-other is not rotated: the images of acme-other/),
      },
    ]);
    expect(plan.families.map((found) => found.policy.family)).toEqual(["web"]);
  });
});
