import { describe, expect, it } from "vitest";
import { act } from "../../../functions/controller/act.ts";
import { paths } from "../../../functions/controller/records.ts";
import type { Effect } from "../../../functions/core/effects.ts";
import type { Compute } from "../../../functions/google/compute.ts";
import { Failure } from "../../../functions/google/failure.ts";
import { policyOf } from "../core/small-cloud.ts";
import { fakeCloud } from "./fakes.ts";

const group = "us-central1-a/web";
const mine = async () => true;
const image = { id: "1001", name: "web-1", project: "acme-prod" };

describe("an autoscaler's mode", () => {
  const effect: Effect = { kind: "patch-autoscaler", group, name: "scaler", mode: "ONLY_SCALE_OUT", requestId: "r" };

  it("is set in the group's own place", async () => {
    const set: unknown[] = [];
    const cloud = fakeCloud({ setAutoscalerMode: async (...all) => void set.push(all) });
    expect(await act(cloud, "web", policyOf(), [effect], mine)).toEqual({ done: 1 });
    expect(set).toEqual([
      [expect.objectContaining({ location: "us-central1-a", name: "web" }), "scaler", "ONLY_SCALE_OUT", "r"],
    ]);
  });

  it.each<[string, Effect]>([
    ["an autoscaler", effect],
    [
      "a lease",
      { kind: "lease", budget: "b", rollout: "web-1", machines: 1, begun: 1, until: "2027-01-01T00:00:00.000Z" },
    ],
  ])("nobody who was overtaken changes %s", async (_, changed) => {
    const cloud = fakeCloud({ setAutoscalerMode: async () => expect.unreachable("it acted") });
    expect(await act(cloud, "web", policyOf(), [changed], async () => false)).toEqual({ done: 0 });
    expect([...cloud.state.objects.keys()]).toEqual([]);
  });
});

describe("what a fleet publishes", () => {
  it("is written once for as long as it says the same", async () => {
    const cloud = fakeCloud();
    const publish: Effect = { kind: "publish", images: [{ image, since: "2026-11-20T12:00:00.000Z" }] };
    await act(cloud, "web", policyOf(), [publish], mine);
    const first = cloud.state.objects.get(paths.published("web"));
    await act(cloud, "web", policyOf(), [publish], mine);
    expect(cloud.state.objects.get(paths.published("web"))).toBe(first);
    expect(JSON.parse(first?.text ?? "")).toEqual({ schema: 1, fleet: "web", images: publish.images });
    await act(cloud, "web", policyOf(), [{ kind: "publish", images: [] }], mine);
    expect(JSON.parse(cloud.state.objects.get(paths.published("web"))?.text ?? "")).toMatchObject({ images: [] });
  });
});

describe("evidence of a machine", () => {
  const effect: Effect = { kind: "keep-evidence", group, machine: "web-1", rollout: "web-7", why: "its report failed" };
  const release = "a".repeat(64);
  const instance = { id: "77", metadata: { items: [{ key: "moult-release", value: JSON.stringify({ release }) }] } };
  const errors = ["web-1", "web-2"].map((name) => ({
    error: { code: "CONDITION_NOT_MET", message: `about ${name}` },
    instanceActionDetails: { instance: `zones/us-central1-a/instances/${name}` },
    timestamp: "2026-11-20T12:00:00Z",
  }));
  const compute = {
    serialOutput: async () => `${"x".repeat(70_000)}the end`,
    guestAttributes: async () => ({ report: "{}" }),
    groupErrors: async () => errors,
    instance: async () => instance,
  } as unknown as Partial<Compute>;
  const kept = (cloud: ReturnType<typeof fakeCloud>) =>
    JSON.parse(cloud.state.objects.get(paths.evidence("web", "web-7", "web-1"))?.text ?? "{}") as Record<
      string,
      unknown
    >;

  it("is what it said last, its report, its attributes and the errors about it", async () => {
    const cloud = fakeCloud(compute);
    await cloud.reports.write(`reports/web/${release}/77/b1.json`, "the report", "0");
    expect(await act(cloud, "web", policyOf(), [effect], mine)).toEqual({ done: 1 });
    expect(kept(cloud)).toEqual({
      machine: "web-1",
      zone: "us-central1-a",
      group,
      rollout: "web-7",
      why: "its report failed",
      serial: expect.stringMatching(/^x+the end$/),
      report: "the report",
      attributes: { report: "{}" },
      errors: [{ code: "CONDITION_NOT_MET", message: "about web-1", at: "2026-11-20T12:00:00Z" }],
    });
    expect(String(kept(cloud).serial)).toHaveLength(65_536);
  });

  it("is kept as far as it can be read, and says what could not", async () => {
    const denied = () => Promise.reject(new Failure("denied", 403, "GET", "compute.instances.getSerialPortOutput"));
    const cloud = fakeCloud({ ...compute, serialOutput: denied });
    await act(cloud, "web", policyOf(), [effect], mine);
    expect(kept(cloud)).toMatchObject({
      attributes: { report: "{}" },
      unread: { serial: expect.stringMatching(/getSerialPortOutput/) },
    });
  });

  it("is kept once: the first look at a machine is the best one", async () => {
    const cloud = fakeCloud(compute);
    await cloud.state.write(paths.evidence("web", "web-7", "web-1"), `{"first":true}`, "0");
    expect(await act(cloud, "web", policyOf(), [effect], mine)).toEqual({ done: 1 });
    expect(kept(cloud)).toEqual({ first: true });
  });

  it("that cannot be kept does not hold up putting back", async () => {
    const patched: string[] = [];
    const cloud = fakeCloud({ ...compute, patchGroup: async (_, __, id) => void patched.push(id) });
    cloud.state.write = () => Promise.reject(new Failure("denied", 403, "write", "storage.objects.create"));
    const patch: Effect = {
      kind: "patch-group",
      group,
      fingerprint: "f",
      versions: [],
      updatePolicy: {},
      requestId: "r",
    };
    await act(cloud, "web", policyOf(), [effect, patch], mine);
    expect(patched).toEqual(["r"]);
    expect(cloud.logged.join()).toMatch(/evidence of web-1 could not be kept/);
  });
});
