import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { bench } from "./bench.ts";
import { SERVER, unit } from "./image.ts";
import { makeSpec } from "./world.ts";

const NEEDS_AGENT = "Requires=moult-agent.service\nAfter=moult-agent.service";
const MANIFEST = { "usr/lib/moult/manifest.json": '{"manifest":1}' };
const WEB = {
  "srv/web.js": SERVER,
  "etc/systemd/system/web.service": unit("ExecStart=/usr/bin/node /srv/web.js", NEEDS_AGENT),
};

/** An agent in place of the real one: a script for node. */
function agent(script: string): string {
  const folder = mkdtempSync(join(tmpdir(), "moult-agent-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "agent.cjs");
  writeFileSync(file, script);
  chmodSync(file, 0o644);
  return file;
}

const SEALS = `
const { execFileSync } = require("node:child_process");
const { mkdirSync, writeFileSync, appendFileSync } = require("node:fs");
const root = process.argv[process.argv.indexOf("--root") + 1];
mkdirSync(root + "/etc/web", { recursive: true });
writeFileSync(root + "/etc/web/agent.json", JSON.stringify({ argv: process.argv.slice(2), env: process.env }));
appendFileSync(root + "/var/lib/boots", "x");
console.log("agent: sealing");
execFileSync("systemd-notify", ["--ready"]);
console.log("agent: sealed");
`;

test("the application starts once the agent has sealed, and is healthy", async () => {
  const { machines, boot } = bench(agent(SEALS));
  const machine = await boot({ ...WEB, ...MANIFEST });
  await machine.shows(/web\[\d+\]: listening/);
  expect(await machines.probe(machine.spec.id, { type: "HTTP", port: 8080, requestPath: "/", timeoutMs: 5000 })).toBe(
    "HEALTHY",
  );
  const serial = machine.serial();
  expect(serial.indexOf("agent: sealing")).toBeLessThan(serial.indexOf("web.service: started"));
  expect(serial).toContain("agent: sealed");
  await machine.shows("moult-agent.service: ended, exit code 0");
  expect(readFileSync(join(machine.root, "../serial.log"), "utf8")).toBe(machine.serial());
});

test("the agent gets its flags, a bare environment and nothing of the emulator's", async () => {
  process.env.LEAK = "yes";
  onTestFinished(() => {
    delete process.env.LEAK;
  });
  const machine = await bench(agent(SEALS)).boot({ ...WEB, ...MANIFEST });
  await machine.shows("agent: sealed");
  const { argv, env } = JSON.parse(readFileSync(join(machine.root, "etc/web/agent.json"), "utf8"));
  const origin = "http://127.0.0.1:1";
  expect(argv).toEqual([
    ...["boot", "--root", machine.root, "--metadata", expect.stringMatching(`^${machine.spec.ip}:\\d+$`)],
    ...["--endpoint", `secretmanager=${origin}`, "--endpoint", `storage=${origin}`, "--endpoint", `pubsub=${origin}`],
  ]);
  expect(Object.keys(env).sort()).toEqual(["HOME", "INSTANCE_ROOT", "LANG", "NOTIFY_SOCKET", "PATH"]);
});

test("the instance's metadata server answers the agent and the application", async () => {
  const asks = `
    const address = process.argv[process.argv.indexOf("--metadata") + 1];
    fetch("http://" + address + "/computeMetadata/v1/instance/name", { headers: { "Metadata-Flavor": "Google" } })
      .then((response) => response.text()).then((name) => console.log("I am " + name));`;
  const machine = await bench(agent(asks)).boot(MANIFEST, { name: "web-b7kq" });
  await machine.shows("I am web-b7kq");
});

test("units that need the agent never start when it fails; others start at once", async () => {
  const { machines, boot } = bench(agent("console.log('agent: 10 invalid'); process.exitCode = 10;"));
  const machine = await boot({
    ...WEB,
    ...MANIFEST,
    "etc/systemd/system/log.service": unit("Type=oneshot\nExecStart=/bin/echo independent"),
  });
  await machine.shows("web.service: dependency failed: moult-agent.service");
  await machine.shows("independent");
  expect(machine.serial()).toContain("agent: 10 invalid");
  expect(machine.serial()).toContain("moult-agent.service: ended, exit code 10");
  expect(machine.serial()).not.toContain("web.service: started");
  expect(await machines.probe(machine.spec.id, { type: "TCP", port: 8080, requestPath: "", timeoutMs: 5000 })).toBe(
    "UNHEALTHY",
  );
});

test("an agent that ends well without a word has not sealed", async () => {
  const machine = await bench(agent("")).boot({ ...WEB, ...MANIFEST });
  await machine.shows("web.service: dependency failed");
  expect(machine.serial()).toContain("it ended before it was ready");
});

test.each<[sentence: string, files: Record<string, string>, metadata: Record<string, string>, runs: boolean]>([
  ["a manifest in the image calls for the agent", MANIFEST, {}, true],
  ["a release in the metadata calls for the agent", {}, { "moult-release": "{}" }, true],
  ["without either it does not run, and nothing that needs it", {}, {}, false],
])("%s", async (_, files, metadata, runs) => {
  const machine = await bench(agent(SEALS)).boot({ ...WEB, ...files }, { metadata });
  await machine.shows(runs ? "web.service: started" : "web.service: dependency failed");
  expect(machine.serial().includes("agent: sealing")).toBe(runs);
});

test("the image's own moult-agent.service gives way to the emulator's agent", async () => {
  const machine = await bench(agent(SEALS)).boot({
    ...WEB,
    ...MANIFEST,
    "usr/lib/systemd/system/moult-agent.service": unit("Type=notify\nExecStart=/bin/echo image's own"),
  });
  await machine.shows("web.service: started");
  expect(machine.serial()).not.toContain("image's own");
});

test("a reboot keeps the disk, empties /run and starts all again", async () => {
  const { machines, boot } = bench(agent(SEALS));
  const machine = await boot({ ...WEB, ...MANIFEST });
  await machine.shows("listening");
  writeFileSync(join(machine.root, "run/secret"), "s");
  await machines.stop(machine.spec.id, 5000);
  await expect(machine.get()).rejects.toThrow();
  await machine.again();
  await machine.shows(/boots again(.|\n)*listening/);
  expect(existsSync(join(machine.root, "run/secret"))).toBe(false);
  expect(readFileSync(join(machine.root, "var/lib/boots"), "utf8")).toBe("xx");
});

test("an image without content runs nothing and says so", async () => {
  const { machines } = bench();
  const spec = makeSpec();
  let serial = "";
  await machines.start(spec, {
    serial: (text) => {
      serial += text;
    },
  });
  expect(serial).toContain("holds nothing this emulator can boot");
  expect(await machines.probe(spec.id, { type: "TCP", port: 8080, requestPath: "", timeoutMs: 5000 })).toBe(
    "UNHEALTHY",
  );
});

test("a machine that runs cannot be started twice", async () => {
  const machine = await bench().boot({ "etc/hostname": "x" });
  await expect(machine.again()).rejects.toThrow(/runs already/);
});

test("removal deletes the disk, and the next start is a first one", async () => {
  const { machines, boot } = bench(agent(SEALS));
  const machine = await boot({ ...WEB, ...MANIFEST });
  await machine.shows("listening");
  await machines.remove(machine.spec.id);
  expect(existsSync(join(machine.root, ".."))).toBe(false);
  await machine.again();
  await machine.shows(/boots;(.|\n)*boots;(.|\n)*listening/);
  expect(readFileSync(join(machine.root, "var/lib/boots"), "utf8")).toBe("x");
});

test.each([
  ["200 is healthy", "HTTP", "/", 5000, "HEALTHY"],
  ["204 is not 200 and not healthy", "HTTP", "/204", 5000, "UNHEALTHY"],
  ["a redirect is not followed and not healthy", "HTTP", "/302", 5000, "UNHEALTHY"],
  ["503 is unhealthy", "HTTP", "/503", 5000, "UNHEALTHY"],
  ["silence times out", "HTTP", "/silent", 200, "TIMEOUT"],
  ["a connection is enough for TCP", "TCP", "", 5000, "HEALTHY"],
] as const)("probe: %s", async (_, type, requestPath, timeoutMs, result) => {
  const { machines, boot } = bench();
  const machine = await boot({
    "srv/web.js": SERVER,
    "etc/systemd/system/web.service": unit("ExecStart=node /srv/web.js"),
  });
  await machine.shows("listening");
  expect(await machines.probe(machine.spec.id, { type, port: 8080, requestPath, timeoutMs })).toBe(result);
});

test("probe: a machine that is off times out", async () => {
  const { machines } = bench();
  expect(await machines.probe("1", { type: "TCP", port: 8080, requestPath: "", timeoutMs: 5 })).toBe("TIMEOUT");
});
