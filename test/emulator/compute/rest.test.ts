import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type Bed,
  GLOBAL,
  type Group,
  group,
  groupUrl,
  image,
  type Json,
  members,
  ORIGIN,
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

const errorOf = async (method: string, path: string, body?: unknown) => {
  const reply = await bed.call<{ error: { message: string; errors: Json[] } }>(method, path, body);
  return [reply.status, reply.body.error?.errors[0]?.reason, reply.body.error?.message];
};

describe("images", () => {
  test("from storage become READY with what the object holds, whatever names the object", async () => {
    bed.objects.set("images/web 1.tar.gz", gzipSync("a root"));
    const sources = [
      "gs://images/web 1.tar.gz",
      "https://storage.googleapis.com/images/web%201.tar.gz",
      "http://127.0.0.1:1/storage/v1/b/images/o/web%201.tar.gz",
    ];
    for (const [i, source] of sources.entries()) {
      const operation = await bed.post<Json>(`${GLOBAL}/images`, { name: `i${i}`, rawDisk: { source } });
      expect(operation).toMatchObject({
        kind: "compute#operation",
        operationType: "insert",
        status: "RUNNING",
        progress: 0,
      });
      expect(await bed.get(`${GLOBAL}/images/i${i}`)).toMatchObject({ status: "PENDING" });
      await bed.clock.advance(300);
      expect(await bed.get(`${GLOBAL}/images/i${i}`)).toMatchObject({ status: "READY" });
      expect(await bed.get(String(operation.selfLink))).toMatchObject({ status: "DONE", progress: 100 });
    }
  });

  test("the family points to its newest image that is not deprecated", async () => {
    await image(bed, "a", { family: "web" });
    await image(bed, "b", { family: "web" });
    const head = () => bed.call<{ name?: string }>("GET", `${GLOBAL}/images/family/web`);
    expect((await head()).body.name).toBe("b");
    await bed.post(`${GLOBAL}/images/b/deprecate`, {
      state: "DEPRECATED",
      replacement: "global/images/a",
      deleted: "2026-11-27T09:56:30",
    });
    expect((await head()).body.name).toBe("a");
    expect(await bed.get(`${GLOBAL}/images/b`)).toMatchObject({
      deprecated: { state: "DEPRECATED", replacement: `${bed.url}${GLOBAL}/images/a`, deleted: "2026-11-27T09:56:30" },
    });
    await bed.post(`${GLOBAL}/images/b/deprecate`, {});
    expect((await head()).body.name).toBe("b");
    await bed.patch(`${GLOBAL}/images/b`, { family: "other" });
    expect((await head()).body.name).toBe("a");
    await bed.post(`${GLOBAL}/images/a/deprecate`, { state: "OBSOLETE" });
    expect(await errorOf("GET", `${GLOBAL}/images/family/web`)).toEqual([
      404,
      "notFound",
      "The resource 'projects/acme/global/images/family/web' was not found",
    ]);
  });

  test("lists are filtered, sorted and paged, and an empty one has no items", async () => {
    for (const [name, family] of [
      ["a", "web"],
      ["b", "db"],
      ["c", "web"],
    ] as const)
      await image(bed, name, { family });
    const names = async (query: string) => {
      const { items, nextPageToken } = await bed.get<{ items?: { name: string }[]; nextPageToken?: string }>(
        `${GLOBAL}/images?${query}`,
      );
      return [items?.map(({ name }) => name), nextPageToken] as const;
    };
    const filter = (text: string) => names(`filter=${encodeURIComponent(text)}`);
    expect((await filter("family=web"))[0]).toEqual(["a", "c"]);
    expect((await filter('(family eq "w.b") (name ne a)'))[0]).toEqual(["c"]);
    expect((await filter("deprecated.state != DEPRECATED AND (name = a OR name = b)"))[0]).toEqual(["a", "b"]);
    expect((await names("orderBy=creationTimestamp%20desc"))[0]).toEqual(["c", "b", "a"]);
    const [one, token] = await names("maxResults=2");
    expect(one).toEqual(["a", "b"]);
    expect(await names(`maxResults=2&pageToken=${token}`)).toEqual([["c"], undefined]);
    expect(await bed.get(`${GLOBAL}/images?filter=family%3Dnone`)).not.toHaveProperty("items");
    expect((await errorOf("GET", `${GLOBAL}/images?filter=family%20%3D`))[0]).toBe(400);
    expect((await errorOf("GET", `${GLOBAL}/images?filter=a%3Db%20AND%20c%20eq%20d`))[0]).toBe(400);
  });

  test("a patch of the deprecation status merges: what it leaves out stays, null takes away", async () => {
    await image(bed, "a");
    await bed.post(`${GLOBAL}/images/a/deprecate`, { state: "DEPRECATED", deleted: "2027-01-01", obsolete: "" });
    await bed.patch(`${GLOBAL}/images/a`, { deprecated: { state: "OBSOLETE" } });
    const status = async () => (await bed.get<Json>(`${GLOBAL}/images/a`)).deprecated;
    expect(await status()).toEqual({ state: "OBSOLETE", deleted: "2027-01-01" });
    await bed.patch(`${GLOBAL}/images/a`, { deprecated: { deleted: null } });
    expect(await status()).toEqual({ state: "OBSOLETE" });
    await bed.patch(`${GLOBAL}/images/a`, { deprecated: null });
    expect(await status()).toBeUndefined();
  });

  test.each(["1", "2027-01-01 00:00", "2027-02-31T00:00:00Z", "tomorrow"])("%s is no date", async (deleted) => {
    await image(bed, "a");
    const [status, reason, message] = await errorOf("POST", `${GLOBAL}/images/a/deprecate`, {
      state: "DEPRECATED",
      deleted,
    });
    expect([status, reason]).toEqual([400, "invalid"]);
    expect(message).toContain(`'deleted': '${deleted}'`);
  });

  test("snapshots are refused by name, and so is more than one source", async () => {
    expect((await errorOf("POST", `${GLOBAL}/images`, { name: "x", sourceSnapshot: "global/snapshots/s" }))[0]).toBe(
      501,
    );
    expect(await errorOf("POST", `${GLOBAL}/images`, { name: "x" })).toEqual([
      400,
      "invalidResourceUsage",
      "Invalid resource usage: 'Must specify exactly one source for an image.'.",
    ]);
  });
});

describe("calls", () => {
  test("unknown fields are refused with their place, known ones pass", async () => {
    expect((await errorOf("POST", `${GLOBAL}/images`, { name: "x", colour: 1 }))[2]).toBe(
      `Invalid JSON payload received. Unknown name "colour" at 'resource': Cannot find field.`,
    );
    expect(
      (await errorOf("POST", `${GLOBAL}/instanceTemplates`, { name: "x", properties: { disks: [{ bot: true }] } }))[2],
    ).toBe(`Invalid JSON payload received. Unknown name "bot" at 'resource.properties.disks[0]': Cannot find field.`);
  });

  test("a loose emulator lets them pass", async () => {
    const loose = await startBed({ loose: true });
    const { status } = await loose.call("POST", `${GLOBAL}/images`, {
      name: "x",
      colour: 1,
      sourceImage: "projects/debian-cloud/global/images/family/debian-12",
    });
    await loose.close();
    expect(status).toBe(200);
  });

  test("a repeated request id gives the first operation and does nothing again", async () => {
    const path = `${GLOBAL}/images?requestId=8f3f0b9e-6f4f-4c57-9f39-6a3a1f0e0001`;
    const body = { name: "x", sourceImage: "projects/debian-cloud/global/images/family/debian-12" };
    const first = await bed.post<Json>(path, body);
    const again = await bed.post<Json>(path, body);
    expect(again.name).toBe(first.name);
    expect(again.clientOperationId).toBe("8f3f0b9e-6f4f-4c57-9f39-6a3a1f0e0001");
    expect((await errorOf("POST", `${GLOBAL}/images`, body))[1]).toBe("alreadyExists");
    expect((await errorOf("POST", `${GLOBAL}/images?requestId=seven`, body))[0]).toBe(400);
  });

  test("wait answers when the operation is done", async () => {
    const operation = await bed.post<{ selfLink: string }>(`${GLOBAL}/images`, {
      name: "x",
      sourceImage: "projects/debian-cloud/global/images/family/debian-12",
    });
    let waited = false;
    const waiting = bed.post<Json>(`${operation.selfLink.slice(bed.url.length)}/wait`, "").then((answer) => {
      waited = true;
      return answer;
    });
    await bed.get(operation.selfLink.slice(bed.url.length));
    expect(waited).toBe(false);
    await bed.clock.advance(300);
    expect(await waiting).toMatchObject({ status: "DONE", endTime: expect.stringMatching(/-08:00$/) });
  });

  test("a method that is not served is named", async () => {
    expect((await errorOf("POST", `${GLOBAL}/firewalls`, {}))[2]).toContain("compute.firewalls.insert");
    expect((await errorOf("POST", `${ZONAL}/instances/i/sendDiagnosticInterrupt`, {}))[2]).toContain(
      "compute.instances.sendDiagnosticInterrupt",
    );
  });

  test("many calls travel in one batch", async () => {
    await image(bed, "a");
    const part = (id: string, line: string) =>
      `--b\r\nContent-Type: application/http\r\nContent-ID: <${id}>\r\n\r\n${line} HTTP/1.1\r\nHost: x\r\n\r\n\r\n`;
    const response = await fetch(`${bed.url}/batch/compute/v1`, {
      method: "POST",
      headers: { "content-type": 'multipart/mixed; boundary="b"' },
      body: `${part("u+1", `GET ${GLOBAL}/images/a`)}${part("u+2", `GET ${GLOBAL}/images/none`)}--b--`,
    });
    const text = await response.text();
    expect(response.headers.get("content-type")).toMatch(/^multipart\/mixed; boundary=/);
    expect(text).toContain("Content-ID: <response-u+1>");
    expect(text).toContain("HTTP/1.1 200 OK");
    expect(text).toContain("HTTP/1.1 404");
    expect(text).toContain('"name":"a"');
  });
});

describe("groups", () => {
  test("a patch with an old fingerprint is refused; one without merges", async () => {
    const before = await group(bed, 2);
    expect(await errorOf("PATCH", groupUrl(), { fingerprint: "AAAAAAAAAAA=", targetSize: 1 })).toEqual([
      412,
      "conditionNotMet",
      "Invalid fingerprint.",
    ]);
    await bed.patch(groupUrl(), { fingerprint: before.fingerprint, updatePolicy: { maxSurge: { fixed: 2 } } });
    const after = await bed.get<Group>(groupUrl());
    expect(after.fingerprint).not.toBe(before.fingerprint);
    expect(after.updatePolicy).toEqual({
      type: "OPPORTUNISTIC",
      minimalAction: "REPLACE",
      maxSurge: { fixed: 2, calculated: 2 },
      maxUnavailable: { fixed: 1, calculated: 1 },
      replacementMethod: "SUBSTITUTE",
    });
  });

  test("every change of what a group shall be changes its fingerprint; work on its machines does not", async () => {
    await group(bed, 4);
    const [a, b, c] = (await members(bed)).map(({ instance }) => instance);
    const calls: [string, unknown, boolean][] = [
      ["resize?size=5", undefined, true],
      ["deleteInstances", { instances: [a] }, true],
      ["abandonInstances", { instances: [b] }, true],
      ["createInstances", { instances: [{ name: "blue" }] }, true],
      ["setInstanceTemplate", { instanceTemplate: templateUrl("one") }, true],
      ["recreateInstances", { instances: [c] }, false],
      ["applyUpdatesToInstances", { instances: [c] }, false],
    ];
    for (const [verb, body, changes] of calls) {
      const before = (await bed.get<Group>(groupUrl())).fingerprint;
      await bed.post(`${groupUrl()}/${verb}`, body);
      const after = (await bed.get<Group>(groupUrl())).fingerprint;
      expect([verb, after !== before]).toEqual([verb, changes]);
    }
  });

  test("who is named twice is deleted once, and the target is lowered by one", async () => {
    await group(bed, 3);
    const [member] = await members(bed);
    const instances = [member?.instance, `zones/us-central1-a/instances/${member?.name}`];
    await bed.post(`${groupUrl()}/deleteInstances`, { instances });
    expect((await bed.get<Group>(groupUrl())).targetSize).toBe(2);
  });

  test("null takes a setting away", async () => {
    await group(bed, 1, { description: "fleet", namedPorts: [{ name: "http", port: 80 }] });
    await bed.patch(groupUrl(), { description: null, namedPorts: null });
    const after = await bed.get<Group>(groupUrl());
    expect([after.description, after.namedPorts]).toEqual([undefined, undefined]);
  });

  test.each([
    ["POST", "resize?size=1e2", "size"],
    ["GET", "listErrors?maxResults=-1", "maxResults"],
    ["GET", "listErrors?pageToken=second", "pageToken"],
  ])("%s %s names what it cannot read", async (method, path, field) => {
    await group(bed, 1);
    const [status, reason, message] = await errorOf(method, `${groupUrl()}/${path}`);
    expect([status, reason]).toEqual([400, "invalid"]);
    expect(message).toContain(`Invalid value for field '${field}'`);
  });

  test("applyUpdatesToInstances and images.setLabels know no request id", async () => {
    await group(bed, 1);
    for (const path of [`${groupUrl()}/applyUpdatesToInstances`, `${GLOBAL}/images/image-1/setLabels`])
      expect((await errorOf("POST", `${path}?requestId=8f3f0b9e-6f4f-4c57-9f39-6a3a1f0e0001`, {}))[2]).toContain(
        'Unknown name "requestId"',
      );
  });

  test("two versions of one name are refused, even of different templates", async () => {
    await group(bed, 1);
    await template(bed, "two", "image-1");
    const versions = [
      { instanceTemplate: templateUrl("one"), name: "a" },
      { instanceTemplate: templateUrl("two"), name: "a", targetSize: { fixed: 1 } },
    ];
    expect((await errorOf("PATCH", groupUrl(), { versions }))[2]).toContain("unique names");
  });

  const rules: [string, Json, string][] = [
    [
      "surge while replacing in place",
      { replacementMethod: "RECREATE", maxSurge: { fixed: 1 } },
      "Invalid value for field 'resource.updatePolicy.maxSurge': '{  \"fixed\": 1}'. maxSurge must be equal to 0 when replacement method is set to RECREATE",
    ],
    ["neither surge nor unavailable", { maxSurge: { fixed: 0 }, maxUnavailable: { fixed: 0 } }, "greater than 0"],
    ["a percentage of a small group", { maxSurge: { percent: 20 } }, "at least 10 instances"],
    ["a word that is none", { type: "SOON" }, "Must be one of"],
  ];
  test.each(rules)("%s is refused", async (_sentence, updatePolicy, message) => {
    await group(bed, 1);
    const [status, reason, text] = await errorOf("PATCH", groupUrl(), { updatePolicy });
    expect([status, reason]).toEqual([400, "invalid"]);
    expect(text).toContain(message);
  });

  test("two versions without a target size are refused, as are real fields that are not served", async () => {
    await group(bed, 1);
    const two = [
      { instanceTemplate: templateUrl("one"), name: "a" },
      { instanceTemplate: templateUrl("one"), name: "b" },
    ];
    expect((await errorOf("PATCH", groupUrl(), { versions: two }))[0]).toBe(400);
    expect((await errorOf("PATCH", groupUrl(), { standbyPolicy: { mode: "MANUAL" } }))[0]).toBe(501);
  });

  test("a template in use cannot be deleted", async () => {
    await group(bed, 1);
    expect(await errorOf("DELETE", `${GLOBAL}/instanceTemplates/one`)).toEqual([
      400,
      "resourceInUseByAnotherResource",
      "The instance_template resource 'projects/acme/global/instanceTemplates/one' is already being used by 'projects/acme/zones/us-central1-a/instanceGroupManagers/web'",
    ]);
  });

  test("lists over all zones name those without results", async () => {
    await group(bed, 1);
    const { items } = await bed.get<{ items: Record<string, Json> }>(`${ORIGIN}/acme/aggregated/instanceGroupManagers`);
    expect(items["zones/us-central1-a"]).toMatchObject({ instanceGroupManagers: [{ name: "web" }] });
    expect(items["regions/europe-west4"]).toMatchObject({ warning: { code: "NO_RESULTS_ON_PAGE" } });
  });
});

describe("instances", () => {
  test("of a group know who made them, and their disk knows its image", async () => {
    await group(bed, 1);
    const [member] = await members(bed);
    const instance = await bed.get<Json & { metadata: { items: Json[] }; networkInterfaces: Json[] }>(
      `${ZONAL}/instances/${member?.name}`,
    );
    expect(instance.metadata.items).toEqual([
      { key: "instance-template", value: "projects/123456789012/global/instanceTemplates/one" },
      { key: "created-by", value: "projects/123456789012/zones/us-central1-a/instanceGroupManagers/web" },
    ]);
    expect(instance.networkInterfaces[0]?.networkIP).toMatch(/^127\.10\.0\.\d+$/);
    const { id } = await bed.get<{ id: string }>(`${GLOBAL}/images/image-1`);
    expect(await bed.get(`${ZONAL}/disks/${member?.name}`)).toMatchObject({
      sourceImage: `${bed.url}${GLOBAL}/images/image-1`,
      sourceImageId: id,
    });
    expect(await bed.get(`${ZONAL}/instances/${member?.name}/serialPort`)).toMatchObject({
      contents: `${member?.name} boots\n`,
      start: "0",
    });
  });

  test("by themselves are made, changed, stopped, started and deleted", async () => {
    await image(bed, "image-1");
    await template(bed, "one", "image-1", { metadata: { items: [{ key: "enable-guest-attributes", value: "TRUE" }] } });
    await bed.post(`${ZONAL}/instances?sourceInstanceTemplate=${templateUrl("one")}`, { name: "alone" });
    const at = `${ZONAL}/instances/alone`;
    expect(await bed.get(at)).toMatchObject({ status: "PROVISIONING" });
    await bed.clock.advance(300);
    const running = await bed.get<Json & { metadata: { fingerprint: string } }>(at);
    expect(running).toMatchObject({ status: "RUNNING" });

    const metadata = {
      fingerprint: running.metadata.fingerprint,
      items: [
        { key: "enable-guest-attributes", value: "TRUE" },
        { key: "a", value: "b" },
      ],
    };
    await bed.post(`${at}/setMetadata`, metadata);
    expect((await errorOf("POST", `${at}/setMetadata`, metadata))[0]).toBe(412);
    const spec = bed.machines.get(String(running.id));
    expect(spec?.attributes()).toMatchObject({ a: "b" });
    expect((await errorOf("GET", `${at}/getGuestAttributes?queryPath=moult/`))[0]).toBe(404);
    spec?.guestAttributes.set("moult/report", "{}");
    expect(await bed.get(`${at}/getGuestAttributes?queryPath=moult/`)).toMatchObject({
      kind: "compute#guestAttributes",
      queryPath: "moult/",
      queryValue: { items: [{ namespace: "moult", key: "report", value: "{}" }] },
    });

    await bed.post(`${at}/stop`);
    await bed.clock.advance(100);
    expect(await bed.get(at)).toMatchObject({ status: "TERMINATED" });
    await bed.post(`${at}/start`);
    await bed.clock.advance(300);
    expect(await bed.get(at)).toMatchObject({ status: "RUNNING" });
    await bed.call("DELETE", at);
    expect(await bed.get(at)).toMatchObject({ status: "STOPPING" });
    await bed.clock.advance(500);
    expect((await bed.call("GET", at)).status).toBe(404);
  });
});

test("what was saved comes back: a group's machines boot again with their disks and addresses", async () => {
  await group(bed, 2);
  const before = await members(bed);
  const address = async (from: Bed, name = "") =>
    (await from.get<{ networkInterfaces: Json[] }>(`${ZONAL}/instances/${name}`)).networkInterfaces[0]?.networkIP;
  const ip = await address(bed, before[0]?.name);
  const again = await startBed({ state: JSON.parse(JSON.stringify(bed.save())) });
  try {
    await again.clock.advance(1_000);
    await settle(again);
    const after = await members(again);
    expect(after.map(({ name, id }) => [name, id])).toEqual(before.map(({ name, id }) => [name, id]));
    expect(await address(again, before[0]?.name)).toBe(ip);
    expect([...again.machines.keys()].sort()).toEqual(before.map(({ id }) => id ?? "").sort());
    // Nobody asked for these boots, so no entry tells of them.
    expect(again.entries).toEqual([]);
  } finally {
    await again.close();
  }
});
