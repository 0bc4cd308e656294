import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { RPM_QUERY } from "../../../cli/packages/rpm.ts";
import { scratch } from "../scratch.ts";
import { type } from "../screen.ts";
import { BOOKWORM, debianRoot, makeRoot, stanza } from "./roots.ts";

describe("moult image packages --root", () => {
  const env = { SOURCE_DATE_EPOCH: "1795176000" };
  const read = (folder: string, name: string) => readFileSync(join(folder, name), "utf8");

  it("writes both documents, the same bytes each time", async () => {
    const root = debianRoot("whole", { openssl: "3.0.11-1", zlib1g: "1:1.2.13" });
    const folders = ["out-1", "out-2"].map((name) => join(scratch(), name));
    for (const out of folders) {
      const shown = await type(["image", "packages", "--root", root, "--out", out], env);
      expect(shown).toMatchObject({ code: 0, err: "" });
      expect(shown.out).toContain("2 packages listed in");
    }
    const [first = "", second = ""] = folders;
    expect(read(first, "packages.tsv")).toBe("openssl\t3.0.11-1\tamd64\nzlib1g\t1:1.2.13\tamd64\n");
    expect(JSON.parse(read(first, "sbom.cdx.json"))).toMatchObject({ metadata: { timestamp: "2026-11-20T12:00:00Z" } });
    for (const name of ["packages.tsv", "sbom.cdx.json"]) expect(read(second, name)).toBe(read(first, name));
  });

  it("takes rpm's own answer for the database that only rpm reads", async () => {
    const root = makeRoot("fedora", {
      "usr/lib/sysimage/rpm/rpmdb.sqlite": "x",
      "etc/os-release": "ID=fedora\nVERSION_ID=41\n",
      "rpm.txt": "bash\t(none)\t5.2\t1.fc41\tx86_64\tbash-5.2-1.fc41.src.rpm\n",
    });
    const asked = await type(["image", "packages", "--root", root], env);
    expect(asked).toMatchObject({ code: 2, out: "" });
    expect(asked.err).toContain(`rpm --root ${root} -qa --queryformat '%{NAME}\\t`);
    const shown = await type(["image", "packages", "--root", root, "--rpm", join(root, "rpm.txt"), "--json"], env);
    expect(JSON.parse(shown.out)).toEqual({
      collected: "2026-11-20T12:00:00Z",
      type: "rpm",
      distribution: { id: "fedora", version: "41" },
      packages: [{ name: "bash", version: "5.2-1.fc41", arch: "x86_64" }],
    });
  });

  it("says what it left out, on standard error", async () => {
    const root = makeRoot("half", {
      "etc/os-release": BOOKWORM,
      "var/lib/dpkg/status": stanza("a", "1") + stanza("b", "1", { Status: "install ok unpacked" }),
    });
    const { code, out, err } = await type(["image", "packages", "--root", root], env);
    expect({ code, err }).toEqual({ code: 0, err: "left out of the package list: b is unpacked\n" });
    expect(out).toMatch(
      /^1 package of debian 12, collected 2026-11-20T12:00:00Z\nNAME +VERSION +ARCH +SOURCE\na +1 +amd64\n$/,
    );
  });

  const mistakes: [string, string[], number, RegExp][] = [
    ["no image and no root", [], 2, /needs IMAGE, or --root/],
    ["a root that is not there", ["--root", "none"], 2, /none is not a folder/],
    ["an image and a root", ["web", "--root", "."], 2, /not with IMAGE/],
    ["a folder to write for an image", ["web", "--out", "x"], 2, /--out goes with --root/],
    ["a root without packages", ["--root", import.meta.dirname], 4, /no package database/],
  ];
  it.each(mistakes)("refuses %s", async (_, args, code, why) => {
    const shown = await type(["image", "packages", ...args], env);
    expect(shown).toMatchObject({ code, out: "" });
    expect(shown.err).toMatch(why);
  });

  it("refuses a time that is none", async () => {
    const root = debianRoot("epoch", { a: "1" });
    const { code, err } = await type(["image", "packages", "--root", root], { SOURCE_DATE_EPOCH: "soon" });
    expect(code).toBe(2);
    expect(err).toContain("SOURCE_DATE_EPOCH must be seconds since 1970");
  });
});

describe("the pages", () => {
  const page = (name: string) => readFileSync(join(import.meta.dirname, "../../../docs", name), "utf8");

  it("ask rpm as its answer is read", async () => {
    expect(page("image-contents.md")).toContain(`rpm -qa --queryformat '${RPM_QUERY}'`);
    expect((await type(["image", "packages", "--help"])).out).toContain(`rpm -qa --queryformat '${RPM_QUERY}'`);
  });

  it("show names that come out so", async () => {
    const [, args = "", name = ""] =
      /^moult (image name web --commit \S+ --time \S+) +# (\S+)$/m.exec(page("image-names.md")) ?? [];
    expect((await type(args.split(" "))).out).toBe(`${name}\n`);
  });
});
