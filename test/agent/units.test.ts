import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeCloud, startCloud } from "./cloud.ts";
import { Machine } from "./machine.ts";

let cloud: FakeCloud;
let machine: Machine;

/** A systemctl that writes down what it is told; `$SCRIPT` in the root says what it answers. */
const systemctl = (root: string) => `#!/bin/sh
echo "$*" >> '${root}/asked'
[ -f '${root}/answers' ] && . '${root}/answers'
case $1 in
  show) shift 3; for unit; do printf 'Id=%s\\nLoadState=loaded\\n\\n' "$unit"; done ;;
  is-active) shift; for unit; do echo active; done ;;
esac
`;

beforeEach(async () => {
  cloud = await startCloud();
  machine = new Machine(cloud);
  machine.write("/run/systemd/system/.keep", "");
  machine.write("/bin/systemctl", systemctl(machine.root), 0o755);
  machine.write("/bin/systemd-notify", `#!/bin/sh\necho "notify $*" >> '${machine.root}/asked'\n`, 0o755);
  machine.env = { PATH: `${machine.root}/bin:${process.env.PATH}`, NOTIFY_SOCKET: "/there" };
});
afterEach(async () => {
  await cloud.close();
  machine.remove();
});

const asked = () => {
  const file = `${machine.root}/asked`;
  const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  rmSync(file, { force: true });
  return lines;
};
const web = { name: "web.service", content: "[Service]\nExecStart=/bin/true\n", wantedBy: "multi-user.target" };

test("systemd reads what was placed before READY; what is new to it starts after that, and only in the boot that sealed", async () => {
  machine.bake({ manifest: 1, units: [web] });
  expect((await machine.boot()).last).toMatch(/^moult-agent: ready: /);
  expect(asked()).toEqual([
    "daemon-reload",
    "show -p Id,LoadState web.service",
    "notify --ready",
    "start --no-block web.service",
  ]);
  expect((await machine.boot()).exit).toBe(0);
  expect(asked()).toEqual(["notify --ready"]);
});

test("nothing is asked of systemd when nothing was placed that concerns it", async () => {
  machine.write("/usr/lib/systemd/system/web.service", "[Unit]\n");
  machine.bake({ manifest: 1, units: ["web.service"], files: [{ path: "/etc/a", content: "a" }] });
  expect((await machine.boot()).exit).toBe(0);
  expect(asked()).toEqual(["notify --ready"]);
});

test("nothing is asked where systemd does not run", async () => {
  rmSync(`${machine.root}/run/systemd`, { recursive: true });
  machine.bake({ manifest: 1, units: [web] });
  expect((await machine.boot()).exit).toBe(0);
  expect(asked()).toEqual(["notify --ready"]);
});

test("an agent that was killed after the seal settles when it is run again in the same boot of the kernel, and after a reboot", async () => {
  machine.bake({ manifest: 1, units: [web] });
  machine.write("/answers", '[ "$1" = daemon-reload ] && kill -9 $PPID\n');
  await machine.boot();
  expect(asked()).toEqual(["daemon-reload"]);
  expect(existsSync(`${machine.root}/var/lib/moult/seal.json`)).toBe(true);
  rmSync(`${machine.root}/answers`);
  expect((await machine.boot()).exit).toBe(0);
  expect(asked()).toContain("daemon-reload");

  const second = new Machine(cloud);
  const first = machine;
  machine = second;
  cpSync(first.root, second.root, { recursive: true });
  first.remove();
  rmSync(`${second.root}/var/lib/moult`, { recursive: true });
  second.env = { ...first.env, PATH: `${second.root}/bin:${process.env.PATH}` };
  second.write("/bin/systemctl", systemctl(second.root), 0o755);
  second.write("/answers", '[ "$1" = daemon-reload ] && kill -9 $PPID\n');
  await second.boot();
  second.loseMemory();
  rmSync(`${second.root}/answers`);
  second.write("/run/systemd/system/.keep", "");
  asked();
  expect((await second.boot()).exit).toBe(0);
  expect(asked()).toContain("daemon-reload");
  expect((await second.boot()).exit).toBe(0);
  expect(asked()).not.toContain("daemon-reload");
});

test.each<[sentence: string, answers: string, says: string, ready: boolean]>([
  [
    "does not read what was placed",
    '[ "$1" = daemon-reload ] && { echo "Failed to reload daemon: no" >&2; exit 1; }',
    "systemctl daemon-reload: Failed to reload daemon: no",
    false,
  ],
  [
    "does not load a unit",
    '[ "$1" = show ] && { printf "Id=web.service\\nLoadState=bad-setting\\n"; exit 0; }',
    "systemd does not load them: Id=web.service, LoadState=bad-setting",
    false,
  ],
  [
    "does not take a unit to start",
    '[ "$1" = start ] && { echo "Failed to start web.service: no" >&2; exit 1; }',
    "systemctl start: Failed to start web.service: no",
    true,
  ],
])("the boot fails when systemd %s", async (_, answers, says, ready) => {
  machine.bake({ manifest: 1, units: [web] });
  machine.write("/answers", `${answers}\n`);
  const run = await machine.boot();
  expect(run).toMatchObject({ exit: 13, last: `moult-agent: failed units-failed: ${says}` });
  expect(asked().includes("notify --ready")).toBe(ready);
});

test("logs that nobody ships are said, and cost nothing else", async () => {
  machine.write("/usr/lib/systemd/system/shipper.service", "[Unit]\n");
  machine.write("/usr/lib/systemd/system/other.service", "[Unit]\n");
  machine.bake({
    manifest: 1,
    logs: [
      { unit: "other.service", paths: ["/var/log/a"] },
      { unit: "shipper.service", paths: ["/var/log/b"] },
    ],
  });
  machine.write("/answers", '[ "$1" = is-active ] && { printf "activating\\nfailed\\n"; exit 3; }\n');
  const run = await machine.boot();
  expect(run.exit).toBe(0);
  expect(run.stdout).toContain("logs: shipper.service, which is to ship them, does not run");
  expect(run.stdout).not.toContain("other.service, which");
});

test("environment and credentials are in memory only, and made again after a reboot, also without the metadata server", async () => {
  machine.bake(
    {
      manifest: 1,
      environment: { COLOR: "blue", NAME: "{{ instance.name }}" },
      units: [{ ...web, credentials: { key: { content: "k" }, copy: { source: "copy" } } }],
    },
    { copy: "c" },
  );
  expect((await machine.boot()).exit).toBe(0);
  const check = () => {
    expect(machine.read("/run/moult/environment/web.service")).toBe('COLOR="blue"\nNAME="web-b7kq"\n');
    expect(machine.mode("/run/moult/environment/web.service")).toBe("0400");
    expect(machine.read("/run/moult/credentials/web.service/key")).toBe("k");
    expect(machine.read("/run/moult/credentials/web.service/copy")).toBe("c");
  };
  check();
  const dropIn = machine.read("/etc/systemd/system/web.service.d/50-moult.conf");
  expect(dropIn).toContain("EnvironmentFile=/run/moult/environment/web.service\n");
  expect(dropIn).toContain("LoadCredential=key:/run/moult/credentials/web.service/key\n");
  machine.loseMemory();
  cloud.instance.name = "renamed";
  machine.write("/usr/lib/moult/files/copy", "changed");
  expect((await machine.boot()).exit).toBe(0);
  check();
  machine.loseMemory();
  cloud.interfere = (_request, response) => {
    response.destroy();
    return true;
  };
  expect((await machine.boot("--deadline", "1.5")).last).toMatch(/^moult-agent: unverified: /);
  check();
});

const analyze = spawnSync("systemd-analyze", ["--version"]).status === 0;
if (!analyze) console.log("unit files are not checked: there is no systemd-analyze");

describe.skipIf(!analyze)("systemd-analyze verify finds nothing", () => {
  /** Programs and units that the ones under test name, so that only what is wrong in them is found. */
  const around = (root: string) => {
    for (const file of ["/usr/bin/node", "/bin/true"]) {
      mkdirSync(join(root, file, ".."), { recursive: true });
      writeFileSync(root + file, "", { mode: 0o755 });
    }
    const units = join(root, "etc/systemd/system");
    cpSync(new URL("../../infra/systemd", import.meta.url).pathname, units, { recursive: true });
    return units;
  };
  const found = (units: string, names: string[]) => {
    const { stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", ...names.map((name) => join(units, name))], {
      encoding: "utf8",
      env: { PATH: process.env.PATH ?? "", SYSTEMD_UNIT_PATH: `${units}:` },
    });
    return stderr.split("\n").filter((line) => line.includes(units) || /moult-|web\.|var-lib/.test(line));
  };

  test("in the units of the image", () => {
    const root = mkdtempSync(join(tmpdir(), "moult-units-"));
    const units = around(root);
    // Without the agent's own Node here, its absence is all there may be.
    const lines = found(units, ["moult-agent.service", "moult-verify.service", "moult-verify.timer"]);
    expect(lines.filter((line) => !line.includes("is not executable"))).toEqual([]);
    rmSync(root, { recursive: true });
  });

  test("in what a manifest turns into", async () => {
    cpSync(new URL("../../infra/systemd", import.meta.url).pathname, `${machine.root}/usr/lib/systemd/system`, {
      recursive: true,
    });
    machine.bake({
      manifest: 1,
      environment: { A: "b" },
      units: [{ ...web, credentials: { key: { content: "k" } } }],
      drift: { every: "90s" },
    });
    expect((await machine.boot()).exit).toBe(0);
    const units = `${machine.root}/etc/systemd/system`;
    cpSync(`${machine.root}/usr/lib/systemd/system`, units, { recursive: true });
    const lines = found(units, ["web.service", "moult-verify.timer"]);
    expect(lines.filter((line) => !line.includes("is not executable"))).toEqual([]);
  });
});
