import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ManualClock } from "../../../emulator/frame/clock.ts";
import { listenMetadata } from "../../../emulator/metadata/listen.ts";
import { makeSpec, makeWorld } from "../machines/world.ts";

const V1 = "/computeMetadata/v1";
let attributes: Record<string, string>;
let guestAttributes: Map<string, string>;
let clock: ManualClock;
let server: Awaited<ReturnType<typeof listenMetadata>>;

beforeEach(async () => {
  attributes = { color: "blue", "enable-guest-attributes": "TRUE" };
  guestAttributes = new Map();
  clock = new ManualClock(Date.UTC(2026, 0, 1));
  const spec = makeSpec({ ip: "127.0.78.1", attributes: () => attributes, guestAttributes });
  server = await listenMetadata(makeWorld("/nonexistent", clock), spec);
});

afterEach(() => server.close());

function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`http://${server.address}${V1}${path}`, { headers: { "Metadata-Flavor": "Google" }, ...init });
}

/** Drives the clock until the request is answered; says how much time that took. */
async function drive(answer: Promise<Response>): Promise<{ response: Response; ms: number }> {
  const from = clock.now();
  let response: Response | undefined;
  void answer.then((found) => {
    response = found;
  });
  while (!response) {
    await clock.advance(10);
    if (clock.now() - from > 3_600_000) throw new Error("no answer within an hour");
  }
  return { response, ms: clock.now() - from };
}

/** A request that waits must be there before something changes, or it would prove nothing. */
async function waiting(path: string): Promise<{ answer: Promise<Response> }> {
  const answer = ask(path);
  while (clock.next() === undefined) await new Promise((resolve) => setImmediate(resolve));
  return { answer };
}

describe("wait_for_change", () => {
  test("answers when the value changes", async () => {
    const { answer } = await waiting("/instance/attributes/color?wait_for_change=true");
    attributes = { ...attributes, color: "green" };
    const { response } = await drive(answer);
    expect(await response.text()).toBe("green");
  });

  test("answers 200 with the value as it is when the time is up", async () => {
    const { response, ms } = await drive(ask("/instance/attributes/color?wait_for_change=true&timeout_sec=5"));
    expect([response.status, await response.text()]).toEqual([200, "blue"]);
    expect(ms).toBeGreaterThanOrEqual(5000);
  });

  test("answers at once when last_etag is not the value's", async () => {
    const response = await ask("/instance/attributes/color?wait_for_change=true&last_etag=NONE");
    expect(await response.text()).toBe("blue");
  });

  test("waits when last_etag is the value's", async () => {
    const etag = (await ask("/?recursive=true")).headers.get("etag");
    expect(etag).toMatch(/^[0-9a-f]{16}$/);
    const { answer } = await waiting(`/?recursive=true&wait_for_change=true&last_etag=${etag}`);
    attributes = { ...attributes, size: "big" };
    const { response } = await drive(answer);
    expect(await response.json()).toMatchObject({ instance: { attributes: { size: "big" } } });
    expect(response.headers.get("etag")).not.toBe(etag);
  });

  test("a value that comes back has another etag than before", async () => {
    const seen: (string | null)[] = [];
    for (const color of ["blue", "green", "blue"]) {
      attributes = { ...attributes, color };
      seen.push((await ask("/instance/attributes/color")).headers.get("etag"));
    }
    expect(new Set(seen).size).toBe(3);
  });

  test("a key that goes away is not found", async () => {
    const { answer } = await waiting("/instance/attributes/color?wait_for_change=true");
    attributes = {};
    expect((await drive(answer)).response.status).toBe(404);
  });

  test("a guest attribute wakes who waits for it, without waiting for a look", async () => {
    const { answer } = await waiting("/instance/guest-attributes/?recursive=true&wait_for_change=true");
    await ask("/instance/guest-attributes/moult/report", { method: "PUT", body: "ready" });
    expect(await (await answer).json()).toEqual({ moult: { report: "ready" } });
  });

  test("who hangs up is not waited for", async () => {
    const hangUp = new AbortController();
    const answer = ask("/instance/attributes/color?wait_for_change=true", { signal: hangUp.signal });
    await vi.waitUntil(() => clock.next() !== undefined);
    hangUp.abort();
    await expect(answer).rejects.toThrow();
    await vi.waitUntil(() => clock.next() === undefined);
  });

  test("closing answers who waits", async () => {
    const { answer } = await waiting("/instance/attributes/color?wait_for_change=true");
    const outcome = answer.then(
      () => "answered",
      () => "cut",
    );
    await server.close();
    expect(["answered", "cut"]).toContain(await outcome);
    expect(clock.next()).toBeUndefined();
  });
});

describe("guest attributes", () => {
  test("can be written, read, listed and deleted", async () => {
    const path = "/instance/guest-attributes/moult/report";
    expect((await ask(path, { method: "PUT", body: "größer" })).status).toBe(200);
    expect(guestAttributes.get("moult/report")).toBe("größer");
    expect(await (await ask(path)).text()).toBe("größer");
    expect(await (await ask("/instance/guest-attributes/")).text()).toBe("moult/\n");
    expect(await (await ask("/instance/guest-attributes/moult/")).text()).toBe("report\n");
    expect((await ask(path, { method: "DELETE" })).status).toBe(200);
    expect((await ask(path)).status).toBe(404);
    expect(guestAttributes.size).toBe(0);
  });

  test.each([
    ["PUT", "/instance/guest-attributes/moult/report"],
    ["GET", "/instance/guest-attributes/moult/report"],
    ["GET", "/instance/guest-attributes/"],
  ])("%s %s is refused unless enable-guest-attributes is TRUE", async (method, path) => {
    attributes = { "enable-guest-attributes": "FALSE" };
    const response = await ask(path, { method });
    expect(response.status).toBe(403);
    expect(await response.text()).toContain("Guest attributes endpoint access is disabled.");
  });

  test("need a namespace and a key", async () => {
    expect((await ask("/instance/guest-attributes/moult", { method: "PUT", body: "x" })).status).toBe(400);
    expect((await ask("/instance/guest-attributes/a/b/c", { method: "PUT", body: "x" })).status).toBe(400);
  });

  test("nothing else can be written", async () => {
    expect((await ask("/instance/attributes/color", { method: "PUT", body: "red" })).status).toBe(405);
    expect((await ask("/instance/attributes/color", { method: "POST", body: "red" })).status).toBe(405);
  });
});
