import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { MetadataServer } from "../../../emulator/metadata/server.ts";
import { makeWorld } from "../machines/world.ts";
import {
  type Bed,
  group,
  groupUrl,
  image,
  type Json,
  members,
  ORIGIN,
  PROJECT,
  settle,
  startBed,
  template,
  ZONAL,
} from "./bed.ts";
import { type Gcloud, installed, openGcloud } from "./gcloud.ts";

let bed: Bed;
beforeEach(async () => {
  bed = await startBed();
});
afterEach(() => bed.close());

const REGIONAL = `${ORIGIN}/${PROJECT}/regions/us-central1/addresses`;
const GLOBAL = `${ORIGIN}/${PROJECT}/global/addresses`;
const NEVER = { autoDelete: "NEVER" };
const GOING = { autoDelete: "ON_PERMANENT_INSTANCE_DELETION" };
const NAT = { accessConfigs: [{ name: "External NAT", type: "ONE_TO_ONE_NAT" }] };

interface Address extends Json {
  name: string;
  address: string;
  status: string;
  users?: string[];
  labelFingerprint: string;
}
interface Machine extends Json {
  id: string;
  networkInterfaces: { networkIP: string; accessConfigs?: { natIP?: string; name: string; type: string }[] }[];
}

const reserve = async (name: string, more: Json = {}, at = REGIONAL): Promise<Address> => {
  await bed.post(at, { name, ...more });
  await bed.clock.advance(100);
  return bed.get<Address>(`${at}/${name}`);
};
const machine = (name: string) => bed.get<Machine>(`${ZONAL}/instances/${name}`);
const nat = async (name: string) => (await machine(name)).networkInterfaces[0]?.accessConfigs?.[0]?.natIP;
const boot = async (name: string, nic: Json) => {
  await bed.post(`${ZONAL}/instances`, {
    name,
    machineType: "e2-small",
    disks: [{ boot: true, initializeParams: { sourceImage: `projects/${PROJECT}/global/images/image-1` } }],
    networkInterfaces: [nic],
  });
  await bed.clock.advance(2_000);
};

describe("a reserved address", () => {
  test("is external and of the premium tier unless somebody says otherwise", async () => {
    expect(await reserve("web", { labels: { team: "a" }, description: "for the web" })).toMatchObject({
      kind: "compute#address",
      name: "web",
      description: "for the web",
      address: expect.stringMatching(/^198\.18\./),
      addressType: "EXTERNAL",
      networkTier: "PREMIUM",
      status: "RESERVED",
      region: `${bed.url}${ORIGIN}/${PROJECT}/regions/us-central1`,
      selfLink: `${bed.url}${REGIONAL}/web`,
      labels: { team: "a" },
    });
    expect(await reserve("inside", { addressType: "INTERNAL", address: "10.128.0.9" })).toMatchObject({
      address: "10.128.0.9",
      purpose: "GCE_ENDPOINT",
      subnetwork: expect.stringMatching(/regions\/us-central1\/subnetworks\/default$/),
    });
    expect(await reserve("world", {}, GLOBAL)).toMatchObject({ ipVersion: "IPV4", addressType: "EXTERNAL" });
  });

  test("is listed where it is, and everywhere", async () => {
    await reserve("b");
    await reserve("a");
    await reserve("world", {}, GLOBAL);
    const own = await bed.get<{ kind: string; items: Address[] }>(REGIONAL);
    expect([own.kind, own.items.map(({ name }) => name)]).toEqual(["compute#addressList", ["a", "b"]]);
    const every = await bed.get<{ items: Record<string, { addresses?: Address[]; warning?: Json }> }>(
      `${ORIGIN}/${PROJECT}/aggregated/addresses?filter=${encodeURIComponent("name != b")}`,
    );
    const shown = Object.entries(every.items).flatMap(([scope, { addresses = [] }]) =>
      addresses.map(({ name }) => `${scope}/${name}`),
    );
    expect(shown.sort()).toEqual(["global/world", "regions/us-central1/a"]);
    expect(every.items["regions/europe-west4"]?.warning).toMatchObject({ code: "NO_RESULTS_ON_PAGE" });
  });

  test("has labels that change under a fingerprint", async () => {
    const { labelFingerprint } = await reserve("web");
    const old = { labels: { a: "b" }, labelFingerprint };
    await bed.post(`${REGIONAL}/web/setLabels`, old);
    expect((await bed.get<Address>(`${REGIONAL}/web`)).labels).toEqual({ a: "b" });
    expect((await bed.call("POST", `${REGIONAL}/web/setLabels`, old)).status).toBe(412);
  });

  const refused: [string, Json, string, number, RegExp][] = [
    ["a name that is taken", { name: "web" }, REGIONAL, 409, /already exists/],
    ["a bad name", { name: "Web" }, REGIONAL, 400, /Must be a match of regex/],
    ["an external address of one's own choice", { name: "x", address: "198.18.0.77" }, REGIONAL, 400, /is not in use/],
    [
      "an address that is reserved",
      { name: "x", addressType: "INTERNAL", address: "10.0.0.5" },
      REGIONAL,
      400,
      /already/,
    ],
    ["an internal one for all the world", { name: "x", addressType: "INTERNAL" }, GLOBAL, 400, /needs a purpose/],
    ["a global one of the standard tier", { name: "x", networkTier: "STANDARD" }, GLOBAL, 400, /standard tier/],
    ["IPv6", { name: "x", ipVersion: "IPV6" }, GLOBAL, 501, /IPV6 is not emulated/],
    ["a field that does not exist", { name: "x", colour: "red" }, REGIONAL, 400, /Unknown name "colour"/],
  ];
  test.each(refused)("cannot be %s", async (_what, body, at, status, message) => {
    await reserve("web");
    await reserve("five", { addressType: "INTERNAL", address: "10.0.0.5" });
    const reply = await bed.call<{ error: { message: string } }>("POST", at, body);
    expect([reply.status, reply.body.error.message]).toEqual([status, expect.stringMatching(message)]);
  });

  test("outlives the emulator", async () => {
    const { address } = await reserve("web");
    const state = bed.save();
    await bed.close();
    bed = await startBed({ state });
    expect((await bed.get<Address>(`${REGIONAL}/web`)).address).toBe(address);
    expect((await reserve("other")).address).not.toBe(address);
  });
});

describe("a machine", () => {
  beforeEach(() => image(bed, "image-1"));

  test("without an access configuration has no external address", async () => {
    await boot("a", {});
    expect((await machine("a")).networkInterfaces[0]).not.toHaveProperty("accessConfigs");
  });

  test("gets an ephemeral one, loses it when it is stopped and gets another", async () => {
    await boot("a", NAT);
    const before = await nat("a");
    expect((await machine("a")).networkInterfaces[0]?.accessConfigs).toEqual([
      {
        kind: "compute#accessConfig",
        type: "ONE_TO_ONE_NAT",
        name: "External NAT",
        networkTier: "PREMIUM",
        natIP: before,
      },
    ]);
    await bed.post(`${ZONAL}/instances/a/stop`);
    await bed.clock.advance(2_000);
    expect(await nat("a")).toBeUndefined();
    await bed.post(`${ZONAL}/instances/a/start`);
    await bed.clock.advance(2_000);
    expect(await nat("a")).toMatch(/^198\.18\./);
    expect(await nat("a")).not.toBe(before);
  });

  test("is told of it by its metadata server", async () => {
    await boot("a", NAT);
    await boot("b", {});
    const told = async (name: string, path: string) => {
      const spec = [...bed.machines.values()].find((one) => one.name === name);
      if (!spec) throw new Error(`${name} does not run`);
      const { text, status } = await new MetadataServer(makeWorld("/nowhere", bed.clock), spec).answer({
        method: "GET",
        path: `/computeMetadata/v1/instance/network-interfaces/0/access-configs/${path}`,
        query: new URLSearchParams(),
        headers: { "metadata-flavor": "Google" },
        bytes: Buffer.alloc(0),
        origin: "http://metadata.google.internal",
      });
      return status === undefined || status === 200 ? text : status;
    };
    expect(await told("a", "0/external-ip")).toBe(await nat("a"));
    expect(await told("a", "0/type")).toBe("ONE_TO_ONE_NAT");
    expect(await told("b", "")).toBe("");
    expect(await told("b", "0/external-ip")).toBe(404);
  });

  test("keeps a static one, which is in use then and cannot be deleted before it", async () => {
    const { address } = await reserve("web");
    await boot("a", { accessConfigs: [{ natIP: address }] });
    await bed.post(`${ZONAL}/instances/a/stop`);
    await bed.clock.advance(2_000);
    expect(await nat("a")).toBe(address);
    expect(await bed.get(`${REGIONAL}/web`)).toMatchObject({
      status: "IN_USE",
      users: [`${bed.url}${ZONAL}/instances/a`],
    });
    expect(await bed.call("DELETE", `${REGIONAL}/web`)).toMatchObject({
      status: 400,
      body: { error: { errors: [{ reason: "resourceInUseByAnotherResource" }] } },
    });
    await bed.call("DELETE", `${ZONAL}/instances/a`);
    await bed.clock.advance(2_000);
    expect(await bed.get<Address>(`${REGIONAL}/web`)).toMatchObject({ status: "RESERVED" });
    expect((await bed.call("DELETE", `${REGIONAL}/web`)).status).toBe(200);
  });

  test("has the internal address it asks for, which a second one cannot have", async () => {
    await reserve("inside", { addressType: "INTERNAL", address: "10.128.0.9" });
    await boot("a", { networkIP: "10.128.0.9" });
    expect((await machine("a")).networkInterfaces[0]?.networkIP).toBe("10.128.0.9");
    expect((await bed.get<Address>(`${REGIONAL}/inside`)).status).toBe("IN_USE");
    const { body } = await bed.call<{ name: string }>("POST", `${ZONAL}/instances`, {
      name: "b",
      machineType: "e2-small",
      disks: [{ boot: true, initializeParams: { sourceImage: `projects/${PROJECT}/global/images/image-1` } }],
      networkInterfaces: [{ networkIP: "10.128.0.9" }],
    });
    await bed.clock.advance(2_000);
    expect(await bed.get(`${ZONAL}/operations/${body.name}`)).toMatchObject({
      status: "DONE",
      error: { errors: [{ code: "IP_IN_USE_BY_ANOTHER_RESOURCE" }] },
    });
  });

  test("may promote the address that it has", async () => {
    await boot("a", NAT);
    const address = await nat("a");
    expect(await reserve("kept", { address })).toMatchObject({ address, status: "IN_USE" });
    await bed.call("DELETE", `${ZONAL}/instances/a`);
    await bed.clock.advance(2_000);
    expect((await bed.get<Address>(`${REGIONAL}/kept`)).status).toBe("RESERVED");
  });
});

describe("a stateful group", () => {
  const keep = (rule: Json, kind: Json = { internalIPs: { nic0: rule }, externalIPs: { nic0: rule } }) => ({
    statefulPolicy: { preservedState: kind },
  });
  const withNat = async (more: Json = {}) => {
    await group(bed, 1);
    await template(bed, "open", "image-1", { networkInterfaces: [{ network: "global/networks/default", ...NAT }] });
    await bed.patch(groupUrl(), {
      versions: [{ instanceTemplate: `projects/${PROJECT}/global/instanceTemplates/open` }],
      updatePolicy: { type: "PROACTIVE", maxSurge: { fixed: 0 }, replacementMethod: "RECREATE" },
      ...more,
    });
    await settle(bed);
    return String((await members(bed))[0]?.name);
  };
  const recreate = async (name: string) => {
    await bed.post(`${groupUrl()}/recreateInstances`, { instances: [`zones/us-central1-a/instances/${name}`] });
    await settle(bed);
  };
  const names = async () => ((await bed.get<{ items?: Address[] }>(REGIONAL)).items ?? []).map(({ name }) => name);

  test("reserves both addresses of its machine and gives them to every successor", async () => {
    const name = await withNat();
    await bed.patch(groupUrl(), keep(NEVER));
    await settle(bed);
    const before = await machine(name);
    expect(await names()).toEqual([`${name}-nic0-external`, `${name}-nic0-internal`]);
    await recreate(name);
    const after = await machine(name);
    expect(after.id).not.toBe(before.id);
    expect(after.networkInterfaces[0]?.networkIP).toBe(before.networkInterfaces[0]?.networkIP);
    expect(await nat(name)).toBe(before.networkInterfaces[0]?.accessConfigs?.[0]?.natIP);
    expect((await members(bed))[0]).toMatchObject({
      preservedStateFromPolicy: {
        externalIPs: { nic0: { ...NEVER, ipAddress: { address: `${bed.url}${REGIONAL}/${name}-nic0-external` } } },
        internalIPs: { nic0: { ...NEVER, ipAddress: { address: `${bed.url}${REGIONAL}/${name}-nic0-internal` } } },
      },
    });
  });

  test.each([
    ["leaves them reserved when they are never deleted", NEVER, 2],
    ["takes them along when they are deleted with their instance", GOING, 0],
  ])("%s", async (_sentence, rule, left) => {
    const name = await withNat();
    await bed.patch(groupUrl(), keep(rule));
    await settle(bed);
    await bed.call("DELETE", groupUrl());
    await bed.clock.advance(5_000);
    expect((await bed.call("GET", groupUrl())).status).toBe(404);
    const rest = (await bed.get<{ items?: Address[] }>(REGIONAL)).items ?? [];
    expect(rest.map(({ name: own, status }) => [own.startsWith(name), status])).toEqual(
      Array.from({ length: left }, () => [true, "RESERVED"]),
    );
  });

  test("gives a machine the addresses that its configuration names, by URL or by number", async () => {
    const name = await withNat();
    const outside = await reserve("outside");
    await bed.post(`${groupUrl()}/updatePerInstanceConfigs`, {
      perInstanceConfigs: [
        {
          name,
          preservedState: {
            externalIPs: { nic0: { ...NEVER, ipAddress: { address: `regions/us-central1/addresses/outside` } } },
            internalIPs: { nic0: { ...GOING, ipAddress: { literal: "10.128.0.77" } } },
          },
        },
      ],
    });
    await settle(bed);
    await recreate(name);
    expect((await machine(name)).networkInterfaces[0]?.networkIP).toBe("10.128.0.77");
    expect(await nat(name)).toBe(outside.address);
    expect(await names()).toEqual(["outside", `${name}-nic0-internal`].sort());
    expect((await members(bed))[0]).toMatchObject({
      preservedStateFromConfig: {
        externalIPs: { nic0: { ipAddress: { address: `${bed.url}${REGIONAL}/outside` } } },
        internalIPs: { nic0: { ipAddress: { literal: "10.128.0.77" } } },
      },
    });
    await bed.post(`${groupUrl()}/deleteInstances`, { instances: [`zones/us-central1-a/instances/${name}`] });
    await settle(bed);
    expect(await names()).toEqual(["outside"]);
  });

  test("cannot have two machines of one address, and says so", async () => {
    const name = await withNat();
    await bed.post(`${ZONAL}/instances`, {
      name: "other",
      machineType: "e2-small",
      disks: [{ boot: true, initializeParams: { sourceImage: `projects/${PROJECT}/global/images/image-1` } }],
      networkInterfaces: [{ networkIP: "10.128.0.77" }],
    });
    await bed.post(`${groupUrl()}/updatePerInstanceConfigs`, {
      perInstanceConfigs: [
        { name, preservedState: { internalIPs: { nic0: { ipAddress: { literal: "10.128.0.77" } } } } },
      ],
    });
    await bed.post(`${groupUrl()}/recreateInstances`, { instances: [`zones/us-central1-a/instances/${name}`] });
    await bed.clock.advance(3_000);
    expect((await members(bed))[0]?.lastAttempt?.errors.errors[0]?.code).toBe("IP_IN_USE_BY_ANOTHER_RESOURCE");
  });
});

describe.skipIf(!installed)("gcloud", () => {
  let cloud: Gcloud;
  beforeAll(async () => {
    cloud = await openGcloud();
  });
  afterAll(() => cloud.close());
  const gcloud = <T>(line: string) => cloud.run<T>(`compute ${line}`);

  test("reserves, lists, describes and releases addresses", { timeout: 120_000 }, async () => {
    await gcloud("addresses create web --region=us-central1");
    await gcloud("addresses create world --global --ip-version=IPV4");
    await gcloud("addresses create inside --region=us-central1 --subnet=default --addresses=127.10.0.99");
    const listed = await gcloud<Address[]>("addresses list");
    expect(listed.map(({ name }) => name).sort()).toEqual(["inside", "web", "world"]);
    expect(await gcloud("addresses describe web --region=us-central1")).toMatchObject({
      status: "RESERVED",
    });
    expect(await gcloud("addresses describe inside --region=us-central1")).toMatchObject({
      address: "127.10.0.99",
      addressType: "INTERNAL",
    });
    await gcloud("addresses delete web --region=us-central1");
    await gcloud("addresses delete world --global");
    expect((await gcloud<Address[]>("addresses list")).map(({ name }) => name)).toEqual(["inside"]);
  });

  test("keeps the addresses of a group's machines", { timeout: 180_000 }, async () => {
    const zone = "--zone=us-central1-a";
    const groups = "instance-groups managed";
    await gcloud("images create web-1 --source-image-family=debian-12 --source-image-project=debian-cloud");
    await gcloud("instance-templates create web-1 --image=web-1 --machine-type=e2-small");
    await gcloud(`${groups} create web --template=web-1 --size=1 ${zone}`);
    await gcloud(`${groups} wait-until web --stable ${zone}`);
    await gcloud(
      `${groups} update web --stateful-internal-ip=interface-name=nic0,auto-delete=never --stateful-external-ip=interface-name=nic0,auto-delete=on-permanent-instance-deletion ${zone}`,
    );
    const [one] = await gcloud<{ name: string }[]>(`${groups} list-instances web ${zone}`);
    const name = String(one?.name);
    const kept = await gcloud<Address[]>("addresses list --filter=name~nic0");
    expect(kept.map((address) => [address.name, address.status]).sort()).toEqual([
      [`${name}-nic0-external`, "IN_USE"],
      [`${name}-nic0-internal`, "IN_USE"],
    ]);
    await gcloud("addresses create chosen --region=us-central1");
    const chosen = await gcloud<Address>("addresses describe chosen --region=us-central1");
    await gcloud(
      `${groups} instance-configs create web --instance=${name} --stateful-external-ip=interface-name=nic0,address=${chosen.address} ${zone}`,
    );
    const [config] = await gcloud<{ preservedState: Json }[]>(`${groups} instance-configs list web ${zone}`);
    expect(config?.preservedState).toMatchObject({
      externalIPs: { nic0: { ipAddress: { literal: chosen.address } } },
    });
    expect(await gcloud("addresses describe chosen --region=us-central1")).toMatchObject({ status: "IN_USE" });
    await gcloud(`${groups} delete web ${zone}`);
    expect((await gcloud<Address[]>("addresses list --filter=name~nic0")).map((address) => address.name)).toEqual([
      `${name}-nic0-internal`,
    ]);
  });
});
