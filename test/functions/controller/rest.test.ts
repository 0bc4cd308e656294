import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readBell, ring } from "../../../functions/controller/bell.ts";
import { groupChanged, imageChanged, reportCame, ticked } from "../../../functions/controller/events.ts";
import { loadRecord, paths } from "../../../functions/controller/records.ts";
import { canonical } from "../../../functions/core/canonical.ts";
import { imageRef } from "../../../functions/core/inputs.ts";
import { emptyRecord, type FleetRecord } from "../../../functions/core/record.ts";
import { makeRelease } from "../../../functions/core/release.ts";
import { baseDigest } from "../../../functions/core/template.ts";
import type { Compute } from "../../../functions/google/compute.ts";
import type { Image, InstanceGroupManager } from "../../../wire/compute.d.ts";
import { baseProperties, imageOf, policyOf, sha256 } from "../core/small-cloud.ts";
import { type Fakes, fakeCloud } from "./fakes.ts";

const groups = ["a", "b"].map((letter) => ({ zone: `us-central1-${letter}`, name: "web", base: "web-base" }));
// Nothing begins: what is counted here are looks.
const web1 = imageOf("web-1", "1001");

function manager(more: Partial<InstanceGroupManager> = {}): InstanceGroupManager {
  return {
    fingerprint: "f",
    targetSize: 3,
    versions: [{ instanceTemplate: "global/instanceTemplates/web-base" }],
    updatePolicy: { type: "OPPORTUNISTIC" },
    status: { isStable: true },
    ...more,
  } as InstanceGroupManager;
}

const COMMIT = "c".repeat(64);

/**
 * A fleet of two groups that runs what its inputs ask for, looked at once; everything it asks of Google is counted. With secrets:
 * one that has a configuration too.
 */
async function atRest(secrets = 0) {
  const calls: string[] = [];
  const now = { group: manager(), images: [web1] as Image[] };
  const counted =
    <T>(what: string, answer: () => T) =>
    async () => {
      calls.push(what);
      return answer();
    };
  const compute: Partial<Compute> = {
    group: counted("group", () => now.group),
    head: counted("head", () => now.images.at(-1)),
    images: counted("images", () => now.images),
    template: counted("template", () => ({ name: "web-base", properties: baseProperties })),
    projectQuotas: counted("project", () => []),
    region: counted("region", () => undefined),
    insertTemplate: counted("insertTemplate", () => undefined),
  };
  const cloud = fakeCloud(compute);
  const base = Object.fromEntries(groups.map(({ zone }) => [`${zone}/web`, baseDigest(baseProperties, sha256)]));
  const names = Array.from({ length: secrets }, (_, i) => `key-${i}`);
  const versions = Object.fromEntries(names.map((name) => [name, `projects/acme-prod/secrets/${name}/versions/1`]));
  cloud.secrets = { ...cloud.secrets, enabled: counted("secret", () => [1]) };
  const ref = { by: "ada", commit: COMMIT, moved: "2026-11-20T12:00:00Z", previous: [] };
  await cloud.config.write("refs/web/prod.json", canonical({ ...ref, check: sha256(canonical(ref)) }), "0");
  await cloud.config.write(`packs/${COMMIT}.json`, "{}", "0");
  const inputs = {
    config: { ref: "web/prod" },
    secrets: Object.fromEntries(names.map((name) => [name, { secret: name }])),
  };
  const policy = policyOf({ groups, mode: "observe", ...(secrets > 0 && inputs) });
  const configCommit = secrets > 0 ? COMMIT : null;
  const release = makeRelease({ image: imageRef(web1), configCommit, secrets: versions, base }, sha256);
  const record: FleetRecord = {
    ...emptyRecord("web"),
    policy,
    stable: {
      release,
      since: "2026-01-01T00:00:00.000Z",
      adopted: secrets === 0,
      versions: Object.fromEntries(groups.map(({ zone }) => [`${zone}/web`, manager().versions])),
    },
  };
  await cloud.state.write(paths.record("web"), JSON.stringify(record), "0");
  await during(cloud, () => ring(cloud, "web"));
  const whole = [...calls];
  await cloud.time.pass(10_000);
  calls.length = 0;
  cloud.state.reads.clear();
  cloud.state.listed.length = 0;
  cloud.config.reads.clear();
  cloud.config.listed.length = 0;
  return { cloud, calls, now, whole };
}

async function during(cloud: Fakes, work: () => Promise<void>): Promise<void> {
  const done = work();
  await cloud.time.pass(100);
  await done;
}

const audit = (method: string, labels: object) => ({
  message: {
    data: Buffer.from(JSON.stringify({ protoPayload: { methodName: method }, resource: { labels } })).toString(
      "base64",
    ),
  },
  subscription: "s",
});
const groupEvent = audit("v1.compute.instanceGroupManagers.resize", {
  location: "us-central1-a",
  instance_group_manager_name: "web",
});
const imageEvent = audit("v1.compute.images.insert", {});
const reportEvent = { message: { attributes: { fleet: "web" } }, subscription: "s" };
const records = (cloud: Fakes) => cloud.state.reads.get(paths.record("web")) ?? 0;

describe("a look at a fleet with nothing to do", () => {
  it("that an event of a group asks for costs one read of the record and one call for each group", async () => {
    const { cloud, calls } = await atRest();
    await during(cloud, () => ring(cloud, "web", ["groups"]));
    expect(calls).toEqual(["group", "group"]);
    expect(records(cloud)).toBe(1);
    expect(cloud.state.listed).toEqual([]);
    expect([...cloud.state.reads.keys()].sort()).toEqual([paths.bell("web"), paths.record("web")]);
  });

  it("costs no more where the fleet has a configuration and hundreds of secrets, which only the sweep asks for, each once", async () => {
    const { cloud, calls, whole } = await atRest(300);
    expect(whole.filter((call) => call === "secret")).toHaveLength(300);
    await during(cloud, () => ring(cloud, "web", ["groups"]));
    await cloud.time.pass(10_000);
    await during(cloud, () => imageChanged(cloud, imageEvent));
    expect(calls).toEqual(["group", "group", "images"]);
    expect([cloud.config.reads.size, cloud.config.listed]).toEqual([0, []]);
  });

  it.each([
    ["an image", ["images"], imageChanged, imageEvent],
    ["a boot report", [], reportCame, reportEvent],
  ] as const)("that %s asks for costs these calls: %j", async (_, expected, event, envelope) => {
    const { cloud, calls } = await atRest();
    await during(cloud, () => event(cloud, envelope));
    expect(calls).toEqual(expected);
    expect(records(cloud)).toBe(1);
  });

  it("changes nothing that is kept, but that it was made", async () => {
    const { cloud } = await atRest();
    const before = cloud.state.objects.get(paths.record("web"))?.generation;
    await during(cloud, () => ring(cloud, "web", ["groups"]));
    expect(cloud.state.objects.get(paths.record("web"))?.generation).toBe(before);
    expect((await readBell(cloud, "web")).bell.made).toBe(true);
  });

  it("that the sweep asks for looks at everything, each base template once", async () => {
    const { whole } = await atRest();
    expect(whole.sort()).toEqual(["group", "group", "head", "images", "template"]);
  });
});

describe("an event at rest", () => {
  it("that changed a group makes a whole look, which says so", async () => {
    const { cloud, calls, now } = await atRest();
    now.group = manager({ versions: [{ instanceTemplate: "global/instanceTemplates/by-hand" }] });
    await during(cloud, () => groupChanged(cloud, groupEvent));
    expect(calls).toContain("head");
  });

  it("that only resized a group makes none", async () => {
    const { cloud, calls, now } = await atRest();
    now.group = manager({ targetSize: 9, fingerprint: "g" });
    await during(cloud, () => groupChanged(cloud, groupEvent));
    expect(calls).toEqual(["group", "group"]);
  });

  it.each([
    ["a newer image", [web1, imageOf("web-2", "1002", { creationTimestamp: "2026-02-01T00:00:00.000Z" })]],
    [
      "one that is being made",
      [web1, imageOf("web-2", "1002", { creationTimestamp: "2026-02-01T00:00:00.000Z", status: "PENDING" })],
    ],
    ["none any more", []],
    ["the same image deprecated", [{ ...web1, deprecated: { state: "DEPRECATED" as const } }]],
  ])("that finds %s makes a whole look", async (_, images) => {
    const { cloud, calls, now } = await atRest();
    now.images = images;
    await during(cloud, () => imageChanged(cloud, imageEvent));
    expect(calls).toContain("head");
  });

  it("keeps the wider wish when two are made one look", async () => {
    const { cloud, calls } = await atRest();
    const first = ring(cloud, "web", ["groups"]);
    await cloud.time.pass(10);
    calls.length = 0;
    const rings = [ring(cloud, "web", ["groups"]), ring(cloud, "web", ["image"]), ring(cloud, "web", ["reports"])];
    await cloud.time.pass(10_000);
    await Promise.all([first, ...rings]);
    expect(calls.sort()).toEqual(["group", "group", "images"]);
    const all = [ring(cloud, "web", ["groups"]), ring(cloud, "web", ["image"]), ring(cloud, "web", "all")];
    calls.length = 0;
    await cloud.time.pass(10_000);
    await Promise.all(all);
    expect(calls).toContain("head");
  });

  it("looks whole when somebody has written the record since", async () => {
    const { cloud, calls } = await atRest();
    const stored = cloud.state.objects.get(paths.record("web"));
    await cloud.state.write(paths.record("web"), stored?.text ?? "", stored?.generation ?? "");
    await during(cloud, () => ring(cloud, "web", ["groups"]));
    expect(calls).toContain("head");
  });

  it("looks whole when the sweep is due anyway", async () => {
    const { cloud, calls } = await atRest();
    await cloud.time.pass(700_000);
    await during(cloud, () => ring(cloud, "web", ["groups"]));
    expect(calls).toContain("head");
  });
});

describe("whatever happens at rest, in whatever order and however close together", () => {
  const happening = fc.record({
    what: fc.constantFrom("image", "by hand", "set back", "resize", "report", "sweep"),
    afterMs: fc.integer({ min: 0, max: 5_000 }),
    times: fc.integer({ min: 1, max: 3 }),
  });

  it("the last state is seen, though most events made no whole look", async () => {
    let whole = 0;
    let events = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { minLength: 1, maxLength: 12 }), async (happenings) => {
        const { cloud, calls, now } = await atRest();
        const rings: Promise<void>[] = [];
        let images = 1;
        for (const { what, afterMs, times } of happenings) {
          await cloud.time.pass(afterMs);
          if (what === "image") {
            images += 1;
            const creationTimestamp = `2026-02-01T00:00:${String(images).padStart(2, "0")}.000Z`;
            now.images = [...now.images, imageOf(`web-${images}`, String(1000 + images), { creationTimestamp })];
          }
          const byHand = { versions: [{ instanceTemplate: "global/instanceTemplates/by-hand" }] };
          if (what === "by hand") now.group = manager(byHand);
          if (what === "set back") now.group = manager();
          if (what === "resize") now.group = { ...now.group, targetSize: now.group.targetSize + 1 };
          for (let i = 0; i < times; i++) {
            events += 1;
            if (what === "image") rings.push(imageChanged(cloud, imageEvent));
            else if (what === "report") rings.push(reportCame(cloud, reportEvent));
            else if (what === "sweep") rings.push(ring(cloud, "web"));
            else rings.push(groupChanged(cloud, groupEvent));
          }
        }
        await cloud.time.pass(60_000);
        await Promise.all(rings);
        whole += calls.filter((call) => call === "head").length;
        const { record } = await loadRecord(cloud.state, "web");
        expect(record.candidate?.release.image.name).toBe(`web-${images}`);
        const strayed = now.group.versions[0]?.instanceTemplate?.endsWith("by-hand") === true && images === 1;
        expect(record.reasons.some(({ word }) => word === "external-change")).toBe(strayed);
      }),
      { numRuns: 150 },
    );
    expect(whole).toBeLessThan(events);
  }, 60_000);
});

describe("the tick", () => {
  it("rings a fleet whose planned look nobody made", async () => {
    const { cloud } = await atRest();
    await ticked(cloud, { message: {}, subscription: "s" });
    expect(cloud.rung).toEqual([]);
    const { bell, generation } = await readBell(cloud, "web");
    const { made: _, ...died } = bell;
    await cloud.state.write(paths.bell("web"), JSON.stringify({ ...died, at: cloud.time.now() - 5_000 }), generation);
    await ticked(cloud, { message: {}, subscription: "s" });
    expect(cloud.rung.map(({ attributes }) => attributes)).toEqual([{ fleet: "web" }]);
  });
});
