import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Bed, GLOBAL, group, type Json, ORIGIN, PROJECT, startBed } from "./bed.ts";

const CHECKS = `${GLOBAL}/healthChecks`;
const REGIONAL = `${ORIGIN}/${PROJECT}/regions/us-central1/healthChecks`;

interface Failed {
  error: { message: string; errors: { reason: string }[] };
}

let bed: Bed;
const made = async (body: Json, at = CHECKS): Promise<Json> => {
  await bed.post(at, { name: "alive", ...body });
  await bed.clock.advance(1000);
  return bed.get(`${at}/alive`);
};

beforeEach(async () => {
  bed = await startBed();
});
afterEach(() => bed.close());

describe("a health check", () => {
  test.each<[type: string, field: string, given: Json, shown: Json]>([
    ["HTTP", "httpHealthCheck", {}, { port: 80, requestPath: "/", proxyHeader: "NONE" }],
    [
      "HTTPS",
      "httpsHealthCheck",
      { host: "web.example", response: "ok" },
      { port: 443, requestPath: "/", proxyHeader: "NONE", host: "web.example", response: "ok" },
    ],
    ["HTTP2", "http2HealthCheck", { requestPath: "/h" }, { port: 443, requestPath: "/h", proxyHeader: "NONE" }],
    [
      "TCP",
      "tcpHealthCheck",
      { request: "PING", response: "PONG" },
      { port: 80, proxyHeader: "NONE", request: "PING", response: "PONG" },
    ],
    ["SSL", "sslHealthCheck", { proxyHeader: "PROXY_V1" }, { port: 443, proxyHeader: "PROXY_V1" }],
    ["GRPC", "grpcHealthCheck", { port: 50051, grpcServiceName: "web" }, { port: 50051, grpcServiceName: "web" }],
    ["GRPC_WITH_TLS", "grpcTlsHealthCheck", { port: 50052 }, { port: 50052 }],
    [
      "TCP",
      "tcpHealthCheck",
      { portName: "db" },
      { portName: "db", portSpecification: "USE_NAMED_PORT", proxyHeader: "NONE" },
    ],
    [
      "HTTP",
      "httpHealthCheck",
      { portSpecification: "USE_SERVING_PORT" },
      { portSpecification: "USE_SERVING_PORT", requestPath: "/", proxyHeader: "NONE" },
    ],
  ])("of type %s fills in what is left out of %s %j", async (type, field, given, shown) => {
    expect(await made({ type, [field]: given })).toMatchObject({
      kind: "compute#healthCheck",
      type,
      checkIntervalSec: 5,
      timeoutSec: 5,
      healthyThreshold: 2,
      unhealthyThreshold: 2,
      [field]: shown,
      selfLink: `${bed.url}${CHECKS}/alive`,
    });
    expect((await bed.get<Json>(`${CHECKS}/alive`))[field]).toEqual(shown);
  });

  test("of a region stands beside a global one of its name", async () => {
    await made({ type: "TCP" });
    const shown = await made({ type: "HTTP", description: "here" }, REGIONAL);
    expect(shown).toMatchObject({
      region: `${bed.url}${ORIGIN}/${PROJECT}/regions/us-central1`,
      selfLink: `${bed.url}${REGIONAL}/alive`,
      type: "HTTP",
    });
    const types = async (at: string) =>
      (await bed.get<{ items: { type: string }[] }>(at)).items.map(({ type }) => type);
    expect([await types(CHECKS), await types(REGIONAL)]).toEqual([["TCP"], ["HTTP"]]);
    const all = await bed.get<{ kind: string; items: Record<string, { healthChecks?: Json[] }> }>(
      `${ORIGIN}/${PROJECT}/aggregated/healthChecks`,
    );
    expect([
      all.kind,
      all.items.global?.healthChecks?.length,
      all.items["regions/us-central1"]?.healthChecks?.length,
    ]).toEqual(["compute#healthChecksAggregatedList", 1, 1]);
    await bed.call("DELETE", `${REGIONAL}/alive`);
    expect((await bed.call("GET", `${CHECKS}/alive`)).status).toBe(200);
    expect((await bed.call("GET", `${REGIONAL}/alive`)).status).toBe(404);
  });

  test("is merged by a patch and replaced by an update, and may change its type", async () => {
    const before = await made({ type: "HTTP", description: "old", httpHealthCheck: { port: 8080, requestPath: "/a" } });
    await bed.patch(`${CHECKS}/alive`, { timeoutSec: 3, httpHealthCheck: { requestPath: "/b" } });
    expect(await bed.get(`${CHECKS}/alive`)).toMatchObject({
      id: before.id,
      description: "old",
      timeoutSec: 3,
      httpHealthCheck: { port: 8080, requestPath: "/b" },
    });
    await bed.patch(`${CHECKS}/alive`, { type: "TCP", tcpHealthCheck: { port: 9 } });
    const tcp = await bed.get<Json>(`${CHECKS}/alive`);
    expect([tcp.type, tcp.tcpHealthCheck, tcp.httpHealthCheck]).toEqual([
      "TCP",
      { port: 9, proxyHeader: "NONE" },
      undefined,
    ]);
    expect((await bed.call("PUT", `${CHECKS}/alive`, { name: "alive", type: "HTTP" })).status).toBe(200);
    expect(await bed.get(`${CHECKS}/alive`)).toMatchObject({
      id: before.id,
      timeoutSec: 5,
      httpHealthCheck: { port: 80 },
    });
    expect((await bed.get<Json>(`${CHECKS}/alive`)).description).toBeUndefined();
  });

  test("of a region heals a group, and cannot be deleted while it does", async () => {
    await made({ type: "HTTP", httpHealthCheck: { port: 8080 } }, REGIONAL);
    bed.health = () => "HEALTHY";
    const { autoHealingPolicies } = await group(bed, 1, {
      autoHealingPolicies: [{ healthCheck: `${REGIONAL.replace("/compute/v1/", "")}/alive`, initialDelaySec: 0 }],
    });
    expect(autoHealingPolicies).toMatchObject([{ healthCheck: `${bed.url}${REGIONAL}/alive` }]);
    const { status, body } = await bed.call<Failed>("DELETE", `${REGIONAL}/alive`);
    expect([status, body.error.errors[0]?.reason]).toEqual([400, "resourceInUseByAnotherResource"]);
  });
});

test.each<[rule: string, body: Json, status: number, message: RegExp]>([
  ["a type that is none", { type: "UDPX" }, 400, /Must be one of/],
  ["no type", {}, 400, /resource.type/],
  ["words of another protocol", { type: "TCP", httpHealthCheck: { port: 80 } }, 400, /resource.httpHealthCheck/],
  ["an interval of nothing", { type: "TCP", checkIntervalSec: 0 }, 400, /between 1 and 300/],
  ["eleven times", { type: "TCP", healthyThreshold: 11 }, 400, /between 1 and 10/],
  [
    "a timeout beyond the interval",
    { type: "TCP", checkIntervalSec: 5, timeoutSec: 6 },
    400,
    /Timeout must not be longer/,
  ],
  ["a port beyond all ports", { type: "TCP", tcpHealthCheck: { port: 70000 } }, 400, /between 1 and 65535/],
  ["a path without a slash", { type: "HTTP", httpHealthCheck: { requestPath: "alive" } }, 400, /must begin with/],
  [
    "a number with USE_SERVING_PORT",
    { type: "TCP", tcpHealthCheck: { port: 1, portSpecification: "USE_SERVING_PORT" } },
    400,
    /must not be set/,
  ],
  [
    "no name with USE_NAMED_PORT",
    { type: "TCP", tcpHealthCheck: { portSpecification: "USE_NAMED_PORT" } },
    400,
    /portName/,
  ],
  ["an unknown proxy header", { type: "TCP", tcpHealthCheck: { proxyHeader: "PROXY_V9" } }, 400, /NONE, PROXY_V1/],
  ["an answer that is too long", { type: "TCP", tcpHealthCheck: { response: "x".repeat(1025) } }, 400, /at most 1024/],
  ["an answer that is not ASCII", { type: "TCP", tcpHealthCheck: { response: "ä" } }, 400, /ASCII/],
  ["GRPC without a port", { type: "GRPC", grpcHealthCheck: {} }, 400, /grpcHealthCheck.port/],
  ["a field of no protocol", { type: "TCP", tcpHealthCheck: { requestPath: "/" } }, 400, /Unknown name "requestPath"/],
  [
    "chosen source regions",
    { type: "TCP", sourceRegions: ["us-central1", "us-east1", "us-west1"] },
    501,
    /sourceRegions/,
  ],
])("a health check cannot have %s", async (_, body, status, message) => {
  const reply = await bed.call<Failed>("POST", CHECKS, { name: "alive", ...body });
  expect([reply.status, reply.body.error.message]).toEqual([status, expect.stringMatching(message)]);
  expect((await bed.call("GET", `${CHECKS}/alive`)).status).toBe(404);
});

test("a group cannot heal by the port of a backend service", async () => {
  await made({ type: "HTTP", httpHealthCheck: { portSpecification: "USE_SERVING_PORT" } });
  await expect(
    group(bed, 1, { autoHealingPolicies: [{ healthCheck: `projects/${PROJECT}/global/healthChecks/alive` }] }),
  ).rejects.toThrow(/501.*USE_SERVING_PORT/);
});
