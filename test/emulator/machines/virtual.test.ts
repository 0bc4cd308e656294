import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ManualClock } from "../../../emulator/frame/clock.ts";
import { type Emulator, startEmulator } from "../../../emulator/index.ts";
import { type Behaviour, readBehaviour } from "../../../emulator/machines/behaviours.ts";
import { createMachines } from "../../../emulator/machines/index.ts";
import type { HealthProbe, ProbeResult } from "../../../emulator/machines/machines.ts";
import { makeSpec, makeWorld } from "./world.ts";

const PROBE: HealthProbe = { type: "HTTP", port: 80, requestPath: "/", timeoutMs: 1000 };

test.each<[sentence: string, rules: Behaviour[], seconds: number, result: ProbeResult]>([
  ["healthy from the start without rules", [], 0, "HEALTHY"],
  ["refuses connections while it boots", [{ bootSeconds: 30 }], 29, "UNHEALTHY"],
  ["healthy once it has booted", [{ bootSeconds: 30 }], 30, "HEALTHY"],
  ["a bad image", [{ image: "web-2", health: "UNHEALTHY" }], 5, "UNHEALTHY"],
  ["another image is not concerned", [{ image: "web-1", health: "UNHEALTHY" }], 5, "HEALTHY"],
  ["a pattern of images", [{ image: "web-*", health: "TIMEOUT" }], 5, "TIMEOUT"],
  ["an instance by name", [{ instance: "web-a1b2", health: "TIMEOUT" }], 5, "TIMEOUT"],
  ["both must match", [{ instance: "web-a*", image: "db-*", health: "TIMEOUT" }], 5, "HEALTHY"],
  ["a dot is only a dot", [{ image: "web.2", health: "TIMEOUT" }], 5, "HEALTHY"],
  ["health is lost later", [{ health: "UNHEALTHY", from: 60 }], 59, "HEALTHY"],
  ["health is lost at its second", [{ health: "UNHEALTHY", from: 60 }], 60, "UNHEALTHY"],
  ["health comes back", [{ health: "UNHEALTHY", from: 60, to: 90 }], 90, "HEALTHY"],
  ["the newest rule wins", [{ health: "UNHEALTHY" }, { health: "HEALTHY" }], 5, "HEALTHY"],
  ["rules about boot and health add up", [{ bootSeconds: 10 }, { health: "TIMEOUT" }], 5, "UNHEALTHY"],
])("%s", async (_, rules, seconds, result) => {
  const clock = new ManualClock(0);
  const machines = createMachines(makeWorld("/nonexistent", clock), { kind: "virtual", agent: "" });
  for (const rule of rules) machines.behaviours.add(rule);
  const spec = makeSpec({ name: "web-a1b2", image: "projects/acme/global/images/web-2" });
  await machines.start(spec, { serial: () => {} });
  await clock.advance(seconds * 1000);
  expect(await machines.probe(spec.id, PROBE)).toBe(result);
});

test("a machine that is off times out; a reboot boots anew", async () => {
  const clock = new ManualClock(0);
  const machines = createMachines(makeWorld("/nonexistent", clock), { kind: "virtual", agent: "" });
  machines.behaviours.add({ bootSeconds: 10 });
  const spec = makeSpec();
  await machines.start(spec, { serial: () => {} });
  await clock.advance(10_000);
  expect(await machines.probe(spec.id, PROBE)).toBe("HEALTHY");
  await machines.stop(spec.id, 0);
  expect(await machines.probe(spec.id, PROBE)).toBe("TIMEOUT");
  await machines.start(spec, { serial: () => {} });
  expect(await machines.probe(spec.id, PROBE)).toBe("UNHEALTHY");
});

test.each<[body: Record<string, unknown>, message: RegExp]>([
  [{ healt: "HEALTHY" }, /unknown field "healt"/],
  [{ health: "SICK" }, /"health" must be one of/],
  [{ health: "TIMEOUT", from: -1 }, /"from" must be seconds/],
  [{ health: "TIMEOUT", image: "" }, /"image" must be a name/],
  [{ bootSeconds: "5" }, /"bootSeconds" must be seconds/],
  [{ image: "web-1" }, /give "health" or "bootSeconds"/],
  [{ bootSeconds: 5, from: 3 }, /"from" and "to" say when "health" holds/],
])("refused: %j", (body, message) => expect(() => readBehaviour(body)).toThrow(message));

describe("routes", () => {
  let emulator: Emulator;
  beforeEach(async () => {
    emulator = await startEmulator({ instances: "virtual", clock: "manual" });
  });
  afterEach(() => emulator.close());

  const ask = async (method: string, path = "", body?: object) => {
    const response = await fetch(`${emulator.url}/emulator/machines/behaviours${path}`, {
      method,
      ...(body && { body: JSON.stringify(body) }),
    });
    const json = (await response.json()) as { behaviours?: Behaviour[]; error?: { message: string } };
    return { status: response.status, json };
  };

  test("behaviours are set, listed, deleted and cleared", async () => {
    const first = await ask("POST", "", { image: "web-2", health: "UNHEALTHY" });
    expect(first).toEqual({ status: 200, json: { id: "1", image: "web-2", health: "UNHEALTHY" } });
    await ask("POST", "", { bootSeconds: 20 });
    expect((await ask("GET")).json.behaviours).toHaveLength(2);
    expect((await ask("DELETE", "/1")).status).toBe(200);
    expect((await ask("DELETE", "/1")).status).toBe(404);
    expect((await ask("GET")).json.behaviours).toEqual([{ id: "2", bootSeconds: 20 }]);
    await ask("DELETE");
    expect((await ask("GET")).json).toEqual({ behaviours: [] });
  });

  test("a wrong behaviour is refused with the reason", async () => {
    const { status, json } = await ask("POST", "", { health: "SICK" });
    expect([status, json.error?.message]).toEqual([400, expect.stringContaining("HEALTHY, UNHEALTHY, TIMEOUT")]);
  });
});

test("real processes cannot be told how to behave", async () => {
  const emulator = await startEmulator({ instances: "process" });
  const response = await fetch(`${emulator.url}/emulator/machines/behaviours`, {
    method: "POST",
    body: JSON.stringify({ health: "UNHEALTHY" }),
  });
  expect(response.status).toBe(400);
  await emulator.close();
});
