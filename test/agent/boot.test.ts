import { lstatSync, readlinkSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FakeCloud, putPack, sha256, startCloud } from "./cloud.ts";
import { Machine } from "./machine.ts";

let cloud: FakeCloud;
let machine: Machine;

beforeEach(async () => {
  cloud = await startCloud();
  machine = new Machine(cloud);
  for (const unit of ["web.service", "moult-verify.timer"])
    machine.write(`/usr/lib/systemd/system/${unit}`, "[Unit]\n");
});
afterEach(async () => {
  await cloud.close();
  machine.remove();
});

const release = "a".repeat(64);
const password = 'p"w\\ } {{ x }}\n<&>é';
const version = "projects/acme/secrets/web-db/versions/3";

function describe(manifest: Record<string, unknown>, sources: Record<string, string | Buffer> = {}): void {
  const commit = putPack(cloud, "acme-config", { manifest: 1, ...manifest }, sources);
  cloud.secrets.set(version, Buffer.from(password));
  cloud.instance.attributes["moult-release"] = JSON.stringify({
    release,
    fleet: "web",
    image: { name: "web-1", id: "7718790431234567890" },
    config: { bucket: "acme-config", commit },
    secrets: { "db-password": version },
    reports: { bucket: "acme-reports", topic: "projects/acme/topics/moult-reports" },
  });
}

test("a described machine is made byte for byte, sealed, and reported", async () => {
  const app = createServer((_request, response) => response.end("ok"));
  await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
  const { port } = app.address() as AddressInfo;
  const binary = Buffer.from([0, 255, 10, 13, 128]);
  describe(
    {
      host: { name: "{{ instance.name }}" },
      values: { port },
      files: [
        { path: "/etc/web/config.json", template: "config.json.tmpl", mode: "0640" },
        { path: "/etc/web/id", content: "{{ instance.id }} {{ instance.region }} {{ release.fleet }}\n" },
        { path: "/etc/web/blob", source: "blob", mode: "0755" },
        { path: "/etc/web/db.json", content: '{"password": {{ secrets.db-password }}}', format: "json" },
        { path: "/etc/web/db.key", secret: "db-password", mode: "0440" },
      ],
      directories: [{ path: "/var/lib/web/data", mode: "0750" }],
      units: ["web.service"],
      ready: { http: "http://{{ network.ip }}:{{ values.port }}/healthz", within: "10s" },
      drift: { every: "5m" },
    },
    { "config.json.tmpl": '{"ip": "{{ network.ip }}", "port": {{ values.port }}}\n', blob: binary },
  );
  const run = await machine.boot();
  app.close();
  expect(run.stdout + run.stderr).toContain("moult-agent: ready: web.service answers on http://127.0.0.1:");
  expect(run.exit).toBe(0);
  expect(run.last).toMatch(/^moult-agent: ready: /);

  expect(machine.read("/etc/hostname")).toBe("web-b7kq\n");
  expect(machine.read("/etc/web/config.json")).toBe(`{"ip": "127.0.0.1", "port": ${port}}\n`);
  expect(machine.mode("/etc/web/config.json")).toBe("0640");
  expect(machine.read("/etc/web/id")).toBe("5184363046278950541 us-central1 web\n");
  expect(machine.mode("/etc/web/id")).toBe("0644");
  expect(Buffer.from(machine.persistent()["/etc/web/blob"] ?? "", "latin1")).toEqual(binary);
  expect(machine.mode("/etc/web/blob")).toBe("0755");
  expect(machine.mode("/var/lib/web/data")).toBe("0750");

  // Through the link as an application reads it; the link holds under any root.
  expect(JSON.parse(machine.read("/etc/web/db.json"))).toEqual({ password });
  expect(machine.read("/etc/web/db.key")).toBe(password);
  expect(machine.mode("/etc/web/db.key")).toBe("0440");
  expect(machine.mode("/etc/web/db.json")).toBe("0400");
  expect(readlinkSync(`${machine.root}/etc/web/db.key`)).toBe("../../run/moult/files/etc/web/db.key");
  expect(lstatSync(`${machine.root}/run/moult/files/etc/web/db.key`).isFile()).toBe(true);

  const [name, object] = [...cloud.objects].find(([key]) => key.startsWith("acme-reports/")) ?? [];
  expect(name).toMatch(new RegExp(`^acme-reports/reports/web/${release}/5184363046278950541/[0-9a-f]{32}\\.json$`));
  const signed = JSON.parse(String(object));
  expect(signed.token).toBe("header.claims.signature");
  expect(cloud.audiences).toEqual([`moult:${sha256(signed.report)}`]);
  expect(cloud.guestAttributes.get("moult/report")).toBe(signed.report);
  const report = JSON.parse(signed.report);
  expect(report).toMatchObject({
    report: 1,
    fleet: "web",
    release,
    instance: {
      id: "5184363046278950541",
      name: "web-b7kq",
      zone: "us-central1-a",
      project: "acme",
      projectNumber: "123456789012",
    },
    verdict: "ready",
    reason: "ready",
    agent: "0.1.0",
  });
  expect(name).toContain(report.boot);
  expect(report.phases.map((phase: { name: string }) => phase.name)).toEqual([
    "recover",
    "identify",
    "plan",
    "fetch",
    "disks",
    "render",
    "place",
    "check",
    "settle",
    "hand-over",
    "ready",
  ]);
  expect(report.files).toContainEqual({
    path: "/etc/web/config.json",
    sha256: sha256(machine.read("/etc/web/config.json")),
    mode: "0640",
    owner: `${process.getuid?.()}:${process.getgid?.()}`,
  });
  expect(JSON.stringify(report.files)).not.toContain("db.");
  expect(cloud.published).toEqual([
    {
      topic: "projects/acme/topics/moult-reports",
      attributes: { fleet: "web", release, instance: "5184363046278950541" },
    },
  ]);
  expect(machine.mode("/var/lib/moult/seal.json")).toBe("0600");

  // No value of a secret anywhere but in memory.
  for (const text of [
    ...Object.values(machine.persistent()),
    run.stdout,
    run.stderr,
    ...cloud.guestAttributes.values(),
    signed.report,
  ])
    for (const form of [
      password,
      JSON.stringify(password).slice(1, -1),
      Buffer.from(password).toString("base64"),
      sha256(password),
    ])
      expect(text).not.toContain(form);
  expect(
    Object.keys(machine.persistent()).filter((path) => path.includes(".moult-") || path.includes("journal")),
  ).toEqual([]);
});

test("without a release the agent works alone, with the manifest and the versions baked in the image", async () => {
  cloud.secrets.set(version, Buffer.from("s3cret"));
  machine.bake(
    { manifest: 1, secrets: { db: version }, files: [{ path: "/etc/web.env", template: "web.env", format: "env" }] },
    { "web.env": "PASSWORD={{ secrets.db }}\n" },
  );
  const run = await machine.boot();
  expect(run.last).toMatch(/^moult-agent: ready: /);
  expect(run.exit).toBe(0);
  expect(machine.read("/etc/web.env")).toBe("PASSWORD=s3cret\n");
  expect(JSON.parse(cloud.guestAttributes.get("moult/report") ?? "")).toMatchObject({
    verdict: "ready",
    fleet: "",
    release: "",
  });
});

test("an image that describes nothing is sealed as it is", async () => {
  const run = await machine.boot();
  expect(run).toMatchObject({ exit: 0, last: "moult-agent: ready: 0 files sealed" });
  expect(JSON.parse(machine.read("/var/lib/moult/seal.json"))).toMatchObject({
    instance: "5184363046278950541",
    files: [],
  });
});

test("an application that does not become ready is reported as failed, and the machine stays sealed", async () => {
  describe({ files: [], units: ["web.service"], ready: { tcp: "127.0.0.1:1", within: "300ms" } });
  const run = await machine.boot();
  expect(run.exit).toBe(0);
  expect(run.last).toBe("moult-agent: failed not-ready: web.service does not answer on tcp 127.0.0.1:1 within 0.3 s");
  expect(JSON.parse(cloud.guestAttributes.get("moult/report") ?? "")).toMatchObject({
    verdict: "failed",
    reason: "not-ready",
    release,
  });
  expect(JSON.parse(machine.read("/var/lib/moult/seal.json")).instance).toBe("5184363046278950541");
});

test("readiness may be a program of the image", async () => {
  machine.write("/usr/bin/is-ready", '#!/bin/sh\n[ "$1" = web-b7kq ]\n', 0o755);
  machine.bake({ manifest: 1, ready: { command: ["/usr/bin/is-ready", "{{ instance.name }}"], within: "5s" } });
  expect((await machine.boot()).last).toBe("moult-agent: ready: the machine answers on command /usr/bin/is-ready");
});

test("with --json stdout is one document, and progress goes to stderr", async () => {
  const run = await machine.boot("--json");
  expect(JSON.parse(run.stdout)).toMatchObject({
    verdict: "ready",
    reason: "ready",
    exit: 0,
    instance: "5184363046278950541",
    findings: [],
  });
  expect(run.stderr.trimEnd().split("\n").at(-1)).toMatch(/^moult-agent: ready: /);
});

test("guest attributes that are switched off cost one line", async () => {
  cloud.instance.attributes["enable-guest-attributes"] = "FALSE";
  const run = await machine.boot();
  expect(run.exit).toBe(0);
  expect(run.lines.filter((line) => line.includes("guest attribute"))).toEqual([
    "moult-agent: report: guest attribute: off (403): the metadata key enable-guest-attributes is not TRUE",
  ]);
});
