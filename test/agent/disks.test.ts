import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { unitNameOf } from "../../agent/disks/escape.ts";
import { deadlineIn } from "../../agent/edge/deadline.ts";
import { realDisk } from "../../agent/place/disk.ts";
import type { PlannedDisk } from "../../agent/plan/plan.ts";
import { settle } from "../../agent/settle/settle.ts";
import { disk, emptySeal } from "./disks/sample.ts";

const has = (program: string) => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
const missing = ["blkid", "mkfs.ext4", "mkswap"].filter((program) => !has(program));
if (missing.length > 0) console.log(`disks are not tested: there is no ${missing.join(", ")}`);

test.each<[sentence: string, path: string, name: string]>([
  ["slashes are dashes", "/var/lib/web", "var-lib-web"],
  ["dashes are escaped", "/var/lib/web-data/x", "var-lib-web\\x2ddata-x"],
  ["a dot at the start, bytes beyond ASCII, a space", "/.a/ü b", "\\x2ea-\\xc3\\xbc\\x20b"],
  ["other dots, colons and underscores stay", "/a.b/c:d_e", "a.b-c:d_e"],
  ["the root is a dash", "/", "-"],
  ["slashes too many count as one", "//a///b/", "a-b"],
])("unit names: %s", (_, path, name) => expect(unitNameOf(path)).toBe(name));

test.runIf(has("systemd-escape"))("unit names are those of systemd-escape", () => {
  const part = fc
    .string({ unit: "binary", minLength: 1, maxLength: 6 })
    .filter((text) => !/[\0/\ud800-\udfff]/.test(text) && text !== "." && text !== "..");
  const paths = fc.sample(
    fc.array(part, { maxLength: 4 }).map((parts) => `/${parts.join("/")}`),
    { numRuns: 300, seed: 7 },
  );
  const said = execFileSync("systemd-escape", ["--path", "--", ...paths], { encoding: "utf8" });
  expect(`${paths.map(unitNameOf).join(" ")}\n`).toBe(said);
});

describe.skipIf(missing.length > 0)("data disks", () => {
  const MiB = 1024 * 1024;
  let root: string;
  let bin: string;
  let image: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "moult-disks-"));
    bin = join(root, "bin");
    mkdirSync(join(root, "dev/disk/by-id"), { recursive: true });
    mkdirSync(bin);
    image = join(root, "dev/disk/by-id/google-data");
    attach();
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const attach = (bytes = 32 * MiB) => {
    rmSync(image, { force: true });
    writeFileSync(image, "");
    truncateSync(image, bytes);
  };
  /** A program in front of the real ones. */
  const standIn = (name: string, script: string) =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const boot = (part: Partial<PlannedDisk> = {}, instance = "1", ...words: string[]) => {
    const env = { PATH: `${bin}:${process.env.PATH}:/usr/sbin:/sbin` };
    const script = new URL("disks/run.ts", import.meta.url).pathname;
    const ended = spawnSync(process.execPath, [script, root, instance, JSON.stringify([part]), ...words], {
      env,
      encoding: "utf8",
    });
    if (ended.signal === null && ended.status !== 0) throw new Error(ended.stderr);
    return { last: ended.stdout.trim().split("\n").at(-1), signal: ended.signal, out: ended.stdout };
  };
  const found = () => {
    const { stdout } = spawnSync("/usr/sbin/blkid", ["-p", "-o", "export", image], { encoding: "utf8" });
    return { type: /^TYPE=(.*)$/m.exec(stdout)?.[1], uuid: /^UUID=(.*)$/m.exec(stdout)?.[1] };
  };
  const digest = () => createHash("sha256").update(readFileSync(image)).digest("hex");
  const write = (text: string | Buffer, at: number) => {
    const fd = openSync(image, "r+");
    writeSync(fd, Buffer.from(text), 0, undefined, at);
    closeSync(fd);
  };
  const intent = () => join(root, "var/lib/moult/disks.json");

  test("a blank disk gets its file system, once", () => {
    expect(boot().out).toBe("disks: ext4 is made on data, which is blank\ndone\n");
    const { type, uuid } = found();
    expect(type).toBe("ext4");
    expect(existsSync(intent())).toBe(false);
    const before = digest();
    expect(boot().out).toBe("done\n");
    expect(boot({}, "2").out).toBe("done\n");
    expect(found().uuid).toBe(uuid);
    expect(digest()).toBe(before);
  });

  test.each<[sentence: string, make: () => void, part: Partial<PlannedDisk>, says: string]>([
    [
      "another file system",
      () => execFileSync("mkfs.ext4", ["-q", "-F", image]),
      { fs: "xfs" },
      "holds ext4, and xfs is wanted",
    ],
    ["swap", () => execFileSync("mkswap", ["-q", image], { stdio: "ignore" }), {}, "holds swap"],
    ["a partition table", () => write(mbr(), 0), {}, "holds a partition table (dos)"],
    ["an encrypted volume", () => write(luks(), 0), {}, "holds crypto_LUKS"],
    ["data at its start that nobody knows", () => write("x", 5000), {}, "holds data without a file system"],
    ["data at its end that nobody knows", () => write("x", 32 * MiB - 1), {}, "holds data without a file system"],
    ["nothing, where a file system is taken for granted", () => {}, { format: "never" }, "holds nothing"],
  ])("a disk with %s is left as it is", (_, make, part, says) => {
    make();
    const before = digest();
    const { last } = boot(part);
    expect(last).toMatch(/^disk-foreign: /);
    expect(last).toContain(says);
    expect(digest()).toBe(before);
  });

  test("a disk that is not attached is waited for, and then missed", () => {
    rmSync(image);
    expect(boot({ withinMs: 200 }).last).toBe("disk-missing: The disk data was not attached within its time");
    standIn("attach", `sleep 0.3; : > "${image}.new"; truncate -s 32M "${image}.new"; mv "${image}.new" "${image}"`);
    spawnSync("sh", ["-c", `"${bin}/attach" >/dev/null 2>&1 &`]);
    expect(boot({ withinMs: 20_000 }).last).toBe("done");
  });

  /** Half a file system, and the power goes: the agent is killed before the program is. */
  const powerCut = `for disk; do :; done
cp "${"$"}{0%/bin/*}/var/lib/moult/disks.json" "${"$"}{0%/bin/*}/intent-at-mkfs"
head -c 65536 /dev/urandom | dd of="$disk" bs=4096 seek=3 conv=notrunc 2>/dev/null
kill -9 $PPID; exit 1`;

  test("a boot that was killed while a file system was made is finished by the next one", () => {
    standIn("mkfs.ext4", powerCut);
    expect(boot().signal).toBe("SIGKILL");
    expect(JSON.parse(readFileSync(join(root, "intent-at-mkfs"), "utf8"))).toMatchObject([
      { instance: "1", device: "data", bytes: 32 * MiB },
    ]);
    expect(statSync(intent()).mode & 0o777).toBe(0o600);
    rmSync(join(bin, "mkfs.ext4"));
    expect(boot().out).toBe("disks: ext4 is made on data, where an interrupted boot had begun it\ndone\n");
    expect(found().type).toBe("ext4");
    expect(existsSync(intent())).toBe(false);
  });

  test("two of them, killed one after the other and wanted in another order, are both finished", () => {
    const other = join(root, "dev/disk/by-id/google-other");
    writeFileSync(other, "");
    truncateSync(other, 32 * MiB);
    const both = (...devices: string[]) => {
      const parts = devices.map((device) => ({ device, mount: `/srv/${device}` }));
      const script = new URL("disks/run.ts", import.meta.url).pathname;
      const env = { PATH: `${bin}:${process.env.PATH}:/usr/sbin:/sbin` };
      return spawnSync(process.execPath, [script, root, "1", JSON.stringify(parts)], { env, encoding: "utf8" });
    };
    standIn("mkfs.ext4", powerCut);
    expect(both("data", "other").signal).toBe("SIGKILL");
    expect(both("other", "data").signal).toBe("SIGKILL");
    expect(JSON.parse(readFileSync(intent(), "utf8"))).toMatchObject([{ device: "data" }, { device: "other" }]);
    rmSync(join(bin, "mkfs.ext4"));
    expect(both("other", "data").stdout).toBe(
      "disks: ext4 is made on other, where an interrupted boot had begun it\n" +
        "disks: ext4 is made on data, where an interrupted boot had begun it\ndone\n",
    );
    expect(existsSync(intent())).toBe(false);
  });

  test.each<[sentence: string, meanwhile: () => void, instance: string, says: RegExp]>([
    ["is no leave for another instance", () => {}, "2", /^disk-foreign: .*data without a file system/],
    [
      "is no leave for a disk of another size",
      () => {
        attach(33 * MiB);
        write("x", 5000);
      },
      "1",
      /^disk-foreign: .*data/,
    ],
    [
      "is no leave for a disk that somebody made otherwise",
      () => {
        attach();
        execFileSync("mkfs.ext4", ["-q", "-F", image]);
      },
      "1",
      /^done$/,
    ],
    [
      "is no leave for another file system",
      () => {
        attach();
        execFileSync("mkswap", ["-q", image], { stdio: "ignore" });
      },
      "1",
      /^disk-foreign: .*swap/,
    ],
  ])("what a killed boot had begun %s", (_, meanwhile, instance, says) => {
    standIn("mkfs.ext4", powerCut);
    boot();
    rmSync(join(bin, "mkfs.ext4"));
    meanwhile();
    const before = digest();
    expect(boot({}, instance).last).toMatch(says);
    expect(digest()).toBe(before);
  });

  test("programs that fail are quoted, and nothing else is", () => {
    standIn("mkfs.ext4", "echo 'mke2fs: no room'  >&2; echo more >&2; exit 1");
    expect(boot().last).toBe("disk-failed: The disk data: mkfs.ext4: mke2fs: no room");
    rmSync(join(bin, "mkfs.ext4"));
    expect(boot().last).toBe("done");
    standIn("blkid", "exit 4");
    expect(boot().last).toBe("disk-failed: The disk data: blkid: exit 4");
    standIn("blkid", "exit 8");
    expect(boot().last).toMatch(/^disk-foreign: The disk data holds content of several kinds/);
  });

  const loop = process.getuid?.() === 0 && spawnSync("sh", ["-c", "losetup -f && unshare -m true"]).status === 0;
  if (!loop) console.log("mounting is not tested: no root, or no loop devices");

  test.skipIf(!loop)(
    "a block device is made, mounted and given its folders; nothing of it is lost at the next boot",
    () => {
      const file = join(root, "backing");
      writeFileSync(file, "");
      truncateSync(file, 64 * MiB);
      const device = execFileSync("losetup", ["-f", "--show", file], { encoding: "utf8" }).trim();
      try {
        rmSync(image);
        symlinkSync(device, image);
        // Mounts of a namespace go with it.
        const words = [
          new URL("disks/run.ts", import.meta.url).pathname,
          root,
          "1",
          '[{"options":["noatime"]}]',
          "mount",
        ];
        const mounting = `'${process.execPath}' ${words.map((word) => `'${word}'`).join(" ")}`;
        const run = (then: string) => {
          const script = `${mounting} && ${then}`;
          const env = { PATH: `${bin}:/usr/sbin:/usr/bin:/sbin:/bin` };
          const ended = spawnSync("unshare", ["-m", "sh", "-c", script], { env, encoding: "utf8" });
          expect(ended.stderr).toBe("");
          return ended.stdout;
        };
        const at = `${root}/var/lib/web-data`;
        expect(
          run(
            `findmnt -no FSTYPE,OPTIONS '${at}'; stat -c %a '${at}' '${at}/inner' '${at}/inner/most'; echo kept > '${at}/inner/most/x'`,
          ),
        ).toMatch(/^disks: ext4 is made on data, which is blank\ndone\next4 +rw,noatime\S*\n750\n755\n2750\n$/);
        expect(
          run(
            `cat '${at}/inner/most/x'; rmdir '${at}/inner/most' 2>/dev/null; mv '${at}/inner' '${at}/old'; ln -s old '${at}/inner'`,
          ),
        ).toBe("done\nkept\n");
        expect(run(`umount '${at}'; mount -t tmpfs tmpfs '${at}'; ${mounting}`)).toContain(
          "disk-failed: The disk data: something else is mounted at /var/lib/web-data\n",
        );
        // What an application left there is not followed.
        expect(run("true")).toMatch(/^path-refused: .*inner is a link/);
        // Nor is one in the mount point's place, or above it: the disk would cover what somebody else chose.
        rmSync(at, { recursive: true });
        mkdirSync(join(root, "chosen"));
        symlinkSync("../../chosen", at);
        expect(run(`findmnt -no TARGET '${root}/chosen'; echo over`)).toMatch(
          /^path-refused: \/var\/lib\/web-data\b.* is a link, and links are not followed\nover\n$/,
        );
      } finally {
        execFileSync("losetup", ["-d", device]);
      }
    },
  );

  function mbr(): Buffer {
    const sector = Buffer.alloc(512);
    sector.set([0x80, 0, 2, 0, 0x83, 0xff, 0xff, 0xff, 0, 8, 0, 0, 0, 8, 0, 0], 446);
    sector.set([0x55, 0xaa], 510);
    return sector;
  }

  function luks(): Buffer {
    const header = Buffer.alloc(1024);
    header.write("LUKS\xba\xbe", 0, "latin1");
    header.writeUInt16BE(1, 6);
    header.write("5b8a1f5e-6b9c-4a57-8f0a-5d1f6a4b2c3d", 168);
    return header;
  }
});

test("where systemd runs, a mount that does not start is named with its state", async () => {
  const root = mkdtempSync(join(tmpdir(), "moult-mount-"));
  mkdirSync(join(root, "run/systemd/system"), { recursive: true });
  mkdirSync(join(root, "bin"));
  const script = `#!/bin/sh
case $1 in
  start) echo "Job for $2 failed." >&2; exit 1 ;;
  show) printf 'Id=%s\\nLoadState=loaded\\nActiveState=failed\\nResult=timeout\\n' "$4" ;;
esac
`;
  writeFileSync(join(root, "bin/systemctl"), script);
  chmodSync(join(root, "bin/systemctl"), 0o755);
  const path = process.env.PATH;
  process.env.PATH = `${root}/bin:${path}`;
  try {
    const edge = { now: () => performance.now(), random: Math.random, sleep: async () => {}, say: () => {} };
    const about = { disk: realDisk, root, fresh: false, edge, deadline: deadlineIn(edge, 10_000) };
    await expect(settle({ ...emptySeal, disks: [disk({})] }, about)).rejects.toMatchObject({
      reason: "disk-failed",
      message:
        "The disk data: it is not mounted at /var/lib/web-data: Id=var-lib-web\\x2ddata.mount, LoadState=loaded, ActiveState=failed, Result=timeout",
    });
  } finally {
    process.env.PATH = path;
    rmSync(root, { recursive: true });
  }
});
