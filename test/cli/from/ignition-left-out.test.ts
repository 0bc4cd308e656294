import { describe, expect, it } from "vitest";
import { file, files, translated, units } from "./samples.ts";

describe("what a manifest cannot have", () => {
  const rows: [string, Record<string, unknown>, string[]][] = [
    [
      "a partition table",
      { storage: { disks: [{ device: "/dev/sda", wipeTable: true }] } },
      ["storage.disks[0] partitions"],
    ],
    ["an array", { storage: { raid: [{ name: "a", level: "raid1", devices: [] }] } }, ["storage.raid[0] raid"]],
    ["an encrypted volume", { storage: { luks: [{ name: "a", device: "/dev/sdb" }] } }, ["storage.luks[0] encryption"]],
    [
      "users and groups",
      { passwd: { users: [{ name: "core" }, {}], groups: [{ name: "g" }] } },
      ["passwd.users[0] users", "passwd.users[1] users", "passwd.groups[0] groups"],
    ],
    [
      "kernel arguments",
      { kernelArguments: { shouldExist: ["quiet"] } },
      ["kernelArguments.shouldExist kernel-arguments"],
    ],
    [
      "another configuration",
      { ignition: { config: { merge: [{ source: "https://a.example/b.ign" }] } } },
      ["ignition.config.merge[0] merge"],
    ],
    [
      "a hard link",
      { storage: { links: [{ path: "/a", target: "/b", hard: true }] } },
      ["storage.links[0].hard hard-link"],
    ],
    [
      "a link of somebody's",
      { storage: { links: [{ path: "/a", target: "/b", user: { name: "web" } }] } },
      ["storage.links[0].user link-owner"],
    ],
    [
      "text for a file of the image",
      file({ append: [{ source: "data:,x" }] }),
      ["storage.files[0].append appends-to-the-image"],
    ],
    [
      "a folder that is emptied",
      { storage: { directories: [{ path: "/srv/x", overwrite: true }] } },
      ["storage.directories[0].overwrite deletes"],
    ],
    [
      "a user by name and id",
      file({ contents: { source: "data:,x" }, user: { id: 1, name: "a" } }),
      ["storage.files[0].user id-and-name"],
    ],
    ["a path that is not absolute", files({ path: "etc/x" }), ["storage.files[0] path-not-absolute"]],
    [
      "a path that moult keeps for itself",
      files({ path: "/var/lib/moult/seal.json" }),
      ["storage.files[0] path-forbidden"],
    ],
    ["a path given twice", files({ path: "/etc/x" }, { path: "/etc/x" }), ["storage.files[1] path-twice"]],
    [
      "a file where another needs a folder",
      files({ path: "/etc/x" }, { path: "/etc/x/y" }),
      ["storage.files[1] path-under-file"],
    ],
    ["a mode in quotes", file({ mode: "0644" }), ["storage.files[0].mode not-a-number"]],
    ["a mode that is none", file({ mode: 4096 }), ["storage.files[0].mode mode-too-large"]],
    ["a field nobody knows", file({ colour: "red" }), ["storage.files[0].colour unknown-field"]],
    ["a whole section nobody knows", { networkd: {} }, ["networkd unknown-field"]],
    [
      "a partition's file system",
      { storage: { filesystems: [{ device: "/dev/disk/by-id/google-a-part1", format: "ext4", path: "/srv/a" }] } },
      ["storage.filesystems[0].device not-an-attached-disk"],
    ],
    [
      "a disk of another kind",
      { storage: { filesystems: [{ device: "/dev/sdb", format: "ext4", path: "/srv/a" }] } },
      ["storage.filesystems[0].device not-an-attached-disk"],
    ],
    [
      "swap",
      { storage: { filesystems: [{ device: "/dev/disk/by-id/google-a", format: "swap", path: "/srv/a" }] } },
      ["storage.filesystems[0].format not-mounted"],
    ],
    [
      "a disk that is wiped",
      {
        storage: {
          filesystems: [{ device: "/dev/disk/by-id/google-a", format: "ext4", path: "/srv/a", wipeFilesystem: true }],
        },
      },
      ["storage.filesystems[0].wipeFilesystem wipes"],
    ],
    [
      "a mount over the system",
      { storage: { filesystems: [{ device: "/dev/disk/by-id/google-a", format: "ext4", path: "/usr" }] } },
      ["storage.filesystems[0] not-a-mount"],
    ],
    ["a masked unit", units({ name: "a.service", mask: true }), ["systemd.units[0].mask masked-too-late"]],
    [
      "a unit of the image that is enabled",
      units({ name: "a.service", enabled: true }),
      ["systemd.units[0].enabled enabled-in-image"],
    ],
    [
      "a unit of a kind that is not placed",
      units({ name: "a.slice", contents: "[Slice]\n" }),
      ["systemd.units[0] not-a-unit"],
    ],
    [
      "more than one target",
      units({
        name: "a.service",
        enabled: true,
        contents: "[Install]\nWantedBy=a.target \\\n  b.target\nAlias=c.service\n",
      }),
      ["systemd.units[0].contents install-part"],
    ],
    [
      "enabling without [Install]",
      units({ name: "a.service", enabled: true, contents: "[Service]\n" }),
      ["systemd.units[0].contents no-install"],
    ],
    [
      "a drop-in with a path for a name",
      units({ name: "a.service", dropins: [{ name: "../a.conf", contents: "x" }] }),
      ["systemd.units[0].dropins[0].name not-a-dropin"],
    ],
  ];
  it.each(rows)("%s is said, with its place and what to do", async (_sentence, sections, said) => {
    const outcome = await translated(sections);
    expect(outcome.said).toEqual(said);
    expect(outcome.code).toBe(6);
    for (const { why, instead } of outcome.untranslated) {
      expect(why).toMatch(/^.+\.$/);
      expect(instead).toMatch(/^.+\.$/);
    }
  });

  const assumed: [string, Record<string, unknown>, string[]][] = [
    [
      "a mode that looks octal",
      file({ mode: 644, contents: { source: "data:,x" } }),
      ["storage.files[0].mode mode-decimal"],
    ],
    [
      "one name for all machines",
      files({ path: "/etc/hostname", contents: { source: "data:,web" } }),
      ["storage.files[0] one-name-for-all"],
    ],
    [
      "how Ignition fetches",
      { ignition: { timeouts: { httpTotal: 3 }, proxy: { httpProxy: "http://p" } } },
      ["ignition.timeouts.httpTotal fetching", "ignition.proxy.httpProxy fetching"],
    ],
    [
      "a mount unit of a disk",
      {
        ...units({ name: "srv-a.mount", contents: "[Mount]\n" }),
        storage: {
          filesystems: [
            { device: "/dev/disk/by-id/google-a", format: "ext4", path: "/srv/a", mountOptions: ["noatime,discard"] },
          ],
        },
      },
      ["systemd.units[0] mounted-by-disk", "storage.filesystems[0].mountOptions mount-options"],
    ],
  ];
  it.each(assumed)("%s is only assumed", async (_sentence, sections, said) => {
    expect(await translated(sections)).toMatchObject({ said, code: 0, findings: [] });
  });
});
