import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type Bed,
  type Group,
  group,
  groupUrl,
  image,
  type Json,
  type Managed,
  members,
  ORIGIN,
  PROJECT,
  settle,
  startBed,
  template,
  templateUrl,
  ZONAL,
} from "./bed.ts";

let bed: Bed;
beforeEach(async () => {
  bed = await startBed();
});
afterEach(() => bed.close());

interface Kept extends Managed {
  preservedStateFromPolicy?: Json;
  preservedStateFromConfig?: Json;
}
interface Machine extends Json {
  id: string;
  disks: { deviceName: string; source: string; boot: boolean }[];
  networkInterfaces: { networkIP: string }[];
  metadata: { items: { key: string; value: string }[] };
}

const NEVER = { autoDelete: "NEVER" };
const GOING = { autoDelete: "ON_PERMANENT_INSTANCE_DELETION" };
const DATA = { boot: false, deviceName: "data", autoDelete: true, initializeParams: { diskSizeGb: "20" } };
const policy = (preservedState: Json) => ({ statefulPolicy: { preservedState } });

/** A group of machines with a data disk beside the boot disk. */
async function withData(size: number, more: Json = {}): Promise<void> {
  await image(bed, "image-1");
  const boot = { boot: true, initializeParams: { sourceImage: `projects/${PROJECT}/global/images/image-1` } };
  await template(bed, "one", "image-1", { disks: [boot, DATA] });
  await bed.post(`${ZONAL}/instanceGroupManagers`, {
    name: "web",
    targetSize: size,
    versions: [{ instanceTemplate: templateUrl("one") }],
    ...more,
  });
  await settle(bed);
}

const machine = (name: string) => bed.get<Machine>(`${ZONAL}/instances/${name}`);
const first = async () => (await members(bed))[0] as Kept;
const disk = (name: string) => bed.call(`GET`, `${ZONAL}/disks/${name}`);
const configs = async (verb: "update" | "patch", name: string, preservedState: Json, more: Json = {}) =>
  bed.call("POST", `${groupUrl()}/${verb}PerInstanceConfigs`, {
    perInstanceConfigs: [{ name, preservedState, ...more }],
  });
const listed = async () =>
  (
    await bed.post<{ items?: (Json & { status: string; fingerprint: string })[] }>(
      `${groupUrl()}/listPerInstanceConfigs`,
    )
  ).items ?? [];
const apply = async (more: Json = {}) => {
  await bed.post(`${groupUrl()}/applyUpdatesToInstances`, { allInstances: true, ...more });
};
const stateful = async () => (await bed.get<Group & { status: { stateful: Json } }>(groupUrl())).status.stateful;
const newDisk = (name: string) => bed.post(`${ZONAL}/disks`, { name, sizeGb: "5" });

describe("a stateful policy", () => {
  test("keeps disk and address over a recreation by hand, under the machine's name", async () => {
    await withData(2, policy({ disks: { data: NEVER }, internalIPs: { nic0: NEVER } }));
    const { name } = await first();
    const before = await machine(name);
    const kept = await bed.get<Json>(`${ZONAL}/disks/${name}-1`);
    await bed.post(`${groupUrl()}/recreateInstances`, { instances: [`zones/us-central1-a/instances/${name}`] });
    await settle(bed);
    const after = await machine(name);
    expect(after.id).not.toBe(before.id);
    expect(after.networkInterfaces[0]?.networkIP).toBe(before.networkInterfaces[0]?.networkIP);
    expect(after.disks[1]?.source).toBe(before.disks[1]?.source);
    expect(await bed.get(`${ZONAL}/disks/${name}-1`)).toMatchObject({ id: kept.id, sizeGb: "20" });
    expect((await members(bed)).find((m) => m.name === name)).toMatchObject({
      preservedStateFromPolicy: {
        disks: { data: { ...NEVER, mode: "READ_WRITE", source: `${bed.url}${ZONAL}/disks/${name}-1` } },
        internalIPs: {
          nic0: {
            ...NEVER,
            ipAddress: {
              address: `${bed.url}${ORIGIN}/${PROJECT}/regions/us-central1/addresses/${name}-nic0-internal`,
            },
          },
        },
      },
    });
    expect(await stateful()).toEqual({ hasStatefulConfig: true, perInstanceConfigs: { allEffective: true } });
  });

  test("keeps them over autohealing, and nobody else gets the address meanwhile", async () => {
    await withData(1, policy({ disks: { data: NEVER }, internalIPs: { nic0: NEVER } }));
    const { name } = await first();
    const before = await machine(name);
    await bed.call("DELETE", `${ZONAL}/instances/${name}`);
    await bed.clock.advance(1_000);
    await settle(bed);
    const after = await machine(name);
    expect(after.id).not.toBe(before.id);
    expect(after.networkInterfaces).toEqual(
      before.networkInterfaces.map((nic) => ({ ...nic, fingerprint: expect.anything() })),
    );
    expect(after.disks[1]?.source).toBe(before.disks[1]?.source);
  });

  test("keeps the boot disk too, where it is named: the image is the old one then", async () => {
    await withData(1, policy({ disks: { "persistent-disk-0": NEVER } }));
    const { name } = await first();
    const id = (await bed.get<Json>(`${ZONAL}/disks/${name}`)).id;
    await bed.post(`${groupUrl()}/recreateInstances`, { instances: [`zones/us-central1-a/instances/${name}`] });
    await settle(bed);
    expect(await bed.get(`${ZONAL}/disks/${name}`)).toMatchObject({
      id,
      sourceImage: expect.stringMatching(/image-1$/),
      users: [`${bed.url}${ZONAL}/instances/${name}`],
    });
  });

  test("set later holds for machines that are there, without touching them", async () => {
    await withData(1);
    const { name, id } = await first();
    expect((await disk(`${name}-1`)).status).toBe(404);
    await bed.patch(groupUrl(), policy({ disks: { data: NEVER } }));
    expect(await first()).toMatchObject({
      id,
      currentAction: "NONE",
      preservedStateFromPolicy: { disks: { data: NEVER } },
    });
    expect(await disk(`${name}-1`)).toMatchObject({ status: 200 });
    await bed.patch(groupUrl(), { statefulPolicy: { preservedState: { disks: { data: null } } } });
    expect(await first()).not.toHaveProperty("preservedStateFromPolicy");
    expect(await stateful()).toMatchObject({ hasStatefulConfig: false });
  });

  test("leaves a disk behind when its machine goes for good, or takes it along: as its rule says", async () => {
    for (const [rule, status] of [
      [NEVER, 200],
      [GOING, 404],
    ] as const) {
      await bed.close();
      bed = await startBed();
      await withData(1, policy({ disks: { data: rule } }));
      const { name } = await first();
      await bed.post(`${groupUrl()}/resize?size=0`);
      await settle(bed);
      expect((await disk(`${name}-1`)).status).toBe(status);
    }
  });

  test("is updated proactively in place: names, disks and addresses stay", async () => {
    await withData(2, {
      ...policy({ disks: { data: NEVER }, internalIPs: { nic0: NEVER } }),
      updatePolicy: {
        type: "PROACTIVE",
        replacementMethod: "RECREATE",
        maxSurge: { fixed: 0 },
        maxUnavailable: { fixed: 1 },
      },
    });
    const shown = async () =>
      Promise.all(
        (await members(bed)).map(async ({ name }) => {
          const { disks, networkInterfaces } = await machine(name);
          return [name, disks[1]?.source, networkInterfaces[0]?.networkIP];
        }),
      );
    const before = await shown();
    await image(bed, "image-2");
    const boot = { boot: true, initializeParams: { sourceImage: `projects/${PROJECT}/global/images/image-2` } };
    await template(bed, "two", "image-2", { disks: [boot, DATA] });
    await bed.patch(groupUrl(), { versions: [{ instanceTemplate: templateUrl("two") }] });
    await settle(bed);
    expect(await shown()).toEqual(before);
    expect(await bed.get(`${ZONAL}/disks/${before[0]?.[0]}`)).toMatchObject({
      sourceImage: expect.stringMatching(/image-2$/),
    });
  });

  test("outlives a restart of the emulator", async () => {
    await withData(1, policy({ disks: { data: NEVER }, internalIPs: { nic0: NEVER } }));
    const { name } = await first();
    const before = await machine(name);
    await configs("update", name, { metadata: { slot: "blue" } });
    const state: unknown = JSON.parse(JSON.stringify(bed.save()));
    const now = bed.clock.now();
    await bed.close();
    bed = await startBed({ state, seed: "after" });
    await bed.clock.advance(now - bed.clock.now());
    await settle(bed);
    await bed.post(`${groupUrl()}/recreateInstances`, { instances: [`zones/us-central1-a/instances/${name}`] });
    await settle(bed);
    const after = await machine(name);
    expect(after.networkInterfaces[0]?.networkIP).toBe(before.networkInterfaces[0]?.networkIP);
    expect(new URL(after.disks[1]?.source ?? "").pathname).toBe(new URL(before.disks[1]?.source ?? "").pathname);
    expect(after.metadata.items).toContainEqual({ key: "slot", value: "blue" });
  });
});

describe("a per-instance configuration", () => {
  test("waits until it is applied, then is effective; deleted, it goes when that is applied", async () => {
    await group(bed, 2);
    const { name, id } = await first();
    expect((await configs("update", name, { metadata: { slot: "blue" } })).status).toBe(200);
    expect(await listed()).toEqual([
      { name, fingerprint: expect.any(String), preservedState: { metadata: { slot: "blue" } }, status: "UNAPPLIED" },
    ]);
    expect(await stateful()).toEqual({ hasStatefulConfig: true, perInstanceConfigs: { allEffective: false } });
    await apply();
    expect((await listed())[0]?.status).toBe("APPLYING");
    await settle(bed);
    expect((await listed())[0]?.status).toBe("EFFECTIVE");
    expect(await first()).toMatchObject({ id, preservedStateFromConfig: { metadata: { slot: "blue" } } });
    expect((await machine(name)).metadata.items).toContainEqual({ key: "slot", value: "blue" });
    await bed.post(`${groupUrl()}/deletePerInstanceConfigs`, { names: [name] });
    expect((await listed())[0]?.status).toBe("UNAPPLIED_DELETION");
    expect(await stateful()).toMatchObject({ hasStatefulConfig: false });
    await apply();
    expect((await listed())[0]?.status).toBe("DELETING");
    await settle(bed);
    expect(await listed()).toEqual([]);
    expect((await machine(name)).metadata.items).not.toContainEqual({ key: "slot", value: "blue" });
    expect(await first()).not.toHaveProperty("preservedStateFromConfig");
  });

  test("is patched in part and updated whole, under its fingerprint", async () => {
    await group(bed, 1);
    const { name } = await first();
    await configs("update", name, { metadata: { slot: "blue", size: "big" } });
    const [one] = await listed();
    await configs(
      "patch",
      name,
      { metadata: { slot: "green" } },
      {
        fingerprint: one?.fingerprint.replaceAll("+", "-").replaceAll("/", "_"),
      },
    );
    expect((await listed())[0]).toMatchObject({ preservedState: { metadata: { slot: "green", size: "big" } } });
    const stale = await configs("patch", name, { metadata: {} }, { fingerprint: one?.fingerprint });
    expect(stale).toMatchObject({ status: 412, body: { error: { errors: [{ reason: "conditionNotMet" }] } } });
    await configs("update", name, { metadata: { slot: "red" } });
    expect((await listed())[0]?.preservedState).toEqual({ metadata: { slot: "red" } });
  });

  test("attaches a disk to a running machine, takes it off again, and the disk lives on", async () => {
    await group(bed, 1);
    await newDisk("ledger");
    const { name, id } = await first();
    const ledger = { source: `zones/us-central1-a/disks/ledger`, ...NEVER };
    await configs("update", name, { disks: { ledger } });
    await apply();
    await settle(bed);
    expect((await machine(name)).disks).toMatchObject([
      { boot: true },
      { deviceName: "ledger", source: `${bed.url}${ZONAL}/disks/ledger`, boot: false, mode: "READ_WRITE" },
    ]);
    expect((await first()).id).toBe(id);
    expect((await disk("ledger")).body).toMatchObject({ users: [`${bed.url}${ZONAL}/instances/${name}`] });
    expect(await bed.call("DELETE", `${ZONAL}/disks/ledger`)).toMatchObject({
      status: 400,
      body: { error: { errors: [{ reason: "resourceInUseByAnotherResource" }] } },
    });
    await bed.post(`${groupUrl()}/recreateInstances`, { instances: [`zones/us-central1-a/instances/${name}`] });
    await settle(bed);
    expect((await machine(name)).disks).toHaveLength(2);
    await bed.post(`${groupUrl()}/deletePerInstanceConfigs`, { names: [name] });
    await apply();
    await settle(bed);
    expect((await machine(name)).disks).toHaveLength(1);
    expect((await disk("ledger")).body).not.toHaveProperty("users");
    expect((await bed.call("DELETE", `${ZONAL}/disks/ledger`)).status).toBe(200);
    expect((await disk("ledger")).status).toBe(404);
  });

  test("gives a machine an address of its own by making it again", async () => {
    await group(bed, 1);
    const { name, id } = await first();
    await configs("update", name, { internalIPs: { nic0: { ...NEVER, ipAddress: { literal: "127.10.9.9" } } } });
    await apply();
    await settle(bed);
    const after = await machine(name);
    expect(after.networkInterfaces[0]?.networkIP).toBe("127.10.9.9");
    expect(after.id).not.toBe(id);
    expect((await first()).name).toBe(name);
  });

  test("comes with a machine that is created with it, in the zone of its disk", async () => {
    await image(bed, "image-1");
    await template(bed, "one", "image-1");
    const region = `${ORIGIN}/${PROJECT}/regions/us-central1`;
    const WIDE = `${region}/instanceGroupManagers/wide`;
    await bed.post(`${region}/instanceGroupManagers`, {
      name: "wide",
      targetSize: 0,
      versions: [{ instanceTemplate: templateUrl("one") }],
      updatePolicy: { instanceRedistributionType: "NONE" },
    });
    await bed.post(`${ZONAL.replace("central1-a", "central1-c")}/disks`, { name: "ledger", sizeGb: "5" });
    const state = {
      disks: { ledger: { source: "zones/us-central1-c/disks/ledger", ...GOING } },
      metadata: { slot: "blue" },
    };
    await bed.post(`${WIDE}/createInstances`, { instances: [{ name: "db-1", preservedState: state }] });
    await bed.clock.advance(2_000);
    const made = await bed.post<{ managedInstances: Kept[] }>(`${WIDE}/listManagedInstances`);
    expect(made.managedInstances).toMatchObject([
      {
        name: "db-1",
        currentAction: "NONE",
        instance: expect.stringContaining("us-central1-c/"),
        preservedStateFromConfig: { metadata: { slot: "blue" }, disks: { ledger: GOING } },
      },
    ]);
    expect(await bed.post(`${WIDE}/listPerInstanceConfigs`)).toMatchObject({
      items: [{ name: "db-1", status: "EFFECTIVE" }],
    });
    await bed.post(`${WIDE}/deleteInstances`, { instances: ["zones/us-central1-c/instances/db-1"] });
    await bed.clock.advance(2_000);
    expect(await bed.post(`${WIDE}/listPerInstanceConfigs`)).toEqual({});
    expect((await bed.call("GET", `${ZONAL.replace("central1-a", "central1-c")}/disks/ledger`)).status).toBe(404);
  });

  test("is applied by a proactive update by itself", async () => {
    await group(bed, 2, {
      updatePolicy: {
        type: "PROACTIVE",
        minimalAction: "REFRESH",
        replacementMethod: "RECREATE",
        maxSurge: { fixed: 0 },
        maxUnavailable: { fixed: 1 },
      },
    });
    const { name, id } = await first();
    await configs("update", name, { metadata: { slot: "blue" } });
    await settle(bed);
    expect((await listed())[0]?.status).toBe("EFFECTIVE");
    expect((await first()).id).toBe(id);
  });

  test("goes with its machine, deleted or abandoned", async () => {
    await group(bed, 2);
    const [a, b] = await members(bed);
    for (const m of [a, b]) await configs("update", m?.name ?? "", { metadata: { slot: "blue" } });
    await bed.post(`${groupUrl()}/deleteInstances`, { instances: [a?.instance] });
    await bed.post(`${groupUrl()}/abandonInstances`, { instances: [b?.instance] });
    await bed.clock.advance(2_000);
    expect(await listed()).toEqual([]);
  });
});

describe("what stateful configuration forbids", () => {
  const PROACTIVE = { updatePolicy: { type: "PROACTIVE" } };
  const keep = policy({ disks: { "persistent-disk-0": NEVER } });

  test("proactive substitution, asked for before or after", async () => {
    await group(bed, 1);
    await bed.patch(groupUrl(), keep);
    const after = await bed.call<{ error: { message: string } }>("PATCH", groupUrl(), PROACTIVE);
    expect(after).toMatchObject({ status: 400, body: { error: { errors: [{ reason: "invalid" }] } } });
    expect(after.body.error.message).toMatch(/replacementMethod': 'SUBSTITUTE'. Replacement method must be RECREATE/);
    await bed.patch(groupUrl(), { statefulPolicy: null });
    await bed.patch(groupUrl(), PROACTIVE);
    expect((await bed.call("PATCH", groupUrl(), keep)).status).toBe(400);
    const { name } = await first();
    expect((await configs("update", name, { metadata: { a: "b" } })).status).toBe(400);
    expect(await listed()).toEqual([]);
  });

  test("surge, which comes with recreation", async () => {
    await group(bed, 1);
    await bed.patch(groupUrl(), keep);
    const surge = { updatePolicy: { type: "PROACTIVE", replacementMethod: "RECREATE", maxSurge: { fixed: 1 } } };
    expect(await bed.call("PATCH", groupUrl(), surge)).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringMatching(/maxSurge must be equal to 0 when replacement method is set/) } },
    });
  });

  test("redistribution of a regional group", async () => {
    await group(bed, 1);
    const reply = await bed.call<{ error: { message: string } }>(
      "POST",
      `${ORIGIN}/${PROJECT}/regions/us-central1/instanceGroupManagers`,
      { name: "wide", targetSize: 1, versions: [{ instanceTemplate: templateUrl("one") }], ...keep },
    );
    expect(reply.status).toBe(400);
    expect(reply.body.error.message).toMatch(/Instance redistribution type must be NONE/);
  });

  test("autoscaling, whichever comes first", async () => {
    await group(bed, 1);
    const autoscaler = {
      name: "web",
      target: "zones/us-central1-a/instanceGroupManagers/web",
      autoscalingPolicy: { maxNumReplicas: 3 },
    };
    await bed.patch(groupUrl(), keep);
    expect(await bed.call("POST", `${ZONAL}/autoscalers`, autoscaler)).toMatchObject({ status: 400 });
    await bed.patch(groupUrl(), { statefulPolicy: null });
    await bed.post(`${ZONAL}/autoscalers`, autoscaler);
    expect((await bed.call("PATCH", groupUrl(), keep)).status).toBe(400);
  });

  const rows: [string, () => Promise<unknown>, number, RegExp][] = [
    [
      "a disk that no template has",
      () => bed.call("PATCH", groupUrl(), policy({ disks: { none: {} } })),
      400,
      /must be defined in instance template/,
    ],
    [
      "a rule that is none",
      () => bed.call("PATCH", groupUrl(), policy({ disks: { "persistent-disk-0": { autoDelete: "SOON" } } })),
      400,
      /Must be one of \[NEVER, ON_PERMANENT_INSTANCE_DELETION\]/,
    ],
    [
      "an external address that nobody has reserved",
      async () =>
        configs("update", (await first()).name, { externalIPs: { nic0: { ipAddress: { literal: "198.51.100.7" } } } }),
      400,
      /is not reserved in region 'us-central1'/,
    ],
    [
      "an address of a second interface",
      () => bed.call("PATCH", groupUrl(), policy({ internalIPs: { nic1: {} } })),
      501,
      /nic1 is not emulated/,
    ],
    ["a config of nobody", () => configs("update", "none", { metadata: { a: "b" } }), 400, /is not a member/],
    [
      "a config without a name",
      () => bed.call("POST", `${groupUrl()}/updatePerInstanceConfigs`, { perInstanceConfigs: [{}] }),
      400,
      /Required field 'perInstanceConfigs\[0\].name'/,
    ],
    [
      "no config at all",
      () => bed.call("POST", `${groupUrl()}/patchPerInstanceConfigs`, {}),
      400,
      /Required field 'perInstanceConfigs'/,
    ],
    [
      "to delete what is not there",
      () => bed.call("POST", `${groupUrl()}/deletePerInstanceConfigs`, { names: ["none"] }),
      400,
      /There is no per-instance config/,
    ],
    [
      "a disk that is not there",
      async () =>
        configs("update", (await first()).name, { disks: { d: { source: "zones/us-central1-a/disks/none" } } }),
      404,
      /disks\/none' was not found/,
    ],
    [
      "an address that is none",
      async () =>
        configs("update", (await first()).name, { internalIPs: { nic0: { ipAddress: { literal: "10.0.0.300" } } } }),
      400,
      /Must be an IPv4 address/,
    ],
    [
      "a disk only read that goes with its machine",
      async () => {
        await newDisk("shared");
        return configs("update", (await first()).name, {
          disks: { d: { source: "zones/us-central1-a/disks/shared", mode: "READ_ONLY", ...GOING } },
        });
      },
      400,
      /READ_ONLY mode cannot be auto-deleted/,
    ],
    [
      "a metadata key that the group sets for all",
      async () => {
        await bed.patch(groupUrl(), { allInstancesConfig: { properties: { metadata: { colour: "green" } } } });
        return configs("update", (await first()).name, { metadata: { colour: "blue" } });
      },
      400,
      /set by the group's all-instances config already/,
    ],
  ];
  test.each(rows)("%s", async (_what, ask, status, message) => {
    await group(bed, 1);
    const reply = (await ask()) as { status: number; body: { error: { message: string } } };
    expect([reply.status, reply.body.error.message]).toEqual([status, expect.stringMatching(message)]);
  });

  test("a disk that is another machine's makes its second machine wait, with the reason", async () => {
    await group(bed, 2);
    await newDisk("ledger");
    const [a, b] = await members(bed);
    const ledger = { source: "zones/us-central1-a/disks/ledger", ...NEVER };
    for (const m of [a, b]) await configs("update", m?.name ?? "", { disks: { ledger } });
    await bed.post(`${groupUrl()}/recreateInstances`, { instances: [a?.instance, b?.instance] });
    await bed.clock.advance(3_000);
    const waiting = (await members(bed)).filter(({ currentAction }) => currentAction === "RECREATING");
    expect(waiting).toMatchObject([
      { lastAttempt: { errors: { errors: [{ code: "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE" }] } } },
    ]);
  });
});
