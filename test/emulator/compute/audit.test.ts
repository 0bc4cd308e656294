import { afterEach, beforeEach, expect, test } from "vitest";
import type { LogEntry } from "../../../wire/logging.d.ts";
import { type Bed, GLOBAL, group, groupUrl, image, members, settle, startBed } from "./bed.ts";

let bed: Bed;
beforeEach(async () => {
  bed = await startBed();
});
afterEach(() => bed.close());

const of = (method: string): LogEntry[] => bed.entries.filter((e) => e.protoPayload?.methodName === method);

test("a call writes a first entry with everything and a last one with nearly nothing", async () => {
  await bed.post(`${GLOBAL}/images?requestId=8f3f0b9e-6f4f-4c57-9f39-6a3a1f0e0001`, {
    name: "web-1",
    family: "web",
    labels: { channel: "stable" },
    diskSizeGb: 12,
    sourceImage: "projects/debian-cloud/global/images/family/debian-12",
  });
  await bed.clock.advance(1_000);
  const [first, last, ...more] = of("v1.compute.images.insert");
  expect(more).toEqual([]);
  const { id } = await bed.get<{ id: string }>(`${GLOBAL}/images/web-1`);
  const shared = {
    logName: "projects/acme/logs/cloudaudit.googleapis.com%2Factivity",
    severity: "NOTICE",
    resource: { type: "gce_image", labels: { project_id: "acme", image_id: id } },
    labels: { "compute.googleapis.com/root_trigger_id": first?.labels?.["compute.googleapis.com/root_trigger_id"] },
  };
  const operation = first?.operation?.id;
  expect(first).toMatchObject({ ...shared, timestamp: "2026-01-15T10:00:00.000Z" });
  expect(first?.operation).toEqual({ id: operation, producer: "compute.googleapis.com", first: true });
  const payload = first?.protoPayload;
  expect(payload).toMatchObject({
    authenticationInfo: { principalEmail: "releaser@example.com" },
    requestMetadata: {
      callerSuppliedUserAgent: "bed/1",
      requestAttributes: { time: "2026-01-15T10:00:00.000Z", auth: {} },
    },
    authorizationInfo: [
      {
        permission: "compute.images.create",
        granted: true,
        permissionType: "ADMIN_WRITE",
        resource: "projects/acme/global/images/web-1",
        resourceAttributes: { service: "compute", name: "projects/acme/global/images/web-1", type: "compute.images" },
      },
      { permission: "compute.images.setLabels", granted: true },
    ],
    resourceName: "projects/acme/global/images/web-1",
    resourceLocation: { currentLocations: ["us"] },
  });
  expect(payload?.request).toEqual({
    "@type": "type.googleapis.com/compute.images.insert",
    name: "web-1",
    family: "web",
    labels: [{ key: "channel", value: "stable" }],
    diskSizeGb: "12",
    sourceImage: "projects/debian-cloud/global/images/family/debian-12",
    requestId: "8f3f0b9e-6f4f-4c57-9f39-6a3a1f0e0001",
  });
  expect(payload?.response).toMatchObject({
    "@type": "type.googleapis.com/operation",
    status: "RUNNING",
    progress: "0",
    targetId: id,
    clientOperationId: "8f3f0b9e-6f4f-4c57-9f39-6a3a1f0e0001",
    insertTime: "2026-01-15T02:00:00.000-08:00",
  });
  expect(payload).not.toHaveProperty("status");

  expect(last).toMatchObject({ ...shared, timestamp: "2026-01-15T10:00:00.300Z" });
  expect(last?.operation).toEqual({ id: operation, producer: "compute.googleapis.com", last: true });
  expect(Object.keys(last?.protoPayload ?? {}).sort()).toEqual(
    ["@type", "authenticationInfo", "methodName", "request", "requestMetadata", "resourceName", "serviceName"].sort(),
  );
  expect(last?.protoPayload?.request).toEqual({ "@type": "type.googleapis.com/compute.images.insert" });
});

test("an operation that fails says so in its last entry", async () => {
  await bed.post(`${GLOBAL}/images`, { name: "web-1", rawDisk: { source: "gs://images/none.tar.gz" } });
  await bed.clock.advance(1_000);
  expect(of("v1.compute.images.insert").at(-1)).toMatchObject({
    severity: "ERROR",
    operation: { last: true },
    protoPayload: { status: { code: 3, message: "INVALID_ARGUMENT" } },
  });
  expect(await bed.get(`${GLOBAL}/images/web-1`)).toMatchObject({ status: "FAILED" });
});

const REJECTED: [string, number, number, string, (b: Bed) => Promise<unknown>][] = [
  [
    "forbidden",
    403,
    7,
    "images.insert",
    (b) => b.denied.add("compute.images.create") && b.call("POST", `${GLOBAL}/images`, { name: "x" }),
  ],
  ["without a source", 400, 3, "images.insert", (b) => b.call("POST", `${GLOBAL}/images`, { name: "x" })],
  ["of an unknown image", 404, 5, "images.deprecate", (b) => b.call("POST", `${GLOBAL}/images/none/deprecate`, {})],
  [
    "of a name that is taken",
    409,
    6,
    "images.insert",
    (b) => b.call("POST", `${GLOBAL}/images`, { name: "web-1", sourceImage: "global/images/web-1" }),
  ],
  [
    "with an old fingerprint",
    412,
    3,
    "images.setLabels",
    (b) => b.call("POST", `${GLOBAL}/images/web-1/setLabels`, { labels: {}, labelFingerprint: "AAAA" }),
  ],
];
test.each(REJECTED)("a call %s (%i) writes one entry, without operation", async (_why, http, code, method, act) => {
  await image(bed, "web-1");
  bed.entries.length = 0;
  await act(bed);
  await bed.clock.advance(1_000);
  expect(bed.entries).toHaveLength(1);
  const [entry] = bed.entries;
  expect(entry).toMatchObject({
    severity: "ERROR",
    protoPayload: {
      methodName: `v1.compute.${method}`,
      authorizationInfo: [{ granted: http !== 403 }],
      response: { "@type": "type.googleapis.com/error", error: { code: http } },
      status: { code },
    },
  });
  expect(entry).not.toHaveProperty("operation");
});

test("numbers and query parameters of group calls are rendered as text", async () => {
  await group(bed, 1);
  bed.entries.length = 0;
  await bed.patch(groupUrl(), { updatePolicy: { maxSurge: { fixed: 2 }, maxUnavailable: { fixed: 0 } } });
  await bed.post(`${groupUrl()}/resize?size=3`);
  await settle(bed);
  const { id } = await bed.get<{ id: string }>(groupUrl());
  const [patch] = of("v1.compute.instanceGroupManagers.patch");
  expect(patch?.protoPayload?.request).toMatchObject({
    updatePolicy: { maxSurge: { fixed: "2" }, maxUnavailable: { fixed: "0" } },
  });
  expect(patch?.resource).toEqual({
    type: "gce_instance_group_manager",
    labels: {
      project_id: "acme",
      instance_group_manager_id: id,
      instance_group_manager_name: "web",
      location: "us-central1-a",
    },
  });
  expect(patch?.protoPayload?.response).toMatchObject({ operationType: "compute.instanceGroupManagers.patch" });
  expect(of("v1.compute.instanceGroupManagers.resize")[0]?.protoPayload?.request).toMatchObject({ size: "3" });
});

test("machines that a group makes and deletes are made and deleted by Google's agent, which names the group in links", async () => {
  const { id } = await group(bed, 1);
  const [machine] = await members(bed);
  const [first, last] = of("v1.compute.instances.insert");
  expect(first).toMatchObject({
    resource: { type: "gce_instance", labels: { project_id: "acme", instance_id: machine?.id, zone: "us-central1-a" } },
    operation: { first: true },
    protoPayload: {
      authenticationInfo: { principalEmail: "123456789012@cloudservices.gserviceaccount.com" },
      resourceName: `projects/123456789012/zones/us-central1-a/instances/${machine?.name}`,
      requestMetadata: { callerSuppliedUserAgent: "GCE Managed Instance Group" },
      request: {
        name: machine?.name,
        machineType: "projects/123456789012/zones/us-central1-a/machineTypes/e2-small",
        disks: [{ initializeParams: { sourceImage: "projects/acme/global/images/image-1" } }],
        links: [
          {
            type: "MEMBER_OF",
            source: `projects/123456789012/locations/us-central1-a/instanceGroupManagers/web@${id}`,
            target: `projects/123456789012/locations/us-central1-a/instances/${machine?.name}`,
          },
        ],
      },
    },
  });
  expect(first?.protoPayload?.requestMetadata).not.toHaveProperty("callerIp");
  expect(last?.protoPayload?.request).toEqual({ "@type": "type.googleapis.com/compute.instances.insert" });
  await bed.post(`${groupUrl()}/resize?size=0`);
  await settle(bed);
  await bed.clock.advance(1_000);
  const gone = of("v1.compute.instances.delete");
  expect(gone.map(({ operation }) => operation)).toMatchObject([{ first: true }, { last: true }]);
  expect(gone[0]?.protoPayload?.request?.requestId).toMatch(/^[0-9a-f-]{36}$/);
});

test("reads write nothing, and are refused where they are forbidden", async () => {
  await group(bed, 1);
  bed.entries.length = 0;
  await bed.get(groupUrl());
  bed.denied.add("compute.instanceGroupManagers.get");
  const { status, body } = await bed.call("GET", groupUrl());
  const message =
    "Required 'compute.instanceGroupManagers.get' permission for 'projects/acme/zones/us-central1-a/instanceGroupManagers/web'";
  expect({ status, body }).toEqual({
    status: 403,
    body: { error: { code: 403, message, errors: [{ domain: "global", reason: "forbidden", message }] } },
  });
  expect(bed.entries).toEqual([]);
});
