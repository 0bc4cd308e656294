import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { makeMonitoring } from "../../../functions/google/monitoring.ts";
import { makeRest } from "../../../functions/google/rest.ts";
import { type Json, openPlace, type Place } from "../faults/place.ts";

const QUERY = "/v1/projects/moult-local/location/global/prometheus/api/v1/query";
const POLICIES = "/v3/projects/moult-local/alertPolicies";
const ALERTS = "/v3/projects/moult-local/alerts";
const DOOR = "/emulator/monitoring";

const policy = (displayName: string, more: Json = {}) => ({
  displayName,
  combiner: "OR",
  conditions: [{ displayName: "p99", conditionPrometheusQueryLanguage: { query: "p99 > 1", duration: "60s" } }],
  ...more,
});

let place: Place;
beforeEach(async () => {
  place = await openPlace();
});
afterEach(() => place.emulator.close());

const client = () => makeMonitoring(makeRest(`${place.url}/`, { getRequestHeaders: async () => new Headers() }));
const set = (body: Json) => place.ask("POST", `${DOOR}/values`, body);

describe("a PromQL query", () => {
  it("that nobody set a value for finds nothing, as the real one finds nothing of a metric that is not there", async () => {
    expect(await place.ask("GET", `${QUERY}?query=up`)).toEqual({
      status: "success",
      data: { resultType: "vector", result: [] },
    });
    expect(await client().query("moult-local", "up")).toEqual({ values: [] });
  });

  it("answers what was set for exactly this query, at the clock's instant", async () => {
    await set({ query: "rate(errors[5m])", value: 0.25 });
    const answer = await place.ask(`GET`, `${QUERY}?${new URLSearchParams({ query: "rate(errors[5m])" })}`);
    expect(answer).toMatchObject({ data: { result: [{ metric: {}, value: [Date.UTC(2026, 0, 1) / 1000, "0.25"] }] } });
    expect(await client().query("moult-local", "rate(errors[5m])")).toEqual({ values: [0.25] });
    expect(await client().query("moult-local", "rate(errors[6m])")).toEqual({ values: [] });
    expect(await client().query("another", "rate(errors[5m])")).toEqual({ values: [] });
  });

  it.each<[string, Json, object]>([
    [
      "several values",
      { values: [{ labels: { zone: "a" }, value: 1 }, { value: "NaN" }] },
      { values: [1, Number.NaN] },
    ],
    [
      "infinities",
      { values: [{ value: "+Inf" }, { value: "-Inf" }] },
      { values: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] },
    ],
    ["a scalar", { scalar: 7 }, { values: [7] }],
    ["nothing, said by hand", { values: [] }, { values: [] }],
  ])("may find %s", async (_, given, expected) => {
    await set({ query: "q", ...given });
    expect(await client().query("moult-local", "q")).toEqual(expected);
  });

  it("is understood as a form, as clients of Prometheus send it", async () => {
    await set({ query: "a + b", value: 3 });
    const sent = await place.send("POST", QUERY, "query=a+%2B+b&time=1700000000", {
      "content-type": "application/x-www-form-urlencoded",
    });
    expect(await sent.json()).toMatchObject({ data: { result: [{ value: [1_700_000_000, "3"] }] } });
  });

  it.each([
    ["without a query", `${QUERY}?query=`, /bad_data.*no expression/],
    ["at a time that is none", `${QUERY}?query=up&time=soon`, /bad_data.*cannot parse/],
  ])("%s is an error in Prometheus' own form", async (_, path, text) => {
    const answer = await place.send("GET", path);
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringMatching(text)]);
  });

  it("is told apart by moult as what it is: invalid, in Google's words", async () => {
    await expect(client().query("moult-local", " ")).rejects.toMatchObject({
      kind: "invalid",
      message: expect.stringMatching(/no expression found/),
    });
  });

  it.each<[string, Json, RegExp]>([
    ["no query", { value: 1 }, /"query" must be/],
    ["no value", { query: "q" }, /exactly one/],
    ["two values in one", { query: "q", value: 1, scalar: 1 }, /exactly one/],
    ["a value that is no number", { query: "q", value: "many" }, /"value" must be a number/],
    ["a field that is none", { query: "q", value: 1, instant: 5 }, /"instant" is not a field/],
  ])("cannot be set with %s", async (_, body, text) => {
    const answer = await place.send("POST", `${DOOR}/values`, body);
    const { error } = (await answer.json()) as { error: { message: string } };
    expect([answer.status, error.message]).toEqual([400, expect.stringMatching(text)]);
  });

  it("is forgotten by hand, one or all", async () => {
    await set({ query: "a", value: 1 });
    await set({ query: "b", value: 2 });
    await place.ask("DELETE", `${DOOR}/values`, { query: "a" });
    expect(await place.ask("GET", `${DOOR}/values`)).toMatchObject({ values: [{ query: "b" }] });
    await place.ask("DELETE", `${DOOR}/values`);
    expect(await place.ask("GET", `${DOOR}/values`)).toEqual({ values: [] });
  });
});

describe("an alert policy", () => {
  it("is made, read, listed and deleted", async () => {
    const made = await place.ask("POST", POLICIES, policy("Error budget"));
    expect(made).toMatchObject({
      name: expect.stringMatching(/^projects\/moult-local\/alertPolicies\/\d+$/),
      enabled: true,
      conditions: [{ name: expect.stringMatching(/\/conditions\/\d+$/) }],
      creationRecord: { mutateTime: "2026-01-01T00:00:00.000Z" },
    });
    expect(await place.ask("GET", `/v3/${made.name}`)).toEqual(made);
    expect(await place.ask("GET", POLICIES)).toEqual({ alertPolicies: [made], totalSize: 1 });
    expect(await place.ask("DELETE", `/v3/${made.name}`)).toEqual({});
    expect(await client().alertPolicy(String(made.name))).toBeUndefined();
  });

  it.each<[string, Json, RegExp]>([
    ["without a condition", policy("x", { conditions: [] }), /conditions/],
    ["without a name for people", policy(""), /display_name/],
    ["with an unknown field", policy("x", { colour: "red" }), /colour/],
  ])("%s is refused", async (_, body, text) => {
    const answer = await place.send("POST", POLICIES, body);
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringMatching(text)]);
  });
});

describe("an alert", () => {
  it("is opened and closed by hand, and moult sees the open ones of its policy alone", async () => {
    const [one, other] = [
      await place.ask("POST", POLICIES, policy("one")),
      await place.ask("POST", POLICIES, policy("other")),
    ];
    const opened = await place.ask("POST", `${DOOR}/alerts`, { policy: one.name });
    await place.ask("POST", `${DOOR}/alerts`, { policy: "other" });
    expect(opened).toMatchObject({
      state: "OPEN",
      openTime: "2026-01-01T00:00:00.000Z",
      policy: { name: one.name, displayName: "one" },
    });
    expect(await client().openAlerts(String(one.name))).toEqual([opened]);
    // The same policy, named by the project's number.
    expect(
      await client().openAlerts(
        `projects/${place.emulator.projectNumber}/alertPolicies/${String(one.name).split("/").at(-1)}`,
      ),
    ).toEqual([opened]);
    await place.advance(60);
    const closed = await place.ask("POST", `${DOOR}/alerts:close`, { alert: opened.name });
    expect(closed).toMatchObject({ state: "CLOSED", closeTime: "2026-01-01T00:01:00.000Z" });
    expect(await client().openAlerts(String(one.name))).toEqual([]);
    expect(await place.ask("GET", `/v3/${opened.name}`)).toEqual(closed);
    await place.ask("DELETE", `/v3/${other.name}`);
    expect(await place.ask("GET", `${ALERTS}?${new URLSearchParams({ filter: 'state = "OPEN"' })}`)).toEqual({
      totalSize: 0,
    });
  });

  it("is listed newest first, by page and by filter", async () => {
    await place.ask("POST", POLICIES, policy("one"));
    for (let i = 0; i < 3; i++) {
      await place.ask("POST", `${DOOR}/alerts`, { policy: "one" });
      await place.advance(1);
    }
    const first = await place.ask<{ alerts: Json[]; nextPageToken: string }>("GET", `${ALERTS}?pageSize=2`);
    expect(first.alerts.map(({ openTime }) => openTime)).toEqual([
      "2026-01-01T00:00:02.000Z",
      "2026-01-01T00:00:01.000Z",
    ]);
    const rest = await place.ask<{ alerts: Json[] }>("GET", `${ALERTS}?pageSize=2&pageToken=${first.nextPageToken}`);
    expect(rest.alerts).toHaveLength(1);
    const named = new URLSearchParams({
      filter: 'policy.display_name = "one" AND state = "OPEN"',
      orderBy: "open_time",
    });
    expect(await place.ask("GET", `${ALERTS}?${named}`)).toMatchObject({
      totalSize: 3,
      alerts: [{ openTime: "2026-01-01T00:00:00.000Z" }, {}, {}],
    });
    const wrong = await place.send("GET", `${ALERTS}?orderBy=colour`);
    expect(wrong.status).toBe(400);
  });

  it("cannot be opened where there is no policy, or it is switched off", async () => {
    await place.ask("POST", POLICIES, policy("off", { enabled: false }));
    expect((await place.send("POST", `${DOOR}/alerts`, { policy: "off" })).status).toBe(400);
    expect((await place.send("POST", `${DOOR}/alerts`, { policy: "none" })).status).toBe(404);
  });
});

describe("Cloud Monitoring", () => {
  it.each([
    ["GET", "/v3/projects/moult-local/timeSeries", "monitoring.projects.timeSeries.list"],
    ["POST", "/v3/projects/moult-local/uptimeCheckConfigs", "monitoring.projects.uptimeCheckConfigs.create"],
    ["PATCH", `${POLICIES}/17`, "monitoring.projects.alertPolicies.patch"],
    ["GET", QUERY.replace(/query$/, "query_range"), "monitoring.projects.location.prometheus.api.v1.query_range"],
  ])("answers %s %s with 501 and the method's name", async (method, path, name) => {
    const answer = await place.send(method, path, method === "GET" ? undefined : {});
    expect([answer.status, await answer.text()]).toEqual([501, expect.stringContaining(name)]);
  });

  it("asks for the right that the real one asks for", async () => {
    await place.ask("POST", "/emulator/iam/deny", { permission: "monitoring.timeSeries.list" });
    await expect(client().query("moult-local", "up")).rejects.toMatchObject({ kind: "denied" });
    expect((await place.send("GET", ALERTS)).status).toBe(200);
  });
});

describe("what was set", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "moult-monitoring-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("is there again after a restart", async () => {
    const first = await openPlace({ state: folder });
    await first.ask("POST", `${DOOR}/values`, { query: "q", value: 5 });
    await first.ask("POST", POLICIES, policy("one"));
    await first.ask("POST", `${DOOR}/alerts`, { policy: "one" });
    await first.emulator.close();
    const second = await openPlace({ state: folder });
    expect(await second.ask("GET", `${QUERY}?query=q`)).toMatchObject({
      data: { result: [{ value: [expect.any(Number), "5"] }] },
    });
    expect(await second.ask("GET", ALERTS)).toMatchObject({
      totalSize: 1,
      alerts: [{ policy: { displayName: "one" } }],
    });
    await second.emulator.close();
  });
});
