import { describe, expect, it } from "vitest";
import { changedText } from "../../../functions/core/changes.ts";
import { makeRelease, type ReleaseInputs } from "../../../functions/core/release.ts";
import { imageOf, policyOf, SmallCloud, sha256 } from "./small-cloud.ts";

const db = (number: number, secret = "web-db") => ({ db: `projects/acme/secrets/${secret}/versions/${number}` });
const release = (more: Partial<ReleaseInputs> = {}): ReleaseInputs =>
  makeRelease(
    {
      image: { id: "1001", name: "web-1", project: "acme" },
      configCommit: "3f2a".repeat(16),
      secrets: db(3),
      base: { "us-central1-a/web": "a".repeat(64) },
      ...more,
    },
    sha256,
  );
const web2 = { id: "1002", name: "web-2", project: "acme" };
const eu = "projects/acme/locations/europe-west4/secrets/web-db/versions";
const keys = (from: number, count: number, version: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`k${from + i}`, `projects/acme/secrets/s${i}/versions/${version}`]),
  );

describe("what a release changes, in a sentence", () => {
  it.each<[string, ReleaseInputs, ReleaseInputs, string]>([
    ["another image", release(), release({ image: web2 }), "web-1 → web-2"],
    ["another secret version", release(), release({ secrets: db(4) }), "web-1, secret db 3 → 4"],
    ["another secret", release(), release({ secrets: db(1, "db-2") }), "web-1, secret db web-db@3 → db-2@1"],
    ["a secret that is new", release({ secrets: {} }), release(), "web-1, secret db none → web-db@3"],
    [
      "a regional one, by numbers too",
      release({ secrets: { db: `${eu}/3` } }),
      release({ secrets: { db: `${eu}/4` } }),
      "web-1, secret db 3 → 4",
    ],
    [
      "another configuration",
      release(),
      release({ configCommit: "9c1b".repeat(16) }),
      "web-1, configuration 3f2a3f2a3f2a → 9c1b9c1b9c1b",
    ],
    ["another image of the same name", release(), release({ image: { ...web2, name: "web-1" } }), "web-1 → web-1"],
    [
      "of hundreds of secrets the first",
      release({ secrets: keys(100, 200, 1) }),
      release({ image: web2, secrets: keys(100, 200, 2) }),
      "web-1 → web-2, secret k100 1 → 2, secret k101 1 → 2, secret k102 1 → 2, and 197 other changes",
    ],
  ])("%s", (_, from, to, text) => expect(changedText(from, to)).toBe(text));

  it("is what the history says of a rollout's beginning", () => {
    const cloud = new SmallCloud(3);
    cloud.secrets = db(3);
    cloud.command({ kind: "apply", policy: policyOf({ settle: "0s" }) });
    cloud.step();
    cloud.head = imageOf("web-2", "1002");
    cloud.until(() => cloud.record.stable?.release.image.name === "web-2");
    cloud.secrets = db(4);
    cloud.until(() => cloud.record.active !== null);
    expect(cloud.record.active?.cause.text).toMatch(/^web-2: web-2, secret db 3 → 4, release \w{12}: canary 1/);
  });
});
