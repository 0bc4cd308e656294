import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
} from "node:http2";
import { createServer as createTlsServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { Authority } from "./certificates.ts";
import { type FakeCloud, startCloud } from "./cloud.ts";
import { Machine } from "./machine.ts";
import { type Reply, startProxy } from "./proxy.ts";

const authority = new Authority();
const good = authority.issue();
let cloud: FakeCloud;
let machine: Machine;
let front: Http2SecureServer | Server;
let sessions: Http2Session[];
const sockets = new Set<Duplex>();
/** Asked for each request; true when it was dealt with. */
let interfere: (session: Http2Session | undefined) => boolean;

afterAll(() => authority.remove());

beforeEach(async () => {
  cloud = await startCloud();
  machine = new Machine(cloud);
  sessions = [];
  interfere = () => false;
  await speak(createSecureServer(good));
  machine.env = { NODE_EXTRA_CA_CERTS: authority.file };
  const names = Array.from({ length: 12 }, (_, i) => `s${i}`);
  for (const name of names)
    cloud.secrets.set(`projects/acme/secrets/${name}/versions/1`, Buffer.from(`value of ${name}`));
  machine.bake({
    manifest: 1,
    secrets: Object.fromEntries(names.map((name) => [name, `projects/acme/secrets/${name}/versions/1`])),
    files: names.map((name) => ({ path: `/etc/keys/${name}`, secret: name })),
  });
});
afterEach(async () => {
  await silence();
  await cloud.close();
  machine.remove();
});

/** Puts this before the plain fake cloud, as Google's front ends stand before its APIs. */
async function speak(server: Http2SecureServer | Server): Promise<void> {
  front = server;
  const answer = (request: Http2ServerRequest | IncomingMessage, response: Http2ServerResponse | ServerResponse) => {
    if (interfere("stream" in request ? request.stream.session : undefined)) return;
    const { authorization = "" } = request.headers;
    const onward = httpRequest(
      cloud.url + request.url,
      { method: request.method ?? "GET", headers: { authorization } },
      (answer) => {
        response.statusCode = answer.statusCode ?? 500;
        answer.pipe(response);
      },
    );
    request.pipe(onward);
  };
  front.on("request", answer);
  front.on("session", (session) => sessions.push(session));
  front.on("secureConnection", (socket: Duplex) => sockets.add(socket));
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
  machine.api = `https://127.0.0.1:${(front.address() as AddressInfo).port}`;
}

async function silence(): Promise<void> {
  for (const session of sessions) session.destroy();
  for (const socket of sockets) socket.destroy();
  await new Promise<void>((resolve) => front.close(() => resolve()));
}

/** The same with another certificate. */
async function showing(certificate: { key: Buffer; cert: Buffer }): Promise<void> {
  await silence();
  await speak(createSecureServer(certificate));
}

const asked = () => cloud.requests.filter(({ path }) => path.endsWith(":access")).length;

test("all secrets of a host come over one HTTP/2 session", async () => {
  expect((await machine.boot()).last).toMatch(/^moult-agent: ready: /);
  expect(machine.read("/etc/keys/s11")).toBe("value of s11");
  expect(sessions).toHaveLength(1);
});

test("a session that is lost is opened again", async () => {
  let lost = 0;
  interfere = (session) => {
    if (++lost > 3) return false;
    session?.destroy();
    return true;
  };
  expect(await machine.boot()).toMatchObject({ exit: 0 });
  expect(machine.read("/etc/keys/s0")).toBe("value of s0");
  expect(sessions.length).toBeGreaterThan(1);
});

test("a session that is told to go away is replaced", async () => {
  let told = false;
  interfere = (session) => {
    if (!told) session?.goaway();
    told = true;
    return false;
  };
  expect(await machine.boot()).toMatchObject({ exit: 0 });
});

test("a host whose certificate nobody vouches for gets no token, and is refused at once", async () => {
  machine.env = {};
  const run = await machine.boot();
  expect(run.exit).toBe(11);
  expect(run.last).toContain("secret-refused");
  expect(run.last).toMatch(/DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY/);
  expect(cloud.requests.some(({ path }) => path.endsWith(":access"))).toBe(false);
});

test("a variable that turns verification off is not listened to", async () => {
  machine.env = { NODE_TLS_REJECT_UNAUTHORIZED: "0" };
  expect((await machine.boot()).last).toContain("failed secret-refused");
  expect(asked()).toBe(0);
});

test.each([
  ["that speaks only HTTP/1.1", { ALPNProtocols: ["http/1.1"] }],
  ["that does not say what it speaks", { ALPNProtocols: [] }],
])("a host %s is spoken to in HTTP/1.1", async (_sentence, { ALPNProtocols }) => {
  await silence();
  await speak(createTlsServer({ ...good, ...(ALPNProtocols.length > 0 && { ALPNProtocols }) }));
  expect(await machine.boot()).toMatchObject({ exit: 0 });
  expect(machine.read("/etc/keys/s11")).toBe("value of s11");
  expect(sessions).toHaveLength(0);
});

describe("a certificate", () => {
  test("for another host is refused at once, and both names are said", async () => {
    await showing(authority.issue({ cn: "inspector.acme", san: "DNS:inspector.acme" }));
    const run = await machine.boot();
    expect(run).toMatchObject({ exit: 11 });
    expect(run.last).toMatch(/failed secret-refused: .*127\.0\.0\.1.*"moult test authority".*"inspector\.acme"/);
    expect(run.stdout).not.toContain("attempt");
    expect(asked()).toBe(0);
  });

  test("by an authority that nobody trusts is refused at once, and the sentence names it and the roots", async () => {
    machine.env = {};
    const run = await machine.boot();
    expect(run).toMatchObject({ exit: 11 });
    expect(run.last).toMatch(/failed secret-refused: .*"moult test authority".*roots of Node\.js itself.*proxy/);
  });

  test.each([
    ["that has expired", { from: -30, to: -10 }, /not valid since .* \(CERT_HAS_EXPIRED\)$/],
    ["that is not valid yet", { from: 10, to: 30 }, /not valid before .* \(CERT_NOT_YET_VALID\)$/],
  ])("%s by a clock that is right is refused at once", async (_sentence, days, says) => {
    await showing(authority.issue(days));
    const run = await machine.boot();
    expect(run).toMatchObject({ exit: 11 });
    expect(run.last).toMatch(/failed secret-refused: /);
    expect(run.last).toMatch(says);
  });

  test.each([
    ["behind", { from: 10, to: 30 }, 20, "this machine's clock is 20 days behind the metadata server's"],
    ["ahead", { from: -30, to: -10 }, -20, "this machine's clock is 20 days ahead of the metadata server's"],
  ])(
    "that is out of time by a clock that is %s is asked for until the deadline",
    async (_side, days, offDays, says) => {
      await showing(authority.issue(days));
      const date = () => new Date(Date.now() + offDays * 86_400_000).toUTCString();
      const fault = {
        kind: "change" as const,
        change: (reply: Reply) => ({ ...reply, headers: { ...reply.headers, date: date() } }),
      };
      const proxy = await startProxy(() => cloud.url, [{ path: /^/, fault }]);
      const behind = new Machine({ ...cloud, address: proxy.address });
      try {
        Object.assign(behind, { api: machine.api, env: machine.env });
        behind.write("/usr/lib/moult/manifest.json", machine.read("/usr/lib/moult/manifest.json"));
        const run = await behind.boot("--deadline", "3");
        expect(run.exit).toBe(12);
        expect(run.last).toContain("failed clock-skew: ");
        expect(run.last).toContain(says);
        expect(run.stdout).toContain("attempt 2");
      } finally {
        behind.remove();
        await proxy.close();
      }
    },
  );

  test("that is out of time by the right time too is refused, however wrong our clock is", async () => {
    await showing(authority.issue({ from: -30, to: -20 }));
    const fault = {
      kind: "change" as const,
      change: (reply: Reply) => ({
        ...reply,
        headers: { ...reply.headers, date: new Date(Date.now() - 5 * 86_400_000).toUTCString() },
      }),
    };
    const proxy = await startProxy(() => cloud.url, [{ path: /^/, fault }]);
    const behind = new Machine({ ...cloud, address: proxy.address });
    try {
      Object.assign(behind, { api: machine.api, env: machine.env });
      behind.write("/usr/lib/moult/manifest.json", machine.read("/usr/lib/moult/manifest.json"));
      expect((await behind.boot()).last).toContain("failed secret-refused: ");
    } finally {
      behind.remove();
      await proxy.close();
    }
  });
});

describe("with --use-openssl-ca, as the unit runs it,", () => {
  const folder = join(authority.folder, "roots");
  mkdirSync(folder, { recursive: true });
  const hash = execFileSync("openssl", ["x509", "-in", authority.file, "-noout", "-subject_hash"]).toString().trim();
  copyFileSync(authority.file, join(folder, `${hash}.0`));

  test.each([
    ["SSL_CERT_DIR", { SSL_CERT_DIR: folder }],
    ["SSL_CERT_FILE", { SSL_CERT_FILE: authority.file }],
  ])("the roots are those of %s", async (_name, env) => {
    machine.nodeFlags = ["--use-openssl-ca"];
    machine.env = env;
    expect(await machine.boot()).toMatchObject({ exit: 0 });
  });

  test("and a folder without them, the certificate is refused and the sentence says whose roots they are", async () => {
    machine.nodeFlags = ["--use-openssl-ca"];
    machine.env = { SSL_CERT_DIR: machine.root, SSL_CERT_FILE: "/nonexistent" };
    const run = await machine.boot();
    expect(run.exit).toBe(11);
    expect(run.last).toContain("roots of the system");
  });
});
