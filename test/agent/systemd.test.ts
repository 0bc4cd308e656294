import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeCloud, startCloud } from "./cloud.ts";
import { builtAgent } from "./machine.ts";
import { Container, obstacle } from "./systemd/container.ts";

const why = obstacle();
if (why) console.log(`systemd.test.ts is skipped: ${why}`);

const version = "projects/acme/secrets/db/versions/3";
const payload = "s3cret payload $HOME \"'\\";

let cloud: FakeCloud;
let machine: Container;

const application = `#!/bin/sh
{ echo "color=$COLOR"; echo "password=$PASSWORD"; echo "key=$(cat "$CREDENTIALS_DIRECTORY/key")"; } > /run/web-saw
touch /run/web-up
`;

/** In the image: enabled, and requires the agent, as infra/README.md says. */
const web = `[Unit]
Requires=moult-agent.service
After=moult-agent.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/web
[Install]
WantedBy=multi-user.target
`;

function bakeApplication(): void {
  machine.write("/usr/bin/web", application, 0o755);
  machine.write("/usr/lib/systemd/system/web.service", web);
  machine.link("/etc/systemd/system/multi-user.target.wants/web.service", "/usr/lib/systemd/system/web.service");
}

const bake = (manifest: object) =>
  machine.write("/usr/lib/moult/manifest.json", JSON.stringify({ manifest: 1, ...manifest }));

const described = (disk: boolean) => ({
  host: { name: "{{ instance.name }}" },
  environment: { COLOR: "blue", PASSWORD: "{{ secrets.db }}" },
  files: [
    { path: "/etc/web/db.key", secret: "db" },
    { path: "/etc/web/motd", content: "hello {{ instance.name }}\n" },
  ],
  units: [
    { name: "web.service", credentials: { key: { secret: "db" } } },
    {
      name: "worker.service",
      content: "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/touch /run/worker-up\n",
      wantedBy: "multi-user.target",
    },
    { name: "tidy.timer", content: "[Timer]\nOnActiveSec=1h\nUnit=worker.service\n", wantedBy: "timers.target" },
  ],
  ...(disk && { disks: [{ device: "web-data", mount: "/srv/web", options: ["noatime"] }] }),
  ready: { command: ["/usr/bin/test", "-e", "/run/web-up"], within: "15s" },
  drift: { every: "7m", do: "stop" },
  secrets: { db: version },
});

const saw = `color=blue\npassword=${payload}\nkey=${payload}\n`;
const journal = () => machine.run("journalctl", "--no-pager", "-o", "cat", "-u", "moult-agent").out;
const access = () => cloud.requests.filter(({ path }) => path.includes(":access")).length;

/** Secret Manager answers nobody until told so. */
function holdSecrets(): () => void {
  const held: (() => void)[] = [];
  cloud.interfere = (_request, response, path) => {
    if (path.includes(":access")) held.push(() => response.writeHead(503).end());
    return path.includes(":access");
  };
  return () => {
    cloud.interfere = () => false;
    for (const answer of held) answer();
  };
}

/** From power on to the end of the agent, with a look at what has not started while no secret comes. */
async function bootWatched(): Promise<void> {
  const asked = access();
  const release = holdSecrets();
  await machine.start();
  await machine.until("the secret is asked for", () => access() > asked);
  expect(machine.active("moult-agent")).toBe("activating");
  expect(machine.active("web")).toBe("inactive");
  expect(machine.run("systemctl", "list-jobs").out).toMatch(/web\.service +start +waiting/);
  expect(machine.run("find", "/run/moult", "-type", "f").out).toBe("");
  release();
  expect(await machine.booted()).toBe("running");
  await machine.until("the agent ends", () => machine.show("moult-agent", "SubState").SubState === "exited");
  await machine.until("the worker has started", () => machine.active("worker") === "active");
}

/** What is so after every good boot, the first and the second. */
function requireServing(disk: boolean): void {
  expect(journal()).toMatch(/moult-agent: ready: web\.service, worker\.service, tidy\.timer answers? on command /);
  expect(readFileSync(machine.console, "latin1")).toContain("moult-agent: ready: web.service");
  expect(machine.run("cat", "/run/web-saw").out).toContain(saw.trimEnd());
  expect(machine.run("cat", "/etc/web/db.key").out).toBe(payload);
  expect(machine.run("findmnt", "-no", "FSTYPE,OPTIONS", "/run/moult").out).toMatch(/^ramfs +rw,nosuid,nodev,noexec/);
  const agent = machine.show("moult-agent", "ActiveEnterTimestampMonotonic", "ExecMainExitTimestampMonotonic");
  const web = machine.show("web", "ExecMainStartTimestampMonotonic");
  // After READY=1, and while the agent still asked whether it answers.
  const started = Number(web.ExecMainStartTimestampMonotonic);
  expect(started).toBeGreaterThanOrEqual(Number(agent.ActiveEnterTimestampMonotonic));
  expect(started).toBeLessThan(Number(agent.ExecMainExitTimestampMonotonic));
  expect(machine.active("worker")).toBe("active");
  expect(machine.active("tidy.timer")).toBe("active");
  const timer = machine.show("moult-verify.timer", "ActiveState", "TimersMonotonic");
  expect(timer.ActiveState).toBe("active");
  expect(machine.run("systemctl", "show", "-p", "TimersMonotonic", "moult-verify.timer").out).toMatch(
    /^TimersMonotonic=\{ OnUnitActiveUSec=7min ;[^}]*\}\nTimersMonotonic=\{ OnActiveUSec=7min ;[^}]*\}$|^TimersMonotonic=\{ OnActiveUSec=7min ;[^}]*\}\nTimersMonotonic=\{ OnUnitActiveUSec=7min ;[^}]*\}$/,
  );
  if (!disk) return;
  expect(machine.run("findmnt", "-no", "FSTYPE,OPTIONS", "/srv/web").out).toMatch(/^ext4 +rw,noatime/);
  const mounted = machine.show("srv-web.mount", "ActiveEnterTimestampMonotonic").ActiveEnterTimestampMonotonic;
  expect(Number(mounted)).toBeLessThan(started);
}

describe.skipIf(why !== undefined)("with the real systemd", () => {
  beforeEach(async () => {
    cloud = await startCloud();
    cloud.secrets.set(version, Buffer.from(payload));
    machine = new Container(cloud, dirname(builtAgent()));
    bakeApplication();
  });
  afterEach(async () => {
    await machine.remove();
    await cloud.close();
  });

  test("a machine is made, serves, is rebooted, drifts, and does not start once it was changed", {
    timeout: 60_000,
  }, async () => {
    const noDisk = machine.attachDisk();
    if (noDisk) console.log(`without a data disk: ${noDisk}`);
    bake(described(!noDisk));

    await bootWatched();
    requireServing(!noDisk);
    const verified = ["moult-agent.service", "moult-verify.timer", "web.service", "worker.service", "tidy.timer"];
    expect(machine.run("systemd-analyze", "verify", ...verified)).toEqual({ status: 0, out: "" });
    expect(machine.run("journalctl", "--no-pager", "-o", "cat", "-t", "systemd", "-p", "warning").out).toMatch(
      /^(-- No entries --)?$/,
    );
    const lint = machine.run("moult-agent", "lint").out;
    expect(lint).toContain("error sealed");
    expect(lint).not.toMatch(
      /agent-not-enabled|starts-without-agent|unit-missing|(error|warning) (node|systemd|run-on-disk)/,
    );
    expect(machine.run("moult-agent", "status").out).toContain(`secret db = ${version}`);
    if (!noDisk) machine.run("sh", "-c", "echo kept > /srv/web/kept");

    await machine.stop();
    expect(machine.persistent()).not.toContain(payload);
    await bootWatched();
    requireServing(!noDisk);
    expect(machine.run("hostname").out).toBe(cloud.instance.name);
    if (!noDisk) expect(machine.run("cat", "/srv/web/kept").out).toBe("kept");

    const verify = async () => {
      await machine.finish("systemctl", "start", "moult-verify");
      return machine.show("moult-verify", "ExecMainStatus", "Result");
    };
    expect(await verify()).toEqual({ ExecMainStatus: "0", Result: "success" });
    expect(machine.active("web")).toBe("active");
    machine.run("sh", "-c", "chattr -f -i /etc/web/motd; echo changed > /etc/web/motd");
    expect(await verify()).toEqual({ ExecMainStatus: "14", Result: "exit-code" });
    expect(cloud.guestAttributes.get("moult/drift")).toContain("/etc/web/motd");
    expect(["web", "worker", "tidy.timer"].map((unit) => machine.active(unit))).toEqual([
      "inactive",
      "inactive",
      "inactive",
    ]);

    await machine.stop("power cut");
    await machine.start();
    await machine.booted();
    expect(machine.run("systemctl", "is-failed", "moult-agent").out).toBe("failed");
    expect(machine.show("moult-agent", "ExecMainStatus").ExecMainStatus).toBe("14");
    expect(["web", "worker"].map((unit) => machine.active(unit))).toEqual(["inactive", "inactive"]);
    expect(machine.run("find", "/run/moult", "-type", "f").out).toBe("");
  });

  test("a boot that fails starts nothing, and the console ends with its reason", { timeout: 60_000 }, async () => {
    bake({ ...described(false), surprise: true });
    await machine.start();
    expect(await machine.booted()).toBe("degraded");
    expect(machine.run("systemctl", "is-failed", "moult-agent").out).toBe("failed");
    expect(machine.show("moult-agent", "ExecMainStatus").ExecMainStatus).toBe("10");
    expect(machine.active("web")).toBe("inactive");
    expect(machine.run("journalctl", "--no-pager", "-o", "cat").out).toContain("Dependency failed for web.service");
    expect(readFileSync(machine.console, "latin1")).toMatch(/moult-agent: failed manifest-invalid: /);
    expect(machine.run("test", "-e", "/run/web-up").status).toBe(1);
    expect(existsSync(`${machine.image}/var/lib/moult/seal.json`)).toBe(false);

    // By hand, as infra/README.md says: the cause is corrected, and both are started.
    bake({ ...described(false), units: ["web.service"], environment: {}, drift: undefined });
    await machine.finish("systemctl", "start", "moult-agent", "web");
    expect(["moult-agent", "web"].map((unit) => machine.active(unit))).toEqual(["active", "active"]);
    expect(machine.run("systemctl", "stop", "moult-agent").out).toMatch(/refused/);
  });

  test("units that systemd does not take fail the boot before anything starts, and so does the next one", {
    timeout: 60_000,
  }, async () => {
    bake({
      units: [
        "web.service",
        { name: "worker.service", content: "[Service]\nType=oneshot\n", wantedBy: "multi-user.target" },
      ],
    });
    for (const boot of ["the first", "the second"]) {
      await machine.start();
      await machine.booted();
      expect([boot, machine.show("moult-agent", "ExecMainStatus").ExecMainStatus]).toEqual([boot, "13"]);
      expect(journal()).toContain(
        "failed units-failed: systemd does not load them: Id=worker.service, LoadState=bad-setting",
      );
      expect(machine.active("web")).toBe("inactive");
      await machine.stop();
    }
  });
});
