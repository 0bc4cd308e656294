import fs, {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Disk, realDisk } from "../../agent/place/disk.ts";
import { type Ground, type Placement, place } from "../../agent/place/place.ts";
import { recover } from "../../agent/place/recover.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "moult-place-"));
  mkdirSync(`${root}/etc`);
  writeFileSync(`${root}/etc/old`, "old");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const self = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const ground = (disk: Disk): Ground => ({ disk, root, self, token: "00" });
const file = (path: string, text: string, mode = 0o640) => ({ path, bytes: Buffer.from(text), ...self, mode });

const placement: Placement = {
  entries: [
    file("/run/moult/files/etc/key", "secret", 0o400),
    file("/etc/old", "new"),
    file("/etc/web/deep/a", "a"),
    file("/etc/web/b", ""),
    { path: "/etc/key", link: "../run/moult/files/etc/key" },
    file("/var/lib/moult/seal.json", "sealed", 0o600),
  ],
  folders: [{ path: "/var/lib/web", ...self, mode: 0o750 }],
};

function seen(): Record<string, string> {
  const found: Record<string, string> = {};
  const walk = (folder: string) => {
    for (const entry of readdirSync(root + folder, { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isSymbolicLink()) found[path] = `-> ${readlinkSync(root + path)}`;
      else {
        const mode = (statSync(root + path).mode & 0o7777).toString(8);
        found[path] = entry.isDirectory() ? `folder ${mode}` : `${readFileSync(root + path, "utf8")} ${mode}`;
        if (entry.isDirectory()) walk(path);
      }
    }
  };
  walk("");
  // The agent's own folders are no part of the configuration; what is left in them is.
  for (const own of ["/var", "/var/lib", "/var/lib/moult", "/run", "/run/moult"]) delete found[own];
  return found;
}

class Killed extends Error {}

/** Lets `calls` calls through; the next one happens `half` or not at all, and every one after it fails, as after SIGKILL. */
function dyingDisk(calls: number, happens: boolean): { disk: Disk; died: () => boolean } {
  let made = 0;
  const disk = new Proxy(realDisk, {
    get(target, name) {
      const real: unknown = Reflect.get(target, name);
      if (typeof real !== "function") return real;
      return (...args: unknown[]) => {
        made++;
        // Descriptors go with a process; here the process stays.
        if (name === "closeSync" && made > calls) return Reflect.apply(real, fs, args);
        if (made > calls + 1) throw new Killed();
        if (made <= calls) return Reflect.apply(real, fs, args);
        if (happens) Reflect.apply(real, fs, args);
        throw new Killed();
      };
    },
  });
  return { disk, died: () => made > calls };
}

test("places everything, with modes, and leaves nothing else", () => {
  place(ground(realDisk), placement);
  expect(seen()).toEqual({
    "/etc": "folder 755",
    "/etc/old": "new 640",
    "/etc/web": "folder 755",
    "/etc/web/deep": "folder 755",
    "/etc/web/deep/a": "a 640",
    "/etc/web/b": " 640",
    "/etc/key": "-> ../run/moult/files/etc/key",
    "/run/moult/files": "folder 755",
    "/run/moult/files/etc": "folder 755",
    "/run/moult/files/etc/key": "secret 400",
    "/var/lib/moult/seal.json": "sealed 600",
    "/var/lib/web": "folder 750",
  });
});

describe.each([
  ["before", false],
  ["after", true],
])("killed %s any call of the file system", (_when, happens) => {
  test("the next run finds nothing or everything, and never a temporary", () => {
    const nothing = seen();
    place(ground(realDisk), placement);
    const everything = seen();
    const outcomes = { nothing: 0, everything: 0 };
    for (let calls = 0; ; calls++) {
      rmSync(root, { recursive: true });
      mkdirSync(`${root}/etc`, { recursive: true });
      writeFileSync(`${root}/etc/old`, "old");
      const { disk, died } = dyingDisk(calls, happens);
      try {
        place(ground(disk), placement);
      } catch (error) {
        expect(error).toBeInstanceOf(Killed);
      }
      if (!died()) break;
      const between = seen();
      if (!journalText().includes('"renaming"')) {
        for (const path of Object.keys(between)) if (/\.moult-00|journal/.test(path)) delete between[path];
        // Without any journal it may also be over.
        const over = journalText() === "" && between["/etc/old"] === "new 640";
        expect(between, `visible after call ${calls}`).toEqual(over ? everything : nothing);
      }
      recover(ground(realDisk));
      const now = seen();
      const what = JSON.stringify(sorted(now)) === JSON.stringify(sorted(nothing)) ? "nothing" : "everything";
      if (what === "everything") expect(now, `killed at call ${calls}`).toEqual(everything);
      outcomes[what]++;
    }
    expect(outcomes.nothing).toBeGreaterThan(20);
    expect(outcomes.everything).toBeGreaterThan(5);
    console.log(`${outcomes.nothing + outcomes.everything} points tried and clean`);
  });
});

function journalText(): string {
  const path = `${root}/var/lib/moult/journal.json`;
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

function sorted(found: Record<string, string>): [string, string][] {
  return Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1));
}

test("a recovery that is killed at any call is finished by the next", () => {
  let calls = 0;
  let amongRenames = 0;
  const counting = new Proxy(realDisk, {
    get(target, name) {
      const real: unknown = Reflect.get(target, name);
      if (typeof real !== "function") return real;
      return (...args: unknown[]) => {
        calls++;
        // The second rename after the journal got its final state.
        if (name === "renameSync" && journalText().includes('"renaming"') && ++renames === 2) amongRenames = calls;
        return Reflect.apply(real, fs, args);
      };
    },
  });
  let renames = 0;
  place(ground(counting), placement);
  expect(amongRenames).toBeGreaterThan(0);
  const everything = seen();
  let finished = 0;
  for (let calls = 0; calls < 400; calls++) {
    rmSync(root, { recursive: true });
    mkdirSync(`${root}/etc`, { recursive: true });
    writeFileSync(`${root}/etc/old`, "old");
    const first = dyingDisk(amongRenames, false);
    try {
      place(ground(first.disk), placement);
    } catch {}
    const second = dyingDisk(calls, true);
    try {
      recover(ground(second.disk));
    } catch (error) {
      expect(error).toBeInstanceOf(Killed);
    }
    recover(ground(realDisk));
    const now = seen();
    if (now["/etc/old"]?.startsWith("new")) {
      expect(now).toEqual(everything);
      finished++;
    } else expect(Object.keys(now).sort()).toEqual(["/etc", "/etc/old"]);
    if (!second.died()) break;
  }
  expect(finished).toBeGreaterThan(0);
});

test("a full disk leaves nothing behind", () => {
  const before = seen();
  let writes = 0;
  const full = new Proxy(realDisk, {
    get(target, name) {
      const real: unknown = Reflect.get(target, name);
      if (name !== "writeSync" || typeof real !== "function") return real;
      return (...args: unknown[]) => {
        if (++writes === 4) throw Object.assign(new Error("full"), { code: "ENOSPC", syscall: "write" });
        return Reflect.apply(real, fs, args);
      };
    },
  });
  expect(() => place(ground(full), placement)).toThrow("ENOSPC (write)");
  expect(seen()).toEqual(before);
});

describe("a destination that is not a plain file or nothing is refused before anything is touched", () => {
  test.each([
    ["a folder", () => mkdirSync(`${root}/etc/web/b`, { recursive: true }), "/etc/web/b is a folder"],
    [
      "a link",
      () => {
        mkdirSync(`${root}/etc/web`);
        symlinkSync("/etc/passwd", `${root}/etc/web/b`);
      },
      "/etc/web/b is a link, and links are not followed",
    ],
    [
      "under a link",
      () => symlinkSync("/tmp", `${root}/etc/web`),
      "/etc/web/deep/a: /etc/web is a link, and links are not followed",
    ],
    ["under a file", () => writeFileSync(`${root}/etc/web`, ""), "/etc/web/deep/a: /etc/web is not a folder"],
    [
      "another link than ours",
      () => symlinkSync("/elsewhere", `${root}/etc/key`),
      "/etc/key is a link, and links are not followed",
    ],
  ])("%s", (_what, make, message) => {
    make();
    const before = seen();
    expect(() => place(ground(realDisk), placement)).toThrow(message);
    expect(seen()).toEqual(before);
  });

  test("our own link from an earlier boot is replaced", () => {
    symlinkSync("../run/moult/files/etc/key", `${root}/etc/key`);
    place(ground(realDisk), placement);
    expect(readFileSync(`${root}/etc/key`, "utf8")).toBe("secret");
  });
});

describe("what stands at a destination already", () => {
  const at = (existing: "keep" | "refuse" | "replace", also = {}) => ({
    ...file("/etc/old", "new"),
    existing,
    ...also,
  });
  const link = (path: string, to: string, existing: "keep" | "refuse" | "replace") => ({ path, link: to, existing });

  test("stays where the entry says keep, and the rest is placed", () => {
    place(ground(realDisk), { entries: [at("keep"), file("/etc/more", "more")], folders: [] });
    expect(seen()).toMatchObject({ "/etc/old": "old 644", "/etc/more": "more 640" });
  });

  test("is refused where the entry says so, before anything is touched", () => {
    const entries = [file("/etc/web/b", "b"), at("refuse")];
    expect(() => place(ground(realDisk), { entries, folders: [] })).toThrow(
      "/etc/old is there already, and the manifest says to refuse that",
    );
    expect(seen()).toEqual({ "/etc": "folder 755", "/etc/old": "old 644" });
  });

  test("is no matter to refuse when it is not there", () => {
    place(ground(realDisk), { entries: [{ ...file("/etc/new", "new"), existing: "refuse" }], folders: [] });
    expect(seen()["/etc/new"]).toBe("new 640");
  });

  test.each([
    ["a link gives way to a link", "replace", "-> to"],
    ["a link stays", "keep", "-> /elsewhere"],
  ] as const)("%s", (_what, existing, expected) => {
    symlinkSync("/elsewhere", `${root}/etc/link`);
    place(ground(realDisk), { entries: [link("/etc/link", "to", existing)], folders: [] });
    expect(seen()["/etc/link"]).toBe(expected);
  });

  test("a link is refused where the entry says so", () => {
    symlinkSync("/elsewhere", `${root}/etc/link`);
    const placement = { entries: [link("/etc/link", "to", "refuse")], folders: [] };
    expect(() => place(ground(realDisk), placement)).toThrow("/etc/link is there already");
  });

  test("a plain file gives way to a link", () => {
    place(ground(realDisk), { entries: [link("/etc/old", "to", "replace")], folders: [] });
    expect(seen()["/etc/old"]).toBe("-> to");
  });

  test.each(["keep", "replace"] as const)("a link at a file's destination is never followed, with %s", (existing) => {
    symlinkSync("old", `${root}/etc/link`);
    const placement = { entries: [{ ...file("/etc/link", "new"), existing }], folders: [] };
    expect(() => place(ground(realDisk), placement)).toThrow("/etc/link is a link, and links are not followed");
  });
});

test("modes with set-id bits and sticky come out whole, on files and folders, new and old", () => {
  mkdirSync(`${root}/srv`, { mode: 0o700 });
  place(ground(realDisk), {
    entries: [file("/etc/suid", "x", 0o4750), file("/etc/sgid", "x", 0o2710), file("/new/in", "x", 0o640)],
    folders: [
      { path: "/new", ...self, mode: 0o2775 },
      { path: "/srv", ...self, mode: 0o1777 },
    ],
  });
  expect(seen()).toMatchObject({
    "/etc/suid": "x 4750",
    "/etc/sgid": "x 2710",
    "/new": "folder 2775",
    "/srv": "folder 1777",
  });
});

test("a folder that somebody makes between look and rename keeps what is in it, and gets the rest", () => {
  const meddling = new Proxy(realDisk, {
    get(target, name) {
      const real: unknown = Reflect.get(target, name);
      if (name !== "renameSync" || typeof real !== "function") return real;
      return (...args: unknown[]) => {
        if (String(args[1]).endsWith("/web") && !existsSync(`${root}/etc/web`)) {
          mkdirSync(`${root}/etc/web/deep`, { recursive: true });
          writeFileSync(`${root}/etc/web/deep/theirs`, "theirs");
        }
        return Reflect.apply(real, fs, args);
      };
    },
  });
  place(ground(meddling), placement);
  expect(seen()).toMatchObject({
    "/etc/web/deep/theirs": expect.stringContaining("theirs"),
    "/etc/web/deep/a": "a 640",
    "/etc/web/b": " 640",
    "/etc/web": "folder 755",
  });
  expect(Object.keys(seen()).filter((path) => path.includes(".moult-"))).toEqual([]);
});

test("hundreds of folders do not need hundreds of open files", () => {
  const entries = Array.from({ length: 700 }, (_, i) => {
    mkdirSync(`${root}/srv/${i}`, { recursive: true });
    return file(`/srv/${i}/file`, String(i));
  });
  let open = 0;
  let most = 0;
  const counting = new Proxy(realDisk, {
    get(target, name) {
      const real: unknown = Reflect.get(target, name);
      if (typeof real !== "function") return real;
      return (...args: unknown[]) => {
        const result: unknown = Reflect.apply(real, fs, args);
        if (name === "openSync") most = Math.max(most, ++open);
        if (name === "closeSync") open--;
        return result;
      };
    },
  });
  place(ground(counting), { entries, folders: [] });
  expect(most).toBeLessThan(500);
  expect(open).toBe(0);
  for (const [i, { path }] of entries.entries()) expect(readFileSync(root + path, "utf8")).toBe(String(i));
});

test("memory alone is filled without a journal or an fsync, over what is there, and leavings of a killed run go", () => {
  const key = file("/run/moult/files/etc/key", "first", 0o400);
  place(ground(realDisk), { entries: [key], folders: [] });
  writeFileSync(`${root}/run/moult/.moult-dead-0`, "secret");
  const calls: string[] = [];
  const recording = new Proxy(realDisk, {
    get(target, name) {
      calls.push(String(name));
      return Reflect.get(target, name);
    },
  });
  const entries = [{ ...key, bytes: Buffer.from("second") }, file("/run/moult/environment/web.service", "A=1", 0o400)];
  place(ground(recording), { entries, folders: [] });
  expect(seen()).toMatchObject({
    "/run/moult/files/etc/key": "second 400",
    "/run/moult/environment/web.service": "A=1 400",
  });
  expect(existsSync(`${root}/run/moult/.moult-dead-0`)).toBe(false);
  expect(existsSync(`${root}/var`)).toBe(false);
  expect(calls.filter((name) => name === "fsyncSync").length).toBe(0);
});

test("beside files on the disk, what is in memory is not synced, and every file on the disk is", () => {
  const folders: string[] = [];
  const files: string[] = [];
  const disk: Disk = {
    ...realDisk,
    fsyncSync: (fd) => {
      const path = readlinkSync(`/proc/self/fd/${fd}`).slice(root.length);
      if (realDisk.fstatSync(fd).isDirectory()) folders.push(path);
      else if (!path.includes("journal")) files.push(readFileSync(`/proc/self/fd/${fd}`, "utf8"));
      realDisk.fsyncSync(fd);
    },
  };
  place(ground(disk), placement);
  expect(files.sort()).toEqual(["", "a", "new", "sealed"]);
  expect(folders).toContain("/etc");
  expect(folders.filter((path) => path.startsWith("/run"))).toEqual([]);
});

test("a journal that cannot be read is said, and left for whoever looks", () => {
  mkdirSync(`${root}/var/lib/moult`, { recursive: true });
  writeFileSync(`${root}/var/lib/moult/journal.json`, '{"journal":1,"state":"ren');
  expect(() => recover(ground(realDisk))).toThrow("/var/lib/moult/journal.json cannot be read");
  expect(lstatSync(`${root}/var/lib/moult/journal.json`).isFile()).toBe(true);
});
