import { createServer as createTlsServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { deadlineIn, type Edge } from "../../agent/edge/deadline.ts";
import { Google } from "../../agent/edge/google.ts";
import { type Origin, openOrigin } from "../../agent/edge/http.ts";
import { Passing, Refused } from "../../agent/edge/retry.ts";
import { longNumbersAsText, readInstance } from "../../agent/identify/instance.ts";
import { Failure } from "../../agent/outcome.ts";
import { Authority } from "./certificates.ts";
import { type FakeCloud, startCloud } from "./cloud.ts";
import { beforeAgent } from "./complaints/stage.ts";
import { Machine } from "./machine.ts";

const authority = new Authority();
let cloud: FakeCloud;
let machine: Machine;
let front: Server | undefined;
let origin: Origin | undefined;
const sockets = new Set<TLSSocket>();

beforeEach(async () => {
  cloud = await startCloud();
  machine = new Machine(cloud);
});
afterEach(async () => {
  origin?.close();
  origin = undefined;
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await new Promise<void>((resolve) => (front ? front.close(() => resolve()) : resolve()));
  front = undefined;
  await cloud.close();
  machine.remove();
});
afterAll(() => authority.remove());

/** Speaks HTTP/1.1 only. @returns the server's port. */
async function speak(server: Server): Promise<number> {
  front = server;
  server.on("secureConnection", (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

describe("a further connection of HTTP/1.1 over TLS", () => {
  /** Answers `/held` only when `release` is called, so that what is asked meanwhile needs another connection. */
  async function heldOrigin() {
    const asked: string[] = [];
    let release = () => {};
    const port = await speak(
      createTlsServer({ ...authority.issue(), ALPNProtocols: ["http/1.1"] }, (request, response) => {
        asked.push(request.url ?? "");
        if (request.url === "/held") release = () => response.end("in the end");
        else response.end("at once");
      }),
    );
    origin = openOrigin(`https://127.0.0.1:${port}`, authority.pem);
    const held = origin.ask({ path: "/held", timeoutMs: 10_000 });
    await expect.poll(() => asked).toEqual(["/held"]);
    return { asked, port, origin, held, release: () => release() };
  }

  test("serves what is asked while the first one is busy", async () => {
    const { asked, origin, held, release } = await heldOrigin();
    expect(String((await origin.ask({ path: "/a", timeoutMs: 10_000 })).body)).toBe("at once");
    release();
    expect(String((await held).body)).toBe("in the end");
    expect(asked).toEqual(["/held", "/a"]);
    expect(sockets.size).toBe(2);
  });

  test("to somebody with another certificate is refused for good, and told nothing", async () => {
    const { asked, origin, held, release } = await heldOrigin();
    front?.setSecureContext(authority.issue({ cn: "somebody", san: "DNS:somebody" }));
    const other = await origin.ask({ path: "/a", timeoutMs: 10_000, headers: { Authorization: "x" } }).catch((e) => e);
    expect(other).toBeInstanceOf(Refused);
    expect(other.message).toMatch(/127\.0\.0\.1.*"somebody", not for it \(ERR_TLS_CERT_ALTNAME_INVALID\)/);
    release();
    await held;
    expect(asked).toEqual(["/held"]);
  });

  test("to a place that is gone passes, and the next attempt looks for the place anew", async () => {
    const { asked, port, origin, held, release } = await heldOrigin();
    release();
    await held;
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => front?.close(() => resolve()));
    const lost = () => origin.ask({ path: "/b", timeoutMs: 10_000 }).catch((error) => error);
    await expect.poll(lost).toEqual(new Passing("ECONNREFUSED"));
    const again = createTlsServer({ ...authority.issue() }, (request, response) => response.end(request.url));
    again.on("secureConnection", (socket) => sockets.add(socket));
    await new Promise<void>((resolve) => again.listen(port, "127.0.0.1", resolve));
    front = again;
    await expect.poll(async () => String((await lost()).body)).toBe("/b");
    expect(asked).toEqual(["/held"]);
  });
});

/** Every name is at an IPv6 address where nobody listens, and at 127.0.0.1. */
const twoAddresses = `
const dns = require("node:dns");
const all = [{ address: "::1", family: 6 }, { address: "127.0.0.1", family: 4 }];
dns.lookup = (name, options, done) =>
  process.nextTick(() => (options.all ? done(null, all) : done(null, all[0].address, all[0].family)));
`;

test("an API with a dead IPv6 address is reached over IPv4, under its name, on every Node", async () => {
  const names: unknown[] = [];
  const certificate = authority.issue({ cn: "api.moult.test", san: "DNS:api.moult.test" });
  const port = await speak(
    createTlsServer(certificate, (_request, response) => {
      response.writeHead(404).end();
    }),
  );
  front?.on("secureConnection", (socket) => names.push(socket.servername));
  machine.bake({
    manifest: 1,
    secrets: { a: "projects/acme/secrets/a/versions/1" },
    files: [{ path: "/etc/a", secret: "a" }],
  });
  machine.api = `https://api.moult.test:${port}`;
  machine.env = { NODE_EXTRA_CA_CERTS: authority.file };
  beforeAgent(machine, twoAddresses);
  const run = await machine.boot("--deadline", "10");
  expect(run.last).toContain("failed secret-missing: ");
  expect(run.stdout).not.toContain("attempt");
  expect(names).toEqual(["api.moult.test"]);
});

test("a host that is an address costs no warning", async () => {
  const port = await speak(
    createTlsServer(authority.issue(), (_request, response) => {
      response.writeHead(404).end();
    }),
  );
  machine.bake({
    manifest: 1,
    secrets: { a: "projects/acme/secrets/a/versions/1" },
    files: [{ path: "/etc/a", secret: "a" }],
  });
  machine.api = `https://127.0.0.1:${port}`;
  machine.env = { NODE_EXTRA_CA_CERTS: authority.file };
  const run = await machine.boot();
  expect(run.last).toContain("failed secret-missing: ");
  expect(run.stderr).toBe("");
});

describe("a call to Google", () => {
  const now = () => performance.now();
  const edge: Edge = { now, random: () => 0, sleep: (ms) => new Promise((go) => setTimeout(go, ms)), say: () => {} };
  const about = { what: "report", lost: "config-unreachable", refused: "config-refused" } as const;

  test("does not wait for a token beyond its own deadline", async () => {
    const never = new Promise<string>(() => {});
    const google = new Google({ storage: cloud.url }, { get: () => never, renew: () => never }, edge);
    const started = now();
    const ended = await google
      .call("storage", { path: "/" }, about, deadlineIn(edge, 200), () => "")
      .catch((error) => error);
    google.close();
    expect(ended).toBeInstanceOf(Failure);
    expect(ended).toMatchObject({ reason: "metadata-unreachable" });
    expect(now() - started).toBeLessThan(2_000);
  });

  test("asks once more with a new token within its deadline, not within another one", async () => {
    let asked = 0;
    cloud.interfere = (_request, response, path) => {
      if (path !== "/slow") return false;
      if (asked++ === 0) response.writeHead(401).end();
      return true;
    };
    const renew = () => new Promise<string>((resolve) => setTimeout(resolve, 250, "new"));
    const google = new Google({ storage: cloud.url }, { get: async () => "old", renew }, edge);
    const started = now();
    const ended = await google
      .call("storage", { path: "/slow" }, about, deadlineIn(edge, 600), () => "")
      .catch((error) => error);
    google.close();
    expect(ended).toMatchObject({ reason: "config-unreachable" });
    expect(asked).toBe(2);
    expect(now() - started).toBeLessThan(800);
  });
});

describe("metadata that is torn", () => {
  test.each([
    ["in a string of quotes", `{"instance":{"attributes":{"a":"${'\\"'.repeat(200_000)}`],
    ["in a string of backslashes", `{"a":"${"\\\\".repeat(200_000)}\\`],
    ["behind many strings", `[${'"a",'.repeat(200_000)}"`],
  ])("%s is found to be so at once", (_where, text) => {
    const started = performance.now();
    expect(() => readInstance(text)).toThrow("not JSON");
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  test("has its long numbers in quotes, and those in strings as they were", () => {
    const text =
      '{"id":5184363046278950541,"a":"\\"5184363046278950541","b":[1,-5184363046278950541,1.5e30],"c":"\\\\"}';
    expect(JSON.parse(longNumbersAsText(text))).toEqual({
      id: "5184363046278950541",
      a: '"5184363046278950541',
      b: [1, "-5184363046278950541", 1.5e30],
      c: "\\",
    });
  });
});
