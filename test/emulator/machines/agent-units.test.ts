import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { buildAgentInto } from "../../agent/machine.ts";
import { bench, programsOf } from "./bench.ts";
import { SERVER, unit } from "./image.ts";

const folder = mkdtempSync(join(tmpdir(), "moult-agent-"));
buildAgentInto(folder);
const agent = join(folder, "moult-agent.cjs");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const soon = { timeout: 15_000, interval: 20 };
const manifest = (parts: Record<string, unknown>) => JSON.stringify({ manifest: 1, ...parts });

test("units that the agent places start in the same boot and in later ones, with their environment and credentials", async () => {
  const { boot, machines } = bench(agent);
  const machine = await boot({
    "srv/web.js": SERVER,
    "etc/key": "k e y\n",
    "usr/lib/moult/manifest.json": manifest({
      environment: { COLOR: 'dark "blue" $1', NAME: "{{ instance.name }}" },
      units: [
        {
          name: "web.service",
          content: "[Service]\nExecStart=/usr/bin/node /srv/web.js --key=%d/key\n",
          wantedBy: "multi-user.target",
          environment: { SIZE: "{{ network.ip }}" },
          credentials: { key: { image: "/etc/key" } },
        },
      ],
      ready: { tcp: "{{ network.ip }}:8080", within: "20s" },
    }),
  });
  await machine.shows("ready: web.service answers on tcp");
  const { env, argv } = await machine.get();
  expect(env).toMatchObject({ COLOR: 'dark "blue" $1', NAME: machine.spec.name, SIZE: machine.spec.ip });
  expect(env.CREDENTIALS_DIRECTORY).toBe(join(machine.root, "run/credentials/web.service"));
  expect(argv[2]).toBe(`--key=${env.CREDENTIALS_DIRECTORY}/key`);
  expect(readdirSync(join(machine.root, "run/credentials/web.service"))).toEqual(["key"]);
  await machines.stop(machine.spec.id, 10_000);
  expect(readdirSync(join(machine.root, "run/credentials"))).toEqual([]);
  await machine.again();
  await vi.waitFor(() => expect(machine.serial().match(/answers on tcp/g)).toHaveLength(2), soon);
  expect((await machine.get()).env.SIZE).toBe(machine.spec.ip);
});

test("a placed unit that systemd would not take ends the boot before anything starts", async () => {
  const machine = await bench(agent).boot({
    "usr/lib/moult/manifest.json": manifest({
      units: [{ name: "web.service", content: "[Service]\nUser=root\n", wantedBy: "multi-user.target" }],
    }),
  });
  await machine.shows("failed units-failed: systemd does not load them: Id=web.service, LoadState=bad-setting");
  await machine.shows("moult-agent.service: failed");
});

test("a data disk is formatted, mounted before what needs it, and kept over a reboot", async () => {
  const { boot, machines } = bench(agent);
  const machine = await boot(
    {
      "srv/count":
        '#!/bin/sh\necho x >> "$INSTANCE_ROOT/var/lib/web/data/boots"\necho "boots: $(wc -l < "$INSTANCE_ROOT/var/lib/web/data/boots")"\n',
      "etc/systemd/system/count.service": unit(
        "Type=oneshot\nExecStart=/srv/count",
        "Requires=moult-agent.service\nAfter=moult-agent.service",
      ),
      "usr/lib/moult/manifest.json": manifest({
        disks: [{ device: "data", mount: "/var/lib/web", options: ["noatime"] }],
        directories: [{ path: "/var/lib/web/data", mode: "0750" }],
        units: ["count.service"],
      }),
    },
    { disks: [{ device: "data", sizeGb: 10 }] },
  );
  await machine.shows("boots: 1");
  const serial = machine.serial();
  expect(serial).toContain("disks: ext4 is made on data, which is blank");
  expect(serial.indexOf("var-lib-web.mount: mounted at /var/lib/web")).toBeLessThan(serial.indexOf("boots: 1"));
  await machines.stop(machine.spec.id, 10_000);
  await machine.again();
  await machine.shows("boots: 2");
  expect(machine.serial().match(/ext4 is made/g)).toHaveLength(1);
});

test("a disk that is not attached keeps the machine from starting", async () => {
  const machine = await bench(agent).boot({
    "usr/lib/moult/manifest.json": manifest({ disks: [{ device: "data", mount: "/var/lib/web", within: "1s" }] }),
  });
  await machine.shows("failed disk-missing: The disk data was not attached within its time");
});

test("drift is found by the timer, told, and stops the units", async () => {
  const { boot, folder: machinesFolder } = bench(agent);
  const machine = await boot(
    {
      "srv/web.js": SERVER,
      "etc/systemd/system/web.service": unit(
        "ExecStart=/usr/bin/node /srv/web.js",
        "Requires=moult-agent.service\nAfter=moult-agent.service",
      ),
      "usr/lib/systemd/system/moult-verify.timer": "[Timer]\nOnActiveSec=1h\nOnUnitActiveSec=1h\n",
      "usr/lib/moult/manifest.json": manifest({
        files: [{ path: "/etc/web.conf", content: "one" }],
        units: ["web.service"],
        drift: { every: "1s", do: "stop" },
      }),
    },
    { metadata: { "enable-guest-attributes": "TRUE" } },
  );
  await machine.shows("listening");
  await machine.shows("moult-verify[");
  await machine.shows("the seal holds");
  expect(programsOf(machinesFolder).join()).toContain("web.js");
  writeFileSync(join(machine.root, "etc/web.conf"), "two");
  await machine.shows("/etc/web.conf differs: content");
  await machine.shows("web.service: ended, SIGTERM");
  await vi.waitFor(
    () => expect(machine.spec.guestAttributes.get("moult/drift")).toContain('"verdict":"drifted"'),
    soon,
  );
});

test("systemctl knows the verbs that are used, and refuses others by name", async () => {
  const machine = await bench().boot({
    "srv/all":
      "#!/bin/sh\nsystemctl is-active main.service idle.service\necho active $?\nsystemctl start idle.service\necho start $?\n" +
      "systemctl is-active idle.service\nsystemctl start none.service\necho none $?\nsystemctl start bad.service\necho bad $?\n" +
      "systemctl show -p ActiveState,Result bad.service none.service\nsystemctl stop idle.service; systemctl is-active idle.service\n" +
      "systemctl start idle.service; systemctl is-active idle.service\n" +
      "cp $INSTANCE_ROOT/srv/late.service $INSTANCE_ROOT/etc/systemd/system\nsystemctl start late.service\necho early $?\n" +
      "systemctl daemon-reload\nsystemctl start --no-block late.service\necho late $?\nsystemctl mask x.service\necho end\n",
    "srv/late.service": "[Service]\nType=oneshot\nExecStart=/bin/echo it is late\n",
    "etc/systemd/system/idle.service": "[Service]\nExecStart=/bin/sleep 60\n",
    "etc/systemd/system/bad.service": "[Service]\nType=oneshot\nExecStart=/bin/false\n",
    "etc/systemd/system/main.service": unit("Type=oneshot\nExecStart=/srv/all"),
  });
  await machine.shows("]: end");
  await machine.shows("it is late");
  const said = [...machine.serial().matchAll(/^main\[\d+\]: (.*)$/gm)].map(([, line]) => line);
  expect(said).toEqual([
    "activating",
    "inactive",
    "active 3",
    "start 0",
    "active",
    "Failed to start none.service: Unit none.service not found.",
    "none 5",
    "Job for bad.service failed.",
    "bad 1",
    "ActiveState=failed",
    "Result=exit-code",
    "",
    "ActiveState=inactive",
    "Result=success",
    "inactive",
    "active",
    "Failed to start late.service: Unit late.service not found.",
    "early 5",
    "late 0",
    "systemctl mask is not in this emulator",
    "end",
  ]);
});

test("credentials: what has a path must be there, what has none may be missing, given ones are given", async () => {
  const machine = await bench().boot({
    "srv/show":
      '#!/bin/sh\ncd "$CREDENTIALS_DIRECTORY"; for name in *; do echo "$name=$(cat "$name")"; done; stat -c %a "$PWD"\n',
    "etc/credstore/stored": "from the store",
    "etc/a": "from a path",
    "etc/systemd/system/a.service": unit(
      "Type=oneshot\nExecStart=/srv/show\nLoadCredential=a:/etc/a\nLoadCredential=stored\nLoadCredential=none\nSetCredential=b:x:y",
    ),
    "etc/systemd/system/b.service": unit("Type=oneshot\nExecStart=/srv/show\nLoadCredential=a:/etc/none"),
  });
  await machine.shows("a.service: finished");
  await machine.shows("b.service: failed: its credential a is not at /etc/none");
  expect([...machine.serial().matchAll(/^a\[\d+\]: (.*)$/gm)].map(([, line]) => line)).toEqual([
    "a=from a path",
    "b=x:y",
    "stored=from the store",
    "500",
  ]);
});
