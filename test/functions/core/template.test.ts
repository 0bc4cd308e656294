import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonical } from "../../../functions/core/canonical.ts";
import { changedInputs, contains, makeRelease, type ReleaseInputs } from "../../../functions/core/release.ts";
import { baseDigest, baseProperties, renderTemplate, templateName } from "../../../functions/core/template.ts";
import type { InstanceProperties } from "../../../wire/compute.d.ts";
import { sha256 } from "./small-cloud.ts";

const release = { release: "r", fleet: "web", image: { name: "web-2", id: "1002" }, secrets: {} };
const image = { id: "1002", name: "web-2", project: "acme-images" };

const base: InstanceProperties = {
  machineType: "e2-small",
  labels: { kind: "db", fingerprint: "mine" },
  shieldedInstanceConfig: { enableSecureBoot: true },
  disks: [
    {
      kind: "compute#attachedDisk",
      index: 0,
      boot: true,
      initializeParams: { sourceImage: "projects/acme-images/global/images/web-1", diskSizeGb: "10" },
    },
    { index: 1, deviceName: "data", initializeParams: { diskSizeGb: "100" } },
  ],
  metadata: { kind: "compute#metadata", fingerprint: "abc=", items: [{ key: "a", value: "b" }] },
};

describe("the template of a release", () => {
  it("changes the boot image and moult-release, and nothing else", () => {
    const rendered = renderTemplate(base, image, release);
    expect(rendered).toEqual({
      machineType: "e2-small",
      labels: { kind: "db", fingerprint: "mine" },
      shieldedInstanceConfig: { enableSecureBoot: true },
      disks: [
        { boot: true, initializeParams: { sourceImage: "projects/acme-images/global/images/web-2", diskSizeGb: "10" } },
        { deviceName: "data", initializeParams: { diskSizeGb: "100" } },
      ],
      metadata: {
        items: [
          { key: "a", value: "b" },
          { key: "moult-release", value: canonical(release) },
        ],
      },
    });
  });

  it("leaves any other field of any base untouched", () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.constantFrom("scheduling", "labels", "reservationAffinity", "networkInterfaces", "tags"),
          fc.jsonValue(),
        ),
        (more) => {
          const rendered = renderTemplate({ ...base, ...(more as object) }, image, release);
          for (const key of Object.keys(more))
            expect(rendered[key]).toEqual(baseProperties(more as InstanceProperties)[key]);
        },
      ),
    );
  });

  it("rendered again from what was rendered is the same", () => {
    const once = renderTemplate(base, image, release);
    expect(renderTemplate(once, image, release)).toEqual(once);
  });

  it("has a base digest that neither the boot image nor moult's metadata moves", () => {
    const rendered = renderTemplate(base, image, release);
    expect(baseDigest(rendered, sha256)).toBe(baseDigest(base, sha256));
    expect(baseDigest({ ...base, machineType: "e2-medium" }, sha256)).not.toBe(baseDigest(base, sha256));
  });

  it("has a name Compute takes, whatever the group is called", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/), (name) => {
        expect(templateName({ location: "us-central1-a", name }, base, sha256)).toMatch(
          /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/,
        );
      }),
    );
  });

  it("has another name in another zone: subnetworks are regional", () => {
    const one = templateName({ location: "us-central1-a", name: "web" }, base, sha256);
    expect(templateName({ location: "us-central1-b", name: "web" }, base, sha256)).not.toBe(one);
  });
});

const inputs: ReleaseInputs = { image, configCommit: null, secrets: { a: "v1" }, base: { g: "d" } };

describe("a release", () => {
  it("is named by its inputs, not by the order they come in", () => {
    const one = makeRelease({ ...inputs, secrets: { a: "v1", b: "v2" } }, sha256);
    const two = makeRelease({ ...inputs, secrets: { b: "v2", a: "v1" } }, sha256);
    expect(two.digest).toBe(one.digest);
  });

  it("is the same under another image name and another under the same name with another id", () => {
    const one = makeRelease(inputs, sha256).digest;
    expect(makeRelease({ ...inputs, image: { ...image, name: "renamed" } }, sha256).digest).toBe(one);
    expect(makeRelease({ ...inputs, image: { ...image, id: "1003" } }, sha256).digest).not.toBe(one);
  });

  it.each([
    [
      "only the image changed: any release with it is caught",
      { image: { ...image, id: "9" } },
      { image: { ...image, id: "9" }, secrets: { a: "v7" } },
      true,
    ],
    [
      "only a secret changed: that version is caught with any image",
      { secrets: { a: "v2" } },
      { image: { ...image, id: "9" }, secrets: { a: "v2" } },
      true,
    ],
    [
      "image and secret changed: one of them alone is not caught",
      { image: { ...image, id: "9" }, secrets: { a: "v2" } },
      { image: { ...image, id: "9" } },
      false,
    ],
    ["nothing changed: nothing is caught", {}, {}, false],
  ])("quarantine: %s", (_, bad, later, caught) => {
    const combination = changedInputs(inputs, { ...inputs, ...bad });
    expect(contains({ ...inputs, ...later }, combination)).toBe(caught);
  });
});
