import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { pinnedNodes } from "../../scripts/matrix.mjs";
import { type Certificates, makeCertificates } from "../bench/agent/certificates.ts";
import { account, type FakeCloud, startCloud } from "./cloud.ts";
import { builtAgent, ended, Machine, type Run } from "./machine.ts";
import { type Form, type SecureFront, secureFront, startForm } from "./nodes/job.ts";

/** Whatever an image has: every Node from 18 on with the same bundle, and executables that need none. */
const nodes = pinnedNodes();
/** Only those that were just built (`npm run test:executable`): one that lies about may be older than what it is judged by. */
const executables = process.env.MOULT_TEST_EXECUTABLES?.split(":") ?? [];
const forms: (Omit<Form, "args"> & { bundle: boolean; there: boolean; missing: string })[] = [
  ...nodes.map(({ version, binary, installed }) => ({
    name: `Node ${version}`,
    command: binary,
    bundle: true,
    there: installed,
    missing: "not installed (npm run test:agent installs it)",
  })),
  ...executables.map((file) => ({
    name: `the executable ${file}`,
    command: file,
    bundle: false,
    there: existsSync(file),
    missing: "not built",
  })),
];
if (executables.length === 0) console.log("skipped: executables, which npm run test:executable builds and tries");
for (const { name, there, missing } of forms) if (!there) console.log(`skipped: ${name} is ${missing}`);

const names = Array.from({ length: 12 }, (_, i) => `s${i}`);
const versionOf = (name: string) => `projects/acme/secrets/${name}/versions/3`;
/** Node 18 warns when a host of TLS is an address, as it is in tests only. */
const aboutAddress = /TLS ServerName to an IP address|node --trace-deprecation/;
const scratch = mkdtempSync(join(tmpdir(), "moult-matrix-"));
let certificates: Certificates;
let cloud: FakeCloud;
let front: SecureFront;
let machine: Machine;

beforeAll(() => {
  certificates = makeCertificates(scratch);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

beforeEach(async () => {
  cloud = await startCloud();
  front = await secureFront(cloud, certificates);
  machine = new Machine(cloud);
  for (const name of names) cloud.secrets.set(versionOf(name), Buffer.from(`value "of" ${name}`));
  machine.bake(
    {
      manifest: 1,
      values: { shard: 7 },
      secrets: Object.fromEntries(names.map((name) => [name, versionOf(name)])),
      files: [
        { path: "/etc/web/app.json", template: "app.json.tmpl", format: "json", mode: "0640" },
        { path: "/etc/web/motd", content: "{{ instance.name }} {{ values.shard }}\n", format: "text" },
        ...names.map((name) => ({ path: `/etc/web/keys/${name}`, secret: name, mode: "0400" })),
      ],
    },
    { "app.json.tmpl": '{ "id": "{{ instance.id }}", "password": "{{ secrets.s0 }}" }\n' },
  );
});
afterEach(async () => {
  await front.close();
  await cloud.close();
  machine.remove();
});

test.runIf(nodes.length === 0)("no Node is pinned for this kind of machine", () => {
  console.log(`skipped: nothing is pinned for ${process.platform}-${process.arch}`);
});

describe.each(forms)("the agent on $name", ({ name, command, bundle, there }) => {
  const run = (args: readonly string[], roots = certificates.hashed): Promise<Run> =>
    ended(startForm({ name, command, args: bundle ? [builtAgent()] : [] }, roots, args));
  const boot = (...more: string[]) => bootTrusting(certificates.hashed, ...more);
  const bootTrusting = (roots: string, ...more: string[]) =>
    ended(
      startForm({ name, command, args: bundle ? ["--use-openssl-ca", builtAgent()] : [] }, roots, [
        ...["boot", "--root", machine.root, "--metadata", cloud.address, "--deadline", "20"],
        ...["--endpoint", `secretmanager=${front.url}`, ...more],
      ]),
    );
  const placed = () => Object.keys(machine.persistent()).filter((path) => path.startsWith("/etc/web"));

  test.runIf(there)("makes a machine, once, and its secrets again at each boot", async () => {
    const fresh = await boot();
    expect(fresh.last).toMatch(/^moult-agent: ready: /);
    expect(fresh.exit).toBe(0);
    expect(fresh.stderr.split("\n").filter((line) => line && !aboutAddress.test(line))).toEqual([]);
    expect(JSON.parse(machine.read("/etc/web/app.json"))).toEqual({ id: cloud.instance.id, password: 'value "of" s0' });
    expect(machine.read("/etc/web/motd")).toBe("web-b7kq 7\n");
    expect(machine.mode("/etc/web/keys/s11")).toBe("0400");
    const sealed = machine.persistent();
    expect(JSON.stringify(sealed)).not.toContain('value \\"of');

    machine.loseMemory();
    cloud.requests.length = 0;
    expect(await boot()).toMatchObject({ exit: 0 });
    expect(machine.read("/etc/web/keys/s11")).toBe('value "of" s11');
    expect(Object.keys(machine.persistent())).toEqual(Object.keys(sealed));
    expect(cloud.requests.filter(({ path }) => path.endsWith(":access"))).toHaveLength(names.length);

    const verified = await run(["verify", "--root", machine.root]);
    expect(verified).toMatchObject({ exit: 0, stderr: "" });
    const status = await run(["status", "--root", machine.root, "--json"]);
    expect(status.exit).toBe(0);
    expect(status.stdout).toContain(cloud.instance.id);
  });

  test.runIf(there)("finds that a sealed file was changed, and then starts nothing", async () => {
    expect(await boot()).toMatchObject({ exit: 0 });
    machine.write("/etc/web/motd", "changed by hand\n");
    expect(await run(["verify", "--root", machine.root])).toMatchObject({ exit: 14 });
    const again = await boot();
    expect(again.exit).toBe(14);
    expect(again.last).toMatch(/^moult-agent: failed seal-broken: .*\/etc\/web\/motd/);
  });

  test.runIf(there)("places nothing when one secret is refused", async () => {
    cloud.interfere = (_request, response, path) => {
      if (!path.includes("/s7/")) return false;
      const error = { code: 403, status: "PERMISSION_DENIED", message: `Permission denied for ${account}` };
      response.writeHead(403).end(JSON.stringify({ error }));
      return true;
    };
    const refused = await boot();
    expect(refused.exit).toBe(11);
    expect(refused.last).toMatch(/^moult-agent: failed secret-refused: .*s7/);
    expect(placed()).toEqual([]);
  });

  test.runIf(there)("says everything that is wrong with a manifest at once", async () => {
    machine.bake({ manifest: 1, files: [{ path: "etc/a", content: "x" }, { path: "/etc/b" }], surplus: true });
    const invalid = await boot();
    expect(invalid.exit).toBe(10);
    expect(invalid.last).toContain("manifest-invalid");
    for (const place of [/files\[0\]/, /files\[1\]/, /surplus/]) expect(invalid.stdout).toMatch(place);
    const checked = await run(["check", `${machine.root}/usr/lib/moult/manifest.json`]);
    expect(checked.exit).toBe(10);
    expect(placed()).toEqual([]);
  });

  test.runIf(there)("gives no token to a host that nobody vouches for", async () => {
    const none = join(scratch, "none");
    const refused = await bootTrusting(none, "--deadline", "3");
    expect([11, 12]).toContain(refused.exit);
    expect(refused.last).toMatch(/^moult-agent: failed (?:\w+-)+\w+: /);
    expect(cloud.requests.some(({ path }) => path.endsWith(":access"))).toBe(false);
    expect(placed()).toEqual([]);
  });

  test.runIf(there)("becomes the command it is given, with the manifest's environment", async () => {
    machine.bake({
      manifest: 1,
      secrets: { s0: versionOf("s0") },
      environment: { DB: "{{ secrets.s0 }}" },
      files: [{ path: "/etc/web/motd", content: "x" }],
    });
    const script = 'printf "%s|%s|%s\n" "$DB" "$1" "$(cat "$2")"; exit 7';
    const became = await boot(
      "--exec",
      "--",
      "/bin/sh",
      "-c",
      script,
      "sh",
      "an argument",
      `${machine.root}/etc/web/motd`,
    );
    // Progress goes to stderr: stdout belongs to the command.
    expect(became.stdout).toBe('value "of" s0|an argument|x\n');
    expect(became.exit).toBe(7);
  });
});
