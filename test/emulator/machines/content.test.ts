import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Header } from "tar";
import { afterEach, beforeEach, expect, test } from "vitest";
import { keepContent, unpackContent } from "../../../emulator/machines/content.ts";
import { image } from "./image.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "moult-content-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A tar.gz with one entry that no honest tar would write. */
function crafted(entry: ConstructorParameters<typeof Header>[0] & object): Buffer {
  const header = new Header({ mode: 0o644, uid: 0, gid: 0, size: 0, mtime: new Date(0), ...entry });
  header.encode();
  return gzipSync(Buffer.concat([header.block ?? Buffer.alloc(0), Buffer.alloc(1024)]));
}

test.each<[sentence: string, tarball: () => Buffer, message: RegExp]>([
  ["a climbing path", () => crafted({ path: "../evil", type: "File" }), /"\.\.\/evil" leads out/],
  ["a path that climbs on its way", () => crafted({ path: "a/../../evil", type: "File" }), /leads out/],
  [
    "a link that climbs",
    () => crafted({ path: "a/l", type: "SymbolicLink", linkpath: "../../etc" }),
    /"a\/l" leads out/,
  ],
  ["a hard link that climbs", () => crafted({ path: "l", type: "Link", linkpath: "../etc/passwd" }), /leads out/],
  ["no tar at all", () => Buffer.from("hello"), /not a readable tar\.gz/],
  ["a broken gzip", () => gzipSync(Buffer.alloc(4096, 1)).subarray(0, 20), /not a readable tar\.gz/],
  ["nothing", () => gzipSync(Buffer.alloc(1024)), /not a readable tar\.gz/],
])("refused: %s", (_, tarball, message) => {
  expect(() => keepContent(folder, tarball())).toThrow(message);
  expect(readdirSync(folder)).toEqual([]);
});

test("an image is kept once, under its digest", async () => {
  const tarball = await image({ "etc/hostname": "a" });
  const digest = keepContent(folder, tarball);
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
  expect(keepContent(folder, tarball)).toBe(digest);
  expect(readdirSync(folder)).toEqual([`${digest}.tar.gz`]);
});

test("absolute paths and links mean the image's own root", async () => {
  const digest = keepContent(
    folder,
    await image({ "srv/app/config": "c", "etc/app": "-> /srv/app", "srv/up": "-> ../etc", "etc/none": "-> /dev/null" }),
  );
  const root = join(folder, "root");
  await unpackContent(folder, digest, root);
  expect(readFileSync(join(root, "etc/app/config"), "utf8")).toBe("c");
  expect(readlinkSync(join(root, "etc/app"))).toBe("../srv/app");
  expect(readlinkSync(join(root, "srv/up"))).toBe("../etc");
  expect(readlinkSync(join(root, "etc/none"))).toBe("../dev/null");
});

test("devices in an image are left out", async () => {
  const digest = keepContent(folder, crafted({ path: "dev/console", type: "CharacterDevice" }));
  await unpackContent(folder, digest, join(folder, "root"));
  expect(readdirSync(join(folder, "root"))).toEqual([]);
});
