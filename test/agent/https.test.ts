import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { createSecureServer, type Http2SecureServer, type Http2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type FakeCloud, startCloud } from "./cloud.ts";
import { Machine } from "./machine.ts";

const folder = mkdtempSync(join(tmpdir(), "moult-tls-"));
const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
let cloud: FakeCloud;
let machine: Machine;
let front: Http2SecureServer;
let sessions: Http2Session[];
/** Asked for each request; true when it was dealt with. */
let interfere: (session: Http2Session | undefined) => boolean;

beforeAll(() => {
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  execFileSync("openssl", ["req", "-x509", ...kind, ...subject, "-keyout", key, "-out", cert], { stdio: "ignore" });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(async () => {
  cloud = await startCloud();
  machine = new Machine(cloud);
  sessions = [];
  interfere = () => false;
  // Only HTTP/2 here, as moult speaks it to Google; behind it is the plain fake cloud.
  front = createSecureServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    if (interfere(request.stream.session)) return;
    const { authorization = "" } = request.headers;
    const onward = httpRequest(
      cloud.url + request.url,
      { method: request.method, headers: { authorization } },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500);
        answer.pipe(response);
      },
    );
    request.pipe(onward);
  });
  front.on("session", (session) => sessions.push(session));
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
  machine.api = `https://127.0.0.1:${(front.address() as AddressInfo).port}`;
  machine.env = { NODE_EXTRA_CA_CERTS: cert };
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
  for (const session of sessions) session.destroy();
  await new Promise<void>((resolve) => front.close(() => resolve()));
  await cloud.close();
  machine.remove();
});

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

test("a host whose certificate nobody vouches for gets no token, and the reason is named", async () => {
  machine.env = {};
  const run = await machine.boot("--deadline", "1");
  expect(run.exit).toBe(12);
  expect(run.last).toContain("secret-unreachable");
  expect(run.last).toMatch(/DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY/);
  expect(cloud.requests.some(({ path }) => path.endsWith(":access"))).toBe(false);
});
