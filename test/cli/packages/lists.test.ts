import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { collect } from "../../../cli/packages/collect.ts";
import { parseOsRelease } from "../../../cli/packages/osrelease.ts";
import { openRoot } from "../../../cli/packages/root.ts";
import { parseRpm, RPM_QUERY } from "../../../cli/packages/rpm.ts";
import { BOOKWORM, debianRoot, makeRoot, stanza } from "./roots.ts";

const from = (...layers: string[]) => collect(openRoot(layers), layers.at(-1) ?? "");

describe("a package list", () => {
  it("has what dpkg calls installed, with source and architecture, in order", async () => {
    const root = makeRoot("states", {
      "etc/os-release": BOOKWORM,
      "var/lib/dpkg/status":
        stanza("libssl3", "3.0.11-1~deb12u2", { Source: "openssl" }) +
        stanza("adduser", "3.134", { Architecture: "all" }) +
        stanza("libc-bin", "2.36-9+b1", { Source: "glibc (2.36-9)" }) +
        stanza("kept", "1.0", { Status: "hold ok installed" }) +
        stanza("due", "1.0", { Status: "install ok triggers-pending" }) +
        stanza("purged", "1.0", { Status: "deinstall ok config-files" }) +
        stanza("half", "1.0", { Status: "install ok half-configured" }),
    });
    const found = await from(root);
    expect(found?.list).toEqual({
      type: "deb",
      distribution: { id: "debian", version: "12" },
      packages: [
        { name: "adduser", version: "3.134", arch: "all" },
        { name: "due", version: "1.0", arch: "amd64" },
        { name: "kept", version: "1.0", arch: "amd64" },
        { name: "libc-bin", version: "2.36-9+b1", arch: "amd64", source: "glibc", sourceVersion: "2.36-9" },
        { name: "libssl3", version: "3.0.11-1~deb12u2", arch: "amd64", source: "openssl" },
      ],
    });
    expect(found?.omitted).toEqual(["half is half-configured"]);
  });

  it("is read from status.d where there is no dpkg, without the sums beside it", async () => {
    const distroless = (name: string) => `Package: ${name}\nVersion: 1.0\nArchitecture: amd64\n`;
    const root = makeRoot("distroless", {
      "usr/lib/os-release": BOOKWORM,
      "var/lib/dpkg/status.d/base-files": distroless("base-files"),
      "var/lib/dpkg/status.d/tzdata": distroless("tzdata"),
      "var/lib/dpkg/status.d/tzdata.md5sums": "Package: no\nVersion: 1\nArchitecture: all\n",
    });
    expect((await from(root))?.list.packages.map(({ name }) => name)).toEqual(["base-files", "tzdata"]);
  });

  it("is Alpine's where its database is", async () => {
    const installed =
      "C:Q1abc=\nP:libcrypto3\nV:3.1.4-r1\nA:x86_64\no:openssl\nF:lib\nR:libcrypto.so.3\n\nP:musl\nV:1.2.4-r2\nA:x86_64\no:musl\n\n";
    const root = makeRoot("alpine", {
      "etc/os-release": "ID=alpine\nVERSION_ID=3.18.4\n",
      "lib/apk/db/installed": installed,
    });
    expect((await from(root))?.list).toEqual({
      type: "apk",
      distribution: { id: "alpine", version: "3.18.4" },
      packages: [
        { name: "libcrypto3", version: "3.1.4-r1", arch: "x86_64", source: "openssl" },
        { name: "musl", version: "1.2.4-r2", arch: "x86_64" },
      ],
    });
  });

  it("is what rpm answered, without the keys it also keeps there", () => {
    const line = (...fields: string[]) => `${fields.join("\t")}\n`;
    const answer =
      line("openssl", "1", "1.0.2k", "8.el7", "x86_64", "openssl-1.0.2k-8.el7.src.rpm") +
      line("bash", "(none)", "4.2.46", "35.el7", "x86_64", "bash-4.2.46-35.el7.src.rpm") +
      line("libgcc", "0", "4.8.5", "44.el7", "x86_64", "gcc-4.8.5-44.el7.src.rpm") +
      line("gpg-pubkey", "(none)", "f4a80eb5", "53a7ff4b", "(none)", "(none)");
    expect(parseRpm(answer)).toEqual({
      packages: [
        { name: "openssl", version: "1:1.0.2k-8.el7", arch: "x86_64" },
        { name: "bash", version: "4.2.46-35.el7", arch: "x86_64" },
        { name: "libgcc", version: "4.8.5-44.el7", arch: "x86_64", source: "gcc" },
      ],
      omitted: [],
    });
    expect(parseRpm("bash 4.2\n").omitted[0]).toContain(RPM_QUERY);
  });

  it("is of the layer that lies above, and of its links as the machine will follow them", async () => {
    const below = debianRoot("below", { openssl: "1.0" });
    const above = makeRoot("above", {
      "var/lib/dpkg/status": stanza("openssl", "2.0"),
      "usr/lib/distribution": 'ID=ubuntu\nVERSION_ID="24.04"\n',
    });
    mkdirSync(join(above, "etc"), { recursive: true });
    // Absolute, by a folder that is a link too, and out of the root by too many steps: all end in the image, not in this computer.
    symlinkSync("/here/../../../usr/lib/distribution", join(above, "etc/os-release"));
    symlinkSync("usr/lib", join(above, "here"));
    expect((await from(below, above))?.list).toMatchObject({
      distribution: { id: "ubuntu", version: "24.04" },
      packages: [{ version: "2.0" }],
    });
    expect((await from(below))?.list.distribution.id).toBe("debian");
  });

  it("ends where links go round", async () => {
    const root = makeRoot("round", { "var/lib/dpkg/status": stanza("a", "1") });
    mkdirSync(join(root, "etc"), { recursive: true });
    symlinkSync("os-release", join(root, "etc/os-release"));
    await expect(from(root)).rejects.toThrow(/no \/etc\/os-release/);
  });

  it("is none where there is no database", async () => {
    expect(await from(makeRoot("empty", { "etc/os-release": BOOKWORM }))).toBeUndefined();
  });

  const refused: [string, Record<string, string>, RegExp][] = [
    ["packages of no distribution", { "var/lib/dpkg/status": stanza("a", "1") }, /of which distribution/],
    ["a distribution without a name", { "var/lib/dpkg/status": "", "etc/os-release": "NAME=x\n" }, /has no ID/],
    [
      "two kinds of database",
      { "var/lib/dpkg/status": "", "lib/apk/db/installed": "", "etc/os-release": BOOKWORM },
      /two kinds, deb and apk/,
    ],
    [
      "a database that only rpm reads",
      { "var/lib/rpm/rpmdb.sqlite": "", "etc/os-release": "ID=fedora\n" },
      /only rpm reads/,
    ],
  ];
  it.each(refused)("refuses %s", async (sentence, files, why) => {
    await expect(from(makeRoot(sentence.replaceAll(" ", "-"), files))).rejects.toThrow(why);
  });

  const dpkgQuery = spawnSync("dpkg-query", ["--version"]).status === 0;
  if (!dpkgQuery) console.log("there is no dpkg-query on this computer: the comparison with it is skipped");
  it.skipIf(!dpkgQuery)("is what dpkg-query says of this computer", async () => {
    const fields = ["db:Status-Status", "Package", "Version", "Architecture", "source:Package", "source:Version"];
    const format = `${fields.map((field) => `\${${field}}`).join("	")}
`;
    const told = spawnSync("dpkg-query", ["-W", "-f", format], { encoding: "utf8", maxBuffer: 1 << 26 }).stdout;
    const rows = told
      .split("\n")
      .filter((line) => line.startsWith("installed\t"))
      .map((line) => line.slice("installed\t".length));
    expect(rows.length).toBeGreaterThan(10);
    const list = (await from("/"))?.list.packages ?? [];
    const ours = list.map(({ name, version, arch, source = name, sourceVersion = version }) =>
      [name, version, arch, source, sourceVersion].join("\t"),
    );
    expect(ours.sort()).toEqual(rows.sort());
  });
});

it.each([
  ['ID="debian"\nVERSION_ID="12"', { id: "debian", version: "12" }],
  ["ID='fedora'\nVERSION_ID=41", { id: "fedora", version: "41" }],
  ["# ID=no\nID=debian\nVERSION_CODENAME=trixie", { id: "debian", version: "trixie" }],
  ["ID=Arch", { id: "arch", version: "" }],
  ["NAME=x", undefined],
  ["ID=$(reboot)", undefined],
])("os-release %j is %j", (text, distribution) => {
  expect(parseOsRelease(text)).toEqual(distribution);
});
