import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { bench, programsOf } from "./bench.ts";
import { image, unit } from "./image.ts";

const at = "etc/systemd/system";
const soon = { timeout: 10_000, interval: 10 };

/** Deaf to everything but SIGKILL. Says when it is. */
const DEAF = "#!/bin/sh\ntrap '' TERM INT HUP\necho deaf\nwhile :; do sleep 1; done\n";

test("a unit is asked to end, in its own way, and waited for", async () => {
  const { machines, boot } = bench();
  const machine = await boot({
    "srv/polite": `#!/bin/sh\ntrap 'sleep 0.2; echo bye > "$INSTANCE_ROOT/bye"; exit 0' INT\necho ready\nwhile :; do sleep 0.05; done\n`,
    [`${at}/polite.service`]: unit("ExecStart=/srv/polite\nKillSignal=SIGINT"),
  });
  await machine.shows("polite[");
  await machine.shows(": ready");
  await machines.stop(machine.spec.id, 10_000);
  expect(readFileSync(join(machine.root, "bye"), "utf8")).toBe("bye\n");
  expect(machine.serial()).toContain("polite.service: ended, exit code 0");
});

test("what needs a unit stops before it", async () => {
  const { machines, boot } = bench();
  const script = (name: string) =>
    `#!/bin/sh\ntrap 'sleep 0.1; echo stopped ${name}; exit 0' TERM\necho up ${name}\nwhile :; do sleep 0.05; done\n`;
  const machine = await boot({
    "srv/db": script("db"),
    "srv/web": script("web"),
    [`${at}/db.service`]: unit("ExecStart=/srv/db"),
    [`${at}/web.service`]: unit("ExecStart=/srv/web", "After=db.service"),
  });
  await machine.shows("up db");
  await machine.shows("up web");
  await machines.stop(machine.spec.id, 10_000);
  await machine.shows("stopped db");
  expect([...machine.serial().matchAll(/stopped (\w+)/g)].map(([, name]) => name)).toEqual(["web", "db"]);
});

test.each<[sentence: string, directives: string, graceMs: number]>([
  ["after the grace the instance has", "TimeoutStopSec=1min", 300],
  ["after the time the unit has", "TimeoutStopSec=300ms", 60_000],
])("a deaf unit is killed %s", async (_, directives, graceMs) => {
  const { folder, machines, boot } = bench();
  const machine = await boot({ "srv/deaf": DEAF, [`${at}/deaf.service`]: unit(`ExecStart=/srv/deaf\n${directives}`) });
  await machine.shows("]: deaf");
  const from = performance.now();
  await machines.stop(machine.spec.id, graceMs);
  expect(performance.now() - from).toBeGreaterThanOrEqual(290);
  await vi.waitFor(() => expect(programsOf(folder)).toEqual([]), soon);
  await machine.shows("deaf.service: ended, SIGKILL");
});

test("children of a unit that ended go with it", async () => {
  const { folder, machines, boot } = bench();
  const machine = await boot({
    "srv/deaf": DEAF,
    "srv/parent": `#!/bin/sh\n"$INSTANCE_ROOT/srv/deaf" &\ntrap 'exit 0' TERM\nwhile :; do sleep 0.05; done\n`,
    [`${at}/parent.service`]: unit("ExecStart=/srv/parent"),
  });
  await machine.shows("]: deaf");
  await machines.stop(machine.spec.id, 300);
  await vi.waitFor(() => expect(programsOf(folder)).toEqual([]), soon);
});

test.runIf(process.platform === "linux")("daemons that left their session are found by their mark", async () => {
  const { folder, machines, boot } = bench();
  const machine = await boot({
    "srv/deaf": DEAF,
    "srv/launch.js":
      'require("node:child_process").spawn(process.env.INSTANCE_ROOT + "/srv/deaf", { detached: true, stdio: "inherit" }).unref();',
    [`${at}/daemon.service`]: unit("Type=oneshot\nExecStart=node /srv/launch.js"),
  });
  await machine.shows("daemon.service: finished");
  await machine.shows("]: deaf");
  expect(programsOf(folder).join()).toContain("srv/deaf");
  await machines.stop(machine.spec.id, 300);
  await vi.waitFor(() => expect(programsOf(folder)).toEqual([]), soon);
});

test("a stop does not wait for a restart, and nothing restarts after it", async () => {
  const { folder, machines, boot } = bench();
  const machine = await boot({
    [`${at}/loop.service`]: unit("ExecStart=/bin/sleep 60\nRestart=always\nRestartSec=1ms"),
  });
  await machine.shows("loop.service: started");
  await machines.stop(machine.spec.id, 5000);
  await machine.shows("loop.service: ended, SIGTERM");
  expect(machine.serial().match(/loop\.service: started/g)).toHaveLength(1);
  await vi.waitFor(() => expect(programsOf(folder)).toEqual([]), soon);
});

test("an agent that hangs is stopped with its machine", async () => {
  const folder = mkdtempSync(join(tmpdir(), "moult-agent-"));
  const agent = join(folder, "agent.cjs");
  writeFileSync(agent, "process.on('SIGTERM', () => {}); console.log('hangs'); setInterval(() => {}, 1000);");
  const { folder: machinesFolder, machines, boot } = bench(agent);
  const machine = await boot({ "usr/lib/moult/manifest.json": "{}" });
  await machine.shows("hangs");
  await machines.stop(machine.spec.id, 200);
  expect(programsOf(machinesFolder)).toEqual([]);
  rmSync(folder, { recursive: true });
});

test("close cuts a stop under way short", async () => {
  const { folder, machines, boot } = bench();
  const machine = await boot({ "srv/deaf": DEAF, [`${at}/deaf.service`]: unit("ExecStart=/srv/deaf") });
  await machine.shows("]: deaf");
  const stopped = machines.stop(machine.spec.id, 3_600_000);
  await machines.close();
  await stopped;
  await vi.waitFor(() => expect(programsOf(folder)).toEqual([]), soon);
});

test.each<NodeJS.Signals>(["SIGKILL", "SIGTERM", "SIGINT"])(
  "nothing outlives an emulator that ends by %s",
  async (signal) => {
    const folder = mkdtempSync(join(tmpdir(), "moult-crash-"));
    try {
      writeFileSync(
        join(folder, "image.tar.gz"),
        await image({
          "srv/deaf": DEAF,
          "srv/launch.js":
            'require("node:child_process").spawn(process.env.INSTANCE_ROOT + "/srv/deaf", { detached: true, stdio: "inherit" });',
          [`${at}/deaf.service`]: unit("ExecStart=/srv/deaf"),
          [`${at}/daemon.service`]: unit("ExecStart=node /srv/launch.js"),
        }),
      );
      const emulator = spawn(process.execPath, [join(import.meta.dirname, "emulator.ts"), folder], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let printed = "";
      emulator.stdout.on("data", (chunk) => {
        printed += chunk;
      });
      await vi.waitFor(() => expect(printed.match(/: deaf/g)).toHaveLength(2), soon);
      if (process.platform === "linux") expect(programsOf(folder).join()).toContain("srv/deaf");
      emulator.kill(signal);
      await once(emulator, "exit");
      await vi.waitFor(() => expect(programsOf(folder)).toEqual([]), soon);
      expect(existsSync(join(folder, "instances"))).toBe(true);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
