import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packFolders } from "../../../cli/images/pack.ts";
import { scratch } from "../scratch.ts";
import { useBaker } from "./baker.ts";
import { BOOKWORM, debianRoot, makeRoot } from "./roots.ts";

const { world, bucket, moult, json, bake, made } = useBaker();

describe("an image's packages", () => {
  it("are collected at bake, stored with it, and shown", async () => {
    await made("base-v1", { openssl: "1.0.1e-2", bash: "5.2-1" }, "--family", "base");
    expect((await bucket().list("contents/")).map(({ name }) => name)).toEqual([
      "contents/base-v1/packages.tsv",
      "contents/base-v1/sbom.cdx.json",
    ]);
    expect((await bucket().read("contents/base-v1/packages.tsv"))?.bytes.toString()).toBe(
      "bash\t5.2-1\tamd64\nopenssl\t1.0.1e-2\tamd64\n",
    );
    const { out } = await moult("packages", "base-v1");
    expect(out).toMatch(
      /^2 packages of debian 12 in base-v1, collected .*\nNAME .*\nbash +5\.2-1 +amd64\nopenssl +1\.0\.1e-2 +amd64\n$/,
    );
    expect(await json("packages", "base-v1")).toMatchObject({
      image: "base-v1",
      type: "deb",
      packages: [{ name: "bash" }, { name: "openssl" }],
    });
  });

  it("are not made twice under one name: the second bake is refused, and what is stored stays", async () => {
    const { code, err } = await bake("base-v1", { openssl: "2" }, "--family", "base");
    expect(code).toBe(1);
    expect(err).toContain("images never change, so choose a new name");
    expect(await json("packages", "base-v1")).toMatchObject({
      packages: [{ name: "bash" }, { name: "openssl", version: "1.0.1e-2" }],
    });
  });

  it("of a name that was baked and deleted with others are refused before anything is uploaded", async () => {
    await made("ghost-v1", { a: "1" }, "--no-family");
    await world().compute.deleteImage("ghost-v1", crypto.randomUUID());
    const generation = async () => (await bucket().list("ghost-v1.tar.gz"))[0]?.generation;
    const before = await generation();
    expect(before).toBeDefined();
    const again = await bake("ghost-v1", { a: "2" }, "--no-family");
    expect(again.code).toBe(1);
    expect(again.err).toContain("the name ghost-v1 was baked before");
    expect(await generation()).toBe(before);
    expect(await world().compute.image("ghost-v1")).toBeUndefined();
  });

  it("that a bake stored before it died are taken as its own", async () => {
    await made("died-v1", { a: "1" }, "--no-family");
    await world().compute.deleteImage("died-v1", crypto.randomUUID());
    await made("died-v1", { a: "1" }, "--no-family");
  });

  it("of an image that another program made are stored for it, from what was collected at bake", async () => {
    await world().image("packer-v1");
    const out = join(scratch(), "packer");
    await moult("packages", "--root", debianRoot("packer-root", { a: "1" }), "--out", out);
    expect((await moult("packages", "packer-v1", "--put", out)).code).toBe(0);
    expect((await moult("packages", "packer-v1", "--put", out)).code).toBe(0);
    expect(await json("packages", "packer-v1")).toMatchObject({ packages: [{ name: "a" }] });
    const none = await moult("packages", "none-v1", "--put", out);
    expect(none).toMatchObject({ code: 4, out: "" });
    writeFileSync(join(out, "packages.tsv"), "a\t2\tamd64\n");
    const other = await moult("packages", "packer-v1", "--put", out);
    expect(other.code).toBe(2);
    expect(other.err).toContain("does not say what sbom.cdx.json beside it says");
  });

  it("are none, and that is said, where the folder has no database; the image is made all the same", async () => {
    const root = makeRoot("bare", { "etc/app": "x" });
    const { code, err } = await moult("create", "bare-v1", "--family", "bare", "--from", root, "--packages", "auto");
    expect(code).toBe(0);
    expect(err).toContain("has no package database");
    const shown = await moult("packages", "bare-v1");
    expect(shown).toMatchObject({ code: 4, out: "" });
    expect(shown.err).toContain("there is no package list of bare-v1 in gs://");
    expect(shown.err).toContain("moult image packages bare-v1 --put DIR");
  });

  it("are not looked for in an archive, and that is said", async () => {
    const archive = join(scratch(), "bare.tar.gz");
    await packFolders([makeRoot("packed", { "etc/app": "x" })], archive);
    const { code, err } = await moult(
      "create",
      "packed-v1",
      "--family",
      "packed",
      "--from",
      archive,
      "--packages",
      "auto",
    );
    expect(code).toBe(0);
    expect(err).toContain("an archive is not looked into");
    const folder = await moult("create", "packed-v2", "--family", "packed", "--from", archive, "--packages", "nowhere");
    expect(folder.code).toBe(2);
    expect(folder.err).toContain("nowhere/sbom.cdx.json cannot be read");
    expect(await world().compute.image("packed-v2")).toBeUndefined();
    const both = await moult("create", "packed-v2", "--family", "packed", "--no-family", "--from", archive);
    expect(both).toMatchObject({ code: 2, out: "" });
  });

  it("that are damaged in the bucket are said to be so", async () => {
    await bucket().write("contents/damaged/sbom.cdx.json", Buffer.from("{"), "0");
    const { code, err } = await moult("packages", "damaged");
    expect(code).toBe(3);
    expect(err).toContain("contents/damaged/sbom.cdx.json is damaged: it is not JSON");
  });
});

describe("moult image diff", () => {
  it("shows rpm-ostree's own example: openssl 1.0.1e becomes 1.0.2k, and back", async () => {
    const rpms = (version: string) =>
      `openssl\t1\t${version}\tx86_64\topenssl.src.rpm\nbash\t(none)\t4.2.46\t35.el7\tx86_64\t(none)\n`;
    for (const [name, version] of [
      ["ostree-v1", "1.0.1e\t60.el7"],
      ["ostree-v2", "1.0.2k\t8.el7"],
    ] as const) {
      const root = makeRoot(name, { "etc/os-release": 'ID="centos"\nVERSION_ID="7"\n', "rpm.txt": rpms(version) });
      const out = join(scratch(), `list-${name}`);
      mkdirSync(out);
      expect((await moult("packages", "--root", root, "--rpm", join(root, "rpm.txt"), "--out", out)).code).toBe(0);
      expect((await moult("create", name, "--family", "ostree", "--from", root, "--packages", out)).code).toBe(0);
    }
    const forward = await moult("diff", "ostree-v1", "ostree-v2");
    expect(forward).toEqual({
      code: 0,
      err: "",
      out: "ostree-v1 → ostree-v2\nupgraded 1\n  openssl  1:1.0.1e-60.el7 → 1:1.0.2k-8.el7\n",
    });
    expect((await moult("diff", "ostree-v2", "ostree-v1")).out).toContain(
      "downgraded 1\n  openssl  1:1.0.2k-8.el7 → 1:1.0.1e-60.el7\n",
    );
    expect((await moult("diff", "ostree-v1", "ostree-v1")).out).toContain("the same 2 packages\n");
  });

  it("says what came, what went, and what is new by Debian's order", async () => {
    await made("diff-v1", { same: "1", gone: "1", up: "1.0~rc1", down: "2", zero: "1.0" }, "--family", "diff");
    await made("diff-v2", { same: "1", come: "1", up: "1.0", down: "1:1", zero: "1.0-0" }, "--family", "diff");
    expect(await json("diff", "diff-v1", "diff-v2")).toMatchObject({
      a: { image: "diff-v1", distribution: { id: "debian", version: "12" }, packages: 5 },
      b: { image: "diff-v2" },
      added: [{ name: "come", version: "1" }],
      removed: [{ name: "gone", version: "1" }],
      upgraded: [
        { name: "down", from: "2", to: "1:1" },
        { name: "up", from: "1.0~rc1", to: "1.0" },
      ],
      downgraded: [],
      changed: [{ name: "zero", why: "the same version, written otherwise" }],
    });
  });

  it("says when two distributions are compared, and that some have no order in common", async () => {
    expect((await moult("diff", "diff-v1", "ostree-v1")).out).toMatch(
      /^diff-v1 → ostree-v1\ntwo distributions, debian 12 and centos 7: their versions have no common order\n/,
    );
    const ubuntu = makeRoot("ubuntu", { "etc/os-release": "ID=ubuntu\nVERSION_ID=24.04\n", "var/lib/dpkg/status": "" });
    await moult("create", "ubuntu-v1", "--family", "u", "--from", ubuntu, "--packages", "auto");
    expect((await moult("diff", "diff-v1", "ubuntu-v1")).out).toContain("the names are compared all the same");
    const newer = makeRoot("trixie", { "etc/os-release": BOOKWORM.replace('"12"', '"13"'), "var/lib/dpkg/status": "" });
    await moult("create", "trixie-v1", "--family", "t", "--from", newer, "--packages", "auto");
    expect((await moult("diff", "diff-v1", "trixie-v1")).out).toContain(
      "\ndistribution debian 12 → debian 13\nremoved 5\n",
    );
  });

  it("exits with 4 when an image's list is missing, and says what to do", async () => {
    const { code, out, err } = await moult("diff", "diff-v1", "bare-v1");
    expect({ code, out }).toEqual({ code: 4, out: "" });
    expect(err).toContain("there is no package list of bare-v1");
    expect(err).toContain("--out DIR");
  });
});
