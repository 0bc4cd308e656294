import fs, {
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
import { type Ground, type Placement, place, recover } from "../../agent/place/place.ts";

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
  // The agent's own folder is no part of the configuration; what is left in it is.
  for (const own of ["/var", "/var/lib", "/var/lib/moult"]) delete found[own];
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
    "/run": "folder 755",
    "/run/moult": "folder 755",
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
      recover(ground(realDisk));
      const now = seen();
      const what = JSON.stringify(sorted(now)) === JSON.stringify(sorted(nothing)) ? "nothing" : "everything";
      if (what === "everything") expect(now, `killed at call ${calls}`).toEqual(everything);
      outcomes[what]++;
    }
    expect(outcomes.nothing).toBeGreaterThan(20);
    expect(outcomes.everything).toBeGreaterThan(5);
  });
});

function sorted(found: Record<string, string>): [string, string][] {
  return Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1));
}

test("a recovery that is killed at any call is finished by the next", () => {
  place(ground(realDisk), placement);
  const everything = seen();
  let finished = 0;
  for (let calls = 0; calls < 400; calls++) {
    rmSync(root, { recursive: true });
    mkdirSync(`${root}/etc`, { recursive: true });
    writeFileSync(`${root}/etc/old`, "old");
    // Somewhere among the renames.
    const first = dyingDisk(120, false);
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
