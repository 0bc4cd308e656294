import { describe, expect, it } from "vitest";
import { observe } from "../../../functions/controller/observe.ts";
import { emptyRecord } from "../../../functions/core/record.ts";
import { Failure } from "../../../functions/google/failure.ts";
import { policyOf } from "../core/small-cloud.ts";
import { fakeCloud } from "./fakes.ts";

const record = { ...emptyRecord("web"), policy: policyOf({ secrets: { greeting: { secret: "web-greeting" } } }) };

function cloudWith(failure: Failure) {
  const cloud = fakeCloud({
    group: async () => undefined,
    head: async () => undefined,
    images: async () => [],
    template: async () => undefined,
  });
  cloud.secrets = { ...cloud.secrets, enabled: () => Promise.reject(failure) };
  return cloud;
}

describe("what cannot be read", () => {
  it.each([
    [
      "a secret that does not exist",
      new Failure("missing", 404, "list", "not found"),
      "missing",
      /web-greeting in acme-prod does not exist/,
    ],
    [
      "a secret that may not be read",
      new Failure("denied", 403, "list", "Permission denied"),
      "denied",
      /web-greeting.*Permission denied/,
    ],
  ])("%s is part of what was seen, so that the fleet can say so", async (_, failure, problem, text) => {
    const seen = await observe(cloudWith(failure), record, undefined);
    expect(seen.inputs?.secrets.greeting).toEqual({ problem, text: expect.stringMatching(text) });
    expect(seen.groups["us-central1-a/web"]).toMatchObject({ problem: "missing" });
  });

  it("what passes is thrown, so that the look is tried again", async () => {
    const looked = observe(cloudWith(new Failure("unavailable", 503, "list", "try later")), record, undefined);
    await expect(looked).rejects.toMatchObject({ kind: "unavailable" });
  });
});
