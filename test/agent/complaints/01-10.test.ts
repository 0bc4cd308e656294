import { cpSync, existsSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { metadataAddresses } from "../../../agent/edge/metadata.ts";
import { type FakeCloud, startCloud } from "../cloud.ts";
import { ended, Machine, runAgent } from "../machine.ts";
import { beforeAgent, freePort, listening, told } from "./stage.ts";

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
const report = () => JSON.parse(cloud.guestAttributes.get("moult/report") ?? "{}");
const release = (secrets: Record<string, string>) =>
  JSON.stringify({
    release: "a".repeat(64),
    fleet: "web",
    image: { name: "web-1", id: "1" },
    secrets,
    reports: { bucket: "acme-reports", topic: "projects/acme/topics/r" },
  });

describe("1. the boot looks fine but the configuration was not applied (cloud-init#3498, cloud-init#5240, bottlerocket#1346)", () => {
  test.each([
    ["a manifest that is not JSON", '{"manifest": 1, "files": [}'],
    ["a field that is misspelt", { manifest: 1, file: [{ path: "/etc/web/a", content: "a" }] }],
    ["a field of the wrong kind", { manifest: 1, files: { path: "/etc/web/a", content: "a" } }],
    [
      "one bad file among good ones",
      {
        manifest: 1,
        files: [
          { path: "/etc/web/a", content: "a" },
          { path: "b", content: "b" },
        ],
      },
    ],
  ])("%s: the boot fails, nothing is placed, and what needs it is never told to start", async (_what, manifest) => {
    // systemd counts the agent as up only when it is told; here its messenger leaves a mark.
    machine.write("/bin/systemd-notify", `#!/bin/sh\n: > ${machine.root}/told-ready\n`, 0o755);
    machine.env = { NOTIFY_SOCKET: "/run/none", PATH: `${machine.root}/bin:${process.env.PATH}` };
    machine.bake(manifest);
    expect(await machine.boot()).toMatchObject({ exit: 10 });
    expect(placed()).toEqual([]);
    expect(existsSync(`${machine.root}/told-ready`)).toBe(false);
    expect(report()).toMatchObject({ verdict: "failed", reason: "manifest-invalid" });
    machine.bake({ manifest: 1, files: [{ path: "/etc/web/a", content: "a" }] });
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(existsSync(`${machine.root}/told-ready`)).toBe(true);
  });
});

describe("2. errors of the schema cannot be read by a program (cloud-init#5100)", () => {
  const manifest =
    '{\n  "manifest": 1,\n  "files": [{ "path": "/etc/web/a", "content": "a", "mode": "rw" }],\n  "moed": 1\n}';
  const finding = { where: expect.stringContaining("manifest"), line: expect.any(Number), column: expect.any(Number) };
  test("boot --json gives each with path, line, column and code", async () => {
    machine.bake(manifest);
    const run = await machine.boot("--json");
    const { findings } = JSON.parse(run.stdout);
    expect(findings).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ ...finding, path: "files[0].mode", line: 3 }),
        expect.objectContaining({ ...finding, path: "moed", line: 4, code: "unknown-field" }),
      ]),
    );
    for (const { code, sentence } of findings) expect([typeof code, typeof sentence]).toEqual(["string", "string"]);
  });
  test("check --json gives the same before anything boots", async () => {
    machine.write("/repository/manifest.json", manifest);
    const run = await runAgent("check", `${machine.root}/repository/manifest.json`, "--json");
    expect(run.exit).toBe(10);
    expect(JSON.stringify(JSON.parse(run.stdout))).toContain('"path":"files[0].mode"');
    expect(JSON.stringify(JSON.parse(run.stdout))).toContain('"code":"unknown-field"');
  });
});

test("3. failures cannot be seen from outside the machine (coreos/bugs#2227, flatcar/Flatcar#454, fedora-coreos-tracker#453)", async () => {
  cloud.instance.attributes["moult-release"] = release({ db: "projects/acme/secrets/none/versions/1" });
  machine.bake({ manifest: 1, files: [{ path: "/etc/web/db", secret: "db" }] });
  const run = await machine.boot();
  // The last line of the console, where nothing scrolls it away.
  expect(run.stdout.trimEnd().split("\n").at(-1)).toMatch(/^moult-agent: failed secret-missing: /);
  const failed = { verdict: "failed", reason: "secret-missing", fleet: "web", release: "a".repeat(64) };
  expect(report()).toMatchObject(failed);
  const objects = [...cloud.objects].filter(([name]) => name.startsWith("acme-reports/reports/web/"));
  expect(objects.map(([, body]) => JSON.parse(JSON.parse(String(body)).report))).toEqual([
    expect.objectContaining(failed),
  ]);
  expect(cloud.published).toHaveLength(1);
});

test("4. the dump of a failure hides the error and leaks the configuration (ignition#1288, ignition#721, ignition#725)", async () => {
  const content = Array.from({ length: 200 }, (_, i) => `CONTENT-${i}`).join("\n");
  machine.bake({
    manifest: 1,
    values: { hint: "CONTENT-values" },
    files: [
      { path: "/etc/web/big", content },
      { path: "/etc/web/bad", content: "{{ instance.nam }}" },
    ],
  });
  const run = await machine.boot();
  expect(run.exit).toBe(10);
  expect(run.last).toContain("failed manifest-invalid");
  expect(run.stdout.trimEnd().split("\n").length).toBeLessThan(15);
  expect(told(run, cloud)).not.toContain("CONTENT-");
});

describe("5. logs leak credentials (cloud-init#4093 = CVE-2023-1786, cloud-init#3987 = CVE-2022-2084, cloud-init#3854)", () => {
  const marked = (text: string) => ({ manifest: 1, ...JSON.parse(text) });
  test.each([
    ["where a path is wanted", marked('{"files": [{"path": "LEAK-1", "content": "LEAK-2"}]}')],
    ["where a mode is wanted", marked('{"files": [{"path": "/a", "content": "x", "mode": "LEAK-3"}]}')],
    [
      "in an unknown place of a template",
      marked('{"files": [{"path": "/a", "content": "LEAK-4 {{ values.LEAK-5x }} LEAK-6"}]}'),
    ],
    [
      "where a secret's reference is wanted",
      marked('{"secrets": {"db": "LEAK-7"}, "files": [{"path": "/a", "secret": "db"}]}'),
    ],
    ["where an owner is wanted", marked('{"files": [{"path": "/a", "content": "x", "owner": "LEAK-8:LEAK-9"}]}')],
    ["in JSON that is torn", '{"manifest": 1, "files": [{"path": "/a", "content": "LEAK-10'],
  ])("a value %s is not repeated, neither to people nor to programs", async (_what, manifest) => {
    machine.bake(manifest);
    for (const flags of [[], ["--json"]]) {
      const run = await machine.boot(...flags);
      expect(run.exit).toBe(10);
      expect(told(run, cloud).replaceAll("values.LEAK-5x", "")).not.toContain("LEAK-");
    }
  });
  test("a secret that cannot stand in its file is not repeated", async () => {
    cloud.secrets.set(version, Buffer.from(`${value}\n`));
    const files = [{ path: "/etc/web/a.env", content: "A={{ secrets.db }}\nB", format: "ini" }];
    machine.bake({ manifest: 1, secrets: { db: version }, files });
    expect(told(await machine.boot(), cloud)).not.toContain(value);
    machine.bake({
      manifest: 1,
      secrets: { db: version },
      files: [{ path: "/etc/web/a", content: "{{ secrets.db }}", format: "text" }],
    });
    expect(told(await machine.boot(), cloud)).not.toContain(value);
  });
});

describe("6. any program on the machine can read what is in the metadata (fedora-coreos-docs#306, ignition#1315)", () => {
  test("a value put where a version belongs is refused, and not repeated", async () => {
    cloud.instance.attributes["moult-release"] = release({ db: value });
    const run = await machine.boot();
    expect(run).toMatchObject({ exit: 10 });
    expect(run.last).toContain("release-invalid");
    expect(told(run, cloud)).not.toContain(value);
  });
  test("metadata and guest attributes hold references only; the value is in memory, for its owner alone", async () => {
    cloud.instance.attributes["moult-release"] = release({ db: version });
    machine.bake({ manifest: 1, files: [{ path: "/etc/web/db", secret: "db" }] });
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(machine.read("/etc/web/db")).toBe(value);
    expect(machine.mode("/etc/web/db")).toBe("0400");
    for (const text of [...Object.values(cloud.instance.attributes), ...cloud.guestAttributes.values()])
      expect(text).not.toContain(value);
    expect(JSON.stringify(machine.persistent())).not.toContain(value);
  });
});

test("7. the metadata server's name must be resolved at boot (cloud-init#3410, cloud-init#5470, cloud-init#2737)", async () => {
  // A resolver that is not up yet, and says when it is asked.
  beforeAgent(
    machine,
    `const dns = require("node:dns");
    for (const name of ["lookup", "resolve", "resolve4", "resolve6"])
      dns[name] = () => { require("node:fs").writeSync(2, "RESOLVED"); throw new Error("no resolver yet"); };`,
  );
  machine.bake({ manifest: 1, secrets: { db: version }, files: [{ path: "/etc/web/db", secret: "db" }] });
  const run = await machine.boot();
  expect(run.stderr).not.toContain("RESOLVED");
  expect(run.exit).toBe(0);
  // So would it be seen, if a name were asked for.
  const { address } = cloud;
  cloud.address = address.replace("127.0.0.1", "localhost");
  expect((await machine.boot("--deadline", "1")).stderr).toContain("RESOLVED");
  cloud.address = address;
  expect(metadataAddresses[0]).toBe("169.254.169.254:80");
});

describe("8. the network flaps during the first boot (guest-agent#610, cloud-init#5997, compute-image-packages#151)", () => {
  let link: Server | undefined;
  const sockets = new Set<Socket>();
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => (link ? link.close(resolve) : resolve(undefined)));
  });

  test("a machine whose link comes late, and drops in the midst of answers, is made in the end", async () => {
    const port = await freePort();
    const far = Number(cloud.address.split(":")[1]);
    let drops = 3;
    link = createServer((near) => {
      const onward = connect(far, "127.0.0.1");
      for (const socket of [near, onward]) {
        sockets.add(socket);
        socket.on("error", () => {});
      }
      near.pipe(onward);
      if (drops-- > 0) onward.once("data", (first) => near.write(first.subarray(0, 20), () => near.resetAndDestroy()));
      else onward.pipe(near);
    });
    machine.api = `http://127.0.0.1:${port}`;
    machine.bake({ manifest: 1, secrets: { db: version }, files: [{ path: "/etc/web/db", secret: "db" }] });
    const { address } = cloud;
    cloud.address = `127.0.0.1:${port}`;
    const child = machine.start("--deadline", "30");
    const over = ended(child);
    await new Promise((resolve) => child.stdout?.once("data", resolve)); // the first attempt that found nobody
    await listening(link, port);
    const run = await over;
    cloud.address = address;
    expect(run.exit).toBe(0);
    expect(drops).toBeLessThan(0);
    expect(machine.read("/etc/web/db")).toBe(value);
  });
});

test("9. machines with IPv6 only (google-cloud-go#13618, k8s-config-connector#5741)", async (context) => {
  const closed = await freePort();
  const far = Number(cloud.address.split(":")[1]);
  const six = createServer((near) => {
    const onward = connect(far, "127.0.0.1");
    near.pipe(onward).pipe(near);
    for (const socket of [near, onward]) socket.on("error", () => {});
  });
  const port = await listening(six, 0, "::1").catch(() => undefined);
  if (port === undefined) {
    console.log("skipped: this machine has no IPv6 loopback");
    return context.skip();
  }
  machine.bake({ manifest: 1, files: [{ path: "/etc/web/id", content: "{{ instance.id }}" }] });
  const { address } = cloud;
  cloud.address = `127.0.0.1:${closed},[::1]:${port}`;
  const run = await machine.boot("--deadline", "10");
  cloud.address = address;
  six.close();
  expect(run.exit).toBe(0);
  expect(machine.read("/etc/web/id")).toBe(cloud.instance.id);
});

test("10. an image carries the mark of being done (bottlerocket#4586, guest-agent#377, cloud-init#4066, cloud-init#3268)", async () => {
  machine.bake({
    manifest: 1,
    secrets: { db: version },
    files: [
      { path: "/etc/web/id", content: "{{ instance.id }}" },
      { path: "/etc/web/db", secret: "db" },
    ],
  });
  expect(await machine.boot()).toMatchObject({ exit: 0 });
  const copy = new Machine(cloud);
  cpSync(machine.root, copy.root, { recursive: true, verbatimSymlinks: true });
  writeFileSync(join(copy.root, "etc/web/of-the-application"), "kept");
  cloud.instance.id = "7774572792595385001";
  expect(await copy.boot()).toMatchObject({ exit: 0 });
  expect(copy.read("/etc/web/id")).toBe("7774572792595385001");
  expect(copy.read("/etc/web/db")).toBe(value);
  expect(copy.read("/etc/web/of-the-application")).toBe("kept");
  copy.remove();
});
