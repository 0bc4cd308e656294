import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type Bed,
  GLOBAL,
  type Group,
  group,
  groupUrl,
  image,
  type Managed,
  members,
  settle,
  startBed,
  templateUrl,
  ZONAL,
} from "./bed.ts";

/** What people do by hand to machines that their group is at work on, and to groups and images that are going. */
let bed: Bed;
beforeEach(async () => {
  bed = await startBed();
});
afterEach(() => bed.close());

/** Advances until a machine of the group is under way in this manner. */
async function underWay(action: string, status: string): Promise<Managed> {
  for (let passed = 0; passed <= 5_000; passed += 10) {
    const found = (await members(bed)).find((m) => m.currentAction === action && m.instanceStatus === status);
    if (found) return found;
    await bed.clock.advance(10);
  }
  throw new Error(`no machine is ${action} and ${status}`);
}

const restart = () =>
  bed.patch(groupUrl(), {
    versions: [{ instanceTemplate: templateUrl("one"), name: "again" }],
    updatePolicy: { type: "PROACTIVE", minimalAction: "RESTART" },
  });
const grow = () => bed.post(`${groupUrl()}/resize?size=2`);
const recreate = async () => {
  const [member] = await members(bed);
  await bed.post(`${groupUrl()}/recreateInstances`, { instances: [member?.instance] });
};

const remove = (name: string) => bed.call("DELETE", `${ZONAL}/instances/${name}`);
const stop = (name: string) => bed.call("POST", `${ZONAL}/instances/${name}/stop`);

const rows: [string, () => Promise<unknown>, string, string, (name: string) => Promise<unknown>, number][] = [
  ["deleted while it is made", grow, "CREATING", "PROVISIONING", remove, 2],
  ["stopped while it is made", grow, "CREATING", "STAGING", stop, 2],
  ["deleted while it is made again", recreate, "RECREATING", "STAGING", remove, 1],
  ["deleted while it goes down for a restart", restart, "RESTARTING", "STOPPING", remove, 1],
  ["deleted while it comes up from a restart", restart, "RESTARTING", "STAGING", remove, 1],
  ["stopped while it comes up from a restart", restart, "RESTARTING", "PROVISIONING", stop, 1],
];
test.each(rows)("a machine %s is repaired", async (_what, begin, action, status, act, size) => {
  await group(bed, 1);
  await begin();
  const { name } = await underWay(action, status);
  await act(name);
  for (let i = 0; i < 30; i++) await bed.clock.advance(100);
  expect((await bed.get<Group>(groupUrl())).status).toMatchObject({
    isStable: true,
    versionTarget: { isReached: true },
  });
  const after = await members(bed);
  expect(after.map((m) => [m.currentAction, m.instanceStatus])).toEqual(Array(size).fill(["NONE", "RUNNING"]));
  expect(after.map((m) => m.name)).toContain(name);
});

test("a machine that somebody is deleting is not caught by a restart: it is repaired, and the delete ends", async () => {
  await group(bed, 2);
  const [member] = await members(bed);
  const { body } = await bed.call<{ selfLink: string }>("DELETE", `${ZONAL}/instances/${member?.name}`);
  await restart();
  for (let i = 0; i < 50; i++) await bed.clock.advance(100);
  expect(await bed.get(body.selfLink)).toMatchObject({ status: "DONE" });
  expect((await settle(bed)).status.versionTarget.isReached).toBe(true);
  expect((await members(bed)).map((m) => m.instanceStatus)).toEqual(["RUNNING", "RUNNING"]);
});

test("a group that is being deleted takes no more changes, and its deletion ends", async () => {
  await group(bed, 2);
  const { body } = await bed.call<{ selfLink: string }>("DELETE", groupUrl());
  const tries: [string, string, unknown?][] = [
    ["DELETE", groupUrl()],
    ["PATCH", groupUrl(), { targetSize: 3 }],
    ["POST", `${groupUrl()}/resize?size=3`],
    ["POST", `${groupUrl()}/createInstances`, { instances: [{ name: "late" }] }],
  ];
  const message = "The resource 'projects/acme/zones/us-central1-a/instanceGroupManagers/web' is not ready";
  for (const [method, path, sent] of tries)
    expect(await bed.call(method, path, sent)).toMatchObject({
      status: 400,
      body: { error: { message, errors: [{ reason: "resourceNotReady" }] } },
    });
  await bed.clock.advance(1_000);
  expect(await bed.get(body.selfLink)).toMatchObject({ status: "DONE" });
  expect((await bed.call("GET", groupUrl())).status).toBe(404);
});

test("an image that is being deleted takes no more changes", async () => {
  await image(bed, "web-1");
  await bed.call("DELETE", `${GLOBAL}/images/web-1`);
  for (const [method, path] of [
    ["DELETE", `${GLOBAL}/images/web-1`],
    ["POST", `${GLOBAL}/images/web-1/deprecate`],
  ] as const)
    expect(await bed.call(method, path, {})).toMatchObject({
      status: 400,
      body: { error: { errors: [{ reason: "resourceNotReady" }] } },
    });
});

test("an image of a running machine's disk has to be forced; of a stopped one's it need not", async () => {
  await group(bed, 1);
  const [member] = await members(bed);
  const sourceDisk = `zones/us-central1-a/disks/${member?.name}`;
  expect(await bed.call("POST", `${GLOBAL}/images`, { name: "a", sourceDisk })).toMatchObject({
    status: 400,
    body: {
      error: {
        message: `The disk resource 'projects/acme/zones/us-central1-a/disks/${member?.name}' is already being used by 'projects/acme/zones/us-central1-a/instances/${member?.name}'`,
        errors: [{ reason: "resourceInUseByAnotherResource" }],
      },
    },
  });
  expect((await bed.call("POST", `${GLOBAL}/images?forceCreate=True`, { name: "a", sourceDisk })).status).toBe(200);
  await bed.patch(groupUrl(), { instanceLifecyclePolicy: { defaultActionOnFailure: "DO_NOTHING" } });
  await bed.post(`${ZONAL}/instances/${member?.name}/stop`);
  await bed.clock.advance(1_000);
  expect((await bed.call("POST", `${GLOBAL}/images`, { name: "b", sourceDisk })).status).toBe(200);
});
