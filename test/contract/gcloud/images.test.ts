import { expect, test } from "vitest";
import { short } from "./gcloud.ts";
import { scenario } from "./suite.ts";

interface Image {
  name: string;
  family?: string;
  status: string;
  labels?: Record<string, string>;
  deprecated?: { state: string; replacement?: string; deleted?: string };
}

/** https://cloud.google.com/compute/docs/images/create-custom and .../image-families-best-practices, .../deprecate-custom */
scenario("custom images and image families", (cloud) => {
  const names = async (filter: string) =>
    (await cloud().values(`compute images list --no-standard-images ${filter}`, "name")).flat();

  test("an image is made from a family of another project, with labels and a description", async () => {
    const made = await cloud().json<Image[]>(
      'compute images create web-1 --family=web --source-image-family=debian-12 --source-image-project=debian-cloud --labels=channel=stable --description="first one" --storage-location=us',
    );
    expect(made).toMatchObject([
      { name: "web-1", family: "web", status: "READY", labels: { channel: "stable" }, description: "first one" },
    ]);
    expect(await cloud().json("compute images describe web-1")).toMatchObject({
      storageLocations: ["us"],
      sourceImage: expect.stringContaining("/projects/debian-cloud/global/images/debian-12"),
    });
  });

  test("the newest image of a family is what the family names", async () => {
    await cloud().say("compute images create web-2 --family=web --source-image=web-1");
    await cloud().say(
      "compute images create web-3 --family=web --source-image-family=web --guest-os-features=UEFI_COMPATIBLE,GVNIC --architecture=X86_64",
    );
    const head = await cloud().json<Image & { guestOsFeatures: { type: string }[]; sourceImage: string }>(
      "compute images describe-from-family web",
    );
    expect([head.name, short(head.sourceImage)]).toEqual(["web-3", "web-2"]);
    expect(head.guestOsFeatures.map(({ type }) => type)).toEqual(["UEFI_COMPATIBLE", "GVNIC"]);
  });

  test("lists take filters, orders, limits and formats, with public images and without", async () => {
    expect(await names("--filter=family=web --sort-by=name")).toEqual(["web-1", "web-2", "web-3"]);
    expect(await names("--filter=family=other")).toEqual([]);
    expect(await names("--filter=\"name~'^web-[12]$'\" --sort-by=~name")).toEqual(["web-2", "web-1"]);
    expect(await names('--filter="labels.channel=stable AND status=READY"')).toEqual(["web-1"]);
    expect(await names("--filter=\"creationTimestamp<'2020-01-01'\"")).toEqual([]);
    expect(await names("--limit=1 --sort-by=name")).toEqual(["web-1"]);
    const all = (await cloud().values("compute images list", "name,family")).map(([name]) => name);
    expect(all).toEqual(expect.arrayContaining(["web-1", "debian-12-bookworm-v20250101"]));
    const [uri] = (await cloud().say("compute images list --no-standard-images --uri --limit=1")).stdout.split("\n");
    expect(uri).toMatch(/\/compute\/v1\/projects\/.*\/global\/images\/web-1$/);
  });

  test("labels come and go, a family moves", async () => {
    await cloud().say("compute images add-labels web-1 --labels=env=prod");
    await cloud().say("compute images remove-labels web-1 --labels=channel");
    await cloud().say("compute images update web-1 --update-labels=tier=front --family=elder --description=moved");
    expect(await cloud().json("compute images describe web-1")).toMatchObject({
      labels: { env: "prod", tier: "front" },
      family: "elder",
      description: "moved",
    });
    expect(await cloud().values("compute images describe-from-family elder", "name")).toEqual([["web-1"]]);
  });

  test("a deprecated head lets its family fall back, and is hidden from lists", async () => {
    await cloud().say("compute images deprecate web-3 --state=DEPRECATED --replacement=web-2 --delete-in=7d");
    expect(await cloud().values("compute images describe-from-family web", "name")).toEqual([["web-2"]]);
    const { deprecated } = await cloud().json<Image>("compute images describe web-3");
    expect([deprecated?.state, short(deprecated?.replacement)]).toEqual(["DEPRECATED", "web-2"]);
    expect(await names("--filter=family=web")).toEqual(["web-2"]);
    expect(await names("--filter=family=web --show-deprecated")).toEqual(["web-2", "web-3"]);
  });

  test("an obsolete image makes no machine, an active one does again", async () => {
    await cloud().say("compute images deprecate web-3 --state=OBSOLETE --delete-on=2030-01-01");
    expect(await cloud().refused("compute instances create refused --image=web-3 --zone=us-central1-a")).toMatch(
      /OBSOLETE|obsolete/,
    );
    await cloud().say("compute images deprecate web-3 --state=ACTIVE");
    expect(await cloud().values("compute images describe-from-family web", "name")).toEqual([["web-3"]]);
  });

  test("a disk becomes an image, of a running machine only by force", async () => {
    await cloud().say("compute instances create builder --image=web-2 --machine-type=e2-small --zone=us-central1-a");
    const line = "compute images create baked --source-disk=builder --source-disk-zone=us-central1-a --family=baked";
    expect(await cloud().refused(line)).toContain("already being used by");
    expect(await cloud().json(`${line} --force`)).toMatchObject([{ name: "baked", status: "READY" }]);
    await cloud().say("compute instances stop builder --zone=us-central1-a");
    await cloud().say(
      "compute images create baked-2 --source-disk=builder --source-disk-zone=us-central1-a --family=baked",
    );
    expect(await cloud().values("compute images describe-from-family baked", "name,sourceDisk.basename()")).toEqual([
      ["baked-2", "builder"],
    ]);
  });

  test("rights on an image are given and taken", async () => {
    const binding = "web-2 --member=user:a@example.com --role=roles/compute.imageUser";
    expect(await cloud().json(`compute images add-iam-policy-binding ${binding}`)).toMatchObject({
      bindings: [{ role: "roles/compute.imageUser", members: ["user:a@example.com"] }],
    });
    await cloud().say(`compute images remove-iam-policy-binding ${binding}`);
    expect(await cloud().json("compute images get-iam-policy web-2")).not.toHaveProperty("bindings");
  });

  test("several images are deleted by one command; what is gone is not found", async () => {
    await cloud().say("compute images delete web-2 web-3");
    expect(await cloud().refused("compute images describe web-2")).toContain("was not found");
    expect(await cloud().refused("compute images describe-from-family web")).toContain("was not found");
  });
});
