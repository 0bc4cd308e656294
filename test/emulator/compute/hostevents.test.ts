import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MetadataServer } from "../../../emulator/metadata/server.ts";
import { makeWorld } from "../machines/world.ts";
import {
  type Bed,
  group,
  image,
  type Json,
  members,
  PROJECT,
  settle,
  startBed,
  template,
  templateUrl,
  ZONAL,
  ZONE,
} from "./bed.ts";

const ONE = `${ZONAL}/instances/one`;
const DOOR = `/emulator/instances/${ZONE}`;
const SPOT = { provisioningModel: "SPOT" };

let bed: Bed;

async function instance(scheduling: Json = {}): Promise<Json> {
  await image(bed, "image-1");
  await bed.post(`${ZONAL}/instances`, {
    name: "one",
    machineType: `zones/${ZONE}/machineTypes/e2-small`,
    disks: [{ boot: true, initializeParams: { sourceImage: `projects/${PROJECT}/global/images/image-1` } }],
    networkInterfaces: [{}],
    scheduling,
  });
  await bed.clock.advance(1000);
  return bed.get(ONE);
}

const status = async (name = "one") =>
  (await bed.call<{ status?: string }>("GET", `${ZONAL}/instances/${name}`)).body.status;

/** System events so far: method, message, principal, and whose they are. */
const events = () =>
  bed.entries
    .filter(({ logName }) => logName.endsWith("%2Fsystem_event"))
    .map(({ protoPayload, severity }) => [
      protoPayload?.methodName?.replace("compute.instances.", ""),
      protoPayload?.status?.message,
      severity,
    ]);

/** The metadata server as the guest has it, without its socket. */
function guest(name = "one") {
  const spec = [...bed.machines.values()].find((machine) => machine.name === name);
  if (!spec) throw new Error(`${name} is off`);
  const server = new MetadataServer(makeWorld("/nowhere", bed.clock), spec);
  return async (path: string, query = ""): Promise<string> => {
    const answer = await server.answer({
      method: "GET",
      path: `/computeMetadata/v1/instance/${path}`,
      query: new URLSearchParams(query),
      headers: { "metadata-flavor": "Google" },
      bytes: Buffer.alloc(0),
      origin: "",
    });
    return answer.status === 404 ? "404" : (answer.text ?? "");
  };
}

beforeEach(async () => {
  bed = await startBed();
});
afterEach(() => bed.close());

describe("preemption", () => {
  test("stops a spot machine, tells its guest before, and is written down as the system's", async () => {
    expect((await instance(SPOT)).scheduling).toMatchObject({
      preemptible: true,
      provisioningModel: "SPOT",
      automaticRestart: false,
      onHostMaintenance: "TERMINATE",
    });
    const read = guest();
    expect(await read("preempted")).toBe("FALSE");
    const told = read("preempted", "wait_for_change=true");
    await bed.post(`${DOOR}/one:preempt`);
    expect(await status()).toBe("STOPPING");
    await bed.clock.advance(50);
    expect(await told).toBe("TRUE");
    await bed.clock.advance(1000);
    expect(await status()).toBe("TERMINATED");
    expect(events()).toEqual([["preempted", "Instance was preempted.", "INFO"]]);
    const [entry] = bed.entries.filter(({ logName }) => logName.endsWith("%2Fsystem_event"));
    expect(entry).toMatchObject({
      operation: {
        first: true,
        last: true,
        producer: "compute.instances.preempted",
        id: expect.stringMatching(/^systemevent-/),
      },
      protoPayload: {
        authenticationInfo: { principalEmail: "system@google.com" },
        resourceName: `projects/${PROJECT}/zones/${ZONE}/instances/one`,
      },
    });
    const operations = await bed.get<{ items: Json[] }>(`${ZONAL}/operations`);
    expect(
      operations.items.filter(({ operationType }) => operationType === "compute.instances.preempted"),
    ).toMatchObject([{ status: "DONE", user: "system", statusMessage: "Instance was preempted." }]);
    await bed.clock.advance(60_000);
    expect(await status()).toBe("TERMINATED");
    await bed.post(`${ONE}/start`);
    await bed.clock.advance(1000);
    expect(await guest()("preempted")).toBe("FALSE");
  });

  test("deletes the machine that asked for it", async () => {
    await instance({ ...SPOT, instanceTerminationAction: "DELETE" });
    await bed.post(`${DOOR}/one:preempt`);
    await bed.clock.advance(1000);
    expect((await bed.call("GET", ONE)).status).toBe(404);
  });

  test("is not for other machines", async () => {
    await instance();
    expect((await bed.call("POST", `${DOOR}/one:preempt`)).status).toBe(400);
    expect((await bed.call("POST", `${DOOR}/two:preempt`)).status).toBe(404);
    expect([await status(), events()]).toEqual(["RUNNING", []]);
  });

  test("of a group's machine makes it again under its name", async () => {
    await image(bed, "image-2");
    await template(bed, "spot", "image-2", { scheduling: SPOT });
    await group(bed, 2, { versions: [{ instanceTemplate: templateUrl("spot") }] });
    const [first] = await members(bed);
    await bed.post(`${DOOR}/${first?.name}:preempt`);
    await bed.clock.advance(200);
    await settle(bed);
    const again = (await members(bed)).find(({ name }) => name === first?.name);
    expect([again?.instanceStatus, again?.id === first?.id]).toEqual(["RUNNING", false]);
    expect(events().map(([method]) => method)).toEqual(["preempted", "repair.recreateInstance"]);
  });
});

describe("a host error", () => {
  test("takes the machine without a word and restarts it", async () => {
    await instance();
    await bed.post(`${DOOR}/one:fail`);
    expect(await status()).toBe("REPAIRING");
    expect(bed.machines.size).toBe(0);
    await bed.clock.advance(2000);
    expect(await status()).toBe("RUNNING");
    expect(events()).toEqual([
      ["hostError", "Instance terminated by Compute Engine.", "INFO"],
      ["automaticRestart", "Instance automatically restarted by Compute Engine.", "INFO"],
    ]);
  });

  test("leaves a machine off that does not restart", async () => {
    await instance({ automaticRestart: false });
    await bed.post(`${DOOR}/one:fail`);
    await bed.clock.advance(60_000);
    expect([await status(), events().map(([method]) => method)]).toEqual(["TERMINATED", ["hostError"]]);
  });

  test("of a group's machine is repaired by its restart, and by the group where there is none", async () => {
    await group(bed, 1);
    const [first] = await members(bed);
    await bed.post(`${DOOR}/${first?.name}:fail`);
    await bed.clock.advance(2000);
    expect(await members(bed)).toMatchObject([{ id: first?.id, instanceStatus: "RUNNING", currentAction: "NONE" }]);
    await template(bed, "frail", "image-1", { scheduling: { automaticRestart: false } });
    await bed.patch(`${ZONAL}/instanceGroupManagers/web`, {
      versions: [{ instanceTemplate: templateUrl("frail") }],
      updatePolicy: { type: "PROACTIVE", minimalAction: "NONE", maxUnavailable: { fixed: 1 } },
    });
    await bed.clock.advance(100);
    await settle(bed);
    const [second] = await members(bed);
    await bed.post(`${DOOR}/${second?.name}:fail`);
    await bed.clock.advance(100);
    await settle(bed);
    const [third] = await members(bed);
    expect([third?.name, third?.id === second?.id, third?.instanceStatus]).toEqual([second?.name, false, "RUNNING"]);
    expect(events().map(([method]) => method)).toEqual([
      "hostError",
      "automaticRestart",
      "hostError",
      "repair.recreateInstance",
    ]);
  });

  test("is over when the emulator is restarted in it", async () => {
    await instance();
    await bed.post(`${DOOR}/one:fail`);
    const state = structuredClone(bed.save());
    await bed.close();
    bed = await startBed({ state });
    await bed.clock.advance(2000);
    expect(await status()).toBe("RUNNING");
  });
});

describe("host maintenance", () => {
  const simulate = async (query = "") =>
    bed.post<{ name: string; operationType: string }>(`${ONE}/simulateMaintenanceEvent${query}`);
  const operation = async (name: string) => (await bed.get<{ status: string }>(`${ZONAL}/operations/${name}`)).status;

  test("moves a machine that keeps running, its guest told from beginning to end", async () => {
    await instance();
    const read = guest();
    expect(await read("maintenance-event")).toBe("NONE");
    expect(await read("scheduling/on-host-maintenance")).toBe("MIGRATE");
    const told = read("maintenance-event", "wait_for_change=true");
    const { name, operationType } = await simulate();
    expect(operationType).toBe("simulateMaintenanceEvent");
    await bed.clock.advance(500);
    expect([await told, await status(), await operation(name), events()]).toEqual([
      "MIGRATE_ON_HOST_MAINTENANCE",
      "RUNNING",
      "RUNNING",
      [],
    ]);
    expect((await bed.call("POST", `${ONE}/simulateMaintenanceEvent`)).status).toBe(400);
    await bed.clock.advance(1500);
    expect([await read("maintenance-event"), await status(), await operation(name)]).toEqual([
      "NONE",
      "RUNNING",
      "DONE",
    ]);
    expect(events()).toEqual([
      ["migrateOnHostMaintenance", "Instance migrated during Compute Engine maintenance.", "INFO"],
    ]);
  });

  test.each([
    [true, "RUNNING", ["terminateOnHostMaintenance", "automaticRestart"]],
    [false, "TERMINATED", ["terminateOnHostMaintenance"]],
  ])("terminates a machine that cannot move; restarted automatically: %s", async (automaticRestart, after, written) => {
    await instance({ onHostMaintenance: "TERMINATE", automaticRestart });
    const read = guest();
    const { name } = await simulate();
    await bed.clock.advance(500);
    expect([await read("maintenance-event"), await status()]).toEqual(["TERMINATE_ON_HOST_MAINTENANCE", "RUNNING"]);
    await bed.clock.advance(5000);
    expect([await status(), await operation(name), events().map(([method]) => method)]).toEqual([
      after,
      "DONE",
      written,
    ]);
    if (automaticRestart) expect(await guest()("maintenance-event")).toBe("NONE");
  });

  test("preempts a spot machine", async () => {
    await instance(SPOT);
    const { name } = await simulate();
    await bed.clock.advance(1000);
    expect([await status(), await operation(name), events().map(([method]) => method)]).toEqual([
      "TERMINATED",
      "DONE",
      ["preempted"],
    ]);
  });

  test("may be announced, and then be had done before its window", async () => {
    await instance();
    const read = guest();
    expect(await read("upcoming-maintenance/", "recursive=true")).toBe("404");
    expect((await bed.call("POST", `${ONE}/performMaintenance`)).status).toBe(400);
    await simulate("?withExtendedNotifications=true");
    await bed.clock.advance(1000);
    expect(JSON.parse(await read("upcoming-maintenance/", "recursive=true"))).toMatchObject({
      type: "SCHEDULED",
      maintenanceStatus: "PENDING",
      canReschedule: "TRUE",
    });
    const { resourceStatus } = await bed.get<{ resourceStatus: Json }>(ONE);
    expect(resourceStatus.upcomingMaintenance).toMatchObject({ maintenanceStatus: "PENDING", canReschedule: true });
    expect(await read("maintenance-event")).toBe("NONE");
    await bed.post(`${ONE}/performMaintenance`);
    await bed.clock.advance(500);
    expect([
      await read("maintenance-event"),
      (await bed.get<{ resourceStatus: Json }>(ONE)).resourceStatus,
    ]).toMatchObject(["MIGRATE_ON_HOST_MAINTENANCE", { upcomingMaintenance: { maintenanceStatus: "ONGOING" } }]);
    await bed.clock.advance(200_000);
    expect([await read("upcoming-maintenance/", "recursive=true"), events().length]).toEqual(["404", 1]);
  });

  test("that was announced comes with its window when nobody asks", async () => {
    await instance();
    await simulate("?withExtendedNotifications=true");
    await bed.clock.advance(59_000);
    expect(events()).toEqual([]);
    await bed.clock.advance(5_000);
    expect(events().map(([method]) => method)).toEqual(["migrateOnHostMaintenance"]);
  });

  test("ends with a machine that is stopped meanwhile", async () => {
    await instance();
    const { name } = await simulate();
    await bed.post(`${ONE}/stop`);
    await bed.clock.advance(2000);
    expect([await status(), await operation(name), events()]).toEqual(["TERMINATED", "DONE", []]);
    expect((await bed.call("POST", `${ONE}/simulateMaintenanceEvent`)).status).toBe(400);
  });
});

describe("a suspended machine", () => {
  test("is held still, kept over a restart of the emulator, and goes on", async () => {
    await instance();
    expect((await bed.call("POST", `${ONE}/resume`)).status).toBe(400);
    await bed.post(`${ONE}/suspend`);
    expect(await status()).toBe("SUSPENDING");
    await bed.clock.advance(1000);
    expect(await bed.get(ONE)).toMatchObject({ status: "SUSPENDED", lastSuspendedTimestamp: expect.any(String) });
    expect((await bed.call("POST", `${ONE}/suspend`)).status).toBe(400);
    expect(bed.machines.size).toBe(1);
    const state = structuredClone(bed.save());
    await bed.close();
    bed = await startBed({ state });
    await bed.clock.advance(1000);
    expect(await status()).toBe("SUSPENDED");
    await bed.post(`${ONE}/resume`);
    await bed.clock.advance(1000);
    expect(await status()).toBe("RUNNING");
  });

  test("can be stopped and deleted", async () => {
    await instance();
    await bed.post(`${ONE}/suspend`);
    await bed.clock.advance(1000);
    await bed.post(`${ONE}/stop`);
    await bed.clock.advance(1000);
    expect([await status(), bed.machines.size]).toEqual(["TERMINATED", 0]);
    await bed.post(`${ONE}/start`);
    await bed.clock.advance(1000);
    await bed.post(`${ONE}/suspend`);
    await bed.clock.advance(1000);
    await bed.call("DELETE", ONE);
    await bed.clock.advance(1000);
    expect((await bed.call("GET", ONE)).status).toBe(404);
  });
});

describe("what is changed of one instance", () => {
  test("tags, by their fingerprint", async () => {
    const { tags } = await instance();
    const stale = await bed.call("POST", `${ONE}/setTags`, { items: ["web"], fingerprint: "c3RhbGU=" });
    expect(stale.status).toBe(412);
    await bed.post(`${ONE}/setTags`, { items: ["web", "blue"], fingerprint: (tags as Json).fingerprint });
    expect((await bed.get<{ tags: Json }>(ONE)).tags.items).toEqual(["web", "blue"]);
    expect(JSON.parse(await guest()("tags"))).toEqual(["web", "blue"]);
  });

  test("machine type and service account, only while it is off", async () => {
    await instance();
    const asked: [string, Json][] = [
      ["setMachineType", { machineType: `zones/${ZONE}/machineTypes/e2-medium` }],
      [
        "setServiceAccount",
        { email: "web@acme.iam.gserviceaccount.com", scopes: ["https://www.googleapis.com/auth/cloud-platform"] },
      ],
    ];
    for (const [verb, body] of asked)
      expect([verb, (await bed.call("POST", `${ONE}/${verb}`, body)).status]).toEqual([verb, 400]);
    await bed.post(`${ONE}/stop`);
    await bed.clock.advance(1000);
    for (const [verb, body] of asked) await bed.post(`${ONE}/${verb}`, body);
    expect(await bed.get(ONE)).toMatchObject({
      machineType: expect.stringMatching(/machineTypes\/e2-medium$/),
      serviceAccounts: [{ email: "web@acme.iam.gserviceaccount.com" }],
    });
  });

  test("scheduling, within what a spot machine can be", async () => {
    await instance();
    await bed.post(`${ONE}/setScheduling`, { automaticRestart: false, onHostMaintenance: "TERMINATE" });
    expect((await bed.get<{ scheduling: Json }>(ONE)).scheduling).toMatchObject({
      automaticRestart: false,
      onHostMaintenance: "TERMINATE",
      provisioningModel: "STANDARD",
    });
    const restarts = await bed.call("POST", `${ONE}/setScheduling`, { ...SPOT, automaticRestart: true });
    const whileRunning = await bed.call("POST", `${ONE}/setScheduling`, SPOT);
    expect([restarts.status, whileRunning.status]).toEqual([400, 400]);
  });
});
