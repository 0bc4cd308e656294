import { spawn } from "node:child_process";
import { chmodSync, existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FakeCloud, sha256, startCloud } from "./cloud.ts";
import { builtAgent, ended, Machine, type Run, testNode } from "./machine.ts";

let cloud: FakeCloud;
let machine: Machine;

beforeEach(async () => {
  cloud = await startCloud();
  machine = new Machine(cloud);
  cloud.instance.attributes["moult-release"] = JSON.stringify({
    release: "a".repeat(64),
    fleet: "web",
    image: { name: "web-1", id: "1" },
    secrets: {},
    reports: { bucket: "acme-reports", topic: "projects/acme/topics/moult-reports" },
  });
});
afterEach(async () => {
  await cloud.close();
  machine.remove();
});

function verify(...flags: string[]): Promise<Run> {
  const endpoints = ["secretmanager", "storage", "pubsub"].flatMap((api) => ["--endpoint", `${api}=${cloud.url}`]);
  const args = ["verify", "--report", "--root", machine.root, "--metadata", cloud.address, ...endpoints, ...flags];
  const env = { PATH: `${machine.root}/bin:${process.env.PATH}` };
  return ended(spawn(testNode, [builtAgent(), ...args], { env, stdio: ["ignore", "pipe", "pipe"] }));
}

const names = () => [...cloud.objects.keys()].filter((name) => name.startsWith("acme-reports/drift/"));
const told = () => names().map((name) => JSON.parse(JSON.parse(String(cloud.objects.get(name))).report));

async function sealed(manifest: Record<string, unknown> = {}): Promise<void> {
  machine.bake({
    manifest: 1,
    files: [
      { path: "/etc/web/a", content: "one" },
      { path: "/etc/web/b", content: "two" },
    ],
    ...manifest,
  });
  expect((await machine.boot()).exit).toBe(0);
}

test("a machine that holds asks nobody", async () => {
  await sealed();
  const before = cloud.requests.length;
  const run = await verify();
  expect(run).toMatchObject({ exit: 0, stdout: "the seal holds\n" });
  expect(cloud.requests.length).toBe(before);
});

test("differences are told once for each change, signed, and so is their end", async () => {
  await sealed();
  machine.write("/etc/web/a", "hunter2");
  expect(await verify()).toMatchObject({ exit: 14, stdout: "/etc/web/a differs: content\n" });
  expect(names()[0]).toMatch(
    new RegExp(`^acme-reports/drift/web/${"a".repeat(64)}/${cloud.instance.id}/\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z\\.json$`),
  );
  const [report] = told();
  expect(report).toEqual({
    drift: 1,
    fleet: "web",
    release: "a".repeat(64),
    instance: {
      id: cloud.instance.id,
      name: "web-b7kq",
      zone: "us-central1-a",
      project: "acme",
      projectNumber: "123456789012",
    },
    verdict: "drifted",
    at: expect.stringMatching(/^\d{4}-/),
    agent: "0.1.0",
    action: "report",
    differences: [{ path: "/etc/web/a", what: "content" }],
  });
  const [object] = names();
  const signed = JSON.parse(String(cloud.objects.get(object ?? "")));
  expect(cloud.audiences).toContain(`moult:${sha256(signed.report)}`);
  expect(cloud.guestAttributes.get("moult/drift")).toBe(signed.report);
  expect(signed.report).not.toContain("hunter2");
  expect(cloud.published.at(-1)).toEqual({
    topic: "projects/acme/topics/moult-reports",
    attributes: { fleet: "web", release: "a".repeat(64), instance: cloud.instance.id },
  });

  const asked = cloud.requests.length;
  expect((await verify()).exit).toBe(14);
  expect(cloud.requests.length).toBe(asked);

  rmSync(`${machine.root}/etc/web/b`);
  expect((await verify()).exit).toBe(14);
  expect(told()[1].differences).toEqual([
    { path: "/etc/web/a", what: "content" },
    { path: "/etc/web/b", what: "missing" },
  ]);

  machine.write("/etc/web/a", "one");
  machine.write("/etc/web/b", "two");
  expect((await verify()).exit).toBe(0);
  expect(told()[2]).toMatchObject({ verdict: "restored", differences: [] });
  await verify();
  expect(names()).toHaveLength(3);
  expect(statSync(`${machine.root}/run/moult-verify/told.json`).mode & 0o777).toBe(0o600);
});

test("what could not be told is told at the next run; what differs is said meanwhile", async () => {
  await sealed();
  machine.write("/etc/web/a", "changed");
  cloud.interfere = (_request, response, path) => {
    if (!path.startsWith("/upload/")) return false;
    response.writeHead(403);
    response.end();
    return true;
  };
  const refused = await verify();
  expect(refused).toMatchObject({ exit: 14, stdout: "/etc/web/a differs: content\n" });
  expect(refused.stderr).toContain("reports bucket");
  cloud.interfere = (_request, response) => {
    response.destroy();
    return true;
  };
  const away = await verify("--deadline", "0.3");
  expect(away).toMatchObject({ exit: 14, stdout: "/etc/web/a differs: content\n" });
  expect(away.stderr).toMatch(/report: .*metadata/);
  cloud.interfere = () => false;
  expect((await verify()).exit).toBe(14);
  expect(told()).toHaveLength(1);
});

test("a clone that has not booted through the agent yet tells nothing of the machine it was copied from", async () => {
  await sealed();
  machine.write("/etc/web/a", "changed");
  cloud.instance.id = "42";
  const run = await verify();
  expect(run.exit).toBe(14);
  expect(run.stderr).toContain("The seal is of another instance");
  expect(names()).toEqual([]);
});

test("`do: stop` stops the manifest's units before anybody is told, and again while it lasts", async () => {
  for (const unit of ["web.service", "worker.service", "moult-verify.timer"])
    machine.write(`/usr/lib/systemd/system/${unit}`, "[Unit]\n");
  await sealed({ units: ["web.service", "worker.service"], drift: { every: "5m", do: "stop" } });
  // As systemd runs the machine by now.
  machine.write("/run/systemd/system/.keep", "");
  machine.write("/bin/systemctl", `#!/bin/sh\necho "$@" >> "${machine.root}/asked"\n`);
  chmodSync(`${machine.root}/bin/systemctl`, 0o755);
  await verify();
  expect(existsSync(`${machine.root}/asked`)).toBe(false);
  machine.write("/etc/web/a", "changed");
  cloud.interfere = (_request, response) => {
    response.destroy();
    return true;
  };
  const run = await verify("--deadline", "0.2");
  expect(run.stderr).toContain("stopped, for this machine drifted: web.service, worker.service");
  cloud.interfere = () => false;
  await verify();
  await verify();
  expect(readFileSync(`${machine.root}/asked`, "utf8")).toBe("stop web.service worker.service\n".repeat(3));
  expect(told()).toMatchObject([{ action: "stop" }]);
});

test("without a seal there is nothing to compare with", async () => {
  const run = await verify();
  expect(run.exit).toBe(14);
  expect(run.stderr).toContain("There is no seal");
});
