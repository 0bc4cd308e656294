import { lstatSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type FakeCloud, startCloud } from "../../agent/cloud.ts";
import { Machine } from "../../agent/machine.ts";
import { type } from "../screen.ts";
import { lay, textsBelow } from "./foreign.ts";

let cloud: FakeCloud;
let machine: Machine;

beforeEach(async () => {
  cloud = await startCloud();
  machine = new Machine(cloud);
  machine.write("/etc/passwd", "root:x:0:0::/:/bin/sh\nnova:x:42436:42400::/var/lib/nova:/bin/sh\n");
  machine.write("/etc/group", "root:x:0:\nnova:x:42436:\nkolla:x:42400:\n");
});
afterEach(async () => {
  await cloud.close();
  machine.remove();
});

// Files are given to others, which only root can do.
const asRoot = it.skipIf(process.getuid?.() !== 0);

/** Translates, writes, checks and compiles, and boots a machine with what came out. @returns the exit code of the translation. */
async function boot(format: "kolla" | "ignition", file: string): Promise<number> {
  const into = join(lay({}), "out");
  const { code } = await type(["manifest", "check", file, "--from", format, "--into", into]);
  const compiled = await type(["manifest", "compile", join(into, "manifest.yaml")]);
  expect(compiled).toMatchObject({ code: 0, err: "" });
  const sources = Object.entries(textsBelow(into)).flatMap(([name, text]): [string, string][] =>
    name.startsWith("files/") ? [[name.slice("files/".length), text]] : [],
  );
  machine.bake(compiled.out, Object.fromEntries(sources));
  const run = await machine.boot();
  expect(`${run.exit} ${run.last} ${run.stderr}`).toMatch(/^0 moult-agent: ready: /);
  return code;
}

function rights(path: string): string {
  const { uid, gid } = lstatSync(machine.root + path);
  return `${uid}:${gid} ${machine.mode(path)}`;
}

asRoot("what Ignition would have made is made by an agent", async () => {
  const config = {
    ignition: { version: "3.4.0" },
    storage: {
      directories: [{ path: "/srv/web", mode: 0o2750, user: { id: 33 }, group: { id: 44 } }],
      links: [{ path: "/etc/web/now", target: "braces", overwrite: true }],
      files: [
        {
          path: "/etc/web/braces",
          mode: 0o600,
          user: { id: 33 },
          contents: { source: "data:,%7B%7B%20x%20%7D%7D%0A" },
        },
        {
          path: "/etc/web/plain.json",
          contents: { source: "data:,no%20json" },
          append: [{ source: "data:,%20at%20all" }],
        },
      ],
    },
    systemd: {
      units: [
        {
          name: "web.service",
          enabled: true,
          contents: "[Service]\nExecStart=/usr/bin/web %i\n[Install]\nWantedBy=multi-user.target\n",
          dropins: [{ name: "a.conf", contents: "[Service]\nNice=1\n" }],
        },
      ],
    },
  };
  const file = join(lay({ "config.ign": JSON.stringify(config) }), "config.ign");
  expect(await boot("ignition", file)).toBe(0);
  expect(rights("/srv/web")).toBe("33:44 2750");
  expect(machine.read("/etc/web/braces")).toBe("{{ x }}\n");
  expect(rights("/etc/web/braces")).toBe("33:0 0600");
  expect(machine.read("/etc/web/plain.json")).toBe("no json at all");
  expect(rights("/etc/web/plain.json")).toBe("0:0 0644");
  expect(readlinkSync(`${machine.root}/etc/web/now`)).toBe("braces");
  const unit = "/etc/systemd/system/web.service";
  expect(machine.read(unit)).toMatch(/^\[Service\]\nExecStart=\/usr\/bin\/web %i\n(.*\n)*\[Service\]\nNice=1\n$/);
  expect(readlinkSync(`${machine.root}/etc/systemd/system/multi-user.target.wants/web.service`)).toBe("../web.service");
});

asRoot("a drop-in for a unit of the image is placed, and systemd is told to read it", async () => {
  const config = {
    ignition: { version: "3.4.0" },
    systemd: { units: [{ name: "docker.service", dropins: [{ name: "a.conf", contents: "[Service]\nNice=1\n" }] }] },
  };
  expect(await boot("ignition", join(lay({ "config.ign": JSON.stringify(config) }), "config.ign"))).toBe(0);
  expect(machine.read("/etc/systemd/system/docker.service.d/a.conf")).toBe("[Service]\nNice=1\n");
  expect(JSON.parse(machine.read("/var/lib/moult/seal.json")).reload).toBe(true);
});

asRoot("what Kolla would have copied is placed by an agent", async () => {
  machine.write("/usr/share/nova/paste.ini", "[pipeline]\n");
  const folder = "/var/lib/kolla/config_files";
  const config = {
    command: "/usr/bin/nova-api --verbose",
    config_files: [
      { source: `${folder}/nova.conf`, dest: "/etc/nova/nova.conf", owner: "nova", perm: "0600" },
      { source: `${folder}/conf.d`, dest: "/etc/nova/", owner: "nova:kolla", perm: "0640", merge: true },
      { source: "/usr/share/nova/paste.ini", dest: "/etc/nova/paste.ini", owner: "nova", perm: "0644" },
      { source: `${folder}/none`, dest: "/etc/nova/none", owner: "nova", perm: "0644", optional: true },
    ],
    directories: [{ path: "/var/lib/nova/tmp", owner: "nova:kolla", perm: "1770" }],
    permissions: [{ path: "/etc/nova/conf.d/b", owner: "nova:kolla", perm: "0440" }],
  };
  const beside = {
    "nova.conf": "[DEFAULT]\n",
    "conf.d/a": "a",
    "conf.d/b": "b",
    "config.json": JSON.stringify(config),
  };
  expect(await boot("kolla", join(lay(beside), "config.json"))).toBe(0);
  // The group of the user's name, not the user's own of /etc/passwd.
  expect(rights("/etc/nova/nova.conf")).toBe("42436:42436 0600");
  expect(rights("/etc/nova/conf.d")).toBe("42436:42400 0750");
  expect(rights("/etc/nova/conf.d/a")).toBe("42436:42400 0640");
  expect(rights("/etc/nova/conf.d/b")).toBe("42436:42400 0440");
  expect(rights("/var/lib/nova/tmp")).toBe("42436:42400 1770");
  expect(machine.read("/etc/nova/paste.ini")).toBe("[pipeline]\n");
  expect(() => machine.read("/etc/nova/none")).toThrow();
  expect(machine.read("/etc/systemd/system/nova-api.service")).toContain(
    "User=nova\nExecStart=/usr/bin/nova-api --verbose\n",
  );
});
