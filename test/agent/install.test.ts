import { spawnSync } from "node:child_process";
import {
  existsSync,
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
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { builtAgent } from "./machine.ts";

const script = new URL("../../infra/install.sh", import.meta.url).pathname;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "moult-install-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function install(...args: string[]) {
  return spawnSync("sh", [script, ...args], { encoding: "utf8", env: { PATH: process.env.PATH } });
}

/** Path → mode and length, or where a link leads. */
function tree(): Record<string, string> {
  const all = readdirSync(root, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    all
      .filter((one) => !one.isDirectory())
      .map((one) => {
        const path = join(one.parentPath, one.name);
        const { mode, size } = one.isSymbolicLink() ? { mode: 0, size: 0 } : statSync(path);
        const what = one.isSymbolicLink() ? `-> ${readlinkSync(path)}` : `${(mode & 0o7777).toString(8)} ${size > 0}`;
        return [path.slice(root.length), what];
      })
      .sort(),
  );
}

test("install.sh puts everything where infra/README.md says, and a second time changes nothing", () => {
  const bundles = dirname(builtAgent());
  expect(install("--root", root, "--bundles", bundles).status).toBe(0);
  const first = tree();
  expect(first).toEqual({
    "/etc/systemd/system/multi-user.target.wants/moult-agent.service": "-> /usr/lib/systemd/system/moult-agent.service",
    "/usr/bin/moult-agent": "755 true",
    "/usr/lib/moult/moult-agent.cjs": "644 true",
    "/usr/lib/moult/moult-more.cjs": "644 true",
    "/usr/lib/moult/moult-tools.cjs": "644 true",
    "/usr/lib/systemd/system/moult-agent.service": "644 true",
    "/usr/lib/systemd/system/moult-verify.service": "644 true",
    "/usr/lib/systemd/system/moult-verify.timer": "644 true",
    "/usr/lib/systemd/system/run-moult.mount": "644 true",
    "/usr/share/doc/moult-agent/README.md": "644 true",
  });
  writeFileSync(join(root, "usr/lib/moult/moult-more.cjs"), "an older one");
  expect(install("--root", `${root}/`, "--bundles", bundles).status).toBe(0);
  expect(tree()).toEqual(first);
  const [now, built] = [join(root, "usr/lib/moult"), bundles].map((folder) =>
    readFileSync(join(folder, "moult-more.cjs")),
  );
  expect(now).toEqual(built);
});

test.each<[sentence: string, args: (root: string) => string[], says: RegExp]>([
  ["no root", () => [], /--root DIR is missing/],
  ["a root that is not there", (root) => ["--root", `${root}/none`], /no such folder/],
  ["a flag it does not know", (root) => ["--root", root, "--force", "yes"], /--force is unknown/],
  ["a flag without its value", () => ["--root"], /--root wants a folder/],
  ["bundles that are not there", (root) => ["--root", root, "--bundles", root], /there is no moult-agent.cjs/],
])("install.sh refuses %s before it writes anything", (_, args, says) => {
  const { status, stderr } = install(...args(root));
  expect(stderr).toMatch(says);
  expect(status).toBe(64);
  expect(readdirSync(root)).toEqual([]);
});

test("install.sh does not follow a root's absolute link out of that root", () => {
  const outside = mkdtempSync(join(tmpdir(), "moult-outside-"));
  mkdirSync(join(root, "usr"));
  symlinkSync(outside, join(root, "usr/lib"));
  const { status, stderr } = install("--root", root, "--bundles", dirname(builtAgent()));
  expect([status, stderr]).toEqual([64, expect.stringContaining("/usr/lib is an absolute link")]);
  expect(readdirSync(outside)).toEqual([]);
  expect(existsSync(join(root, "usr/bin"))).toBe(false);
  rmSync(outside, { recursive: true });
});
