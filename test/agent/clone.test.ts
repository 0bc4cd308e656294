import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeCloud, putPack, startCloud } from "./cloud.ts";
import { builtAgent, Machine } from "./machine.ts";
import { bootInNamespace, noNamespaces } from "./wreck.ts";

let cloud: FakeCloud;
let machine: Machine;
const first = "5184363046278950541";
const second = "7774572792595385001";
const version = "projects/acme/secrets/web-db/versions/3";

beforeEach(async () => {
  cloud = await startCloud();
  cloud.secrets.set(version, Buffer.from("hunter2"));
  machine = new Machine(cloud);
  machine.write("/usr/lib/systemd/system/moult-verify.timer", "[Timer]\n");
});
afterEach(async () => {
  await cloud.close();
  machine.remove();
});

const manifest = {
  manifest: 1,
  secrets: { db: version },
  drift: { every: "5m", paths: ["/etc/baked"] },
  directories: [{ path: "/etc/web/conf", mode: "0750" }],
  links: [{ path: "/etc/web/link", to: "id" }],
  files: [
    { path: "/etc/web/id", content: "{{ instance.id }}" },
    { path: "/etc/web/key", secret: "db" },
    { path: "/etc/kept", content: "not this", existing: "keep" },
  ],
};

describe("a copy of a sealed disk (a clone, a snapshot, a machine image) on another instance", () => {
  beforeEach(async () => {
    machine.write("/etc/kept", "of the image");
    machine.write("/etc/baked/conf", "of the image");
    machine.bake(manifest);
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    machine.loseMemory();
    cloud.instance.id = second;
  });

  test("loses all that the first was given, and keeps what image and application have made", async () => {
    machine.write("/etc/web/conf/theirs", "of the application");
    machine.bake({ manifest: 1 });
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    const now = machine.persistent();
    expect(Object.keys(now).filter((path) => path.startsWith("/etc/"))).toEqual([
      "/etc/baked",
      "/etc/baked/conf",
      "/etc/kept",
      "/etc/os-release",
      "/etc/web",
      "/etc/web/conf",
      "/etc/web/conf/theirs",
    ]);
    expect(now["/etc/kept"]).toBe("of the image");
  });

  test("is made anew by the same description, and sealed for itself", async () => {
    const run = await machine.boot();
    expect(run).toMatchObject({ exit: 0 });
    expect(run.stdout).toContain(`sealed for instance ${first}: what that one was given is removed`);
    expect(machine.read("/etc/web/id")).toBe(second);
    expect(machine.read("/etc/web/key")).toBe("hunter2");
    expect(readlinkSync(`${machine.root}/etc/web/link`)).toBe("id");
    expect(await machine.boot()).toMatchObject({ exit: 0 });
  });

  test("with what was kept changed meanwhile, keeps it as it is now", async () => {
    machine.write("/etc/kept", "changed by hand");
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(machine.read("/etc/kept")).toBe("changed by hand");
  });

  test("does not start as the first when its metadata server is away and it needs secrets", async () => {
    await cloud.close();
    expect(await machine.boot("--deadline", "0.5")).toMatchObject({ exit: 12 });
    expect(existsSync(`${machine.root}/run/moult`)).toBe(false);
    cloud = await startCloud();
  });
});

describe("what is held to beside what was placed", () => {
  const boot = async () => {
    machine.write("/etc/kept", "of the image");
    machine.write("/etc/baked/conf", "of the image");
    symlinkSync("conf", `${machine.root}/etc/baked/link`);
    machine.bake(manifest);
    expect(await machine.boot()).toMatchObject({ exit: 0 });
  };

  test.each([
    [
      "a changed file below a watched folder",
      "/etc/baked/conf (content)",
      () => machine.write("/etc/baked/conf", "other"),
    ],
    ["a removed one", "/etc/baked/conf (missing)", () => rmSync(`${machine.root}/etc/baked/conf`)],
    ["an added one", "/etc/baked/deep/more (added)", () => machine.write("/etc/baked/deep/more", "")],
    ["an added link", "/etc/baked/more (added)", () => symlinkSync("conf", `${machine.root}/etc/baked/more`)],
    ["a link that leads elsewhere", "/etc/baked/link (link)", () => relink("/etc/baked/link")],
    ["a link of the manifest that leads elsewhere", "/etc/web/link (link)", () => relink("/etc/web/link")],
    ["a kept file that changed", "/etc/kept (content)", () => writeFileSync(`${machine.root}/etc/kept`, "new")],
    ["a folder's mode", "/etc/web/conf (mode)", () => spawnSync("chmod", ["0777", `${machine.root}/etc/web/conf`])],
    ["a pipe in a file's place, without waiting for it", "/etc/web/id (kind)", () => pipe("/etc/web/id")],
  ])("%s is seen", async (_what, said, change) => {
    await boot();
    change();
    expect((await machine.boot()).last).toBe(`moult-agent: failed seal-broken: Not as it was sealed: ${said}`);
  });

  function relink(path: string): void {
    rmSync(machine.root + path);
    symlinkSync("/elsewhere", machine.root + path);
  }
  function pipe(path: string): void {
    rmSync(machine.root + path);
    spawnSync("mkfifo", [machine.root + path]);
  }

  test("a seal of thousands of files is refused as a mistake, and nothing is placed", async () => {
    for (let i = 0; i < 10_001; i++) {
      if (i % 1000 === 0) machine.write(`/etc/baked/${i / 1000}/x`, "");
      writeFileSync(`${machine.root}/etc/baked/${Math.floor(i / 1000)}/${i}`, "");
    }
    machine.bake(manifest);
    const run = await machine.boot();
    expect(run.exit).toBe(10);
    expect(run.last).toContain("More than 10000 files or 256 MiB are to be watched");
    expect(existsSync(`${machine.root}/etc/web`)).toBe(false);
  });
});

describe("the immutable attribute", () => {
  const flags = (path: string) => spawnSync("lsattr", ["-d", path], { encoding: "utf8" }).stdout.split(" ")[0] ?? "";
  const trouble = noNamespaces() ?? unsettable();

  /** A file system under test: the folder of the machines may be on one without attributes. */
  function unsettable(): string | undefined {
    const folder = mkdtempSync(join(process.env.TMPDIR ?? "/tmp", "moult-flags-"));
    const file = join(folder, "file");
    writeFileSync(file, "");
    const can = spawnSync("chattr", ["+i", file]).status === 0;
    spawnSync("chattr", ["-i", file]);
    rmSync(folder, { recursive: true });
    return can ? undefined : "no chattr, or its attributes are not kept here";
  }
  if (trouble !== undefined) console.log(`skipped: the immutable attribute: ${trouble}`);

  test.skipIf(trouble !== undefined)("is never set under another root", async () => {
    machine.bake(manifest);
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(flags(`${machine.root}/etc/web/id`)).not.toContain("i");
  });

  test.skipIf(trouble !== undefined)(
    "is set on what is sealed on the machine's own root, and taken off for another instance",
    { timeout: 60_000 },
    async () => {
      const config = putPack(cloud, "acme-moult", { ...manifest, drift: undefined }, {});
      const at = { bucket: "acme-moult", commit: config };
      cloud.instance.attributes["moult-release"] = JSON.stringify({
        release: "a".repeat(64),
        fleet: "web",
        image: { name: "web-1", id: "1" },
        config: at,
        secrets: { db: version },
      });
      machine.write("/node", "");
      const own = `
      for folder in usr dev proc; do mkdir -p "$ROOT/$folder"; mount --rbind /$folder "$ROOT/$folder"; done
      for link in bin sbin lib lib64; do [ -e "$ROOT/$link" ] || ln -s "usr/$link" "$ROOT/$link"; done
      mkdir -p "$ROOT/run"; mount -t tmpfs tmpfs "$ROOT/run"
      mount --bind "$NODE" "$ROOT/node"; mkdir -p "$ROOT/agent"; mount --bind "$(dirname "$AGENT")" "$ROOT/agent"
      NODE=/node AGENT=/agent/moult-agent.cjs IN="chroot $ROOT" ROOTFLAG=`;
      try {
        const run = await bootInNamespace(machine, own);
        expect(run, run.stdout + run.stderr).toMatchObject({ exit: 0 });
        expect(run.stdout).not.toContain("immutable");
        for (const path of ["/etc/web/id", "/var/lib/moult/seal.json"])
          expect(flags(machine.root + path), path).toContain("i");
        expect(() => writeFileSync(`${machine.root}/etc/web/id`, "x")).toThrow("EPERM");
        for (const path of ["/etc/web", "/etc/web/conf"]) expect(flags(machine.root + path), path).not.toContain("i");
        const again = await bootInNamespace(machine, own);
        expect(again, again.stdout).toMatchObject({ exit: 0 });
        cloud.instance.id = second;
        const other = await bootInNamespace(machine, own);
        expect(other, other.stdout).toMatchObject({ exit: 0 });
        expect(machine.read("/etc/web/id")).toBe(second);
        expect(flags(`${machine.root}/etc/web/id`)).toContain("i");
      } finally {
        spawnSync("chattr", ["-R", "-f", "-i", `${machine.root}/etc`, `${machine.root}/var`]);
      }
    },
  );
});

test.skipIf(noNamespaces() !== undefined)(
  "a memory of its own, mounted at /run/moult, is emptied and filled, and stays mounted",
  { timeout: 60_000 },
  async () => {
    builtAgent();
    machine.bake(manifest);
    const mount =
      'mkdir -p "$ROOT/run/moult"; mount -t ramfs ramfs "$ROOT/run/moult"; echo old > "$ROOT/run/moult/left"';
    const look = 'stat -f -c "type %T" "$ROOT/run/moult"; cat "$ROOT/etc/web/key"; ls -A "$ROOT/run/moult"';
    for (const id of [first, second]) {
      cloud.instance.id = id;
      const run = await bootInNamespace(machine, mount, look);
      expect(run, run.stdout + run.stderr).toMatchObject({ exit: 0 });
      expect(run.stdout).toContain("type ramfs\nhunter2files\n");
      expect(run.stdout).not.toContain("left");
    }
  },
);
