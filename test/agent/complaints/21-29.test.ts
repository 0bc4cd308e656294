import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { dirname } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { account, type FakeCloud, startCloud } from "../cloud.ts";
import { builtAgent, ended, Machine } from "../machine.ts";
import { beforeAgent, listening } from "./stage.ts";

// What users of other boot agents complain of (issue numbers of their projects), each shown not to be so here.

let cloud: FakeCloud;
let machine: Machine;
const version = "projects/acme/secrets/web-db/versions/3";
const value = "hunter2-Zq9";
const withSecret = { manifest: 1, secrets: { db: version }, files: [{ path: "/etc/web/db", secret: "db" }] };

beforeEach(async () => {
  cloud = await startCloud();
  machine = new Machine(cloud);
  cloud.secrets.set(version, Buffer.from(value));
});
afterEach(async () => {
  await cloud.close();
  machine.remove();
});

const placed = () => Object.keys(machine.persistent()).filter((path) => path.startsWith("/etc/web"));
const asked = (part: string) => cloud.requests.filter(({ path }) => path.includes(part)).length;

/** Answers the first requests whose path holds `part` so. */
function firstly(part: string, times: number, status: number, headers: Record<string, string> = {}): void {
  let left = times;
  cloud.interfere = (_request, response, path) => {
    if (!path.includes(part) || left-- <= 0) return false;
    response.writeHead(status, headers).end("passing");
    return true;
  };
}

describe("21. client libraries do not retry what passes (google-cloud-go#12929, google-auth-library-python#1285)", () => {
  test.each([408, 429, 500, 502, 503, 504])(
    "status %i of the metadata server, of the token and of a secret passes",
    async (status) => {
      machine.bake(withSecret);
      for (const part of ["recursive=true", "/token", ":access"]) {
        const each = new Machine(cloud);
        each.bake(withSecret);
        firstly(part, 1, status, { "Metadata-Flavor": "Google" });
        expect([part, (await each.boot()).exit]).toEqual([part, 0]);
        each.remove();
      }
    },
  );
  test.each([400, 403, 404])("status %i of a secret does not, and is asked for once", async (status) => {
    machine.bake(withSecret);
    firstly(":access", 9, status);
    expect(await machine.boot()).toMatchObject({ exit: 11 });
    expect(asked(":access")).toBe(1);
  });
});

describe("22. proxies take the calls for metadata, and calls hang for ever (oauth2client#114, fluent-plugin-google-cloud#101, gcp-metadata#548)", () => {
  test("no proxy variable is followed", async () => {
    let caught = 0;
    const trap = createServer((socket) => {
      caught++;
      socket.destroy();
    });
    const proxy = `http://127.0.0.1:${await listening(trap)}`;
    for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"])
      Object.assign(machine.env, { [name]: proxy, [name.toLowerCase()]: proxy });
    machine.env.NODE_USE_ENV_PROXY = "1";
    machine.bake(withSecret);
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    trap.close();
    expect(caught).toBe(0);
  });
  test("a server that takes the connection and is silent ends with the deadline", async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket));
    const { address } = cloud;
    cloud.address = `127.0.0.1:${await listening(silent)}`;
    const started = performance.now();
    const run = await machine.boot("--deadline", "1");
    cloud.address = address;
    for (const socket of sockets) socket.destroy();
    silent.close();
    expect(run.exit).toBe(12);
    expect(run.last).toContain("metadata-unreachable");
    expect(performance.now() - started).toBeLessThan(15_000);
  });
});

test("23. guest attributes that are off are noise, or count as told (osconfig#411, google-guest-agent)", async () => {
  cloud.instance.attributes["enable-guest-attributes"] = "FALSE";
  cloud.instance.attributes["moult-release"] = JSON.stringify({
    release: "a".repeat(64),
    fleet: "web",
    image: { name: "web-1", id: "1" },
    secrets: {},
    reports: { bucket: "acme-reports", topic: "projects/acme/topics/r" },
  });
  const run = await machine.boot();
  expect(run.exit).toBe(0);
  expect(run.lines.filter((line) => /guest.attribute/i.test(line))).toHaveLength(1);
  expect(asked("guest-attributes")).toBe(1);
  expect([...cloud.objects.keys()].filter((name) => name.startsWith("acme-reports/reports/"))).toHaveLength(1);
  expect(cloud.published).toHaveLength(1);
});

describe("24. agents race with each other: a user is not there yet (guest-agent#340)", () => {
  const manifest = { manifest: 1, files: [{ path: "/etc/web/a", content: "a", owner: "web:web" }] };
  test("an owner is looked up in the image before anything is touched, and said by field when it lacks", async () => {
    machine.bake(manifest);
    machine.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    machine.write("/etc/group", "root:x:0:\n");
    const run = await machine.boot();
    expect(run.exit).toBe(10);
    expect(run.stdout).toContain("files[0].owner");
    expect(placed()).toEqual([]);
  });
  test("with the image's own numbers, not those of where the agent runs", async () => {
    const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
    machine.bake(manifest);
    machine.write("/etc/passwd", `web:x:${uid}:${gid}::/srv:/bin/false\n`);
    machine.write("/etc/group", `web:x:${gid}:\n`);
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(statSync(`${machine.root}/etc/web/a`)).toMatchObject({ uid, gid });
  });
});

describe("25. weight (ignition#2045, fedora-coreos-tracker#1540, coreos-installer#1773, guest-agent#481)", () => {
  test("what every boot reads is one file of at most 48 KiB, with nothing outside of Node", () => {
    const text = readFileSync(builtAgent());
    expect(text.length).toBeLessThanOrEqual(48 * 1024);
    expect(gzipSync(text).length).toBeLessThan(24 * 1024);
    const required = [...String(text).matchAll(/require\("([^"]+)"\)/g)].map(([, name]) => name ?? "");
    expect(required.filter((name) => !name.startsWith("node:"))).toEqual([]);
    expect(readdirSync(dirname(builtAgent())).every((name) => name.endsWith(".cjs"))).toBe(true);
  });
  test("nothing of it stays when the boot is over", async () => {
    machine.env = { MOULT_TEST_MARK: machine.root };
    machine.bake(withSecret);
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    const staying = readdirSync("/proc").filter((pid) => {
      try {
        return (
          /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, "utf8").includes(`MOULT_TEST_MARK=${machine.root}`)
        );
      } catch {
        return false; // Gone meanwhile, or somebody else's.
      }
    });
    expect(staying).toEqual([]);
  });
});

test("26. a role just granted does not work yet (vault-plugin-secrets-gcp#111, magic-modules#8815)", async () => {
  // Not retried: a missing role and a young one look alike, and a person waits for the first. The refusal says what to
  // grant and leaves nothing behind, so that the next boot of the same machine is a whole one.
  machine.bake(withSecret);
  firstly(":access", 1, 403);
  const run = await machine.boot();
  expect(run.exit).toBe(11);
  for (const word of [account, version, "roles/secretmanager.secretAccessor"]) expect(run.last).toContain(word);
  expect(placed()).toEqual([]);
  expect(await machine.boot()).toMatchObject({ exit: 0 });
  expect(machine.read("/etc/web/db")).toBe(value);
});

describe("27. the clock of a new machine is off (python-docs-samples#6169)", () => {
  test.each([
    ["years behind", -3e11],
    ["years ahead", 3e11],
  ])("%s: tokens and waits are not judged by it", async (_what, off) => {
    beforeAgent(
      machine,
      `const real = Date; const now = real.now.bind(real);
      globalThis.Date = class extends real {
        constructor(...given) { given.length ? super(...given) : super(now() + ${off}); }
        static now() { return now() + ${off}; }
      };`,
    );
    machine.bake(withSecret);
    // A date to wait for counts from the answer's own date.
    const [date, later] = [0, 1_000].map((ms) => new Date(Date.now() + ms).toUTCString());
    firstly(":access", 1, 429, { Date: date ?? "", "Retry-After": later ?? "" });
    const run = await machine.boot("--deadline", "20");
    expect(run.exit).toBe(0);
    expect(machine.read("/etc/web/db")).toBe(value);
    expect(asked("/token")).toBe(1);
  });
  test("not even when it jumps in the midst of the boot", async () => {
    beforeAgent(machine, "let n = 0; Date.now = () => (n += 1e10);");
    machine.bake(withSecret);
    firstly(":access", 2, 503);
    expect(await machine.boot("--deadline", "20")).toMatchObject({ exit: 0 });
  });
});

describe("28. a credential of systemd that is missing is passed over (systemd#32667, systemd#35077)", () => {
  test("each is given by a path, after the agent, and is there when the agent is done", async () => {
    machine.write("/etc/systemd/system/web.service", "[Service]\nExecStart=/bin/true\n");
    machine.bake({
      manifest: 1,
      secrets: { db: version },
      units: [{ name: "web.service", credentials: { "db-password": { secret: "db" } } }],
    });
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    const dropIn = machine.read("/etc/systemd/system/web.service.d/50-moult.conf");
    const loaded = [...dropIn.matchAll(/^LoadCredential=(.*)$/gm)].map(([, given]) => given);
    expect(loaded).toEqual(["db-password:/run/moult/credentials/web.service/db-password"]);
    expect(dropIn).toMatch(/^Requires=moult-agent\.service$/m);
    expect(dropIn).toMatch(/^After=moult-agent\.service$/m);
    expect(machine.read("/run/moult/credentials/web.service/db-password")).toBe(value);
    expect(machine.mode("/run/moult/credentials/web.service/db-password")).toBe("0400");
  });
  test("one that cannot be had keeps the unit from starting at all", async () => {
    cloud.secrets.clear();
    machine.write("/etc/systemd/system/web.service", "[Service]\nExecStart=/bin/true\n");
    machine.bake({
      manifest: 1,
      secrets: { db: version },
      units: [{ name: "web.service", credentials: { "db-password": { secret: "db" } } }],
    });
    expect(await machine.boot()).toMatchObject({ exit: 11 });
    expect(existsSync(`${machine.root}/etc/systemd/system/web.service.d`)).toBe(false);
  });
});

describe("29. signals in exec mode come twice (berglas#158)", () => {
  const script = (name: string, text: string) => {
    machine.write(`/${name}`, `#!/bin/sh\n${text}\n`, 0o755);
    return `${machine.root}/${name}`;
  };
  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "%s comes once, and the command's exit code is the agent's",
    async (signal) => {
      machine.bake({ ...withSecret, environment: { WHO: "{{ instance.name }}" } });
      const log = `${machine.root}/signals`;
      const short = signal.slice(3);
      const command = script(
        "command",
        `trap 'echo ${short} >> ${log}' ${short}\necho "started as $WHO with $(cat ${machine.root}/etc/web/db)"\nwhile [ ! -s ${log} ]; do sleep 0.05; done\nsleep 0.3\nexit 7`,
      );
      const child = machine.start("--exec", "--", command);
      const over = ended(child);
      let output = "";
      await new Promise<void>((resolve, reject) => {
        child.stdout?.on("data", (chunk) => {
          output += chunk;
          if (output.includes("started as")) resolve();
        });
        child.on("close", () => reject(new Error(`ended early: ${output}`)));
      });
      expect(output).toContain(`started as ${cloud.instance.name} with ${value}`);
      child.kill(signal);
      expect((await over).exit).toBe(7);
      expect(readFileSync(log, "utf8")).toBe(`${short}\n`);
    },
  );
  test("a command is never started on half a machine", async () => {
    cloud.secrets.clear();
    machine.bake(withSecret);
    const mark = `${machine.root}/ran`;
    const run = await ended(machine.start("--exec", "--", script("command", `: > ${mark}`)));
    expect(run.exit).toBe(11);
    expect(existsSync(mark)).toBe(false);
  });
});

test("each of the complaints has its tests", () => {
  const folder = new URL(".", import.meta.url);
  const titles = readdirSync(folder)
    .filter((name) => name.endsWith(".test.ts"))
    .flatMap((name) => [...readFileSync(new URL(name, folder), "utf8").matchAll(/^(?:describe|test)\(\s*"(\d+)\. /gm)]);
  expect(titles.map(([, number]) => Number(number)).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 29 }, (_, i) => i + 1),
  );
});
