import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ManualClock } from "../../../emulator/frame/clock.ts";
import { Faults } from "../../../emulator/frame/faults/faults.ts";
import { readRule } from "../../../emulator/frame/faults/rule.ts";
import { listenMetadata } from "../../../emulator/metadata/listen.ts";
import { makeSpec, makeWorld } from "../machines/world.ts";

let faults: Faults;
let server: Awaited<ReturnType<typeof listenMetadata>>;

beforeEach(async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  faults = new Faults(clock, "seed");
  const spec = makeSpec({ ip: "127.0.78.2", name: "web-1", attributes: () => ({ color: "blue" }) });
  server = await listenMetadata({ ...makeWorld("/nonexistent", clock), faults }, spec);
});
afterEach(() => server.close());

const color = () =>
  fetch(`http://${server.address}/computeMetadata/v1/instance/attributes/color`, {
    headers: { "Metadata-Flavor": "Google" },
  });

describe("an instance's metadata server", () => {
  it("suffers faults like any service", async () => {
    const fail = { status: 503, message: "Try again.", retryAfter: 1 };
    faults.add(
      readRule({ match: { method: "metadata.get", resource: "instances/web-1/.*color$" }, do: { fail }, times: 1 }),
    );
    const answer = await color();
    expect([answer.status, await answer.text(), answer.headers.get("retry-after")]).toEqual([503, "Try again.", "1"]);
    expect(await (await color()).text()).toBe("blue");
  });

  it("of another name does not", async () => {
    faults.add(readRule({ match: { service: "metadata", resource: "instances/web-2/" }, do: { reset: true } }));
    expect((await color()).status).toBe(200);
  });

  it("resets a connection", async () => {
    faults.add(readRule({ match: { service: "metadata" }, do: { reset: true }, times: 1 }));
    await expect(color()).rejects.toThrow();
    expect((await color()).status).toBe(200);
  });
});
