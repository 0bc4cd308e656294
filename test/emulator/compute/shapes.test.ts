import { afterEach, beforeEach, expect, test } from "vitest";
import { type Bed, GLOBAL, group, groupUrl, image, members, settle, startBed, template, templateUrl } from "./bed.ts";

/** What is left of a value when only its keys and types count; a list counts as all its items on top of one another. */
type Shape = string | Shapes | Shape[];
interface Shapes {
  [key: string]: Shape;
}

function shapeOf(value: unknown): Shape {
  if (Array.isArray(value)) return value.length === 0 ? [] : [value.map(shapeOf).reduce(merged)];
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)]));
}

function merged(a: Shape, b: Shape): Shape {
  if (typeof a === "string" || typeof b === "string" || Array.isArray(a) || Array.isArray(b)) return a;
  return { ...a, ...b };
}

const text = "string";
const PERSON = { callerIp: text, callerSuppliedUserAgent: text };
/** A group says what it is, and calls from no address. */
const GROUP = { callerSuppliedUserAgent: text };
const IMAGE = { project_id: text, image_id: text };
const INSTANCE = { project_id: text, instance_id: text, zone: text };
const MANAGER = {
  ...{ project_id: text, location: text },
  ...{ instance_group_manager_id: text, instance_group_manager_name: text },
};
const OPERATION = {
  ...{ "@type": text, id: text, name: text, operationType: text, targetLink: text, targetId: text, status: text },
  ...{ user: text, progress: text, insertTime: text, startTime: text, selfLink: text, selfLinkWithId: text },
};
const ZONAL_OPERATION = { ...OPERATION, zone: text };

const envelope = (labels: Shapes, payload: Shapes): Shapes => ({
  logName: text,
  insertId: text,
  timestamp: text,
  receiveTimestamp: text,
  severity: text,
  resource: { type: text, labels },
  labels: { "compute.googleapis.com/root_trigger_id": text },
  protoPayload: {
    "@type": text,
    authenticationInfo: { principalEmail: text },
    serviceName: text,
    methodName: text,
    resourceName: text,
    ...payload,
  },
});

const full = (caller: Shapes, request: Shapes, response: Shapes): Shapes => ({
  requestMetadata: {
    ...caller,
    requestAttributes: { time: text, auth: {} },
    destinationAttributes: {},
  },
  authorizationInfo: [
    {
      permission: text,
      granted: "boolean",
      permissionType: text,
      resource: text,
      resourceAttributes: { service: text, name: text, type: text },
    },
  ],
  request: { "@type": text, ...request },
  response,
  resourceLocation: { currentLocations: [text] },
});

const first = (labels: Shapes, caller: Shapes, request: Shapes, response: Shapes): Shapes => ({
  ...envelope(labels, full(caller, request, response)),
  operation: { id: text, producer: text, first: "boolean" },
});

const last = (labels: Shapes, caller: Shapes, more: Shapes = {}): Shapes => ({
  ...envelope(labels, {
    requestMetadata: { ...caller, requestAttributes: {}, destinationAttributes: {} },
    request: { "@type": text },
    ...more,
  }),
  operation: { id: text, producer: text, last: "boolean" },
});

const STATUS = { code: "number", message: text };
const LABELS = [{ key: text, value: text }];

let bed: Bed;
beforeEach(async () => {
  bed = await startBed();
});
afterEach(() => bed.close());

/** The shapes of a method's entries, in order, once everything has ended. */
async function entriesOf(method: string): Promise<Shape[]> {
  await bed.clock.advance(2_000);
  return bed.entries.filter((e) => e.protoPayload?.methodName === `v1.compute.${method}`).map(shapeOf);
}

test("images.insert of a disk, labelled: what is asked for stands in the first entry alone", async () => {
  await group(bed, 1);
  const [member] = await members(bed);
  bed.entries.length = 0;
  await bed.post(`${GLOBAL}/images?forceCreate=true`, {
    ...{ name: "web-2", family: "web", description: "golden", labels: { channel: "stable" }, storageLocations: ["us"] },
    sourceDisk: member?.instance.replace("/instances/", "/disks/"),
  });
  const request = {
    ...{ name: text, family: text, description: text, sourceDisk: text, forceCreate: text },
    ...{ labels: LABELS, storageLocations: [text] },
  };
  expect(await entriesOf("images.insert")).toEqual([first(IMAGE, PERSON, request, OPERATION), last(IMAGE, PERSON)]);
});

test("images.insert that fails has a status in its last entry and nothing else more", async () => {
  await bed.post(`${GLOBAL}/images`, { name: "web-2", rawDisk: { source: "gs://images/none.tar.gz" } });
  expect(await entriesOf("images.insert")).toEqual([
    first(IMAGE, PERSON, { name: text, rawDisk: { source: text } }, OPERATION),
    last(IMAGE, PERSON, { status: STATUS }),
  ]);
});

test("images.deprecate names state and replacement, and nothing at all when it clears", async () => {
  await image(bed, "web-1", { family: "web" });
  await bed.post(`${GLOBAL}/images/web-1/deprecate`, { state: "DEPRECATED", replacement: "global/images/web-1" });
  await bed.clock.advance(1_000);
  await bed.post(`${GLOBAL}/images/web-1/deprecate`, {});
  expect(await entriesOf("images.deprecate")).toEqual([
    first(IMAGE, PERSON, { state: text, replacement: text }, OPERATION),
    last(IMAGE, PERSON),
    first(IMAGE, PERSON, {}, OPERATION),
    last(IMAGE, PERSON),
  ]);
});

test("images.setLabels that is rejected is one entry with the error as its response, and no operation", async () => {
  await image(bed, "web-1");
  await bed.call("POST", `${GLOBAL}/images/web-1/setLabels`, {
    labels: { channel: "stable" },
    labelFingerprint: "AAAAAAAAAAA=",
  });
  const problem = { domain: text, reason: text, message: text, locationType: text, location: text };
  const response = { "@type": text, error: { code: "number", message: text, errors: [problem] } };
  expect(await entriesOf("images.setLabels")).toEqual([
    envelope(IMAGE, {
      ...full(PERSON, { labels: LABELS, labelFingerprint: text }, response),
      status: STATUS,
    }),
  ]);
});

test("a group's patch, and what it has its machines do, each in the group's own name", async () => {
  await group(bed, 1, { updatePolicy: { type: "PROACTIVE", maxUnavailable: { fixed: 0 } } });
  await image(bed, "image-2");
  await template(bed, "two", "image-2", { canIpForward: false, serviceAccounts: [{ email: "web", scopes: ["all"] }] });
  bed.entries.length = 0;
  await bed.patch(`${groupUrl()}?requestId=8f3f0b9e-6f4f-4c57-9f39-6a3a1f0e0001`, {
    versions: [{ instanceTemplate: templateUrl("two"), name: "release" }],
    updatePolicy: { minimalAction: "REPLACE", maxSurge: { fixed: 1 } },
  });
  await settle(bed);
  const repeatable = { ...ZONAL_OPERATION, clientOperationId: text };
  const asked = {
    versions: [{ instanceTemplate: text, name: text }],
    updatePolicy: { minimalAction: text, maxSurge: { fixed: text } },
    requestId: text,
  };
  expect(await entriesOf("instanceGroupManagers.patch")).toEqual([
    first(MANAGER, PERSON, asked, repeatable),
    last(MANAGER, PERSON),
  ]);
  const made = {
    ...{ name: text, machineType: text, requestId: text, canIpForward: "boolean" },
    networkInterfaces: [{ network: text, subnetwork: text }],
    disks: [
      {
        ...{ type: text, mode: text, deviceName: text, boot: "boolean", autoDelete: "boolean" },
        initializeParams: { sourceImage: text },
      },
    ],
    serviceAccounts: [{ email: text, scopes: [text] }],
    scheduling: {
      onHostMaintenance: text,
      automaticRestart: "boolean",
      preemptible: "boolean",
      provisioningModel: text,
    },
    links: [{ target: text, type: text, source: text }],
  };
  expect(await entriesOf("instances.insert")).toEqual([
    first(INSTANCE, GROUP, made, repeatable),
    last(INSTANCE, GROUP),
  ]);
  expect(await entriesOf("instances.delete")).toEqual([
    first(INSTANCE, GROUP, { requestId: text }, repeatable),
    last(INSTANCE, GROUP),
  ]);
});

test("a restart by the group is a stop and a start, in the group's own name", async () => {
  await group(bed, 1, { updatePolicy: { type: "PROACTIVE" } });
  bed.entries.length = 0;
  await bed.patch(groupUrl(), {
    versions: [{ instanceTemplate: templateUrl("one"), name: "again" }],
    updatePolicy: { minimalAction: "RESTART" },
  });
  await settle(bed);
  for (const verb of ["stop", "start"])
    expect(await entriesOf(`instances.${verb}`)).toEqual([
      first(INSTANCE, GROUP, { requestId: text }, { ...ZONAL_OPERATION, clientOperationId: text }),
      last(INSTANCE, GROUP),
    ]);
});
