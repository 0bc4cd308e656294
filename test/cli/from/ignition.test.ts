import { createHash } from "node:crypto";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type } from "../screen.ts";
import { lay } from "./foreign.ts";
import { base64, config, file, translated } from "./samples.ts";

const sha = (kind: string, bytes: string) => `${kind}-${createHash(kind).update(bytes).digest("hex")}`;

describe("an Ignition configuration", () => {
  it("whose every part has a counterpart is a manifest, and nothing is said", async () => {
    const outcome = await translated({
      storage: {
        directories: [
          { path: "/var/lib/web", mode: 488, user: { name: "web" }, group: { id: 33 } },
          { path: "/srv/web", mode: 448, user: { name: "web" } },
        ],
        links: [
          { path: "/etc/localtime", target: "../usr/share/zoneinfo/UTC", overwrite: true },
          { path: "/etc/web/link", target: "a{{b" },
        ],
        files: [
          { path: "/etc/web/plain", overwrite: true, mode: 384, contents: { source: "data:,a%20b%0A" } },
          { path: "/etc/web/braces", contents: { source: "data:,%7B%7B%20not%20ours%20%7D%7D" }, user: { id: 500 } },
          {
            path: "/etc/web/added",
            contents: { source: "data:,a" },
            append: [{ source: "data:,b" }, { source: base64("c") }],
          },
          { path: "/etc/web/there", mode: 420, group: { name: "web" } },
        ],
        filesystems: [{ device: "/dev/disk/by-id/google-web-data", format: "xfs", path: "/srv/web" }],
      },
      systemd: {
        units: [
          {
            name: "web.service",
            enabled: true,
            contents: "[Service]\nExecStart=/usr/bin/web\n[Install]\nWantedBy=multi-user.target",
            dropins: [
              { name: "20-b.conf", contents: "[Service]\nNice=2\n" },
              { name: "10-a.conf", contents: "[Service]\nNice=1\n" },
            ],
          },
          { name: "idle.service", enabled: false, contents: "[Service]\nExecStart=/usr/bin/idle\n" },
          { name: "docker.service", dropins: [{ name: "proxy.conf", contents: "[Service]\nEnvironment=A=b\n" }] },
        ],
      },
    });
    expect(outcome.said).toEqual([]);
    expect(outcome.code).toBe(0);
    expect(outcome.manifest).toEqual({
      manifest: 1,
      directories: [{ path: "/var/lib/web", owner: "web:33", mode: "0750" }],
      links: [
        { path: "/etc/localtime", to: "../usr/share/zoneinfo/UTC", existing: "replace" },
        { path: "/etc/web/link", to: 'a{{ "{{" }}b', existing: "refuse" },
      ],
      files: [
        {
          path: "/etc/web/plain",
          content: "a b\n",
          format: "text",
          owner: "root:root",
          mode: "0600",
          existing: "replace",
        },
        { path: "/etc/web/braces", source: "etc/web/braces", owner: "500:0", mode: "0644", existing: "refuse" },
        {
          path: "/etc/web/added",
          content: "abc",
          format: "text",
          owner: "root:root",
          mode: "0644",
          existing: "refuse",
        },
        { path: "/etc/web/there", content: "", format: "text", owner: "0:web", mode: "0644", existing: "keep" },
        {
          path: "/etc/systemd/system/docker.service.d/proxy.conf",
          content: "[Service]\nEnvironment=A=b\n",
          format: "text",
          owner: "root:root",
          mode: "0644",
        },
      ],
      disks: [{ device: "web-data", mount: "/srv/web", fs: "xfs", owner: "web:0", mode: "0700" }],
      units: [
        {
          name: "web.service",
          content:
            "[Service]\nExecStart=/usr/bin/web\n[Install]\nWantedBy=multi-user.target\n[Service]\nNice=1\n[Service]\nNice=2\n",
          wantedBy: "multi-user.target",
        },
        { name: "idle.service", content: "[Service]\nExecStart=/usr/bin/idle\n" },
      ],
    });
    expect(outcome.files).toEqual({ "etc/web/braces": "{{ not ours }}" });
    expect(outcome.findings).toEqual([]);
  });

  it("ends with 0 when nothing is left out", async () => {
    expect(await translated(file({ contents: { source: "data:,x" } }))).toMatchObject({
      code: 0,
      said: [],
      findings: [],
    });
  });

  it("may be empty", async () => {
    expect(await translated({})).toMatchObject({ code: 0, manifest: { manifest: 1 }, said: [] });
  });
});

describe("data URLs", () => {
  const zipped = base64(gzipSync("zipped"));
  const rows: [string, Record<string, unknown>, string | undefined, string[]][] = [
    ["percent-encoded bytes", { source: "data:text/plain;charset=utf-8,%C3%A9+1" }, "é+1", []],
    ["base64", { source: base64("é") }, "é", []],
    ["an empty source", { source: "" }, "", []],
    ["gzip", { source: zipped, compression: "gzip" }, "zipped", []],
    [
      "gzip with the digest of what is in it",
      { source: zipped, compression: "gzip", verification: { hash: sha("sha256", "zipped") } },
      "zipped",
      [],
    ],
    ["a sha512", { source: "data:,x", verification: { hash: sha("sha512", "x") } }, "x", []],
    [
      "a digest of something else",
      { source: "data:,y", verification: { hash: sha("sha512", "x") } },
      undefined,
      ["verification.hash hash-differs"],
    ],
    [
      "half a digest",
      { source: "data:,x", verification: { hash: "sha512-ab" } },
      undefined,
      ["verification.hash hash-differs"],
    ],
    [
      "a digest of a kind nobody knows",
      { source: "data:,x", verification: { hash: "md5-ab" } },
      undefined,
      ["verification.hash hash-malformed"],
    ],
    ["gzip that is none", { source: "data:,x", compression: "gzip" }, undefined, ["compression not-gzip"]],
    ["another compression", { source: "data:,x", compression: "xz" }, undefined, ["compression not-a-compression"]],
    ["half an escape", { source: "data:,%4" }, undefined, ["source data-malformed"]],
    ["base64 that is none", { source: "data:;base64,###" }, undefined, ["source data-malformed"]],
    ["no comma", { source: "data:x" }, undefined, ["source data-malformed"]],
    ["https", { source: "https://acme.example/x" }, undefined, ["source fetched-at-boot"]],
    ["a bucket of Amazon's", { source: "s3://acme/x" }, undefined, ["source fetched-at-boot"]],
    ["a bucket of Google's", { source: "gs://acme/x" }, undefined, ["source fetched-at-boot"]],
    ["a path", { source: "/etc/passwd" }, undefined, ["source not-a-url"]],
  ];
  it.each(rows)("%s", async (_sentence, contents, expected, said) => {
    const outcome = await translated(file({ contents }));
    expect(outcome.said).toEqual(said.map((each) => `storage.files[0].contents.${each}`));
    expect(outcome.manifest.files).toEqual(
      expected === undefined ? undefined : [expect.objectContaining({ content: expected })],
    );
  });

  it("of more than 16 MiB when expanded is not taken in", async () => {
    const source = base64(gzipSync(Buffer.alloc(17 * 1024 * 1024)));
    expect((await translated(file({ contents: { source, compression: "gzip" } }))).said).toEqual([
      "storage.files[0].contents.compression not-gzip",
    ]);
  });
});

describe("specifications", () => {
  const rows: [string, string, string][] = [
    ["2.3.0", "specification-2", "coreos/ign-converter"],
    ["3.7.0", "specification-unknown", "3.0.0 to 3.6.0"],
    ["3.6.0-experimental", "experimental", "stable"],
    ["4.0.0", "specification-unknown", "3.0.0 to 3.6.0"],
    ["3.1", "specification-unknown", "3.0.0 to 3.6.0"],
  ];
  it.each(rows)("%s is refused", async (version, code, word) => {
    const at = config({}, version);
    const shown = await type(["manifest", "check", "--from", "ignition", at]);
    expect(shown).toMatchObject({ code: 2, out: "" });
    expect(shown.err).toContain(`${at}:3:16: ignition.version: `);
    expect(shown.err).toContain(`[${code}]`);
    expect(shown.err).toContain(word);
    const json = await type(["manifest", "check", "--from", "ignition", at, "--json"]);
    expect(JSON.parse(json.out)).toMatchObject({ manifest: null, findings: [{ code }] });
  });

  it.each(["3.0.0", "3.1.0", "3.2.0", "3.3.0", "3.4.0", "3.5.0", "3.6.0"])("%s is known", async (version) => {
    expect(await translated(file({ contents: { source: "data:,x" } }), version)).toMatchObject({ code: 0, said: [] });
  });

  it("know a field from their own time on", async () => {
    const sections = { kernelArguments: { shouldExist: ["quiet"] } };
    expect((await translated(sections, "3.2.0")).said).toEqual(["kernelArguments field-newer"]);
    const [{ instead } = { instead: "" }] = (await translated(sections, "3.2.0")).untranslated;
    expect(instead).toContain("3.3.0");
    expect((await translated(sections, "3.3.0")).said).toEqual(["kernelArguments.shouldExist kernel-arguments"]);
  });

  it("before 3.4 have no set-id bits", async () => {
    const old = await translated(file({ mode: 0o4755, contents: { source: "data:,x" } }), "3.3.0");
    expect(old.said).toEqual(["storage.files[0].mode mode-special"]);
    expect(old.manifest.files).toMatchObject([{ mode: "0755" }]);
    const now = await translated(file({ mode: 0o4755, contents: { source: "data:,x" } }), "3.4.0");
    expect(now.manifest.files).toMatchObject([{ mode: "4755" }]);
  });

  it("take null for what is absent", async () => {
    const nulls = {
      ...file({ mode: null, user: null, contents: { source: "data:,x", compression: null } }),
      passwd: null,
    };
    expect(await translated(nulls)).toMatchObject({ code: 0, said: [] });
  });

  it.each([
    ["Butane", "variant: fcos\nversion: 1.5.0\n", "butane"],
    ["half a document", '{"ignition": ', "not-json"],
    ["a key twice", '{"ignition": {"version": "3.0.0"}, "ignition": {}}', "duplicate-key"],
    ["a list", "[]", "not-an-object"],
    ["a specification of 2015", '{"ignitionVersion": 1}', "specification-1"],
    ["no version", '{"ignition": {}}', "missing"],
    ["no text", Buffer.from([0xff, 0xfe]), "not-text"],
  ])("do not make a configuration of %s", async (_sentence, text, code) => {
    const shown = await type([
      "manifest",
      "check",
      "--from",
      "ignition",
      join(lay({ "config.ign": text }), "config.ign"),
    ]);
    expect(shown).toMatchObject({ code: 2, out: "" });
    expect(shown.err).toContain(`[${code}]`);
  });

  it("stop where another configuration takes this one's place", async () => {
    const sections = { ignition: { config: { replace: { source: "https://a.example/b.ign" } } }, ...file({}) };
    expect(await translated(sections)).toMatchObject({
      code: 6,
      manifest: { manifest: 1 },
      said: ["ignition.config.replace replaced"],
    });
  });
});
