import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../../cli/waiting.ts";
import { readGroup } from "../../../functions/controller/groups.ts";
import { readRunning } from "../../../functions/controller/running.ts";
import { isProblem } from "../../../functions/core/observation.ts";
import type { GroupPlace } from "../../../functions/google/compute.ts";
import { autoscalerName } from "../../../functions/google/groups.ts";
import { lastSegment, zoneOf } from "../../../functions/google/listing.ts";
import { type Emulated, openEmulated, PROJECT } from "./emulated.ts";

const zonal: GroupPlace = { location: "us-central1-a", regional: false, name: "web" };
const regional: GroupPlace = { location: "us-central1", regional: true, name: "web" };
const places: [string, GroupPlace][] = [
  ["a zonal group", zonal],
  ["a regional group", regional],
];
const scope = ({ location, regional }: GroupPlace) => `${regional ? "regions" : "zones"}/${location}`;
const ref = (place: GroupPlace) => ({ ...place, base: "web-1", wave: 1 });

let here: Emulated;
beforeAll(async () => {
  here = await openEmulated();
  await here.image("web-1");
  await here.image("web-2");
  await here.template("web-1", "web-1");
  await here.template("web-2", "web-2");
  for (const [, place] of places) {
    await here.insert(`${scope(place)}/instanceGroupManagers`, {
      name: "web",
      baseInstanceName: "web",
      targetSize: 3,
      versions: [{ instanceTemplate: `projects/${PROJECT}/global/instanceTemplates/web-1` }],
    });
    await here.insert(`${scope(place)}/autoscalers`, {
      name: "web-scaler",
      target: `projects/${PROJECT}/${scope(place)}/instanceGroupManagers/web`,
      autoscalingPolicy: { minNumReplicas: 3, maxNumReplicas: 9, cpuUtilization: { utilizationTarget: 0.5 } },
    });
    await until(
      "the group to be stable",
      async () => ((await here.compute.group(place))?.status.isStable ? true : undefined),
      { withinMs: 20_000, everyMs: 50 },
    );
  }
}, 60_000);
afterAll(() => here.close());

describe.each(places)("%s", (_, place) => {
  it("lists its machines with the zone of each", async () => {
    const machines = await here.compute.managedInstances(place);
    const zones = machines.map(({ instance }) => zoneOf(instance) ?? "");
    expect(machines).toHaveLength(3);
    for (const zone of zones) expect(zone).toMatch(/^us-central1-[a-f]$/);
    expect(new Set(zones).size).toBe(place.regional ? 3 : 1);
    for (const [i, { name }] of machines.entries())
      expect((await here.compute.instance(zones[i] ?? "", name))?.status).toBe("RUNNING");
  });

  it("has an autoscaler whose mode alone is changed", async () => {
    const group = await here.compute.group(place);
    const name = group && autoscalerName(group);
    expect(name).toBe("web-scaler");
    await here.compute.setAutoscalerMode(place, "web-scaler", "ONLY_SCALE_OUT", randomUUID());
    const changed = await here.compute.autoscaler(place, "web-scaler");
    expect(changed?.autoscalingPolicy).toMatchObject({
      mode: "ONLY_SCALE_OUT",
      minNumReplicas: 3,
      maxNumReplicas: 9,
      cpuUtilization: { utilizationTarget: 0.5 },
    });
    await here.compute.setAutoscalerMode(place, "web-scaler", "ON", randomUUID());
    expect((await here.compute.autoscaler(place, "web-scaler"))?.autoscalingPolicy?.mode).toBe("ON");
  });

  it("at rest costs one call, and with its machines and its autoscaler three", async () => {
    here.calls.length = 0;
    const rest = await readGroup(here.compute, ref(place), { machines: false, autoscaler: false });
    expect(here.calls).toHaveLength(1);
    const whole = await readGroup(here.compute, ref(place), { machines: true, autoscaler: true });
    expect(here.calls).toHaveLength(4);
    if (isProblem(rest) || isProblem(whole)) throw new Error("the group can be read");
    expect(rest.view).toMatchObject({ zones: place.regional ? 3 : 1, targetSize: 3, machines: [] });
    expect(rest.view.autoscaler).toBeUndefined();
    expect(whole.view.autoscaler).toEqual({ name: "web-scaler", mode: "ON" });
    expect(whole.view.machines).toHaveLength(3);
  });

  it("is taken on by the image its machines' disks were made from", async () => {
    expect(await readRunning(here.compute, ref(place))).toMatchObject({ name: "web-1", family: "web" });
  });

  it("is patched, and a fingerprint that is not the newest is a conflict", async () => {
    const group = await here.compute.group(place);
    const description = { updatePolicy: { type: "OPPORTUNISTIC" as const } };
    await here.compute.patchGroup(place, { fingerprint: group?.fingerprint ?? "", ...description }, randomUUID());
    const stale = here.compute.patchGroup(
      place,
      { fingerprint: group?.fingerprint ?? "", ...description },
      randomUUID(),
    );
    await expect(stale).rejects.toMatchObject({ kind: "conflict" });
  });

  it("has errors that can be listed, and a backend service that knows nothing of it is absent", async () => {
    expect(await here.compute.groupErrors(place)).toEqual([]);
    expect(await here.compute.backendHealth("none", null, place)).toBeUndefined();
    expect(await here.compute.backendHealth("none", "us-central1", place)).toBeUndefined();
  });
});

describe("a backend service", () => {
  it.each(places)("says of each machine of %s how it is", async (_, place) => {
    const name = place.regional ? "web-regional" : "web-zonal";
    await here.insert("global/healthChecks", {
      name,
      type: "HTTP",
      httpHealthCheck: { port: 80, requestPath: "/" },
      checkIntervalSec: 1,
      timeoutSec: 1,
    });
    await here.insert("global/backendServices", {
      name,
      protocol: "HTTP",
      healthChecks: [`projects/${PROJECT}/global/healthChecks/${name}`],
      backends: [{ group: `projects/${PROJECT}/${scope(place)}/instanceGroups/web` }],
    });
    const answer = await here.compute.backendHealth(name, null, place);
    const machines = await here.compute.managedInstances(place);
    const named = (urls: (string | undefined)[]) => urls.map((url = "") => `${zoneOf(url)}/${lastSegment(url)}`).sort();
    expect(named((answer?.healthStatus ?? []).map(({ instance }) => instance))).toEqual(
      named(machines.map(({ instance }) => instance)),
    );
  });
});

describe("a group to be taken on", () => {
  const mixed: GroupPlace = { location: "us-central1-b", regional: false, name: "mixed" };
  const make = async (name: string, versions: object[], size: number) => {
    await here.insert(`${scope(mixed)}/instanceGroupManagers`, {
      name,
      baseInstanceName: name,
      targetSize: size,
      versions,
    });
    await until(
      "its machines",
      async () =>
        (await here.compute.managedInstances({ ...mixed, name })).every(({ id }) => id !== undefined)
          ? true
          : undefined,
      { withinMs: 20_000, everyMs: 50 },
    );
  };
  const url = (name: string) => `projects/${PROJECT}/global/instanceTemplates/${name}`;

  it("whose machines run two images is not: they are named", async () => {
    await make(
      "mixed",
      [{ instanceTemplate: url("web-1") }, { instanceTemplate: url("web-2"), name: "2", targetSize: { fixed: 1 } }],
      3,
    );
    const found = await readRunning(here.compute, ref(mixed));
    expect(found).toMatchObject({ problem: "missing" });
    expect(isProblem(found) && found.text).toMatch(
      /different images: web-[12] on mixed-.*; web-[12] on mixed-.*Bring them to one/,
    );
  });

  it("whose image is gone is not: it could never be put back", async () => {
    await here.image("web-3");
    await here.template("web-3", "web-3");
    await make("lone", [{ instanceTemplate: url("web-3") }], 1);
    await here.rest.send("DELETE", `projects/${PROJECT}/global/images/web-3`);
    await until("the image to go", async () => ((await here.compute.image("web-3")) ? undefined : true), {
      withinMs: 5_000,
      everyMs: 20,
    });
    const gone = await readRunning(here.compute, ref({ ...mixed, name: "lone" }));
    expect(isProblem(gone) && gone.text).toMatch(/run image web-3 \(\d+\) of acme-prod, which is gone/);
    await here.image("web-3");
    const again = await readRunning(here.compute, ref({ ...mixed, name: "lone" }));
    expect(isProblem(again) && again.text).toMatch(/which is gone/);
  });

  it("without machines is taken at its template's word", async () => {
    await make("empty", [{ instanceTemplate: url("web-2") }], 0);
    expect(await readRunning(here.compute, ref({ ...mixed, name: "empty" }))).toMatchObject({ name: "web-2" });
  });
});

describe("the project", () => {
  it("tells its regions' zones and quotas, and its own quotas", async () => {
    const region = await here.compute.region("us-central1");
    expect(region?.zones?.length).toBeGreaterThanOrEqual(3);
    expect(Array.isArray(region?.quotas)).toBe(true);
    expect(Array.isArray(await here.compute.projectQuotas())).toBe(true);
    expect(await here.compute.region("mars-1")).toBeUndefined();
  });

  it("lists templates by how their description begins, and deletes one once", async () => {
    await here.compute.insertTemplate(
      {
        name: "web-made",
        description: "made by moult for web in us-central1-a/web",
        properties: (await here.compute.template("web-1"))?.properties ?? {},
      },
      randomUUID(),
    );
    expect((await here.compute.templatesDescribed("made by moult")).map(({ name }) => name)).toEqual(["web-made"]);
    await here.compute.deleteTemplate("web-made", randomUUID());
    await here.compute.deleteTemplate("web-made", randomUUID());
    expect(await here.compute.templatesDescribed("made by moult")).toEqual([]);
  });

  it("lists all its machines, and what Compute itself did to one", async () => {
    const instances = await here.compute.instances();
    expect(instances.length).toBeGreaterThanOrEqual(6);
    const [first] = await here.compute.managedInstances(zonal);
    const operations = await here.compute.operationsOn([first?.id ?? ""], zonal.location);
    expect(operations.every(({ targetId }) => targetId === first?.id)).toBe(true);
    const everywhere = await here.compute.operationsOn([first?.id ?? "", "1"]);
    expect(everywhere.map(({ name }) => name).sort()).toEqual(operations.map(({ name }) => name).sort());
  });

  it("says which guest attributes a machine has; none is none", async () => {
    const [first] = await here.compute.managedInstances(zonal);
    expect(await here.compute.guestAttributes(zonal.location, first?.name ?? "", "moult")).toEqual({});
    expect(await here.compute.serialOutput(zonal.location, first?.name ?? "")).toEqual(expect.any(String));
  });
});
