import { chmodSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type } from "../screen.ts";
import { lay, translate } from "./foreign.ts";

const folder = "/var/lib/kolla/config_files";

function host(config: Record<string, unknown>, beside: Record<string, string> = {}): string {
  const text = JSON.stringify({ command: "nova-api", ...config }, null, 2);
  return join(lay({ ...beside, "config.json": text }), "config.json");
}

const translated = (config: Record<string, unknown>, beside?: Record<string, string>) =>
  translate("kolla", host(config, beside));
const copied = (more: Record<string, unknown>) => ({
  config_files: [{ source: `${folder}/a.conf`, dest: "/etc/a.conf", owner: "nova", perm: "0600", ...more }],
});
const a = { "a.conf": "a\n" };

describe("Kolla's config.json", () => {
  it("becomes files, folders and a unit, as set_configs.py would have laid them", async () => {
    const outcome = await translated(
      {
        command: "nova-api --config-file /etc/nova/nova.conf --name 50% --id $x 'odd'",
        directories: [{ path: "/var/lib/nova/tmp", owner: "nova:kolla", perm: "1740" }],
        files: [{ path: "/var/log/nova/api.log", owner: "nova", perm: "0o640" }],
        config_files: [
          { source: `${folder}/nova.conf`, dest: "/etc/nova/nova.conf", owner: "nova", perm: "600" },
          { source: `${folder}/policy.yaml`, dest: "/etc/nova/", owner: "nova:", perm: "0640", optional: true },
          { source: `${folder}/conf.d/*.conf`, dest: "/etc/nova/conf.d/", owner: "nova", perm: "0o644" },
          { source: `${folder}/tree`, dest: "/etc/nova/tree", owner: "nova:kolla", perm: "0640", merge: true },
          { source: "/usr/share/nova/api-paste.ini", dest: "/etc/nova/", owner: "nova", perm: "0644" },
        ],
      },
      {
        "nova.conf": "[DEFAULT]\ndebug = false\n",
        "conf.d/a.conf": "a",
        "conf.d/.hidden.conf": "hidden",
        "conf.d/b.txt": "b",
        "tree/deep/x": "{{ x }}",
      },
    );
    expect(outcome.manifest).toEqual({
      manifest: 1,
      directories: [
        { path: "/var/lib/nova/tmp", owner: "nova:kolla", mode: "1750" },
        { path: "/etc/nova/tree", owner: "nova:kolla", mode: "0750" },
        { path: "/etc/nova/tree/deep", owner: "nova:kolla", mode: "0750" },
      ],
      files: [
        {
          path: "/var/log/nova/api.log",
          content: "",
          format: "text",
          owner: "nova:nova",
          mode: "0640",
          existing: "keep",
        },
        {
          path: "/etc/nova/nova.conf",
          content: "[DEFAULT]\ndebug = false\n",
          format: "text",
          owner: "nova:nova",
          mode: "0600",
        },
        {
          path: "/etc/nova/policy.yaml",
          source: "etc/nova/policy.yaml",
          owner: "nova:nova",
          mode: "0640",
          optional: true,
        },
        { path: "/etc/nova/conf.d/a.conf", content: "a", format: "text", owner: "nova:nova", mode: "0644" },
        { path: "/etc/nova/tree/deep/x", source: "etc/nova/tree/deep/x", owner: "nova:kolla", mode: "0640" },
        { path: "/etc/nova/api-paste.ini", image: "/usr/share/nova/api-paste.ini", owner: "nova:nova", mode: "0644" },
      ],
      units: [
        {
          name: "nova-api.service",
          content: expect.stringContaining(
            "User=nova\nExecStart=nova-api --config-file /etc/nova/nova.conf --name 50%% --id $$x \"'odd'\"\n",
          ),
          wantedBy: "multi-user.target",
        },
      ],
    });
    expect(outcome.files).toEqual({ "etc/nova/tree/deep/x": "{{ x }}" });
    expect(outcome.said).toEqual(["command user-of-files", "config_files[4].source of-image"]);
    expect(outcome.code).toBe(0);
  });

  it("is read as YAML 1.1, as Kolla reads it", async () => {
    const yaml = [
      "command: nova-api",
      "config_files:",
      `  - source: ${folder}/none.conf`,
      "    dest: /etc/none.conf",
      "    owner: nova",
      '    perm: "0600"',
      "    optional: yes",
      `  - { source: ${folder}/a.conf, dest: /etc/a.conf, owner: nova, perm: 0600 }`,
    ].join("\n");
    const outcome = await translate("kolla", join(lay({ ...a, "config.yaml": yaml }), "config.yaml"));
    expect(outcome.said).toEqual(["command user-of-files", "config_files[1].perm not-a-text"]);
    expect(outcome.untranslated[1]).toMatchObject({ line: 8, column: (yaml.split("\n")[7] ?? "").indexOf("0600") + 1 });
    expect(outcome.manifest.files).toMatchObject([{ path: "/etc/none.conf", optional: true }]);
  });

  it("takes the last of several copies to one place, as it would be on the machine", async () => {
    const twice = [
      { source: `${folder}/a.conf`, dest: "/etc/a.conf", owner: "nova", perm: "0600" },
      { source: `${folder}/b.conf`, dest: "/etc/a.conf", owner: "nova", perm: "0640" },
    ];
    const outcome = await translated({ config_files: twice }, { ...a, "b.conf": "b\n" });
    expect(outcome.manifest.files).toEqual([
      { path: "/etc/a.conf", content: "b\n", format: "text", owner: "nova:nova", mode: "0640" },
    ]);
  });

  it("with merge and preserve_properties copies links as links, and modes", async () => {
    const config = host(
      { config_files: [{ source: `${folder}/tree`, dest: "/etc/tree", preserve_properties: true, merge: true }] },
      { "tree/x": "x" },
    );
    const tree = join(config, "..", "tree");
    symlinkSync("x", join(tree, "link"));
    chmodSync(join(tree, "x"), 0o750);
    const outcome = await translate("kolla", config);
    expect(outcome.manifest).toMatchObject({
      links: [{ path: "/etc/tree/link", to: "x" }],
      files: [{ path: "/etc/tree/x", mode: "0750" }],
    });
    expect(outcome.said).toEqual(["command user-unknown", "config_files[0].preserve_properties owner-of-source"]);
  });
});

describe("permissions", () => {
  const tree = { "t/a": "a", "t/b/c": "c", "t/b/keep": "k" };
  const below = [{ source: `${folder}/t`, dest: "/etc/t", owner: "root", perm: "0600", merge: true }];
  const modes = async (...permissions: Record<string, unknown>[]) => {
    const { manifest, said } = await translated({ config_files: below, permissions }, tree);
    const all = [manifest.directories, manifest.files].flat() as { path: string; owner: string; mode: string }[];
    return { rights: Object.fromEntries(all.map(({ path, owner, mode }) => [path, `${owner} ${mode}`])), said };
  };

  it("come over what was copied, and only where they point", async () => {
    const { rights, said } = await modes({ path: "/etc/t/a", owner: "nova", perm: "0440" });
    expect(rights).toMatchObject({
      "/etc/t": "root:root 0700",
      "/etc/t/a": "nova:nova 0440",
      "/etc/t/b/c": "root:root 0600",
    });
    expect(said).toEqual(["command user-unknown"]);
  });

  it("that recurse leave out what matches all patterns, give folders their x, and say what they cannot reach", async () => {
    const { rights, said } = await modes({
      path: "/etc/t/",
      owner: "nova",
      perm: "0644",
      recurse: true,
      exclude: ["keep$", "t/b"],
    });
    expect(rights).toEqual({
      "/etc/t": "nova:nova 0755",
      "/etc/t/a": "nova:nova 0644",
      "/etc/t/b": "nova:nova 0755",
      "/etc/t/b/c": "nova:nova 0644",
      "/etc/t/b/keep": "root:root 0600",
    });
    expect(said).toEqual(["command user-unknown", "permissions[0].recurse recurses-into-image"]);
  });

  it("without a mode leave the mode", async () => {
    const { rights } = await modes({ path: "/etc/t/*", owner: "nova" });
    expect(rights).toMatchObject({
      "/etc/t": "root:root 0700",
      "/etc/t/a": "nova:nova 0600",
      "/etc/t/b": "nova:nova 0700",
      "/etc/t/b/c": "root:root 0600",
    });
  });

  it.each([
    [
      "a folder of the image",
      { path: "/var/log/kolla", owner: "nova:kolla" },
      "permissions[0] folder-made",
      "nova:kolla 0755",
    ],
    [
      "a folder with its mode",
      { path: "/var/log/kolla", owner: "nova", perm: "2750" },
      "permissions[0] folder-made",
      "nova:nova 2750",
    ],
    [
      "a file of the image",
      { path: "/var/log/kolla/nova.log", owner: "nova" },
      "permissions[0] file-of-image",
      undefined,
    ],
    ["a pattern", { path: "/var/log/*/x", owner: "nova" }, "permissions[0].path pattern-in-image", undefined],
    [
      "a pattern that is none here",
      { path: "/a", owner: "nova", exclude: ["("] },
      "permissions[0].exclude[0] not-a-pattern",
      undefined,
    ],
  ])("of %s", async (_sentence, permission, said, rights) => {
    const outcome = await translated({ permissions: [permission] });
    expect(outcome.said).toEqual(["command user-unknown", said]);
    expect(outcome.manifest.directories).toEqual(
      rights === undefined
        ? undefined
        : [{ path: permission.path, owner: rights.split(" ")[0], mode: rights.split(" ")[1] }],
    );
  });
});

describe("what a manifest cannot have", () => {
  const rows: [string, Record<string, unknown>, string[]][] = [
    ["a file that is not there", copied({ source: `${folder}/none.conf` }), ["source source-absent"]],
    ["a pattern that matches nothing", copied({ source: `${folder}/*.none` }), ["source source-absent"]],
    ["many files for one place", copied({ source: `${folder}/[ab]*` }), ["dest one-for-many"]],
    ["files of the image by a pattern", copied({ source: "/etc/ceph/*" }), ["source many-of-image"]],
    ["a way out of the folder", copied({ source: `${folder}/../a.conf` }), ["source not-a-source"]],
    ["a mode that is none", copied({ perm: "rw" }), ["perm mode-not-octal"]],
    ["no owner", copied({ owner: undefined }), [" missing"]],
    ["a relative place", copied({ dest: "etc/a.conf" }), ["dest path-not-absolute"]],
    ["a place that moult keeps", copied({ dest: "/run/moult/a" }), [" path-forbidden"]],
    ["a template of kolla-ansible", copied({ source: "{{ container_config_directory }}/a.conf" }), [" not-rendered"]],
    ["a folder that is deleted first", copied({ source: `${folder}/t`, dest: "/etc/t" }), ["merge deletes"]],
    ["a field nobody knows", copied({ ignore_globs: ["x"] }), ["ignore_globs unknown-field"]],
  ];
  it.each(rows)("%s", async (_sentence, config, said) => {
    const outcome = await translated(config, { ...a, "b.conf": "b", "t/x": "x" });
    const places = said.map((each) => `config_files[0]${each.startsWith(" ") ? "" : "."}${each}`);
    expect(outcome.said.filter((each) => !each.startsWith("command "))).toEqual(places);
    expect(outcome.code).toBe(6);
  });

  it("a folder that a link leads back into", async () => {
    const config = host(
      { config_files: [{ source: `${folder}/t`, dest: "/etc/t", owner: "nova", perm: "0600", merge: true }] },
      { "t/x": "x" },
    );
    symlinkSync(".", join(config, "..", "t", "one"));
    symlinkSync(".", join(config, "..", "t", "two"));
    expect((await translate("kolla", config)).said).toEqual(["command user-unknown", "config_files[0] endless"]);
  });

  const commands: [string, string, string][] = [
    ["nothing", " ", "command-empty"],
    ["a pattern of the shell", "cat /etc/*", "shell-pattern"],
    ["a relative program", "./run", "not-a-program"],
    ["a template", "{{ command }}", "not-rendered"],
  ];
  it.each(commands)("a command that is %s", async (_sentence, command, code) => {
    const outcome = await translated({ command, ...copied({}) }, a);
    expect(outcome.said).toEqual([`command ${code}`]);
    expect(outcome.manifest.units).toBeUndefined();
  });

  it("a command that could be anybody's", async () => {
    const { said } = await translated(
      { config_files: [...copied({}).config_files, { ...copied({}).config_files[0], dest: "/b", owner: "root" }] },
      a,
    );
    expect(said).toEqual(["command user-unknown"]);
  });

  it("no command at all", async () => {
    expect((await translated({ command: undefined })).said).toEqual(["command missing"]);
  });
});

describe("secrets of Kolla", () => {
  it("stay where they are", async () => {
    const config = host(
      { config_files: [{ source: `${folder}/*`, dest: "/etc/nova/", owner: "nova", perm: "0644", merge: true }] },
      {
        "nova.conf": "[database]\nconnection = mysql+pymysql://nova:hidden-value@10.0.0.1/nova\n",
        "tls.key": "-----BEGIN PRIVATE KEY-----\nhidden-value\n",
      },
    );
    const into = join(lay({}), "out");
    const shown = await type(["manifest", "check", "--from", "kolla", config, "--into", into]);
    expect(shown.code).toBe(6);
    const json = await type(["manifest", "check", "--from", "kolla", config, "--json"]);
    for (const text of [shown.out, shown.err, json.out]) expect(text).not.toContain("hidden-value");
    expect(JSON.parse(json.out).files).not.toHaveProperty("etc/nova/nova.conf");
    expect(shown.err).toContain("Its line 2 looks like a password");
    expect(JSON.parse(json.out).manifest.files).toContainEqual({
      path: "/etc/nova/tls.key",
      secret: "etc-nova-tls-key",
      owner: "nova:nova",
      mode: "0640",
    });
  });
});
