import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FakeCloud, startCloud } from "./cloud.ts";
import { Machine } from "./machine.ts";
import { allAtOnce, bootInNamespace, callsOf, isOwn, noNamespaces, stateOf, wreck } from "./wreck.ts";

/** Every call of every boot. Without it, every call of a fresh boot, and a share of the other kinds. */
const all = process.env.MOULT_CRASH === "all";

const secrets = { db: "marker-of-the-database", key: "marker-of-the-key\0\xff" };
const manifest = {
  manifest: 1,
  host: { name: "{{ instance.name }}" },
  values: { peers: ["a", "b"] },
  secrets: {
    db: "projects/acme/secrets/web-db/versions/3",
    key: "projects/acme/secrets/web-key/versions/1",
  },
  environment: { DB: "{{ secrets.db }}" },
  directories: [
    { path: "/etc/web", mode: "2750" },
    { path: "/srv/there", mode: "0700" },
    { path: "/srv/new/deep", mode: "1777" },
  ],
  links: [{ path: "/etc/web/current", to: "site.json" }],
  attributes: { color: { type: "text", allowed: ["blue"] } },
  files: [
    {
      path: "/etc/web/site.json",
      content: '{"id": "{{ instance.id }}", "c": "{{ attributes.color }}"}',
      format: "json",
    },
    { path: "/etc/replaced", content: "new {{ instance.id }}", mode: "4755" },
    { path: "/etc/kept", content: "never seen", existing: "keep" },
    { path: "/etc/there/a", content: "a {{ instance.name }}" },
    { path: "/etc/there/b", content: "b" },
    { path: "/opt/made/for/this/c", content: "c", mode: "0600" },
    { path: "/etc/web/db.env", content: 'URL="{{ secrets.db }}"', format: "env" },
    { path: "/etc/there/key", secret: "key" },
  ],
  units: [
    {
      name: "web.service",
      content: "[Service]\nExecStart=/usr/bin/web\n",
      wantedBy: "multi-user.target",
      credentials: { key: { secret: "key" } },
    },
  ],
};

let cloud: FakeCloud;
const machines = new Set<Machine>();
const first = "5184363046278950541";
const second = "7774572792595385001";

beforeAll(async () => {
  cloud = await startCloud();
  cloud.instance.attributes.color = "blue";
  cloud.secrets.set(manifest.secrets.db, Buffer.from(secrets.db));
  cloud.secrets.set(manifest.secrets.key, Buffer.from(secrets.key, "latin1"));
});
afterAll(async () => {
  for (const machine of machines) machine.remove();
  await cloud.close();
});

function image(): Machine {
  const machine = new Machine(cloud);
  machines.add(machine);
  machine.write("/etc/replaced", "old", 0o640);
  machine.write("/etc/kept", "mine", 0o604);
  machine.write("/etc/there/other", "other");
  machine.write("/srv/there/x", "x");
  machine.write("/var/lib/other", "other");
  machine.write("/run/other", "other");
  machine.bake(manifest);
  return machine;
}

/** Of the number-th of all calls: each of them, or one in `share`. */
function some(count: number, share: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1).filter((number) => all || number % share === 0);
}

function copyOf(machine: Machine): Machine {
  const copy = new Machine(cloud);
  machines.add(copy);
  rmSync(copy.root, { recursive: true });
  spawnSync("cp", ["-a", machine.root, copy.root]);
  return copy;
}

function discard(machine: Machine): void {
  machine.remove();
  machines.delete(machine);
}

/** Whatever happened, whenever: no secret outside of memory. */
function expectNoSecret(state: Record<string, string>, when: string): void {
  for (const [path, text] of Object.entries(state))
    for (const secret of Object.values(secrets))
      if (!path.startsWith("/run/") && (text.includes(secret) || path.includes(secret)))
        throw new Error(`${when}: a secret in ${path}`);
}

/** Between a crash and the next boot: nothing has changed, or the journal says that it is being finished, or it is over. */
function expectNoMix(
  machine: Machine,
  before: Record<string, string>,
  after: Record<string, string>,
  when: string,
): void {
  const state = stateOf(machine.root);
  expectNoSecret(state, when);
  const journal = `${machine.root}/var/lib/moult/journal.json`;
  const renaming = existsSync(journal) && JSON.parse(readFileSync(journal, "utf8")).state === "renaming";
  const visible = Object.fromEntries(Object.entries(state).filter(([path]) => !isOwn(path)));
  const seen = (wanted: Record<string, string>) =>
    Object.fromEntries(Object.entries(wanted).filter(([path]) => !isOwn(path)));
  if (renaming) {
    for (const path of new Set([...Object.keys(visible), ...Object.keys(before), ...Object.keys(after)]))
      if (!isOwn(path) && !path.startsWith("/srv/there"))
        expect([before[path], after[path]], `${when}: ${path}`).toContain(visible[path]);
  } else {
    const over = visible["/etc/replaced"] !== seen(before)["/etc/replaced"];
    expect(visible, when).toEqual(seen(over ? after : before));
  }
}

function expectWhole(machine: Machine, after: Record<string, string>, when: string): void {
  const state = stateOf(machine.root);
  expectNoSecret(state, when);
  expect(state, when).toEqual(after);
}

/** What a boot that is not disturbed makes of a machine. */
async function whole(machine: Machine): Promise<Record<string, string>> {
  const copy = copyOf(machine);
  expect(await copy.boot()).toMatchObject({ exit: 0 });
  const after = stateOf(copy.root);
  discard(copy);
  return after;
}

const points = { tried: 0, clean: 0, boots: 0 };
afterAll(() =>
  console.log(
    `points tried ${points.tried}, points clean ${points.clean}, different disks booted again ${points.boots}`,
  ),
);

/** What a boot could see of a disk; random names and times are the same in all. */
function looksOf(machine: Machine): string {
  const unsettled = existsSync(`${machine.root}/run/moult-unsettled`);
  return JSON.stringify([unsettled, stateOf(machine.root)])
    .replaceAll(/\.moult-[0-9a-f]{16}/g, ".moult-token")
    .replaceAll(/moult-boot-\d+-\d+/g, "claim of a process that is no more")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "time");
}

/** Kills a boot of a copy of `start` at each of the points, and boots again. */
async function killEverywhere(start: Machine, before: Record<string, string>, what: readonly string[]): Promise<void> {
  const after = await whole(start);
  /** Many calls only read: what was killed before one of them leaves the same disk, from which a boot ends the same. */
  const seen = new Set<string>();
  await allAtOnce(what, async (point) => {
    points.tried++;
    const machine = copyOf(start);
    const run = await wreck(machine, point);
    expect(run.killed, `${point}: ${run.last}`).toBe(true);
    expectNoMix(machine, before, after, point);
    const looks = looksOf(machine);
    if (all || !seen.has(looks)) {
      seen.add(looks);
      points.boots++;
      expect(await machine.boot(), point).toMatchObject({ exit: 0 });
      expectWhole(machine, after, point);
    }
    discard(machine);
    points.clean++;
  });
}

async function pointsOf(start: Machine, every: number): Promise<string[]> {
  const calls = await callsOf(copyOf(start));
  const writes = calls.filter((name) => name === "writeSync");
  return [
    ...calls.flatMap((_, i) => (i % every === 0 ? [`before ${i + 1}`] : [])),
    ...writes.flatMap((_, i) => (every === 1 || i % 3 === 0 ? [`half ${i + 1}`] : [])),
  ];
}

describe("killed at a call of the file system, and booted again: everything is there, or still nothing", () => {
  test("of a fresh boot, at every call and in the middle of every write", { timeout: 600_000 }, async () => {
    const machine = image();
    const tried = await pointsOf(machine, 1);
    expect(tried.length).toBeGreaterThanOrEqual(200);
    await killEverywhere(machine, stateOf(machine.root), tried);
  });

  test("of the boot that finishes what a killed one began", { timeout: 600_000 }, async () => {
    const machine = image();
    const before = stateOf(machine.root);
    const calls = await callsOf(copyOf(machine));
    // The third rename from the end of those that are one run: some have happened, some have not.
    const journal = calls.lastIndexOf("renameSync");
    let start: Machine | undefined;
    for (let at = journal; at > 0 && !start; at--) {
      if (calls[at] !== "renameSync") continue;
      const copy = copyOf(machine);
      await wreck(copy, `before ${at - 1}`);
      const text = existsSync(`${copy.root}/var/lib/moult/journal.json`)
        ? copy.read("/var/lib/moult/journal.json")
        : "";
      if (text.includes('"renaming"') && !existsSync(`${copy.root}/var/lib/moult/seal.json`)) start = copy;
    }
    if (!start) throw new Error("no point among the renames was found");
    await killEverywhere(start, before, await pointsOf(start, all ? 1 : 7));
  });

  test("of a sealed machine that makes its secrets again", { timeout: 600_000 }, async () => {
    const machine = image();
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    rmSync(`${machine.root}/run/moult`, { recursive: true });
    const before = stateOf(machine.root);
    await killEverywhere(machine, before, await pointsOf(machine, all ? 1 : 7));
  });

  test("of a copy of the disk, which is another instance", { timeout: 600_000 }, async () => {
    const machine = image();
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    rmSync(`${machine.root}/run/moult`, { recursive: true });
    cloud.instance.id = second;
    try {
      const after = await whole(machine);
      expect(after["/etc/replaced"]).toContain(second);
      const tried = await pointsOf(machine, all ? 1 : 11);
      await allAtOnce(tried, async (point) => {
        points.tried++;
        const copy = copyOf(machine);
        expect((await wreck(copy, point)).killed, point).toBe(true);
        expectNoSecret(stateOf(copy.root), point);
        expect(await copy.boot(), point).toMatchObject({ exit: 0 });
        expectWhole(copy, after, point);
        discard(copy);
        points.clean++;
      });
    } finally {
      cloud.instance.id = first;
    }
  });
});

describe("a disk that fails leaves nothing or is finished later, and is said", () => {
  async function failEverywhere(what: readonly string[]): Promise<void> {
    const machine = image();
    const before = stateOf(machine.root);
    const after = await whole(machine);
    await allAtOnce(what, async (point) => {
      points.tried++;
      const copy = copyOf(machine);
      const run = await wreck(copy, point);
      // What is only recorded for people may fail.
      if (run.exit === 0) expectWhole(copy, after, point);
      else {
        expect(run.exit, `${point}: ${run.last}`).toBe(13);
        expect(run.last, point).toContain(`failed place-failed: ${point.split(" ")[1]} (`);
        expect(run.stdout).not.toContain("/proc/self");
        expectNoMix(copy, before, after, point);
      }
      expect(await copy.boot(), point).toMatchObject({ exit: 0 });
      expectWhole(copy, after, point);
      discard(copy);
      points.clean++;
    });
  }

  test("full, at any write", { timeout: 600_000 }, async () => {
    const calls = await callsOf(image());
    const writes = calls.filter((name) => name === "writeSync").length;
    await failEverywhere(some(writes, 3).map((number) => `fail ENOSPC writeSync ${number}`));
  });

  test("with an error of the device, at any fsync", { timeout: 600_000 }, async () => {
    const calls = await callsOf(image());
    const syncs = calls.filter((name) => name === "fsyncSync").length;
    await failEverywhere(some(syncs, 3).map((number) => `fail EIO fsyncSync ${number}`));
  });

  test("with an error of the device, at any rename", { timeout: 600_000 }, async () => {
    const calls = await callsOf(image());
    const renames = calls.filter((name) => name === "renameSync").length;
    await failEverywhere(some(renames, 3).map((number) => `fail EIO renameSync ${number}`));
  });

  test("read-only", { timeout: 60_000 }, () => failEverywhere(["fail EROFS change 1"]));
});

describe("on real file systems", () => {
  const trouble = noNamespaces();
  if (trouble !== undefined) console.log(`skipped: real file systems: ${trouble}`);

  test.skipIf(trouble !== undefined)("a full one: exit 13, and nothing new stands on it", async () => {
    const machine = image();
    machine.bake({ ...manifest, files: [...manifest.files, { path: "/srv/there/big", content: "x".repeat(20_000) }] });
    const full = await bootInNamespace(
      machine,
      'mount -t tmpfs -o size=16k tmpfs "$ROOT/srv"; mkdir "$ROOT/srv/there"; touch "$ROOT/mark"',
      'find "$ROOT/srv" "$ROOT/etc" "$ROOT/opt" -newer "$ROOT/mark" ! -type d | sed s,^,changed:,; find "$ROOT" -name ".moult-*"',
    );
    expect(full.exit, full.stdout).toBe(13);
    expect(full.stdout).toContain("failed place-failed: ENOSPC (write)");
    expect(full.stdout).not.toMatch(/changed:|\/\.moult-/);
  });

  test.skipIf(trouble !== undefined)("a read-only one: exit 13, and the machine is as it was", async () => {
    const machine = image();
    const before = stateOf(machine.root);
    const run = await bootInNamespace(machine, 'mount --bind "$ROOT" "$ROOT"; mount -o remount,ro,bind "$ROOT"');
    expect(run.exit, run.stdout).toBe(13);
    expect(run.stdout).toContain("failed place-failed: EROFS");
    expect(stateOf(machine.root)).toEqual(before);
  });

  test.skipIf(trouble !== undefined)("without /proc, everything is placed by checked paths", async () => {
    const machine = image();
    const after = await whole(machine);
    const run = await bootInNamespace(machine, "mount -t tmpfs tmpfs /proc");
    expect(run.exit, run.stdout + run.stderr).toBe(0);
    expectWhole(machine, after, "without /proc");
  });
});

test("a description that is refused leaves nothing, whenever it is killed", { timeout: 120_000 }, async () => {
  const machine = image();
  machine.write("/etc/web", "a file where a folder is to be");
  const before = stateOf(machine.root);
  const run = await machine.boot();
  expect(run).toMatchObject({ exit: 13 });
  expect(stateOf(machine.root)).toEqual(before);
  await allAtOnce(
    Array.from({ length: 8 }, (_, i) => `before ${(i + 1) * 5}`),
    async (point) => {
      const copy = copyOf(machine);
      await wreck(copy, point);
      expect(await copy.boot()).toMatchObject({ exit: 13 });
      expect(stateOf(copy.root), point).toEqual(before);
      discard(copy);
    },
  );
});

test("a journal that is torn stops the boot with exit 14 and says which file", async () => {
  const machine = image();
  machine.write("/var/lib/moult/journal.json", '{"journal":1,"state":"renam');
  const before = stateOf(machine.root);
  const run = await machine.boot();
  expect(run).toMatchObject({ exit: 14 });
  expect(run.last).toContain("failed seal-broken: /var/lib/moult/journal.json cannot be read");
  expect(stateOf(machine.root)).toEqual(before);
});
