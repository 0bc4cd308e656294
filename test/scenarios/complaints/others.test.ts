import { afterEach, describe, expect, it } from "vitest";
import { collectTemplates } from "../../../functions/controller/collection.ts";
import { Playground, ZONE } from "./playground.ts";

let world: Playground;
afterEach(() => world.close());

const patches = () => world.changes.filter(({ method, path }) => method === "PATCH" && path.endsWith("Managers/web"));

describe("what others do meanwhile", () => {
  // 3: argoproj/argo-rollouts#3331
  it("two images that block each other does not happen: the newer one waits in one slot, the newest of them wins, both ends come", async () => {
    world = await Playground.fleet({ file: { finalBake: "90s" } });
    await world.image("web-2");
    await world.untilPhase("baking");
    await world.image("web-3");
    await world.image("web-4");
    await world.until(async () => (await world.record()).pending?.release.image.name === "web-4");
    await world.untilStable("web-2");
    await world.untilStable("web-4");
    expect([(await world.record()).rollouts, world.most.get("web-3")]).toEqual([2, undefined]);
  });

  // 12: hashicorp/terraform-provider-aws#13791, #21656
  it("a rollout that picks up what somebody edits under it does not happen: it pauses and names the group, and going on takes its own back", async () => {
    world = await Playground.fleet();
    await world.template("web-hand");
    await world.image("web-2");
    await world.untilPhase("baking");
    await world.patchGroup({
      versions: [{ instanceTemplate: "projects/acme-prod/global/instanceTemplates/web-hand" }],
    });
    await world.step();
    expect(await world.words()).toContain("external-change");
    expect(await world.said()).toContain("us-central1-a/web");
    const before = patches().length;
    await world.steps(5);
    expect(patches()).toHaveLength(before);
    await world.order({ kind: "start" });
    await world.untilStable("web-2");
    expect(await world.running()).toEqual({ "web-2": 4 });
  });

  // 12: "an edit of the document"
  it("steps that change their meaning half-way does not happen: a fleet file applied meanwhile is for the next rollout", async () => {
    world = await Playground.fleet({ size: 10 });
    await world.image("web-2");
    await world.untilPhase("baking");
    await world.apply({ steps: [{ share: "100%" }], finalBake: "0s" });
    await world.steps(2);
    expect(await world.running()).toEqual({ "web-1": 9, "web-2": 1 });
    await world.untilStable("web-2");
    expect((await world.record()).policy?.steps).toHaveLength(1);
  });

  // 22: Azure/vm-scale-sets#68
  it("one way for images and another for everything else does not happen: a new secret version and a new base go by canary too", async () => {
    const secrets = { key: { secret: "web-key", version: "newest" } };
    world = await Playground.open();
    world.cloud.secrets.enabled = async () => [1];
    await world.template("web-large", { machineType: "e2-medium" });
    await world.group();
    await world.takeOn({ secrets });
    const changes = [
      async () => {
        world.cloud.secrets.enabled = async () => [1, 2];
      },
      () => world.apply({ secrets, groups: [{ zone: ZONE, name: "web", base: "web-large" }] }),
    ];
    for (const change of changes) {
      const { rollouts } = await world.record();
      await change();
      await world.untilPhase("baking");
      const sizes = (await world.groupNow()).versions.map(({ targetSize }) => targetSize);
      expect(sizes).toMatchObject([{ calculated: 3 }, { fixed: 1 }]);
      await world.untilEnded("succeeded");
      expect((await world.record()).rollouts).toBe(rollouts + 1);
    }
  });

  // 24: hashicorp/terraform-provider-google#10365, #6277, #1601, hashicorp/terraform#11905
  it("a template that is deleted while something needs it does not happen: after ten images and a clean-up the fleet can still go back", async () => {
    world = await Playground.fleet();
    for (let i = 2; i <= 11; i++) {
      await world.image(`web-${i}`);
      await world.untilStable(`web-${i}`);
    }
    await world.pass(25 * 3_600_000);
    await collectTemplates(world.cloud);
    await world.advance(1000);
    const deleted = world.changes.filter(({ method, path }) => method === "DELETE" && path.includes("Templates/"));
    expect(deleted.length).toBeGreaterThan(0);
    for (const image of ["web-10", "web-9"]) {
      await world.order({ kind: "rollback" });
      await world.untilStable(image);
      expect(await world.running()).toEqual({ [image]: 4 });
    }
  });

  // 28: DefangLabs/pulumi-defang#370
  it("a change that fails for a fingerprint that is out of date does not happen: somebody patched something else, so it looks again", async () => {
    world = await Playground.fleet();
    let hands = 0;
    world.before = async ({ method, path }) => {
      if (method !== "PATCH" || !path.endsWith("Managers/web") || hands >= 2) return;
      hands += 1;
      await world.patchGroup({ namedPorts: [{ name: "http", port: 8080 + hands }] });
    };
    await world.image("web-2");
    await world.untilStable("web-2");
    expect([hands, (await world.record()).rollouts]).toEqual([2, 1]);
    expect((await world.groupNow()).namedPorts).toEqual([{ name: "http", port: 8082 }]);
  });

  // 29: e2b-dev/infra#770
  it("a group whose autoscaler cannot do its work during an update does not happen: it grows meanwhile, and moult never sends a size", async () => {
    world = await Playground.fleet();
    await world.autoscaler(4);
    await world.image("web-2");
    await world.untilPhase("baking");
    expect(await world.scalerMode()).toBe("ONLY_SCALE_OUT");
    await world.scaleTo(7);
    await world.untilStable("web-2");
    expect([await world.running(), await world.scalerMode()]).toEqual([{ "web-2": 7 }, "ON"]);
    expect(world.changes.filter(({ body }) => Object.hasOwn(Object(body), "targetSize"))).toEqual([]);
  });
});
