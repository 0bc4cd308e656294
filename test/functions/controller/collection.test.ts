import { beforeEach, describe, expect, it } from "vitest";
import { collectTemplates } from "../../../functions/controller/collection.ts";
import { ticked } from "../../../functions/controller/events.ts";
import { paths } from "../../../functions/controller/records.ts";
import { emptyRecord, type FleetRecord } from "../../../functions/core/record.ts";
import { makeRelease } from "../../../functions/core/release.ts";
import type { Compute } from "../../../functions/google/compute.ts";
import { Failure } from "../../../functions/google/failure.ts";
import { policyOf, sha256 } from "../core/small-cloud.ts";
import { type Fakes, fakeCloud } from "./fakes.ts";

const metadata = (release: string) => ({ items: [{ key: "moult-release", value: JSON.stringify({ release }) }] });
const made = (name: string, release = `release of ${name}`, creationTimestamp = "2026-11-01T00:00:00.000-08:00") => ({
  name,
  description: "made by moult for web in us-central1-a/web",
  creationTimestamp,
  properties: { metadata: metadata(release) },
});

let deleted: string[];
let now: {
  templates: object[];
  group: object | undefined;
  instances: object[];
  remove: (name: string) => Promise<void>;
};
let cloud: Fakes;

beforeEach(async () => {
  deleted = [];
  now = { templates: [], group: undefined, instances: [], remove: async () => {} };
  cloud = fakeCloud({
    templatesDescribed: async () => now.templates,
    group: async () => now.group,
    instances: async () => now.instances,
    deleteTemplate: async (name: string) => {
      await now.remove(name);
      deleted.push(name);
    },
  } as unknown as Partial<Compute>);
  const image = { id: "1001", name: "web-1", project: "acme-prod" };
  const release = {
    ...makeRelease({ image, configCommit: null, secrets: {}, base: {} }, sha256),
    digest: "stable release",
  };
  const record: FleetRecord = {
    ...emptyRecord("web"),
    policy: policyOf(),
    stable: { release, since: "2026-01-01T00:00:00.000Z", adopted: false, versions: {} },
  };
  await cloud.state.write(paths.record("web"), JSON.stringify(record), "0");
});

describe("the daily collection of templates", () => {
  it("deletes what nothing needs, and keeps what a group, a machine, a release or a young rollout does", async () => {
    now.templates = [
      made("web-old"),
      made("web-group"),
      made("web-machine"),
      made("web-stable", "stable release"),
      made("web-young", "young", "2026-11-20T11:00:00.000Z"),
    ];
    now.group = { versions: [{ instanceTemplate: "https://x/global/instanceTemplates/web-group" }] };
    now.instances = [
      {
        name: "web-1",
        metadata: { items: [{ key: "instance-template", value: "projects/1/global/instanceTemplates/web-machine" }] },
      },
    ];
    await ticked(cloud, { message: { attributes: { daily: "true" } }, subscription: "s" });
    expect(deleted).toEqual(["web-old"]);
    const said = cloud.logged.join("\n");
    expect(said).toMatch(/web-old is deleted: nothing needs it/);
    expect(said).toMatch(/web-group is kept: needed by group us-central1-a\/web/);
    expect(said).toMatch(/web-machine is kept: needed by instance web-1/);
    expect(said).toMatch(/web-stable is kept: needed by the stable release/);
    expect(said).toMatch(/web-young is kept: made less than a day ago/);
    expect(cloud.rung).toEqual([{ topic: "moult-ticks", attributes: { fleet: "web" }, data: undefined }]);
  });

  it("keeps everything when a fleet's record cannot be read: it may need any", async () => {
    now.templates = [made("web-old")];
    await cloud.state.write(paths.record("api"), "{", "0");
    await collectTemplates(cloud);
    expect(deleted).toEqual([]);
    expect(cloud.logged.join()).toMatch(/the record of api could not be read, and may need it/);
  });

  it("keeps everything when a group may not be read", async () => {
    now.templates = [made("web-old")];
    const denied = {
      group: () => Promise.reject(new Failure("denied", 403, "GET", "compute.instanceGroupManagers.get")),
    };
    cloud.compute = ((base) => () => ({ ...base, ...denied }))(cloud.compute("p"));
    await collectTemplates(cloud);
    expect(deleted).toEqual([]);
    expect(cloud.logged.join()).toMatch(/group us-central1-a\/web \(GET: .*\) could not be read/);
  });

  it("deletes all the same when a group is gone: what is not there needs nothing", async () => {
    now.templates = [made("web-old")];
    now.group = undefined;
    await collectTemplates(cloud);
    expect(deleted).toEqual(["web-old"]);
  });

  it("leaves alone what is only called as moult's are: it says no release", async () => {
    now.templates = [{ ...made("by-hand"), properties: {} }];
    await collectTemplates(cloud);
    expect(deleted).toEqual([]);
  });

  it("takes one that came into use meanwhile as kept, and goes on", async () => {
    now.templates = [made("web-a"), made("web-b")];
    now.remove = async (name) => {
      if (name === "web-a") throw new Failure("invalid", 400, "DELETE", "The resource is already being used by 'web'");
    };
    await collectTemplates(cloud);
    expect(deleted).toEqual(["web-b"]);
    expect(cloud.logged.join()).toMatch(/web-a stays: DELETE: The resource is already being used/);
  });
});
