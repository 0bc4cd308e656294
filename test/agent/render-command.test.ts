import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { unifiedDiff } from "../../agent/tools/render/diff.ts";
import { type FakeCloud, putPack, sha256, startCloud } from "./cloud.ts";
import { Machine, runAgent } from "./machine.ts";

const version = "projects/acme/secrets/web-db/versions/3";
const payload = 'p4ss"word\nof the database';

let cloud: FakeCloud;
let machine: Machine;
let folder: string;

beforeEach(async () => {
  cloud = await startCloud();
  cloud.secrets.set(version, Buffer.from(payload));
  machine = new Machine(cloud);
  machine.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\nweb:x:990:990::/:/bin/false\n");
  machine.write("/etc/group", "root:x:0:\nweb:x:990:\n");
  machine.bake(
    {
      manifest: 1,
      host: { name: "{{ instance.name }}" },
      secrets: { db: version },
      values: { port: 8080 },
      files: [
        { path: "/etc/web/config.json", template: "config.json.tmpl", owner: "web:web", mode: "0640" },
        { path: "/etc/web/db.key", secret: "db", owner: "web" },
        { path: "/etc/web/db.xml", content: '<db pass="{{ secrets.db }}"/>' },
        { path: "/etc/web/db.env", content: "DB=db-{{ secrets.db }}\n" },
        { path: "/etc/web/motd", source: "motd" },
      ],
      directories: [{ path: "/var/lib/web", owner: "web", mode: "0750" }],
      units: ["web.service"],
      ready: { http: "http://{{ network.ip }}:{{ values.port }}/healthz", within: "5s" },
    },
    { "config.json.tmpl": '{"name": {{ instance.name }}, "port": {{ values.port }}}\n', motd: "hello\n" },
  );
  machine.write("/etc/systemd/system/web.service", "[Service]\nExecStart=/bin/true\n");
  folder = mkdtempSync(join(tmpdir(), "moult-render-"));
});

afterEach(async () => {
  machine.remove();
  rmSync(folder, { recursive: true, force: true });
  await cloud.close();
});

const endpoints = () => ["secretmanager", "storage", "pubsub"].flatMap((api) => ["--endpoint", `${api}=${cloud.url}`]);
const render = (...args: string[]) =>
  runAgent("render", "--root", machine.root, "--metadata", cloud.address, ...endpoints(), ...args);

/** What a metadata server would say, in a file. */
const instanceFile = (id: string, attributes: Record<string, string> = {}): string => {
  const file = join(folder, "instance.json");
  const nic = { ip: "10.1.2.3", accessConfigs: [] };
  const instance = {
    id: "@",
    name: "web-x",
    hostname: "web-x.c",
    zone: "projects/1/zones/us-east1-b",
    machineType: "m",
    attributes,
    networkInterfaces: [nic],
  };
  writeFileSync(
    file,
    JSON.stringify({ instance, project: { projectId: "acme", numericProjectId: 1 } }).replace('"@"', id),
  );
  return file;
};

describe("render", () => {
  test("lists what this instance would get, asks for no secret and changes nothing", async () => {
    const before = machine.persistent();
    const run = await render();
    expect(run).toMatchObject({ exit: 0, stderr: "" });
    expect(run.lines[0]).toBe("instance 5184363046278950541 web-b7kq, no release");
    const digest = sha256('{"name": "web-b7kq", "port": 8080}\n').slice(0, 12);
    expect(run.stdout).toMatch(
      new RegExp(`^0640 web:web +${digest} /etc/web/config.json +template config.json.tmpl$`, "m"),
    );
    expect(run.stdout).toMatch(/^0400 web +secret +\/etc\/web\/db.key +secret db$/m);
    expect(run.stdout).toMatch(/^0750 web +directory +\/var\/lib\/web$/m);
    expect(run.stdout).toContain("\nready http http://127.0.0.1:8080/healthz within 5 s\n");
    expect(cloud.requests.filter(({ path }) => !path.startsWith("/computeMetadata/v1/?"))).toEqual([]);
    expect(machine.persistent()).toEqual(before);
  });

  test("puts the name of a secret, escaped as its value would be, where its value would stand", async () => {
    expect((await render("--show", "/etc/web/db.key")).stdout).toBe("<secret db>");
    expect((await render("--show", "/etc/web/db.xml")).stdout).toMatch(/^<db pass="&lt;secret db(&gt;|>)"\/>$/);
    // Beside other text env takes plain words only.
    expect((await render("--show", "/etc/web/db.env")).stdout).toBe("DB=db-secret-db\n");
    expect((await render("--show", "/etc/hostname")).stdout).toBe("web-b7kq\n");
    expect(await render("--show", "/etc/none")).toMatchObject({ exit: 64, stdout: "" });
  });

  test("writes the tree into an empty folder, and into no other", async () => {
    const out = join(folder, "tree");
    expect(await render("--out", out)).toMatchObject({ exit: 0 });
    expect(readFileSync(`${out}/etc/web/config.json`, "utf8")).toBe('{"name": "web-b7kq", "port": 8080}\n');
    expect(readFileSync(`${out}/etc/web/db.key`, "utf8")).toBe("<secret db>");
    expect(statSync(`${out}/etc/web/db.key`).mode & 0o777).toBe(0o600);
    expect(lstatSync(`${out}/var/lib/web`).isDirectory()).toBe(true);
    const again = await render("--out", out);
    expect(again).toMatchObject({ exit: 64, stdout: "" });
    expect(again.stderr).toContain("is not empty");
  });

  test("shows what would change, and never the disk's side of a secret", async () => {
    machine.write("/etc/web/config.json", '{"name": "old"}\n');
    machine.write("/etc/web/motd", "hello\n");
    machine.write("/etc/web/db.key", "old secret");
    machine.write("/var/lib/web/x", "in a directory with another mode");
    chmodSync(`${machine.root}/var/lib/web`, 0o711);
    const { stdout, stderr, exit } = await render("--diff");
    expect(exit).toBe(0);
    expect(stdout).toContain(
      '--- /etc/web/config.json\n+++ /etc/web/config.json\n@@ -1,1 +1,1 @@\n-{"name": "old"}\n+{"name": "web-b7kq", "port": 8080}\n',
    );
    expect(stdout).toMatch(/^# \/etc\/web\/config.json: content, mode 0644 -> 0640.*\n--- \/etc\/web\/config.json$/m);
    expect(stdout).toContain("# /etc/web/db.key: a link to a secret in memory\n");
    expect(stdout).toMatch(/^# \/var\/lib\/web: mode 0711 -> 0\d{3}/m);
    expect(stderr).toMatch(/^moult-agent: \d+ of \d+ would change; what 3 files with secrets hold is not compared\n$/);
    expect(stdout).toContain("--- /dev/null\n+++ /etc/hostname\n@@ -0,0 +1,1 @@\n+web-b7kq\n");
    expect(stdout).not.toContain("/etc/web/motd");
    expect(stdout).not.toContain("old secret");
    const { changes } = JSON.parse((await render("--diff", "--json")).stdout);
    expect(changes).toContainEqual({
      path: "/etc/web/config.json",
      how: expect.arrayContaining(["content", "mode 0644 -> 0640"]),
    });
  });

  test("has nothing to say of a machine that is as it would be made", async () => {
    cloud.secrets.set(version, Buffer.from("plain-word"));
    cloud.instance.attributes = {};
    expect(await machine.boot("--deadline", "20")).toMatchObject({ exit: 0 });
    expect(await render("--diff")).toMatchObject({ exit: 0, stdout: "" });
  });

  test("of a described instance asks nobody, and keeps long ids whole", async () => {
    const run = await render("--instance", instanceFile("9007199254740993"), "--json");
    expect(run.exit).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({
      valid: true,
      instance: "9007199254740993",
      ready: { words: ["http://10.1.2.3:8080/healthz"] },
      secrets: ["db"],
      items: expect.arrayContaining([
        { path: "/etc/web/db.key", kind: "file", mode: "0400", owner: "web", origin: "secret db" },
        {
          path: "/etc/web/motd",
          kind: "file",
          mode: "0644",
          owner: "0:0",
          sha256: sha256("hello\n"),
          origin: "source motd",
        },
      ]),
    });
    expect(cloud.requests).toEqual([]);
  });

  test("takes the configuration a release names from the bucket, a file, or not at all", async () => {
    const manifest = { manifest: 1, files: [{ path: "/etc/a", content: "{{ release.fleet }} {{ secrets.db }}" }] };
    const commit = putPack(cloud, "conf", manifest, {});
    const release = {
      release: "a".repeat(64),
      fleet: "web",
      image: { name: "i", id: "1" },
      config: { bucket: "conf", commit },
      secrets: { db: version },
    };
    const file = join(folder, "release.json");
    writeFileSync(file, JSON.stringify(release));
    expect((await render("--release", file, "--show", "/etc/a")).stdout).toBe("web <secret db>");
    expect(cloud.requests.some(({ path }) => path.includes(":access"))).toBe(false);
    const instance = instanceFile("7", { "moult-release": JSON.stringify(release) });
    expect(await render("--instance", instance)).toMatchObject({ exit: 64 });
    const pack = join(folder, "pack.json");
    writeFileSync(pack, cloud.objects.get(`conf/packs/${commit}.json`) ?? "");
    expect((await render("--instance", instance, "--pack", pack, "--show", "/etc/a")).stdout).toBe("web <secret db>");
    writeFileSync(
      pack,
      (cloud.objects.get(`conf/packs/${commit}.json`) ?? Buffer.of()).toString().replace("/etc/a", "/etc/b"),
    );
    expect(await render("--instance", instance, "--pack", pack)).toMatchObject({ exit: 10, stdout: "" });
  });

  test("shows what units turn into: drop-ins, links, environments and credentials, masked", async () => {
    const manifest = join(folder, "manifest.json");
    const units = [
      { name: "web.service", environment: { DB: "{{ secrets.db }}" }, credentials: { key: { secret: "db" } } },
      { name: "job.service", content: "[Service]\nExecStart=/bin/true\n", wantedBy: "multi-user.target" },
    ];
    writeFileSync(manifest, JSON.stringify({ manifest: 1, secrets: { db: version }, units }));
    const run = await render(manifest);
    expect(run.exit).toBe(0);
    expect(run.stdout).toMatch(/^0644 \S+ +[0-9a-f]{12} \/etc\/systemd\/system\/web\.service\.d\/50-moult\.conf +/m);
    expect(run.stdout).toMatch(
      /^link +link +\/etc\/systemd\/system\/multi-user\.target\.wants\/job\.service +-> \.\.\/job\.service$/m,
    );
    expect((await render(manifest, "--show", "/run/moult/credentials/web.service/key")).stdout).toBe("<secret db>");
    expect((await render(manifest, "--show", "/run/moult/environment/web.service")).stdout).toMatch(/^DB=.*secret.db/);
    const out = join(folder, "tree");
    expect(await render(manifest, "--out", out)).toMatchObject({ exit: 0 });
    expect(readlinkSync(`${out}/etc/systemd/system/multi-user.target.wants/job.service`)).toBe("../job.service");
  });

  test("says what is wrong with a manifest given by name, for this one instance", async () => {
    const manifest = join(folder, "manifest.json");
    writeFileSync(
      manifest,
      '{"manifest":1,"files":[{"path":"/a","content":"{{ attributes.rack }}","owner":"nobody-here"}]}',
    );
    const run = await render(manifest);
    expect(run.exit).toBe(10);
    expect(run.stdout).toContain("attribute-undeclared");
    expect(run.stdout).toContain("owner-not-possible");
    expect(existsSync(join(folder, "files"))).toBe(false);
    expect(readdirSync(folder)).toEqual(["manifest.json"]);
  });
});

describe("a unified diff", () => {
  const lines = (...words: string[]) => words.map((word) => `${word}\n`).join("");
  test.each([
    ["nothing for the same text", lines("a"), lines("a"), []],
    ["a line put into nothing", "", lines("a"), ["@@ -0,0 +1,1 @@", "+a"]],
    ["everything taken away", lines("a", "b"), "", ["@@ -1,2 +0,0 @@", "-a", "-b"]],
    ["a line end that is missing", lines("a"), "a", ["@@ -1,1 +1,1 @@", "-a", "+a\n\\ No newline at end of file"]],
    [
      "a changed line with three around it",
      lines(..."abcdefghi"),
      lines(..."abcdXfghi"),
      ["@@ -2,7 +2,7 @@", " b", " c", " d", "-e", "+X", " f", " g", " h"],
    ],
    [
      "far changes in hunks of their own",
      lines(..."abcdefghijkl"),
      lines(..."XbcdefghijkY"),
      ["@@ -1,4 +1,4 @@", "-a", "+X", " b", " c", " d", "@@ -9,4 +9,4 @@", " i", " j", " k", "-l", "+Y"],
    ],
    [
      "near changes in one",
      lines(..."abcdefg"),
      lines(..."XbcdefY"),
      ["@@ -1,7 +1,7 @@", "-a", "+X", " b", " c", " d", " e", " f", "-g", "+Y"],
    ],
  ])("shows %s", (_what, before, after, expected) => {
    expect(unifiedDiff(before, after)).toEqual(expected);
  });
});
