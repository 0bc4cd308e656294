import { afterAll, beforeAll, expect, test } from "vitest";
import { listenMetadata } from "../../../emulator/metadata/listen.ts";
import { makeSpec, makeWorld } from "../machines/world.ts";

const FLAVOR = { "Metadata-Flavor": "Google" };
const attributes: Record<string, string> = { color: "blue", "enable-guest-attributes": "TRUE", "a key": "with space" };
const spec = makeSpec({
  id: "5184363046278950541",
  name: "web-b7kq",
  ip: "127.0.77.1",
  attributes: () => attributes,
  projectAttributes: () => ({ "google-compute-default-zone": "us-central1-a" }),
});
let server: Awaited<ReturnType<typeof listenMetadata>>;
let bare: Awaited<ReturnType<typeof listenMetadata>>;

beforeAll(async () => {
  server = await listenMetadata(makeWorld("/nonexistent"), spec);
  const { serviceAccount: _, ...without } = makeSpec({ ip: "127.0.77.2" });
  bare = await listenMetadata(makeWorld("/nonexistent"), without);
});

afterAll(async () => {
  await server.close();
  await bare.close();
});

function ask(path: string, init: RequestInit & { from?: { address: string } } = {}): Promise<Response> {
  const { from = server, ...rest } = init;
  return fetch(`http://${from.address}${path}`, { headers: FLAVOR, redirect: "manual", ...rest });
}

const V1 = "/computeMetadata/v1";
const INSTANCE =
  "attributes/ cpu-platform description disks/ guest-attributes/ hostname id image licenses/ machine-type \
maintenance-event name network-interfaces/ partner-attributes/ preempted remaining-cpu-time scheduling/ service-accounts/ \
shutdown-details/ tags virtual-clock/ zone";

test.each<[sentence: string, path: string, status: number, body: string | RegExp]>([
  ["the root lists the API", "/", 200, "computeMetadata/\n"],
  ["the API lists its versions", "/computeMetadata/", 200, "v1/\n"],
  ["v1 lists its directories", `${V1}/`, 200, "instance/\noslogin/\nproject/\nuniverse/\n"],
  ["instance lists names in kebab-case", `${V1}/instance/`, 200, `${INSTANCE.replaceAll(" ", "\n")}\n`],
  ["a listing as JSON", `${V1}/project/?alt=json`, 200, '["attributes/","numeric-project-id","project-id"]'],
  ["a directory without slash moves", `${V1}/instance`, 301, /moved/],
  ["a leaf", `${V1}/instance/name`, 200, "web-b7kq"],
  ["a leaf as JSON", `${V1}/instance/name?alt=json`, 200, '"web-b7kq"'],
  ["the id keeps its digits", `${V1}/instance/id`, 200, "5184363046278950541"],
  ["the id is a JSON number", `${V1}/instance/id?alt=json`, 200, "5184363046278950541"],
  ["a leaf is no directory", `${V1}/instance/name/`, 404, /not found/],
  ["an unknown path", `${V1}/instance/nothing`, 404, /not found/],
  ["an unknown version", "/computeMetadata/v2/instance/id", 404, /not found/],
  ["an attribute", `${V1}/instance/attributes/color`, 200, "blue"],
  ["an encoded attribute key", `${V1}/instance/attributes/a%20key`, 200, "with space"],
  ["an unset attribute", `${V1}/instance/attributes/size`, 404, /not found/],
  ["a path encoded badly", `${V1}/instance/attributes/%E0%A4%A`, 400, /encoded/],
  ["attributes keep their spelling", `${V1}/instance/attributes/`, 200, "a key\ncolor\nenable-guest-attributes\n"],
  ["project attributes", `${V1}/project/attributes/google-compute-default-zone`, 200, "us-central1-a"],
  ["project id", `${V1}/project/project-id`, 200, "acme"],
  ["project number", `${V1}/project/numeric-project-id`, 200, "123456789012"],
  ["zone by project number", `${V1}/instance/zone`, 200, "projects/123456789012/zones/us-central1-a"],
  ["machine type by number", `${V1}/instance/machine-type`, 200, "projects/123456789012/machineTypes/e2-small"],
  ["image by project id", `${V1}/instance/image`, 200, "projects/acme/global/images/web-20261120-120000-abc1234"],
  ["tags are JSON unless asked otherwise", `${V1}/instance/tags`, 200, '["web","http"]'],
  ["tags as text", `${V1}/instance/tags?alt=text`, 200, "web\nhttp\n"],
  ["interfaces list by index", `${V1}/instance/network-interfaces/`, 200, "0/\n"],
  ["the machine's address", `${V1}/instance/network-interfaces/0/ip`, 200, "127.0.77.1"],
  ["a disk, recursively as text", `${V1}/instance/disks/?recursive=true&alt=text`, 200, /^0\/device-name persistent/],
  ["preempted", `${V1}/instance/preempted`, 200, "FALSE"],
  ["maintenance", `${V1}/instance/maintenance-event`, 200, "NONE"],
  ["scheduling", `${V1}/instance/scheduling/on-host-maintenance`, 200, "MIGRATE"],
  ["the clock's token", `${V1}/instance/virtual-clock/drift-token`, 200, "0"],
  ["the universe", `${V1}/universe/universe-domain`, 200, "googleapis.com"],
  ["accounts", `${V1}/instance/service-accounts/`, 200, "default/\nweb-vm@acme.iam.gserviceaccount.com/\n"],
  ["an account", `${V1}/instance/service-accounts/default/`, 200, "aliases\nemail\nidentity\nscopes\ntoken\n"],
  ["its email", `${V1}/instance/service-accounts/default/email`, 200, "web-vm@acme.iam.gserviceaccount.com"],
  ["its scopes", `${V1}/instance/service-accounts/default/scopes`, 200, /^https:\S+cloud-platform\n$/],
  ["identity wants an audience", `${V1}/instance/service-accounts/default/identity`, 400, /non-empty audience/],
  ["identity knows two formats", `${V1}/instance/service-accounts/default/identity?audience=a&format=x`, 400, /format/],
  ["a token cannot be waited for", `${V1}/instance/service-accounts/default/token?wait_for_change=true`, 400, /waited/],
  ["a listing cannot be waited for", `${V1}/instance/attributes/?wait_for_change=true`, 400, /recursive=true/],
  [
    "enforce_scopes=false is refused",
    `${V1}/instance/service-accounts/default/token?enforce_scopes=no`,
    400,
    /enforce/,
  ],
  ["alt is json or text", `${V1}/instance/id?alt=xml`, 400, /alt/],
  ["timeout_sec is a number", `${V1}/instance/id?wait_for_change=true&timeout_sec=soon`, 400, /timeout_sec/],
])("%s", async (_, path, status, body) => {
  const response = await ask(path);
  const text = await response.text();
  expect(response.status, text).toBe(status);
  if (typeof body === "string") expect(text).toBe(body);
  else expect(text).toMatch(body);
  expect(response.headers.get("metadata-flavor")).toBe("Google");
  expect(response.headers.get("server")).toBe("Metadata Server for VM");
});

test("requests without the flavor are refused, and say which header is missing", async () => {
  const response = await ask(`${V1}/instance/id`, { headers: {} });
  expect(response.status).toBe(403);
  expect(await response.text()).toContain("Missing Metadata-Flavor:Google header.");
  expect(response.headers.get("metadata-flavor")).toBe("Google");
});

test("forwarded requests are refused", async () => {
  const response = await ask(`${V1}/instance/id`, { headers: { ...FLAVOR, "X-Forwarded-For": "10.0.0.1" } });
  expect(response.status).toBe(403);
});

test("a move keeps the query and names the host the caller used", async () => {
  const response = await ask(`${V1}/instance/attributes?recursive=true`);
  expect(response.headers.get("location")).toBe(`http://${server.address}${V1}/instance/attributes/?recursive=true`);
});

test.each([
  ["leaf", `${V1}/instance/id`, "application/text"],
  ["recursive", `${V1}/instance/?recursive=True`, "application/json"],
  ["token", `${V1}/instance/service-accounts/default/token`, "application/json"],
])("content type of a %s", async (_, path, type) => {
  expect((await ask(path)).headers.get("content-type")).toBe(type);
});

test("recursive output is camelCase JSON whose numbers keep their digits", async () => {
  const text = await (await ask(`${V1}/?recursive=true&alt=json`)).text();
  expect(text).toContain('"id":5184363046278950541,');
  const all = JSON.parse(text);
  expect(all.project).toEqual({
    attributes: { "google-compute-default-zone": "us-central1-a" },
    numericProjectId: 123456789012,
    projectId: "acme",
  });
  expect(all.universe).toEqual({ universeDomain: "googleapis.com" });
  expect(Object.keys(all.instance)).toEqual([...Object.keys(all.instance)].sort());
  expect(all.instance.attributes).toEqual(attributes);
  expect(all.instance.networkInterfaces[0]).toMatchObject({
    accessConfigs: [],
    dnsServers: ["169.254.169.254"],
    ip: "127.0.77.1",
    mac: "42:01:7f:00:4d:01",
    mtu: 1460,
  });
  expect(all.instance.serviceAccounts.default).toEqual({
    aliases: ["default"],
    email: "web-vm@acme.iam.gserviceaccount.com",
    scopes: ["https://www.googleapis.com/auth/cloud-platform"],
  });
  expect(all.instance.shutdownDetails).toEqual({ StopState: "UNKNOWN", TargetState: "UNKNOWN" });
  expect(all.instance.remainingCpuTime).toBe(-1);
});

test("a token is the same until it is about to expire", async () => {
  const path = `${V1}/instance/service-accounts/default/token`;
  const named = `${V1}/instance/service-accounts/web-vm@acme.iam.gserviceaccount.com/token`;
  const read = async (from: string) => (await (await ask(from)).json()) as Record<string, string | number>;
  const first = await read(path);
  const second = await read(named);
  expect(first).toMatchObject({ token_type: "Bearer", access_token: expect.stringMatching(/^ya29\./) });
  expect(first.expires_in).toBeGreaterThan(3590);
  expect(second.access_token).toBe(first.access_token);
});

test("an instance without a service account has no token", async () => {
  expect((await ask(`${V1}/instance/service-accounts/default/token`, { from: bare })).status).toBe(404);
  expect(await (await ask(`${V1}/instance/service-accounts/`, { from: bare })).text()).toBe("");
});

test("a full identity token says which machine it is", async () => {
  const path = `${V1}/instance/service-accounts/default/identity?audience=https://a.example&format=full`;
  const token = await (await ask(path)).text();
  const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  expect(claims).toMatchObject({
    aud: "https://a.example",
    azp: claims.sub,
    sub: expect.stringMatching(/^1\d{20}$/),
    email: "web-vm@acme.iam.gserviceaccount.com",
    email_verified: true,
  });
  expect(claims.google.compute_engine).toEqual({
    instance_creation_timestamp: expect.any(Number),
    instance_id: "5184363046278950541",
    instance_name: "web-b7kq",
    project_id: "acme",
    project_number: 123456789012,
    zone: "us-central1-a",
  });
});

test("a standard identity token says nothing about the machine", async () => {
  const token = await (await ask(`${V1}/instance/service-accounts/default/identity?audience=a`)).text();
  const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  expect(claims.google).toBeUndefined();
});
