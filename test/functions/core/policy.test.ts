import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readPolicy } from "../../../functions/core/policy.ts";

const good = {
  fleet: "web",
  project: "acme-prod",
  groups: [{ zone: "us-central1-a", name: "web", base: "web-base" }],
  follows: { family: "web" },
};

describe("a fleet file", () => {
  it("gets every default it leaves out", () => {
    expect(readPolicy(good)).toEqual({
      policy: {
        fleet: "web",
        project: "acme-prod",
        groups: [{ zone: "us-central1-a", name: "web", base: "web-base", wave: 1 }],
        follows: { family: "web", project: "acme-prod" },
        config: null,
        secrets: {},
        mode: "auto",
        steps: [
          { canary: 1, bakeMs: 300_000 },
          { share: 1, bakeMs: 0 },
        ],
        finalBakeMs: 600_000,
        gates: ["reports", "health"],
        limits: { failedMachines: 1, progressMs: 1_200_000 },
        replace: { above: 1, missing: 0 },
      },
    });
  });

  it.each([
    [
      "an unknown field is named with the one that was meant",
      { ...good, follow: {} },
      "follow",
      "unknown-field",
      /Did you mean "follows"/,
    ],
    [
      "an unknown field deep inside",
      { ...good, limits: { failed: 1 } },
      "limits.failed",
      "unknown-field",
      /failedMachines/,
    ],
    [
      "a group without a base",
      { ...good, groups: [{ zone: "us-central1-a", name: "web" }] },
      "groups[0].base",
      "missing-field",
      /base instance template/,
    ],
    [
      "the same group twice",
      { ...good, groups: [...good.groups, ...good.groups] },
      "groups[1]",
      "duplicate",
      /second time/,
    ],
    ["a duration without a unit", { ...good, finalBake: "10" }, "finalBake", "bad-value", /5m/],
    [
      "a canary that is not first",
      { ...good, steps: [{ share: "50%" }, { canary: 1 }, { share: "100%" }] },
      "steps[1].canary",
      "bad-value",
      /first/,
    ],
    [
      "shares that shrink",
      { ...good, steps: [{ share: "50%" }, { share: "25%" }, { share: "100%" }] },
      "steps",
      "bad-value",
      /cumulative/,
    ],
    ["a last step that is not all", { ...good, steps: [{ canary: 1 }] }, "steps", "bad-value", /100%/],
    ["nothing may be replaced", { ...good, replace: { above: 0, missing: 0 } }, "replace", "bad-value", /at least one/],
    [
      "latest is no version",
      { ...good, secrets: { a: { secret: "b", version: "latest" } } },
      "secrets.a.version",
      "bad-value",
      /newest/,
    ],
    [
      "what later versions will know is refused, not ignored",
      { ...good, windows: [] },
      "windows",
      "not-supported",
      /not supported yet/,
    ],
    ["not a mapping", [], "", "wrong-type", /mapping/],
  ])("%s", (_, document, path, code, message) => {
    const read = readPolicy(document);
    expect(read).toHaveProperty("findings");
    expect("findings" in read && read.findings).toContainEqual({ path, code, message: expect.stringMatching(message) });
  });

  it("says everything that is wrong at once", () => {
    const read = readPolicy({ fleet: "Web", project: 3, groups: [], follows: {} });
    expect("findings" in read && read.findings.map(({ path }) => path).sort()).toEqual([
      "fleet",
      "follows.family",
      "groups",
      "project",
    ]);
  });

  it("never throws, whatever the document is", () => {
    fc.assert(
      fc.property(fc.anything(), (document) => {
        const read = readPolicy(document);
        expect("policy" in read || read.findings.length > 0).toBe(true);
      }),
    );
  });

  it("survives any damage to a field of a good file", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(
          "fleet",
          "groups",
          "follows",
          "secrets",
          "steps",
          "limits",
          "replace",
          "gates",
          "mode",
          "config",
          "finalBake",
        ),
        fc.jsonValue(),
        (field, value) => {
          const read = readPolicy({ ...good, [field]: value });
          expect("policy" in read || read.findings.every(({ message }) => message.length > 10)).toBe(true);
        },
      ),
    );
  });
});
