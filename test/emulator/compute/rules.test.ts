import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type Bed,
  GLOBAL,
  group,
  groupUrl,
  image,
  type Json,
  ORIGIN,
  PROJECT,
  startBed,
  template,
  templateUrl,
  ZONAL,
} from "./bed.ts";

/**
 * The documented rules of the Compute API as far as its methods are served: rule, request, and exactly what is answered.
 * Every test begins with one image, two templates (`one`, and `spot` of machines that are deleted when preempted), and a
 * zonal group `web` of one machine.
 */
let bed: Bed;
beforeEach(async () => {
  bed = await startBed();
  await group(bed, 1);
});
afterEach(() => bed.close());

type Answer = [status: number, reason: string, message: string];
type Row = [rule: string, method: string, path: string, body: unknown, Answer];

async function answer(method: string, path: string, body: unknown): Promise<Answer> {
  const reply = await bed.call<{ error: { message: string; errors: { reason: string }[] } }>(method, path, body);
  const { error } = reply.body;
  return [reply.status, error?.errors[0]?.reason ?? "", error?.message ?? ""];
}

const P = `projects/${PROJECT}`;
const WEB = `${P}/zones/us-central1-a/instanceGroupManagers/web`;
const GROUPS = `${ZONAL}/instanceGroupManagers`;
const REGIONAL = `${ORIGIN}/${PROJECT}/regions/us-central1/instanceGroupManagers`;
const invalid = (field: string, value: string, why: string): Answer => [
  400,
  "invalid",
  `Invalid value for field '${field}': '${value}'. ${why}`,
];
const version = { instanceTemplate: templateUrl("one") };
const made = (more: Json = {}): Json => ({ name: "new", targetSize: 1, versions: [version], ...more });
const updating = (updatePolicy: Json): Json => ({ updatePolicy });
const fixed = (n: number) => ({ fixed: n });
const percent = (n: number) => ({ percent: n });
const AT = "resource.updatePolicy";

const lists: Row[] = [
  [
    "a page has at most 500 items",
    "GET",
    `${GLOBAL}/images?maxResults=501`,
    undefined,
    invalid("maxResults", "501", "Acceptable values are 0 to 500, inclusive."),
  ],
  [
    "lists are sorted by name or by age",
    "GET",
    `${GLOBAL}/images?orderBy=family`,
    undefined,
    invalid("orderBy", "family", "Supported values are 'name' and 'creationTimestamp desc'."),
  ],
  [
    "a page token is one of the service's",
    "GET",
    `${GROUPS}?pageToken=x`,
    undefined,
    invalid("pageToken", "x", "The page token is invalid."),
  ],
  [
    "a query parameter that does not exist is refused",
    "GET",
    `${GLOBAL}/images?max=2`,
    undefined,
    [
      400,
      "badRequest",
      `Invalid JSON payload received. Unknown name "max": Cannot bind query parameter. Field 'max' could not be found in request message.`,
    ],
  ],
];

const common: Row[] = [
  [
    "what is not there is not found",
    "GET",
    `${GROUPS}/none`,
    undefined,
    [404, "notFound", `The resource '${P}/zones/us-central1-a/instanceGroupManagers/none' was not found`],
  ],
  [
    "a family without a usable image is not found",
    "GET",
    `${GLOBAL}/images/family/none`,
    undefined,
    [404, "notFound", `The resource '${P}/global/images/family/none' was not found`],
  ],
  [
    "a zone that is none is not found",
    "GET",
    `${ORIGIN}/${PROJECT}/zones/moon-a/instanceGroupManagers`,
    undefined,
    [404, "notFound", `The resource '${P}/zones/moon-a' was not found`],
  ],
  [
    "names are given once",
    "POST",
    GROUPS,
    made({ name: "web" }),
    [409, "alreadyExists", `The resource '${WEB}' already exists`],
  ],
  [
    "a template in use stays",
    "DELETE",
    `${GLOBAL}/instanceTemplates/one`,
    undefined,
    [
      400,
      "resourceInUseByAnotherResource",
      `The instance_template resource '${P}/global/instanceTemplates/one' is already being used by '${WEB}'`,
    ],
  ],
  [
    "an old fingerprint changes nothing",
    "PATCH",
    groupUrl(),
    { fingerprint: "AAAAAAAAAAA=", targetSize: 2 },
    [412, "conditionNotMet", "Invalid fingerprint."],
  ],
  [
    "labels change under their fingerprint",
    "POST",
    `${GLOBAL}/images/image-1/setLabels`,
    { labels: {}, labelFingerprint: "AAAAAAAAAAA=" },
    [412, "conditionNotMet", "Labels fingerprint either invalid or resource labels have changed"],
  ],
  [
    "a request id is a UUID",
    "POST",
    `${groupUrl()}/resize?size=1&requestId=1`,
    undefined,
    invalid("requestId", "1", "The request ID must be a valid UUID that is not zero."),
  ],
  [
    "a request id is not zero",
    "POST",
    `${groupUrl()}/resize?size=1&requestId=00000000-0000-0000-0000-000000000000`,
    undefined,
    invalid(
      "requestId",
      "00000000-0000-0000-0000-000000000000",
      "The request ID must be a valid UUID that is not zero.",
    ),
  ],
  [
    "a field that does not exist is refused",
    "PATCH",
    groupUrl(),
    { size: 2 },
    [400, "badRequest", `Invalid JSON payload received. Unknown name "size" at 'resource': Cannot find field.`],
  ],
  [
    "a method that is not served says its name",
    "POST",
    `${groupUrl()}/suspendInstances`,
    {},
    [
      501,
      "notImplemented",
      `compute.instanceGroupManagers.suspendInstances is not emulated (POST ${groupUrl()}/suspendInstances)`,
    ],
  ],
];

const groups: Row[] = [
  [
    "a name has at most 63 letters",
    "POST",
    GROUPS,
    made({ name: "a".repeat(64) }),
    invalid("resource.name", "a".repeat(64), "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'"),
  ],
  [
    "a base name has at most 58 letters",
    "POST",
    GROUPS,
    made({ baseInstanceName: "a".repeat(59) }),
    invalid("resource.baseInstanceName", "a".repeat(59), "Must be a match of regex '[a-z]([-a-z0-9]{0,57})'"),
  ],
  [
    "a group has a size",
    "POST",
    GROUPS,
    made({ targetSize: undefined }),
    [400, "required", "Required field 'resource.targetSize' not specified"],
  ],
  [
    "a size is not negative",
    "POST",
    `${groupUrl()}/resize?size=-1`,
    undefined,
    invalid("size", "-1", "Must be greater than or equal to 0."),
  ],
  [
    "a resize says to which size",
    "POST",
    `${groupUrl()}/resize`,
    undefined,
    [400, "required", "Required field 'size' not specified"],
  ],
  [
    "a template must be there",
    "POST",
    GROUPS,
    made({ versions: [{ instanceTemplate: templateUrl("none") }] }),
    [404, "notFound", `The resource '${P}/global/instanceTemplates/none' was not found`],
  ],
  [
    "a health check must be there",
    "PATCH",
    groupUrl(),
    { autoHealingPolicies: [{ healthCheck: "global/healthChecks/none" }] },
    [404, "notFound", `The resource '${P}/global/healthChecks/none' was not found`],
  ],
  [
    "there is one autohealing policy",
    "PATCH",
    groupUrl(),
    { autoHealingPolicies: [{ initialDelaySec: 1 }, { initialDelaySec: 2 }] },
    invalid(
      "resource.autoHealingPolicies",
      '[ {  "initialDelaySec": 1 }, {  "initialDelaySec": 2 }]',
      "At most one autohealing policy can be specified.",
    ),
  ],
  [
    "the initial delay is at most an hour",
    "PATCH",
    groupUrl(),
    { autoHealingPolicies: [{ initialDelaySec: 3601 }] },
    invalid("resource.autoHealingPolicies[0].initialDelaySec", "3601", "Must be between 0 and 3600, inclusive."),
  ],
  [
    "a group keeps its name",
    "PATCH",
    groupUrl(),
    { name: "other" },
    invalid("resource.name", "other", "The name of a managed instance group cannot be changed."),
  ],
];

const calls: Row[] = [
  [
    "a call names machines",
    "POST",
    `${groupUrl()}/recreateInstances`,
    {},
    [400, "required", "Required field 'instances' not specified"],
  ],
  [
    "a call names members",
    "POST",
    `${groupUrl()}/deleteInstances`,
    { instances: ["zones/us-central1-a/instances/none"] },
    invalid("instances", "zones/us-central1-a/instances/none", `Instance is not a member of '${WEB}'.`),
  ],
  [
    "a call names at most 1,000 machines",
    "POST",
    `${groupUrl()}/deleteInstances`,
    { instances: Array(1001).fill("web") },
    invalid("instances", "1001", "At most 1000 instances can be specified."),
  ],
  [
    "a created machine has a name",
    "POST",
    `${groupUrl()}/createInstances`,
    { instances: [{}] },
    [400, "required", "Required field 'instances[0].name' not specified"],
  ],
  [
    "applying updates knows four actions",
    "POST",
    `${groupUrl()}/applyUpdatesToInstances`,
    { allInstances: true, minimalAction: "REBOOT" },
    invalid("minimalAction", "REBOOT", "Must be one of [NONE, REFRESH, RESTART, REPLACE]."),
  ],
  [
    "applying updates has no request id",
    "POST",
    `${groupUrl()}/applyUpdatesToInstances?requestId=8f3f0b9e-6f4f-4c57-9f39-6a3a1f0e0001`,
    { allInstances: true },
    [
      400,
      "badRequest",
      `Invalid JSON payload received. Unknown name "requestId": Cannot bind query parameter. Field 'requestId' could not be found in request message.`,
    ],
  ],
  [
    "deleting configurations has no request id",
    "POST",
    `${groupUrl()}/deletePerInstanceConfigs?requestId=8f3f0b9e-6f4f-4c57-9f39-6a3a1f0e0001`,
    { names: ["web"] },
    [
      400,
      "badRequest",
      `Invalid JSON payload received. Unknown name "requestId": Cannot bind query parameter. Field 'requestId' could not be found in request message.`,
    ],
  ],
];

const NONE_OF = (...words: string[]) => `Must be one of [${words.join(", ")}].`;
const policies: Row[] = [
  [
    "surge or unavailable is above zero",
    "PATCH",
    groupUrl(),
    updating({ maxSurge: fixed(0), maxUnavailable: fixed(0) }),
    invalid(`${AT}.maxUnavailable`, '{  "fixed": 0}', "Either maxSurge or maxUnavailable must be greater than 0."),
  ],
  [
    "a share needs ten machines",
    "PATCH",
    groupUrl(),
    updating({ maxSurge: percent(20) }),
    invalid(
      `${AT}.maxSurge.percent`,
      "20",
      "Percent updatePolicy.maxSurge can be used only for managed instance groups with at least 10 instances.",
    ),
  ],
  [
    "a share is at most 100",
    "PATCH",
    groupUrl(),
    updating({ maxUnavailable: percent(101) }),
    invalid(`${AT}.maxUnavailable.percent`, "101", "Must be between 0 and 100, inclusive."),
  ],
  [
    "a number is not negative",
    "PATCH",
    groupUrl(),
    updating({ maxSurge: fixed(-1) }),
    invalid(`${AT}.maxSurge.fixed`, "-1", "Must be greater than or equal to 0."),
  ],
  [
    "replacing in place has no surge",
    "PATCH",
    groupUrl(),
    updating({ replacementMethod: "RECREATE", maxSurge: fixed(1) }),
    invalid(
      `${AT}.maxSurge`,
      '{  "fixed": 1}',
      "maxSurge must be equal to 0 when replacement method is set to RECREATE",
    ),
  ],
  [
    "nor has it a share of surge",
    "PATCH",
    groupUrl(),
    updating({ replacementMethod: "RECREATE", maxSurge: percent(20) }),
    invalid(
      `${AT}.maxSurge`,
      '{  "percent": 20}',
      "maxSurge must be equal to 0 when replacement method is set to RECREATE",
    ),
  ],
  [
    "the most disruptive action is not below the least",
    "PATCH",
    groupUrl(),
    updating({ minimalAction: "REPLACE", mostDisruptiveAllowedAction: "RESTART" }),
    invalid(
      `${AT}.mostDisruptiveAllowedAction`,
      "RESTART",
      "mostDisruptiveAllowedAction must not be less disruptive than minimalAction.",
    ),
  ],
  [
    "types are two",
    "PATCH",
    groupUrl(),
    updating({ type: "SOON" }),
    invalid(`${AT}.type`, "SOON", NONE_OF("PROACTIVE", "OPPORTUNISTIC")),
  ],
  [
    "replacement methods are two",
    "PATCH",
    groupUrl(),
    updating({ replacementMethod: "MOVE" }),
    invalid(`${AT}.replacementMethod`, "MOVE", NONE_OF("SUBSTITUTE", "RECREATE")),
  ],
  [
    "readiness is not in this version of the API",
    "PATCH",
    groupUrl(),
    updating({ minReadySec: 10 }),
    [400, "badRequest", `Invalid JSON payload received. Unknown name "minReadySec" at '${AT}': Cannot find field.`],
  ],
  [
    "of two versions exactly one has no size",
    "PATCH",
    groupUrl(),
    {
      versions: [
        { ...version, name: "a" },
        { ...version, name: "b" },
      ],
    },
    invalid(
      "resource.versions",
      `[ {  "instanceTemplate": "${templateUrl("one")}",  "name": "a" }, {  "instanceTemplate": "${templateUrl("one")}",  "name": "b" }]`,
      "Exactly one version must leave its target size unset.",
    ),
  ],
  [
    "a version has a template",
    "PATCH",
    groupUrl(),
    { versions: [{ name: "a" }] },
    invalid("resource.versions[0].instanceTemplate", "", "An instance template must be specified."),
  ],
  [
    "a machine that is deleted when preempted is in no group",
    "POST",
    GROUPS,
    made({ versions: [{ instanceTemplate: templateUrl("spot") }] }),
    [
      400,
      "invalid",
      "Spot virtual machines with termination action set to DELETE cannot be used with Managed Instance Groups.",
    ],
  ],
];

const regional: Row[] = [
  [
    "surge covers every zone or is zero",
    "POST",
    REGIONAL,
    made(updating({ maxSurge: fixed(2) })),
    invalid(
      `${AT}.maxSurge.fixed`,
      "2",
      "Fixed updatePolicy.maxSurge for regional managed instance group has to be either 0 or at least equal to the number of zones.",
    ),
  ],
  [
    "unavailable covers every zone or is zero",
    "POST",
    REGIONAL,
    made({
      ...updating({ maxUnavailable: fixed(3) }),
      distributionPolicy: { zones: ["a", "b", "c", "f"].map((z) => ({ zone: `zones/us-central1-${z}` })) },
    }),
    invalid(
      `${AT}.maxUnavailable.fixed`,
      "3",
      "Fixed updatePolicy.maxUnavailable for regional managed instance group has to be either 0 or at least equal to the number of zones.",
    ),
  ],
  [
    "zones are of the region",
    "POST",
    REGIONAL,
    made({ distributionPolicy: { zones: [{ zone: "zones/europe-west4-a" }] } }),
    invalid(
      "resource.distributionPolicy.zones[0].zone",
      "zones/europe-west4-a",
      "The zone must be in the region of the managed instance group.",
    ),
  ],
  [
    "redistribution is one of two",
    "POST",
    REGIONAL,
    made(updating({ instanceRedistributionType: "SOME" })),
    invalid(`${AT}.instanceRedistributionType`, "SOME", NONE_OF("PROACTIVE", "NONE")),
  ],
];

const rows = (of: Row[]) =>
  test.each(of)("%s", async (_rule, method, path, body, expected) => {
    await template(bed, "spot", "image-1", {
      scheduling: { provisioningModel: "SPOT", instanceTerminationAction: "DELETE" },
    });
    expect(await answer(method, path, body)).toEqual(expected);
  });

describe("lists", () => rows(lists));
describe("what holds everywhere", () => rows(common));
describe("groups", () => rows(groups));
describe("calls on machines of a group", () => rows(calls));
describe("update policies and versions", () => rows(policies));
describe("regional groups", () => rows(regional));

describe("rules that are not refusals", () => {
  const page = async (path: string, method = "GET") => bed.call<Json>(method, path);

  test("an empty list has no items", async () => {
    expect((await page(`${GLOBAL}/images?filter=family%3Dnone`)).body).not.toHaveProperty("items");
    expect((await page(`${groupUrl()}/listPerInstanceConfigs`, "POST")).body).toEqual({});
  });

  test("who may not is told which permission lacks, of what", async () => {
    bed.denied.add("compute.instanceGroupManagers.get");
    expect(await answer("GET", groupUrl(), undefined)).toEqual([
      403,
      "forbidden",
      `Required 'compute.instanceGroupManagers.get' permission for '${WEB}'`,
    ]);
  });

  test("machines are listed at once where a group is pageless, whatever page is asked for", async () => {
    await bed.post(`${groupUrl()}/resize?size=3`);
    await bed.clock.advance(2_000);
    const list = () =>
      bed.post<{ managedInstances: Json[]; nextPageToken?: string }>(`${groupUrl()}/listManagedInstances?maxResults=2`);
    expect((await list()).managedInstances).toHaveLength(3);
    await bed.patch(groupUrl(), { listManagedInstancesResults: "PAGINATED" });
    expect(await list()).toMatchObject({ managedInstances: [{}, {}], nextPageToken: expect.any(String) });
  });

  test("an aggregated list warns of every scope without results", async () => {
    const { body } = await page(`${ORIGIN}/${PROJECT}/aggregated/instanceGroupManagers`);
    expect(body.items).toMatchObject({
      "zones/us-central1-a": { instanceGroupManagers: [{ name: "web" }] },
      "regions/us-central1": {
        warning: {
          code: "NO_RESULTS_ON_PAGE",
          message: "No results for the scope 'regions/us-central1'.",
          data: [{ key: "scope", value: "regions/us-central1" }],
        },
      },
    });
  });

  test("a call repeated under its request id is the operation it was", async () => {
    const again = () => bed.post<Json>(`${groupUrl()}/resize?size=2&requestId=8f3f0b9e-6f4f-4c57-9f39-6a3a1f0e0001`);
    const first = await again();
    await bed.post(`${groupUrl()}/resize?size=1`);
    expect((await again()).name).toBe(first.name);
    expect(first.clientOperationId).toBe("8f3f0b9e-6f4f-4c57-9f39-6a3a1f0e0001");
    expect(await bed.get(groupUrl())).toMatchObject({ targetSize: 1 });
  });

  test("an operation of a group is done when the change is accepted, not when machines have changed", async () => {
    const operation = await bed.post<{ selfLink: string }>(`${groupUrl()}/resize?size=3`);
    await bed.clock.advance(60);
    expect(await bed.get(operation.selfLink)).toMatchObject({ status: "DONE", progress: 100 });
    expect(await bed.get(groupUrl())).toMatchObject({ status: { isStable: false }, currentActions: { creating: 2 } });
  });

  test("what fails later fails the operation, and its answer is 200", async () => {
    await bed.patch(groupUrl(), updating({ type: "PROACTIVE" }));
    const operation = await bed.post<{ selfLink: string }>(`${groupUrl()}/createInstances`, {
      instances: [{ name: "a" }],
    });
    await bed.clock.advance(100);
    expect(await bed.call("GET", operation.selfLink)).toMatchObject({
      status: 200,
      body: {
        httpErrorStatusCode: 412,
        httpErrorMessage: "PRECONDITION FAILED",
        error: {
          errors: [
            {
              code: "CONDITION_NOT_MET",
              message:
                "CreateInstances cannot be used when UpdatePolicy type is set to PROACTIVE and replacementMethod to SUBSTITUTE. Set replacementMethod to RECREATE or disable rolling update by setting type to OPPORTUNISTIC.",
            },
          ],
        },
      },
    });
  });

  test("surge and unavailable are as many as zones, where nobody says how many", async () => {
    expect(await bed.get(groupUrl())).toMatchObject({
      updatePolicy: { maxSurge: { fixed: 1, calculated: 1 }, maxUnavailable: { fixed: 1, calculated: 1 } },
    });
    await bed.post(REGIONAL, made());
    expect(await bed.get(`${REGIONAL}/new`)).toMatchObject({
      updatePolicy: { maxSurge: { fixed: 3, calculated: 3 }, maxUnavailable: { fixed: 3, calculated: 3 } },
    });
  });

  test("versions win over a template beside them", async () => {
    await template(bed, "two", "image-1", { machineType: "e2-medium" });
    await bed.post(GROUPS, made({ instanceTemplate: templateUrl("two") }));
    expect(await bed.get(`${GROUPS}/new`)).toMatchObject({ instanceTemplate: expect.stringMatching(/\/one$/) });
  });

  test("a patch replaces lists whole and merges what is in it", async () => {
    await bed.patch(groupUrl(), {
      namedPorts: [
        { name: "http", port: 80 },
        { name: "https", port: 443 },
      ],
    });
    await bed.patch(groupUrl(), {
      namedPorts: [{ name: "http", port: 8080 }],
      ...updating({ minimalAction: "RESTART" }),
    });
    expect(await bed.get(groupUrl())).toMatchObject({
      namedPorts: [{ name: "http", port: 8080 }],
      updatePolicy: { type: "OPPORTUNISTIC", minimalAction: "RESTART" },
    });
  });

  test("every kind of action is counted, those of which there are none too", async () => {
    const { currentActions } = await bed.get<{ currentActions: Json }>(groupUrl());
    expect(Object.keys(currentActions)).toHaveLength(13);
    expect(currentActions).toMatchObject({ none: 1, creating: 0, verifying: 0, deleting: 0, starting: 0 });
  });

  test("an image that is not ready cannot be used, nor one that is obsolete", async () => {
    const source = { sourceImage: "global/images/late" };
    await bed.post(`${GLOBAL}/images`, { name: "late", sourceImage: "global/images/image-1" });
    expect(await answer("POST", `${GLOBAL}/images`, { name: "copy", ...source })).toEqual([
      400,
      "resourceNotReady",
      `The resource '${P}/global/images/late' is not ready`,
    ]);
    await bed.clock.advance(1_000);
    await bed.post(`${GLOBAL}/images/late/deprecate`, { state: "OBSOLETE" });
    expect((await answer("POST", `${GLOBAL}/images`, { name: "copy", ...source })).slice(0, 2)).toEqual([
      400,
      "invalid",
    ]);
  });

  test("a family leads to its newest image that is not deprecated; clearing the state brings one back", async () => {
    await image(bed, "newer", { family: "web" });
    const head = async () => (await bed.get<Json>(`${GLOBAL}/images/family/web`)).name;
    expect(await head()).toBe("newer");
    await bed.post(`${GLOBAL}/images/newer/deprecate`, { state: "DEPRECATED" });
    expect(await head()).toBe("image-1");
    await bed.post(`${GLOBAL}/images/newer/deprecate`, {});
    expect(await head()).toBe("newer");
  });
});
