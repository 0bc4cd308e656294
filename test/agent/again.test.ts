import { existsSync, lstatSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeCloud, startCloud } from "./cloud.ts";
import { Machine, runAgent } from "./machine.ts";

let cloud: FakeCloud;
let machine: Machine;
const version = "projects/acme/secrets/web-db/versions/3";

beforeEach(async () => {
  cloud = await startCloud();
  machine = new Machine(cloud);
  cloud.secrets.set(version, Buffer.from("hunter2"));
});
afterEach(async () => {
  await cloud.close();
  machine.remove();
});

/** Records of boots apart, which are for people. */
function persistent(): Record<string, string> {
  const { "/var/lib/moult/boots.json": _, ...found } = machine.persistent();
  return found;
}

const plain = {
  manifest: 1,
  attributes: { color: { type: "text", allowed: ["blue", "red"] } },
  files: [{ path: "/etc/web/id", content: "{{ instance.id }} {{ attributes.color }}" }],
};
const withSecret = {
  ...plain,
  secrets: { db: version },
  files: [
    ...plain.files,
    { path: "/etc/web/db.env", content: 'URL="{{ attributes.color }}:{{ secrets.db }}"', format: "env" },
    { path: "/etc/web/db.key", secret: "db" },
  ],
};

async function bootOnce(manifest: unknown): Promise<void> {
  cloud.instance.attributes.color = "blue";
  machine.bake(manifest);
  expect(await machine.boot()).toMatchObject({ exit: 0 });
  cloud.requests.length = 0;
}

describe("a second boot of the same instance", () => {
  test("verifies, changes nothing, and reports again", async () => {
    await bootOnce(plain);
    const before = persistent();
    cloud.instance.attributes.color = "red";
    machine.bake({ ...plain, files: [] });
    const after = { ...before, "/usr/lib/moult/manifest.json": machine.read("/usr/lib/moult/manifest.json") };
    expect(await machine.boot()).toMatchObject({ exit: 0, last: "moult-agent: ready: 1 files sealed" });
    expect(persistent()).toEqual(after);
    expect(JSON.parse(cloud.guestAttributes.get("moult/report") ?? "").files).toHaveLength(1);
  });

  test("makes secrets again from the sealed versions and the values of then", async () => {
    await bootOnce(withSecret);
    const before = persistent();
    machine.loseMemory();
    cloud.instance.attributes.color = "red";
    machine.bake({ manifest: 1 });
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    expect(machine.read("/etc/web/db.env")).toBe('URL="blue:hunter2"');
    expect(machine.read("/etc/web/db.key")).toBe("hunter2");
    expect(machine.mode("/etc/web/db.key")).toBe("0400");
    expect(persistent()).toEqual({
      ...before,
      "/usr/lib/moult/manifest.json": machine.read("/usr/lib/moult/manifest.json"),
    });
  });

  test.each([
    ["a changed byte", "content", () => writeFileSync(`${machine.root}/etc/web/id`, "5184363046278950541 BLUE")],
    ["a missing file", "missing", () => unlinkSync(`${machine.root}/etc/web/id`)],
    [
      "another mode",
      "mode",
      () => writeFileSync(`${machine.root}/etc/web/id`, machine.read("/etc/web/id")) ?? chmod("/etc/web/id"),
    ],
    ["a link in its place", "kind", () => replaceByLink("/etc/web/id")],
  ])("refuses %s with exit 14 and fetches no secret", async (_what, word, tamper) => {
    await bootOnce(withSecret);
    machine.loseMemory();
    tamper();
    const run = await machine.boot();
    expect(run.exit).toBe(14);
    expect(run.last).toBe(`moult-agent: failed seal-broken: Not as it was sealed: /etc/web/id (${word})`);
    expect(cloud.requests.some(({ path }) => path.endsWith(":access"))).toBe(false);
    expect(existsSync(`${machine.root}/run/moult`)).toBe(false);
    expect(JSON.parse(cloud.guestAttributes.get("moult/report") ?? "")).toMatchObject({
      verdict: "failed",
      reason: "seal-broken",
    });
    expect((await runAgent("verify", "--root", machine.root)).exit).toBe(14);
  });

  function chmod(path: string): void {
    const text = machine.read(path);
    unlinkSync(machine.root + path);
    writeFileSync(machine.root + path, text, { mode: 0o600 });
  }
  function replaceByLink(path: string): void {
    writeFileSync(`${machine.root}/etc/other`, machine.read(path));
    unlinkSync(machine.root + path);
    symlinkSync("../other", machine.root + path);
  }

  test("with a seal that cannot be read is refused", async () => {
    await bootOnce(plain);
    writeFileSync(`${machine.root}/var/lib/moult/seal.json`, "{}");
    expect(await machine.boot()).toMatchObject({ exit: 14 });
  });

  test("starts unverified when the metadata server is away and nothing secret is needed", async () => {
    await bootOnce(plain);
    await cloud.close();
    const run = await machine.boot("--deadline", "1");
    expect(run.exit).toBe(0);
    expect(run.last).toBe("moult-agent: unverified: metadata server away, the seal holds; 1 files sealed");
  });

  test("does not start when the metadata server is away and secrets are needed", async () => {
    await bootOnce(withSecret);
    machine.loseMemory();
    await cloud.close();
    expect(await machine.boot("--deadline", "0.5")).toMatchObject({ exit: 12 });
  });

  test("does not start unverified on a broken seal", async () => {
    await bootOnce(plain);
    await cloud.close();
    writeFileSync(`${machine.root}/etc/web/id`, "other");
    expect(await machine.boot("--deadline", "0.5")).toMatchObject({ exit: 14 });
  });
});

test("a copy of the disk is another instance: what the first was given goes, and it is made anew", async () => {
  await bootOnce(withSecret);
  cloud.instance.id = "7774572792595385001";
  machine.write("/etc/web/kept", "written by the application");
  machine.bake({ manifest: 1, files: [{ path: "/etc/id", content: "{{ instance.id }}" }] });
  expect(await machine.boot()).toMatchObject({ exit: 0 });
  expect(machine.read("/etc/id")).toBe("7774572792595385001");
  const now = persistent();
  for (const gone of ["/etc/web/id", "/etc/web/db.env", "/etc/web/db.key"]) expect(now[gone]).toBeUndefined();
  expect(now["/etc/web/kept"]).toBe("written by the application");
  expect(existsSync(`${machine.root}/run/moult/files`)).toBe(false);
  expect(JSON.parse(machine.read("/var/lib/moult/seal.json")).instance).toBe("7774572792595385001");
});

describe("links are not followed", () => {
  test("at a destination", async () => {
    machine.write("/etc/shadow", "root");
    machine.write("/etc/web/x", "");
    unlinkSync(`${machine.root}/etc/web/x`);
    symlinkSync("../shadow", `${machine.root}/etc/web/id`);
    machine.bake(plain);
    cloud.instance.attributes.color = "blue";
    const run = await machine.boot();
    expect(run).toMatchObject({
      exit: 13,
      last: "moult-agent: failed path-refused: /etc/web/id is a link, and links are not followed",
    });
    expect(machine.read("/etc/shadow")).toBe("root");
    expect(lstatSync(`${machine.root}/etc/web/id`).isSymbolicLink()).toBe(true);
  });

  test("above a destination", async () => {
    machine.write("/srv/real/keep", "");
    symlinkSync("../srv/real", `${machine.root}/etc/web`);
    machine.bake(plain);
    cloud.instance.attributes.color = "blue";
    expect(await machine.boot()).toMatchObject({ exit: 13 });
    expect(existsSync(`${machine.root}/srv/real/id`)).toBe(false);
  });
});

test("killed at any moment while it places, the next boot ends with everything and no temporary", async () => {
  cloud.instance.attributes.color = "blue";
  const many = Array.from({ length: 40 }, (_, i) => ({ path: `/etc/many/${i}`, content: `${i} {{ instance.id }}` }));
  machine.bake({ ...withSecret, files: [...withSecret.files, ...many] });
  let killed = 0;
  for (let round = 0; round < 8; round++) {
    rmSync(`${machine.root}/etc/many`, { recursive: true, force: true });
    rmSync(`${machine.root}/etc/web`, { recursive: true, force: true });
    rmSync(`${machine.root}/var`, { recursive: true, force: true });
    const child = machine.start();
    const over = new Promise((resolve) => child.on("close", resolve));
    // The journal appears when placing begins; each round lets it go a little further.
    const journal = `${machine.root}/var/lib/moult/journal.json`;
    while (child.exitCode === null && !existsSync(journal)) await new Promise((resolve) => setImmediate(resolve));
    for (let turn = 0; turn < round * 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    child.kill("SIGKILL");
    await over;
    if (child.signalCode === "SIGKILL") killed++;
    expect(await machine.boot()).toMatchObject({ exit: 0 });
    const now = persistent();
    expect(Object.keys(now).filter((path) => /\.moult-|journal/.test(path))).toEqual([]);
    for (const { path } of many) expect(now[path]).toBe(`${path.slice("/etc/many/".length)} 5184363046278950541`);
    expect(readFileSync(`${machine.root}/etc/web/db.key`, "utf8")).toBe("hunter2");
  }
  expect(killed).toBeGreaterThan(0);
});
