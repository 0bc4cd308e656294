import { spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Image } from "../../agent/tools/lint/image.ts";
import { rules } from "../../agent/tools/lint/lint.ts";
import { builtAgent, ended, runAgent, testNode } from "./machine.ts";

const rootHome = "/root";
const ada = "/home/ada";

let root: string;

const write = (path: string, text = "x\n", mode?: number): void => {
  mkdirSync(dirname(root + path), { recursive: true });
  writeFileSync(root + path, text);
  if (mode !== undefined) chmodSync(root + path, mode);
};
const link = (path: string, to: string): void => {
  mkdirSync(dirname(root + path), { recursive: true });
  rmSync(root + path, { force: true });
  symlinkSync(to, root + path);
};
const wanted = "/etc/systemd/system/multi-user.target.wants";
const enable = (unit: string): void => link(`${wanted}/${unit}`, `/usr/lib/systemd/system/${unit}`);
const manifest = (more: object): void =>
  write("/usr/lib/moult/manifest.json", JSON.stringify({ manifest: 1, ...more }));

const publicKey = (kind: "ed25519" | "x25519") => {
  const pair = kind === "ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("x25519");
  return pair.publicKey.export({ type: "spki", format: "pem" }).toString();
};
const privateKey = () => generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();

/** An image as it should be: every rule is silent on it. */
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "moult-image-"));
  write("/etc/os-release", "ID=debian\n");
  write("/etc/machine-id", "");
  link("/var/lib/dbus/machine-id", "/etc/machine-id");
  write("/etc/fstab", "# device target type options\nLABEL=root / ext4 defaults 0 1\ntmpfs /run tmpfs nosuid 0 0\n");
  write("/usr/bin/node", "", 0o755);
  write("/usr/bin/sudo", "", 0o4755);
  write("/usr/include/node/node_version.h", "#define NODE_MAJOR_VERSION 20\n");
  write("/usr/lib/systemd/libsystemd-shared-252.so", "");
  write(
    "/usr/lib/systemd/system/moult-agent.service",
    "[Service]\nExecStart=/usr/bin/node /usr/lib/moult/moult-agent.cjs boot\n",
  );
  write("/usr/lib/systemd/system/chrony.service", "[Unit]\n");
  write("/usr/lib/systemd/system/apt-daily.timer", "[Timer]\n");
  enable("moult-agent.service");
  enable("chrony.service");
  enable("apt-daily.timer");
  link("/etc/systemd/system/apt-daily.timer", "/dev/null");
  write(
    "/usr/lib/systemd/system/web.service",
    "[Unit]\nRequires=network.target moult-agent.service\nAfter=moult-agent.service\n",
  );
  write("/usr/lib/systemd/system/shipper.service", "[Unit]\n");
  enable("shipper.service");
  manifest({ units: ["web.service"] });
  write("/usr/lib/moult/moult-agent.cjs", "", 0o644);
  write("/usr/lib/moult/keys/release.pem", publicKey("ed25519"));
  write("/etc/default/web", "PORT=8080\nDB_PASSWORD=\nAPI_TOKEN=$TOKEN_FROM_ELSEWHERE\n");
  write("/opt/web/.env", "DB_SECRET={{ secrets.db }}\n");
  write(`${rootHome}/.bash_history`, "apt-get install nodejs\n");
  write("/etc/ssl/certs/ca.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
  write("/usr/share/doc/tls/test.pem", privateKey());
  write("/etc/web/account.json", '{"type": "authorized_user", "name": "service_account"}');
  mkdirSync(`${root}/tmp/systemd-private-1-chrony/tmp`, { recursive: true });
  chmodSync(`${root}/tmp`, 0o1777);
  write("/opt/web/node_modules/tls/test/key.pem", privateKey());
  write(`${rootHome}/.cache/sources/key.pem`, privateKey());
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const found = (id: string): string[] => rules.find((rule) => rule.id === id)?.find(new Image(root)) ?? ["no such rule"];

const serviceAccount = '{"type": "service_account", "project_id": "acme", "private_key": "-----BEGIN"}';

/** Rule, what makes the image bad, and the evidence. */
const bad: [string, string, () => void, string[]][] = [
  [
    "updates-itself",
    "a timer that installs packages",
    () => enable("apt-daily-upgrade.timer"),
    ["apt-daily-upgrade.timer"],
  ],
  [
    "updates-itself",
    "unattended upgrades",
    () => enable("unattended-upgrades.service"),
    ["unattended-upgrades.service"],
  ],
  [
    "updates-itself",
    "dnf-automatic, from the vendor's folder",
    () => link("/usr/lib/systemd/system/timers.target.wants/dnf-automatic.timer", "../x"),
    ["dnf-automatic.timer"],
  ],
  [
    "startup-scripts",
    "scripts in metadata",
    () => enable("google-startup-scripts.service"),
    ["google-startup-scripts.service"],
  ],
  [
    "clock",
    "nothing that sets the clock",
    () => rmSync(`${root}${wanted}/chrony.service`),
    ["no unit that sets the clock is enabled"],
  ],
  ["sealed", "a seal", () => write("/var/lib/moult/seal.json"), ["/var/lib/moult/seal.json"]],
  ["sealed", "a journal", () => write("/var/lib/moult/journal.json"), ["/var/lib/moult/journal.json"]],
  ["memory-kept", "a copy of memory", () => write("/run/moult/files/etc/key"), ["/run/moult/files"]],
  ["host-keys", "host keys", () => write("/etc/ssh/ssh_host_rsa_key"), ["/etc/ssh/ssh_host_rsa_key"]],
  [
    "machine-id",
    "an identity",
    () => write("/etc/machine-id", `${"0123456789abcdef".repeat(2)}\n`),
    ["/etc/machine-id"],
  ],
  [
    "machine-id",
    "a D-Bus identity of its own",
    () => {
      rmSync(`${root}/var/lib/dbus/machine-id`);
      write("/var/lib/dbus/machine-id", `${"0123456789abcdef".repeat(2)}\n`);
    },
    ["/var/lib/dbus/machine-id"],
  ],
  ["authorized-keys", "a person's key", () => write(`${ada}/.ssh/authorized_keys`), [`${ada}/.ssh/authorized_keys`]],
  ["temporary", "what a build left", () => write("/var/tmp/build.tgz"), ["/var/tmp/build.tgz"]],
  ["random-seed", "a seed", () => write("/var/lib/systemd/random-seed"), ["/var/lib/systemd/random-seed"]],
  ["world-writable", "a file", () => write("/etc/open.conf", "x", 0o666), ["/etc/open.conf"]],
  [
    "world-writable",
    "a folder without the sticky bit",
    () => {
      mkdirSync(`${root}/srv`);
      chmodSync(`${root}/srv`, 0o777);
    },
    ["/srv"],
  ],
  [
    "setuid",
    "an unknown way to become root",
    () => write("/usr/local/bin/backdoor", "", 0o4755),
    ["/usr/local/bin/backdoor"],
  ],
  [
    "agent-writable",
    "an agent others can change",
    () => chmodSync(`${root}/usr/lib/moult/moult-agent.cjs`, 0o664),
    ["/usr/lib/moult/moult-agent.cjs"],
  ],
  [
    "agent-writable",
    "keys others can add to",
    () => chmodSync(`${root}/usr/lib/moult/keys`, 0o775),
    ["/usr/lib/moult/keys"],
  ],
  [
    "private-key",
    "a private key behind much else",
    () => write("/etc/web/all.pem", `${"# comment\n".repeat(50_000)}${privateKey()}`),
    ["/etc/web/all.pem"],
  ],
  ["private-key", "a private key", () => write("/etc/web/tls.key", privateKey()), ["/etc/web/tls.key"]],
  [
    "private-key",
    "a key in somebody's home",
    () => write(`${rootHome}/.ssh/id_ed25519`, privateKey().replaceAll("PRIVATE", "OPENSSH PRIVATE")),
    [`${rootHome}/.ssh/id_ed25519`],
  ],
  [
    "service-account-key",
    "a service account's key",
    () => write("/opt/web/key.json", serviceAccount),
    ["/opt/web/key.json"],
  ],
  [
    "secret-in-environment",
    "a secret in a .env file",
    () => write("/opt/web/.env", "A=1\nDB_PASSWORD=hunter2\n"),
    ["/opt/web/.env"],
  ],
  [
    "secret-in-environment",
    "a token in /etc/default",
    () => write("/etc/default/web", 'export API_TOKEN="abc"\n'),
    ["/etc/default/web"],
  ],
  [
    "secret-in-history",
    "a typed token",
    () => write(`${rootHome}/.bash_history`, "curl -H 'Authorization: Bearer abcdefghijklmnopqrst' x\n"),
    [`${rootHome}/.bash_history`],
  ],
  [
    "credentials-file",
    "a cloud's login",
    () => write(`${rootHome}/.aws/credentials`, "aws_secret_access_key = x\n"),
    [`${rootHome}/.aws/credentials`],
  ],
  [
    "credentials-file",
    "a registry's login",
    () => write(`${ada}/.docker/config.json`, '{"auths":{"r":{"auth":"eA=="}}}'),
    [`${ada}/.docker/config.json`],
  ],
  [
    "credentials-file",
    "a database's login",
    () => write(`${rootHome}/.pgpass`, "db:5432:web:web:hunter2\n"),
    [`${rootHome}/.pgpass`],
  ],
  [
    "swap",
    "a swap partition",
    () => write("/etc/fstab", "LABEL=root / ext4 defaults 0 1\n/dev/sdb1 none swap sw 0 0\n"),
    ["/etc/fstab:2"],
  ],
  [
    "swap",
    "compressed swap",
    () => write("/etc/systemd/zram-generator.conf", "[zram0]\n"),
    ["/etc/systemd/zram-generator.conf"],
  ],
  ["swap", "a swap unit", () => write("/etc/systemd/system/swapfile.swap", "[Swap]\n"), ["swapfile.swap"]],
  ["run-on-disk", "/run on a disk", () => write("/etc/fstab", "/dev/sdc1 /run ext4 defaults 0 2\n"), ["/etc/fstab:1"]],
  [
    "agent-not-enabled",
    "no agent",
    () => rmSync(`${root}/usr/lib/systemd/system/moult-agent.service`),
    ["moult-agent.service is missing"],
  ],
  [
    "agent-not-enabled",
    "an agent that nothing starts",
    () => rmSync(`${root}${wanted}/moult-agent.service`),
    ["moult-agent.service is not enabled"],
  ],
  [
    "agent-not-enabled",
    "a masked agent",
    () => link("/etc/systemd/system/moult-agent.service", "/dev/null"),
    ["moult-agent.service is missing"],
  ],
  [
    "starts-without-agent",
    "an application that does not need the agent",
    () => write("/usr/lib/systemd/system/web.service", "[Unit]\nAfter=moult-agent.service\n"),
    ["web.service"],
  ],
  [
    "starts-without-agent",
    "an application that does not wait for the agent",
    () => write("/usr/lib/systemd/system/web.service", "[Unit]\nRequires=moult-agent.service\n"),
    ["web.service"],
  ],
  [
    "unit-missing",
    "a unit that is not there",
    () => manifest({ units: ["web.service", "worker.service"] }),
    ["worker.service"],
  ],
  [
    "unit-missing",
    "a shipper of logs that is not there",
    () => manifest({ units: ["web.service"], logs: [{ unit: "fluent-bit.service", paths: ["/var/log/web"] }] }),
    ["fluent-bit.service"],
  ],
  [
    "manifest-invalid",
    "a wrong manifest",
    () => write("/usr/lib/moult/manifest.json", '{"manifest":1,"filse":[]}'),
    [expect.stringContaining("unknown-field")],
  ],
  ["node", "no Node", () => rmSync(`${root}/usr/bin/node`), ["/usr/bin/node is missing"]],
  [
    "node",
    "an old Node",
    () => write("/usr/include/node/node_version.h", "#define NODE_MAJOR_VERSION 16\n"),
    ["/usr/bin/node is of version 16"],
  ],
  [
    "node",
    "an old Node by its package",
    () =>
      write(
        "/var/lib/dpkg/status",
        "Package: bash\nStatus: install ok installed\nVersion: 5\n\nPackage: nodejs\nStatus: install ok installed\nVersion: 12.22.5~dfsg-5\n",
      ),
    ["/usr/bin/node is of version 12"],
  ],
  [
    "podman",
    "a unit of a container without podman",
    () => write("/etc/containers/systemd/web.container"),
    ["web.container"],
  ],
  [
    "public-key",
    "a key of another kind",
    () => write("/usr/lib/moult/keys/release.pem", publicKey("x25519")),
    ["/usr/lib/moult/keys/release.pem"],
  ],
  [
    "public-key",
    "a key that is none",
    () => write("/usr/lib/moult/keys/b.pem", "-----BEGIN PUBLIC KEY-----\nMIIB\n"),
    ["/usr/lib/moult/keys/b.pem"],
  ],
];

describe("lint", () => {
  test.each(rules.map((rule): [string, typeof rule] => [rule.id, rule]))(
    "%s is silent on a good image",
    (_id, rule) => {
      expect(rule.find(new Image(root))).toEqual([]);
    },
  );

  test.each(bad)("%s finds %s", (id, _what, spoil, evidence) => {
    spoil();
    expect(found(id)).toEqual(evidence);
  });

  test("logs-not-shipped finds a shipper that is not enabled", () => {
    manifest({ logs: [{ unit: "shipper.service", paths: ["/var/log/web"] }] });
    expect(found("logs-not-shipped")).toEqual([]);
    rmSync(`${root}${wanted}/shipper.service`);
    expect(found("logs-not-shipped")).toEqual(["shipper.service"]);
  });

  test("systemd finds one that is too old for credentials", () => {
    const units = [{ name: "web.service", credentials: { key: { content: "x" } } }];
    rmSync(`${root}/usr/lib/systemd/libsystemd-shared-252.so`);
    // Where Debian has it.
    write("/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-241.so", "");
    expect(found("systemd")).toEqual([]);
    manifest({ units });
    expect(found("systemd")).toEqual(["systemd 241"]);
  });

  test("every rule is tried above, has a word of its own, and says what to do", () => {
    const tried = new Set([...bad.map(([id]) => id), "logs-not-shipped", "systemd"]);
    expect(rules.map(({ id }) => id).filter((id) => !tried.has(id))).toEqual([]);
    expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
    for (const { why, cure } of rules) for (const text of [why, cure]) expect(text.length).toBeGreaterThan(5);
  });

  test("ends with 0 on a good image, also with warnings", async () => {
    expect(await runAgent("lint", "--root", root)).toMatchObject({
      exit: 0,
      stdout: "fit to be immutable, 0 warnings\n",
    });
    enable("google-startup-scripts.service");
    const run = await runAgent("lint", "--root", root);
    expect(run).toMatchObject({ exit: 0, last: "fit to be immutable, 1 warning" });
    expect(run.stdout).toContain("warning startup-scripts: ");
  });

  test("ends with 10 on a bad one, shows evidence and never what stands in a file", async () => {
    write("/opt/web/.env", "DB_PASSWORD=hunter2\n");
    for (let i = 0; i < 8; i++) write(`/opt/web/${i}.json`, serviceAccount.replace("acme", "hunter2"));
    const run = await runAgent("lint", "--root", root);
    expect(run).toMatchObject({ exit: 10, last: "not fit: 2 errors, 0 warnings" });
    expect(run.stdout).toContain("error secret-in-environment: ");
    expect(run.stdout).toContain("    /opt/web/4.json\n    and 3 more\n");
    expect(run.stdout).not.toContain("hunter2");
    const json = await runAgent("lint", "--root", root, "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({
      fit: false,
      findings: [
        { rule: "service-account-key", severity: "error", evidence: expect.arrayContaining(["/opt/web/7.json"]) },
        { rule: "secret-in-environment", severity: "error", evidence: ["/opt/web/.env"] },
      ],
    });
    expect(json.stdout).not.toContain("hunter2");
  });

  test.skipIf(process.getuid?.() !== 0)("says when it could not see everything (only root can try it)", async () => {
    mkdirSync(`${root}/etc/private`, { mode: 0o700 });
    chmodSync(root, 0o755);
    const nobody = { uid: 65_534, gid: 65_534 };
    const folder = mkdtempSync(join(tmpdir(), "moult-for-all-"));
    chmodSync(folder, 0o755);
    for (const name of ["moult-agent.cjs", "moult-tools.cjs"])
      copyFileSync(join(dirname(builtAgent()), name), join(folder, name));
    const lint = (...flags: string[]) =>
      ended(
        spawn(testNode, [join(folder, "moult-agent.cjs"), "lint", "--root", root, ...flags], {
          env: {},
          stdio: ["ignore", "pipe", "pipe"],
          ...nobody,
        }),
      );
    const run = await lint();
    expect(run.stderr).toMatch(/^moult-agent: \d+ places? could not be read and went unseen: run it as root$/m);
    expect(JSON.parse((await lint("--json")).stdout).unread).toBeGreaterThan(0);
    expect((await runAgent("lint", "--root", root)).stderr).toBe("");
    // Nor does anybody else read that a sealed machine is broken.
    mkdirSync(`${root}/var/lib/moult`, { mode: 0o700 });
    const status = await ended(
      spawn(testNode, [join(folder, "moult-agent.cjs"), "status", "--root", root], {
        env: {},
        stdio: ["ignore", "pipe", "pipe"],
        ...nobody,
      }),
    );
    expect(status).toMatchObject({ exit: 64, stdout: "" });
    expect(status.stderr).toContain("seal.json cannot be read as a seal: EACCES");
    rmSync(folder, { recursive: true });
  });

  test("changes nothing and follows no link out of the image", async () => {
    const outside = mkdtempSync(join(tmpdir(), "moult-outside-"));
    writeFileSync(join(outside, "key.json"), serviceAccount);
    link("/opt/link", outside);
    link("/opt/web/key.json", join(outside, "key.json"));
    expect(await runAgent("lint", "--root", root)).toMatchObject({ exit: 0 });
    rmSync(outside, { recursive: true });
  });
});
