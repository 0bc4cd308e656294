import { chmodSync, existsSync, lstatSync, readFileSync, statSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { secretHost } from "../../../agent/fetch/secrets.ts";
import { apiError, type FakeCloud, startCloud } from "../cloud.ts";
import { ended, Machine, runAgent } from "../machine.ts";
import { told } from "./stage.ts";

// What users of other boot agents complain of (issue numbers of their projects), each shown not to be so here.

let cloud: FakeCloud;
let machine: Machine;
const version = "projects/acme/secrets/web-db/versions/3";
const value = "hunter2-Zq9";

beforeEach(async () => {
  cloud = await startCloud();
  machine = new Machine(cloud);
  cloud.secrets.set(version, Buffer.from(value));
});
afterEach(async () => {
  await cloud.close();
  machine.remove();
});

const placed = () => Object.keys(machine.persistent()).filter((path) => path.startsWith("/etc/web"));
const accesses = () => cloud.requests.filter(({ path }) => path.endsWith(":access")).map(({ path }) => path);

describe("11. the exit code of what ran at boot is lost (pulumi-gcp#712, packer-plugin-googlecompute#45)", () => {
  const one = { manifest: 1, files: [{ path: "/etc/web/a", content: "a" }] };
  const needing = (reference: string) => ({
    manifest: 1,
    secrets: { db: reference },
    files: [{ path: "/etc/web/db", secret: "db" }],
  });
  test.each<[string, number, () => unknown, string[]]>([
    ["it worked", 0, () => machine.bake(one), []],
    ["the description is wrong", 10, () => machine.bake({ manifest: 2 }), []],
    ["something is refused for good", 11, () => machine.bake(needing("projects/acme/secrets/no/versions/1")), []],
    [
      "the deadline passed",
      12,
      () => {
        cloud.interfere = (_request, response) => {
          response.writeHead(503).end();
          return true;
        };
      },
      ["--deadline", "0.3"],
    ],
    [
      "it could not be placed",
      13,
      () => {
        machine.write("/etc/web/a/in-the-way", "");
        machine.bake(one);
      },
      [],
    ],
    ["the seal is broken", 14, () => machine.write("/var/lib/moult/seal.json", "{}"), []],
    ["the command line is wrong", 64, () => {}, ["--no-such-flag"]],
  ])("%s: %i", async (_what, exit, arrange, flags) => {
    arrange();
    expect((await machine.boot(...flags)).exit).toBe(exit);
  });
});

test("12. a script of the metadata is not executable, or its interpreter is missing (guest-agent#237, gcve-iac-foundations#89)", async () => {
  // There are no scripts: what is in the metadata is never run, whatever its name.
  const mark = `${machine.root}/ran`;
  for (const name of ["startup-script", "user-data", "shutdown-script"])
    cloud.instance.attributes[name] = `#!/bin/sh\ntouch ${mark}\n`;
  // The one program it may run is of the image; one that cannot run counts as "not ready", and is not passed over.
  machine.write("/usr/bin/is-ready", "#!/no/such/interpreter\r\n", 0o755);
  machine.bake({ manifest: 1, ready: { command: ["/usr/bin/is-ready"], within: "300ms" } });
  const run = await machine.boot();
  expect(run.last).toContain("failed not-ready");
  expect(existsSync(mark)).toBe(false);
});

describe("13. several files must appear together, before the command starts (consul-template#701, #1006, #533, #1440, #1196, #1207)", () => {
  const pair = (extra: unknown[] = []) => ({
    manifest: 1,
    secrets: { key: version },
    files: [
      { path: "/etc/web/tls.crt", content: "certificate of {{ instance.id }}" },
      { path: "/etc/web/tls.key", secret: "key" },
      ...extra,
    ],
  });
  test("what waits for the agent finds all of them", async () => {
    const seen = `${machine.root}/seen`;
    machine.write(
      "/bin/systemd-notify",
      `#!/bin/sh\ncat ${machine.root}/etc/web/tls.crt ${machine.root}/etc/web/tls.key > ${seen}\n`,
      0o755,
    );
    machine.env = { NOTIFY_SOCKET: "/run/none", PATH: `${machine.root}/bin:${process.env.PATH}` };
    machine.bake(pair());
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(readFileSync(seen, "utf8")).toBe(`certificate of ${cloud.instance.id}${value}`);
  });
  test("when one of them cannot be had, none is there", async () => {
    machine.bake(pair([{ path: "/etc/web/other", content: "{{ network.none }}" }]));
    expect(await machine.boot()).toMatchObject({ exit: 10 });
    cloud.secrets.clear();
    machine.bake(pair());
    expect(await machine.boot()).toMatchObject({ exit: 11 });
    expect(placed()).toEqual([]);
  });
});

test("14. for a moment a secret has the wrong owner or mode (consul-template#358, #1037, #494, #1570, nomad#5020)", async () => {
  const names = Array.from({ length: 60 }, (_, i) => `${i}`);
  const own = `${process.getuid?.()}:${process.getgid?.()}`;
  machine.bake({
    manifest: 1,
    secrets: { db: version },
    files: [
      ...names.map((name) => ({ path: `/etc/web/secret/${name}`, secret: "db", owner: own, mode: "0440" })),
      ...names.map((name) => ({ path: `/etc/web/plain/${name}`, content: name, owner: own, mode: "0751" })),
    ],
  });
  const child = machine.start();
  const over = ended(child);
  const seen = new Set<string>();
  let looks = 0;
  const look = (path: string) => {
    try {
      const { mode, size, uid } = statSync(path);
      seen.add(`${path.includes("secret") ? "secret" : "plain"} ${(mode & 0o7777).toString(8)} ${size > 0} ${uid}`);
    } catch {
      // Not there yet: nothing to see is right.
    }
  };
  while (child.exitCode === null) {
    for (const name of names) {
      look(`${machine.root}/etc/web/secret/${name}`);
      look(`${machine.root}/run/moult/files/etc/web/secret/${name}`);
      look(`${machine.root}/etc/web/plain/${name}`);
    }
    looks++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect((await over).exit).toBe(0);
  expect(looks).toBeGreaterThan(5);
  for (const name of names) look(`${machine.root}/etc/web/secret/${name}`);
  for (const name of names) look(`${machine.root}/etc/web/plain/${name}`);
  expect([...seen].sort()).toEqual([`plain 751 true ${process.getuid?.()}`, `secret 440 true ${process.getuid?.()}`]);
});

describe("15. retry storms and endless loops (vault#26283, vault#12566, vault#12399, vault#11349)", () => {
  const names = ["a", "b", "c", "d", "e"];
  const reference = (name: string) => `projects/acme/secrets/${name}/versions/1`;
  beforeEach(() => {
    for (const name of names) cloud.secrets.set(reference(name), Buffer.from(name));
    machine.bake({
      manifest: 1,
      secrets: Object.fromEntries(names.map((name) => [name, reference(name)])),
      files: names.map((name) => ({ path: `/etc/web/${name}`, secret: name })),
    });
  });
  test("one forbidden or missing secret ends the boot, and nothing is asked for twice", async () => {
    cloud.secrets.delete(reference("c"));
    expect(await machine.boot()).toMatchObject({ exit: 11 });
    expect(new Set(accesses()).size).toBe(accesses().length);
  });
  test("while one is waited for, those that came are not asked for again", async () => {
    let refused = 4;
    cloud.interfere = (_request, response, path) => {
      if (!path.includes("/c/") || refused-- <= 0) return false;
      response.writeHead(503).end();
      return true;
    };
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(accesses()).toHaveLength(names.length + 4);
    expect(cloud.requests.filter(({ path }) => path.includes("/token")).length).toBe(1);
  });
  test("what never comes is asked for a few times only, further and further apart", async () => {
    const times: number[] = [];
    cloud.interfere = (_request, response, path) => {
      if (!path.includes("/c/")) return false;
      times.push(performance.now());
      response.writeHead(429, { "Retry-After": "1" }).end();
      return true;
    };
    expect(await machine.boot("--deadline", "4")).toMatchObject({ exit: 12 });
    expect(times.length).toBeLessThan(8);
  });
});

describe("16. a check for drift that lies (kolla LP#1890567, LP#2080861, LP#2114173)", () => {
  test.each(["0640", "640"])("mode %s is one mode: placed and verified as the same", async (mode) => {
    machine.bake({
      manifest: 1,
      directories: [
        { path: "/srv/web", mode: "0750" },
        { path: "/srv/web/in/side", mode: "0711" },
      ],
      files: [{ path: "/srv/web/in/side/a", content: "a", mode }],
    });
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    const verify = async () => (await runAgent("verify", "--root", machine.root)).exit;
    expect(await verify()).toBe(0);
    for (const [path, is] of [
      ["/srv/web", 0o750],
      ["/srv/web/in/side", 0o711],
      ["/srv/web/in/side/a", 0o640],
    ] as const) {
      expect(lstatSync(machine.root + path).mode & 0o7777).toBe(is);
      chmodSync(machine.root + path, is | 0o004);
      expect([path, await verify()]).toEqual([path, 14]);
      chmodSync(machine.root + path, is);
      expect([path, await verify()]).toEqual([path, 0]);
    }
  });
  test("an owner that cannot be given is an error, and not a line in a log", async () => {
    machine.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    machine.bake({ manifest: 1, files: [{ path: "/etc/web/a", content: "a", owner: "nobody-here" }] });
    expect(await machine.boot()).toMatchObject({ exit: 10 });
    expect(placed()).toEqual([]);
  });
});

describe("17. `latest` breaks when the newest version is disabled (external-secrets#4042, #1951, get-secretmanager-secrets#268)", () => {
  test.each(["latest", "newest", "prod", "0", "03"])(
    "no machine decides at boot: versions/%s is not taken",
    async (alias) => {
      machine.bake({
        manifest: 1,
        secrets: { db: `projects/acme/secrets/web-db/versions/${alias}` },
        files: [{ path: "/etc/web/db", secret: "db" }],
      });
      expect(await machine.boot()).toMatchObject({ exit: 10 });
      expect(accesses()).toEqual([]);
    },
  );
  test("the pinned number comes, whatever became of newer ones; a destroyed one is named exactly", async () => {
    const baked = { manifest: 1, secrets: { db: version }, files: [{ path: "/etc/web/db", secret: "db" }] };
    machine.bake(baked);
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(accesses()).toEqual([`/v1/${version}:access`]);
    const other = new Machine(cloud);
    other.bake(baked);
    cloud.interfere = (_request, response, path) => {
      if (!path.endsWith(":access")) return false;
      const message = `Secret Version [${version}] is in DESTROYED state.`;
      response.writeHead(400).end(apiError(400, "FAILED_PRECONDITION", message));
      return true;
    };
    const run = await other.boot();
    other.remove();
    expect(run).toMatchObject({ exit: 11, last: `moult-agent: failed secret-unusable: ${version} is destroyed` });
  });
});

describe("18. secrets of a region are not found (packer-plugin-googlecompute#269, external-secrets#4083, google-cloud-python#13389)", () => {
  const regional = "projects/acme/locations/europe-west4/secrets/web-db/versions/12";
  test("the host follows from the name", () => {
    expect(secretHost(regional)).toBe("secretmanager.europe-west4.rep.googleapis.com");
    expect(secretHost(version)).toBe("secretmanager.googleapis.com");
  });
  test("and the path keeps it", async () => {
    cloud.secrets.set(regional, Buffer.from("regional"));
    machine.bake({
      manifest: 1,
      secrets: { db: regional, global: version },
      files: [
        { path: "/etc/web/db", secret: "db" },
        { path: "/etc/web/global", secret: "global" },
      ],
    });
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(machine.read("/etc/web/db")).toBe("regional");
    expect(accesses()).toContain(`/v1/${regional}:access`);
  });
});

test("19. Secret Manager is slow from Node: seconds for each secret (google-cloud-node#5043, nodejs-secret-manager#176, nodejs-kms#99)", async () => {
  // No answer is given before all were asked for: only who asks for all at once gets any.
  const names = Array.from({ length: 12 }, (_, i) => `s${i}`);
  for (const name of names) cloud.secrets.set(`projects/acme/secrets/${name}/versions/1`, Buffer.from(name));
  machine.bake({
    manifest: 1,
    secrets: Object.fromEntries(names.map((name) => [name, `projects/acme/secrets/${name}/versions/1`])),
    files: names.map((name) => ({ path: `/etc/web/${name}`, secret: name })),
  });
  const held: { response: ServerResponse; path: string }[] = [];
  let metadataAtThatTime = 0;
  cloud.interfere = (_request, response, path) => {
    if (!path.endsWith(":access")) return false;
    held.push({ response, path });
    if (held.length < names.length) return true;
    metadataAtThatTime = cloud.requests.filter(({ path }) => path.startsWith("/computeMetadata")).length;
    for (const { response, path } of held) {
      const reference = path.slice("/v1/".length, -":access".length);
      const data = cloud.secrets.get(reference)?.toString("base64");
      response.end(JSON.stringify({ name: reference, payload: { data } }));
    }
    return true;
  };
  expect(await machine.boot("--deadline", "10")).toMatchObject({ exit: 0 });
  expect(held).toHaveLength(names.length);
  // The instance and its token, asked for together: with the secrets, two requests deep.
  expect(metadataAtThatTime).toBe(2);
});

test("20. JavaScript rounds the instance id and turns attributes into numbers (elastic/apm#826, gcp-metadata#74, node-newrelic#1482)", async () => {
  cloud.instance.id = "7774572792595385001";
  Object.assign(cloud.instance.attributes, { version: "1.10", flag: "true", big: "12345678901234567890", zero: "007" });
  machine.bake({
    manifest: 1,
    attributes: Object.fromEntries(["version", "flag", "big", "zero"].map((name) => [name, { type: "text" }])),
    files: [
      {
        path: "/etc/web/all",
        content:
          "{{ instance.id }} {{ attributes.version }} {{ attributes.flag }} {{ attributes.big }} {{ attributes.zero }} {{ project.number }}",
      },
    ],
  });
  const run = await machine.boot();
  expect(run.exit).toBe(0);
  expect(machine.read("/etc/web/all")).toBe("7774572792595385001 1.10 true 12345678901234567890 007 123456789012");
  expect(told(run, cloud)).toContain('"id":"7774572792595385001"');
});
