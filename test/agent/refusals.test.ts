import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { account, apiError, castagnoli, type FakeCloud, putPack, startCloud } from "./cloud.ts";
import { Machine } from "./machine.ts";

let cloud: FakeCloud;
let machine: Machine;
const version = "projects/acme/secrets/web-db/versions/3";
const value = "hunter2hunter2";

beforeEach(async () => {
  cloud = await startCloud();
  machine = new Machine(cloud);
  cloud.secrets.set(version, Buffer.from(value));
  machine.bake({ manifest: 1, secrets: { db: version }, files: [{ path: "/etc/db.key", secret: "db" }] });
});
afterEach(async () => {
  await cloud.close();
  machine.remove();
});

/** Answers calls for the secret, the first ones with these, the rest as usual. */
function answerSecret(...answers: { status: number; body: string; headers?: Record<string, string> }[]): void {
  cloud.interfere = (_request, response, path) => {
    const next = path.endsWith(":access") ? answers.shift() : undefined;
    if (!next) return false;
    response.writeHead(next.status, next.headers);
    response.end(next.body);
    return true;
  };
}

const asked = () => cloud.requests.filter(({ path }) => path.endsWith(":access")).length;
const forbidden = {
  status: 403,
  body: apiError(
    403,
    "PERMISSION_DENIED",
    `Permission 'secretmanager.versions.access' denied for resource '${version}' (or it may not exist).`,
  ),
};
const payload = (crc: string | undefined) =>
  JSON.stringify({
    name: version.replace("acme", "123456789012"),
    payload: { data: Buffer.from(value).toString("base64"), dataCrc32c: crc },
  });

describe("a secret", () => {
  test("that is forbidden names the account, the version and the role, and is asked for once", async () => {
    answerSecret(forbidden, forbidden);
    const run = await machine.boot();
    expect(run.exit).toBe(11);
    expect(run.last).toContain("failed secret-refused");
    for (const word of [account, version, "roles/secretmanager.secretAccessor"]) expect(run.last).toContain(word);
    expect(asked()).toBe(1);
    expect(machine.persistent()["/etc/db.key"]).toBeUndefined();
    expect(JSON.parse(cloud.guestAttributes.get("moult/report") ?? "")).toMatchObject({
      verdict: "failed",
      reason: "secret-refused",
    });
  });

  test("that the access scopes forbid says so, and no role", async () => {
    cloud.instance.scopes = ["https://www.googleapis.com/auth/devstorage.read_only"];
    answerSecret(forbidden);
    const run = await machine.boot();
    expect(run.exit).toBe(11);
    expect(run.last).toContain("scope https://www.googleapis.com/auth/cloud-platform");
    expect(run.last).not.toContain("roles/");
  });

  test("that does not exist fails at once", async () => {
    cloud.secrets.clear();
    expect(await machine.boot()).toMatchObject({
      exit: 11,
      last: `moult-agent: failed secret-missing: ${version} does not exist`,
    });
    expect(asked()).toBe(1);
  });

  test.each(["DISABLED", "DESTROYED"])("in state %s fails at once", async (state) => {
    answerSecret({
      status: 400,
      body: apiError(400, "FAILED_PRECONDITION", `Secret Version [x] is in ${state} state.`),
    });
    expect(await machine.boot()).toMatchObject({
      exit: 11,
      last: expect.stringMatching(`^moult-agent: failed secret-unusable: ${version} is ${state.toLowerCase()}`),
    });
    expect(asked()).toBe(1);
  });

  test("with a wrong checksum once is asked for again", async () => {
    answerSecret({ status: 200, body: payload("1") });
    expect((await machine.boot()).exit).toBe(0);
    expect(asked()).toBe(2);
  });

  test("with a wrong checksum for ever is refused after three", async () => {
    const wrong = { status: 200, body: payload("1") };
    answerSecret(wrong, wrong, wrong, wrong);
    const run = await machine.boot();
    expect(run).toMatchObject({ exit: 11 });
    expect(run.last).toContain("secret-corrupt");
    expect(asked()).toBe(3);
  });

  test("without a checksum is taken: versions of before 2021 have none", async () => {
    answerSecret({ status: 200, body: payload(undefined) });
    expect((await machine.boot()).exit).toBe(0);
    expect(machine.read("/etc/db.key")).toBe(value);
  });

  test("behind a 503, a 429 and a cut connection comes in the end", async () => {
    const answers: (() => number)[] = [() => 503, () => 429, () => 0];
    cloud.interfere = (request, response, path) => {
      const next = path.endsWith(":access") ? answers.shift() : undefined;
      if (!next) return false;
      const status = next();
      if (status === 0) request.socket.destroy();
      else response.writeHead(status).end();
      return true;
    };
    expect((await machine.boot()).exit).toBe(0);
    expect(asked()).toBe(4);
  });

  test("that never comes ends with the deadline, exit 12", async () => {
    cloud.interfere = (_request, response, path) => {
      if (!path.endsWith(":access")) return false;
      response.writeHead(503).end();
      return true;
    };
    const run = await machine.boot("--deadline", "1");
    expect(run.exit).toBe(12);
    expect(run.last).toContain("failed secret-unreachable");
  });

  test("refused for its token gets a fresh token once", async () => {
    answerSecret({ status: 401, body: apiError(401, "UNAUTHENTICATED", "expired") });
    expect((await machine.boot()).exit).toBe(0);
    expect(cloud.requests.filter(({ path }) => path.endsWith("/token"))).toHaveLength(2);
  });

  test("is waited for as long as Retry-After says", async () => {
    answerSecret({ status: 429, body: "", headers: { "Retry-After": "1" } });
    const started = performance.now();
    expect((await machine.boot()).exit).toBe(0);
    expect(performance.now() - started).toBeGreaterThan(1_000);
  });

  test("of a region is asked for under its full name", async () => {
    const regional = "projects/acme/locations/europe-west4/secrets/web-db/versions/12";
    cloud.secrets.set(regional, Buffer.from("regional"));
    machine.bake({ manifest: 1, secrets: { db: regional }, files: [{ path: "/etc/db.key", secret: "db" }] });
    expect((await machine.boot()).exit).toBe(0);
    expect(machine.read("/etc/db.key")).toBe("regional");
  });

  test("that a template makes of bytes that are no text is refused", async () => {
    cloud.secrets.set(version, Buffer.from([0xff, 0xfe]));
    machine.bake({
      manifest: 1,
      secrets: { db: version },
      files: [{ path: "/etc/a.json", content: '{"a": "{{ secrets.db }}"}' }],
    });
    const run = await machine.boot();
    expect(run.exit).toBe(10);
    expect(run.last).toContain("failed value-unfit");
  });
});

describe("the metadata server", () => {
  test("that redirects is refused", async () => {
    cloud.interfere = (_request, response) => {
      response.writeHead(302, { Location: `${cloud.url}/elsewhere`, "Metadata-Flavor": "Google" }).end();
      return true;
    };
    const run = await machine.boot();
    expect(run.exit).toBe(11);
    expect(run.last).toContain("failed metadata-refused");
    expect(cloud.requests.some(({ path }) => path.includes("elsewhere"))).toBe(false);
  });

  test("without its flavour header is somebody else", async () => {
    cloud.interfere = (_request, response) => {
      response.writeHead(200).end("{}");
      return true;
    };
    expect(await machine.boot()).toMatchObject({ exit: 11 });
  });

  test("that comes up late is waited for", async () => {
    let refused = 3;
    cloud.interfere = (_request, response) => {
      if (refused-- <= 0) return false;
      response.writeHead(503, { "Metadata-Flavor": "Google" }).end();
      return true;
    };
    expect((await machine.boot()).exit).toBe(0);
  });

  test("that never answers ends with the deadline, exit 12", async () => {
    await cloud.close();
    const run = await machine.boot("--deadline", "0.5");
    expect(run.exit).toBe(12);
    expect(run.last).toContain("failed metadata-unreachable");
  });

  test("is sent no forwarding header and its own flavour", async () => {
    await machine.boot();
    for (const { path, headers } of cloud.requests)
      if (path.startsWith("/computeMetadata")) {
        expect(headers["metadata-flavor"]).toBe("Google");
        expect(headers["x-forwarded-for"]).toBeUndefined();
      }
  });
});

describe("the description", () => {
  const withPack = (manifest: Record<string, unknown>, change: (commit: string) => void = () => {}) => {
    const commit = putPack(cloud, "acme-config", manifest, { t: "{{ instance.nam }}" });
    change(commit);
    cloud.instance.attributes["moult-release"] = JSON.stringify({
      release: "b".repeat(64),
      fleet: "web",
      image: { name: "web-1", id: "1" },
      config: { bucket: "acme-config", commit },
      secrets: {},
      reports: { bucket: "acme-reports", topic: "projects/acme/topics/r" },
    });
  };

  test("with an unknown name says template, line and column, and reports it", async () => {
    machine.bake(
      { manifest: 1, files: [{ path: "/etc/a.json", template: "a.json" }] },
      { "a.json": '{\n  "a": "{{ instance.nam }}"\n}' },
    );
    const run = await machine.boot();
    expect(run.exit).toBe(10);
    expect(run.stdout).toContain("a.json:2:9 unknown-name: This instance has no instance.nam.");
    expect(run.last).toContain("failed manifest-invalid");
    expect(machine.persistent()["/etc/a.json"]).toBeUndefined();
  });

  test("is judged whole: every finding comes at once, none with a value", async () => {
    machine.bake(
      '{\n "manifest": 1,\n "files": [\n  {"path": "etc/TOPSECRET", "secret": "TOP SECRET"},\n  {"path": "/a", "content": "x", "mode": 640, "moed": "TOPSECRET"}\n ]\n}',
    );
    const run = await machine.boot();
    expect(run.exit).toBe(10);
    expect(run.stdout).not.toContain("TOPSECRET");
    expect(run.stdout).not.toContain("TOP SECRET");
    for (const finding of [
      "manifest:4:12 files[0].path path-not-absolute",
      "manifest:4:39 files[0].secret not-a-name",
      "manifest:5:42 files[1].mode not-a-text",
      "manifest:5:55 files[1].moed unknown-field",
    ])
      expect(run.stdout).toContain(finding);
  });

  test("in a pack whose commit has another digest is not looked at", async () => {
    withPack({ manifest: 1, files: [] }, (commit) => {
      const name = `acme-config/packs/${commit}.json`;
      const pack = JSON.parse(String(cloud.objects.get(name)));
      pack.commit.manifest.units = ["evil.service"];
      cloud.objects.set(name, Buffer.from(JSON.stringify(pack)));
    });
    expect((await machine.boot()).last).toContain("failed pack-invalid");
  });

  test("in a pack with another blob is not looked at", async () => {
    withPack({ manifest: 1, files: [] }, (commit) => {
      const name = `acme-config/packs/${commit}.json`;
      const pack = JSON.parse(String(cloud.objects.get(name)));
      for (const key of Object.keys(pack.blobs)) pack.blobs[key] = Buffer.from("evil").toString("base64");
      cloud.objects.set(name, Buffer.from(JSON.stringify(pack)));
    });
    const run = await machine.boot();
    expect(run.exit).toBe(10);
    expect(run.last).toContain("failed pack-invalid");
    const [report] = [...cloud.objects]
      .filter(([name]) => name.startsWith("acme-reports/"))
      .map(([, body]) => JSON.parse(JSON.parse(String(body)).report));
    expect(report).toMatchObject({ verdict: "failed", reason: "pack-invalid", fleet: "web", release: "b".repeat(64) });
  });

  test("whose pack is missing or forbidden is refused for good", async () => {
    withPack({ manifest: 1 }, () => cloud.objects.clear());
    expect(await machine.boot()).toMatchObject({ exit: 11 });
  });

  test("of a release that is not valid says where", async () => {
    cloud.instance.attributes["moult-release"] = '{"release": "x", "fleet": "web"}';
    const run = await machine.boot();
    expect(run.exit).toBe(10);
    expect(run.last).toContain("failed release-invalid");
    expect(run.stdout).toContain("moult-release:1:13 release not-a-digest");
  });

  test("with a version that is not a number is refused", async () => {
    machine.bake({
      manifest: 1,
      secrets: { db: "projects/acme/secrets/web-db/versions/latest" },
      files: [{ path: "/k", secret: "db" }],
    });
    const run = await machine.boot();
    expect(run.exit).toBe(10);
    expect(run.stdout).toContain("secrets.db not-a-version");
  });
});

test("the checksum of these tests is the one of Secret Manager", () => {
  // Recorded in fixtures of Secret Manager's answer.
  expect(castagnoli(Buffer.from('{"db":"postgres://db/app"}'))).toBe("80287591");
});
