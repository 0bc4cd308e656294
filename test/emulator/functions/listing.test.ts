import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Bed, ECHO, type Json } from "./bed.ts";

const PROJECT = "/v1/projects/acme/locations";
const LISTS: [form: string, path: string, field: string][] = [
  ["Cloud Run's own", "/v2/projects/acme/locations/us-central1/services", "services"],
  ["gcloud's, of one location", `${PROJECT}/us-central1/services`, "items"],
  ["gcloud's, of every location", `${PROJECT}/-/services`, "items"],
  ["Knative's", "/apis/serving.knative.dev/v1/namespaces/acme/services", "items"],
];

describe("lists of Cloud Run services", { timeout: 60_000 }, () => {
  let bed: Bed;
  beforeAll(async () => {
    bed = await Bed.open();
    await bed.deployed("listed", { "index.js": ECHO });
  });
  afterAll(() => bed.close());

  it.each(LISTS)("%s names the service behind a function", async (_form, path, field) => {
    expect((await bed.ask<Json>("GET", path))[field]).toHaveLength(1);
  });

  it.each(LISTS)("%s is refused whoever may not list", async (_form, path) => {
    await bed.ask("POST", "/emulator/iam/deny", { permission: "run.services.list" });
    const refused = await bed.ask<{ error: { message: string } }>("GET", path, undefined, 403);
    await bed.ask("DELETE", "/emulator/iam/deny");
    expect(refused.error.message).toContain("'run.services.list' denied on resource 'projects/acme'");
  });

  it("is there for who may list, and may not read one", async () => {
    await bed.ask("POST", "/emulator/iam/deny", { permission: "run.services.get" });
    for (const [, path] of LISTS) await bed.ask("GET", path);
    await bed.ask("GET", `${LISTS[3]?.[1]}/listed`, undefined, 403);
    await bed.ask("DELETE", "/emulator/iam/deny");
  });
});
