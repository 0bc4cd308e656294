import { describe, expect, test } from "vitest";
import { longNumbersAsText, readInstance } from "../../agent/identify/instance.ts";
import { readJson } from "../../agent/plan/json.ts";
import { resolveOwner } from "../../agent/plan/owner.ts";
import { canonicalJson, sha256 } from "../../agent/plan/pack.ts";
import { validateManifest } from "../../agent/plan/validate.ts";

/** `path code` of each finding. */
const findings = (text: string) =>
  validateManifest(readJson("manifest", text)).findings.map(({ path = "", code }) => `${path} ${code}`);
const withFields = (fields: object) => findings(JSON.stringify({ manifest: 1, ...fields }));
const withDisk = (disk: object) => withFields({ disks: [{ device: "data", mount: "/srv/data", ...disk }] });
const withUnit = (unit: object) => withFields({ units: [{ name: "a.service", ...unit }] });
const withFile = (file: object) => withFields({ files: [{ path: "/a", content: "", ...file }] });

describe("a manifest is refused", () => {
  test.each<[sentence: string, found: string[], expected: string[]]>([
    ["when it is not JSON", findings('{"manifest": 1,}'), [" not-json"]],
    ["when it is a list", findings("[]"), [" not-an-object"]],
    ["without its version", findings("{}"), ["manifest manifest-version"]],
    ["with a key twice", findings('{"manifest": 1, "units": [], "units": []}'), ["units duplicate-key"]],
    ["with a field nobody knows", withFields({ disk: [] }), ["disk unknown-field"]],
    ["with a file of two origins", withFile({ source: "a" }), ["files[0] exactly-one"]],
    ["with a file of no origin", withFields({ files: [{ path: "/a" }] }), ["files[0] exactly-one"]],
    ["with a file without a path", withFields({ files: [{ content: "" }] }), ["files[0].path missing"]],
    ["with a relative path", withFile({ path: "a" }), ["files[0].path path-not-absolute"]],
    ["with a path that climbs", withFile({ path: "/a/../b" }), ["files[0].path path-not-normal"]],
    ["with a path that ends in a slash", withFile({ path: "/a/" }), ["files[0].path path-not-normal"]],
    [
      "with a path in the agent's own folder",
      withFile({ path: "/var/lib/moult/seal.json" }),
      ["files[0].path path-forbidden"],
    ],
    ["with a path in /proc", withFile({ path: "/proc/sys/x" }), ["files[0].path path-forbidden"]],
    [
      "with a placeholder in a path",
      withFile({ path: "/{{ instance.name }}" }),
      ["files[0].path path-with-placeholder"],
    ],
    ["with a mode that is a number", withFile({ mode: 640 }), ["files[0].mode not-a-text"]],
    ["with a mode that is not octal", withFile({ mode: "0689" }), ["files[0].mode mode-not-octal"]],
    ["with a mode of five digits", withFile({ mode: "04755" }), ["files[0].mode mode-not-octal"]],
    ["with a group twice", withFile({ owner: "a:b", group: "c" }), ["files[0].group group-twice"]],
    ["with a group of two parts", withFile({ group: "b:c" }), ["files[0].group group-malformed"]],
    ["with a policy nobody knows", withFile({ existing: "merge" }), ["files[0].existing unknown-word"]],
    ["with content that may be missing", withFile({ optional: true }), ["files[0].optional never-missing"]],
    ["with an optional that is a text", withFile({ optional: "yes" }), ["files[0].optional unknown-word"]],
    ["with a link to nothing", withFields({ links: [{ path: "/a", to: "" }] }), ["links[0].to link-empty"]],
    [
      "with a link where a file is",
      withFields({ files: [{ path: "/a", content: "" }], links: [{ path: "/a", to: "b" }] }),
      ["links[0].path path-twice"],
    ],
    [
      "with a file below a link",
      withFields({ files: [{ path: "/a/b", content: "" }], links: [{ path: "/a", to: "b" }] }),
      ["files[0].path path-under-file"],
    ],
    ["with a disk of another file system", withDisk({ fs: "btrfs" }), ["disks[0].fs unknown-word"]],
    ["with a device that is a path", withDisk({ device: "/dev/sdb" }), ["disks[0].device not-a-device"]],
    ["with a mount over the system", withDisk({ mount: "/var/lib" }), ["disks[0].mount not-a-mount"]],
    ["with a mount with a space", withDisk({ mount: "/srv/a b" }), ["disks[0].mount not-a-mount"]],
    ["with two options in one", withDisk({ options: ["noatime,rw"] }), ["disks[0].options[0] not-an-option"]],
    [
      "with a file on a data disk",
      withFields({ disks: [{ device: "d", mount: "/srv/d" }], files: [{ path: "/srv/d/a/b", content: "" }] }),
      ["files[0].path path-on-disk"],
    ],
    [
      "with a folder that is a mount as well",
      withFields({ disks: [{ device: "d", mount: "/srv/d" }], directories: [{ path: "/srv/d" }] }),
      ["directories[0].path path-twice"],
    ],
    [
      "with a file where a unit's file goes",
      withFields({
        units: [{ name: "a.service", content: "" }],
        files: [{ path: "/etc/systemd/system/a.service", content: "" }],
      }),
      ["units[0] path-twice"],
    ],
    ["with a unit twice", withFields({ units: ["a.service", { name: "a.service" }] }), ["units[1] unit-twice"]],
    ["with moult's own unit", withFields({ units: ["moult-agent.service"] }), ["units[0] not-a-unit"]],
    ["with a unit of two origins", withUnit({ content: "", source: "a" }), ["units[0] exactly-one"]],
    ["with a unit from a secret", withUnit({ secret: "a" }), ["units[0].secret unknown-field"]],
    ["with a unit wanted by a service", withUnit({ wantedBy: "b.service" }), ["units[0].wantedBy not-a-target"]],
    [
      "with a variable that no shell knows",
      withUnit({ environment: { "A-B": "" } }),
      ["units[0].environment.A-B not-a-name"],
    ],
    [
      "with a credential that is a path",
      withUnit({ credentials: { "../a": { secret: "a" } } }),
      ['units[0].credentials["../a"] not-a-name'],
    ],
    ["with a credential from nowhere", withUnit({ credentials: { a: {} } }), ["units[0].credentials.a exactly-one"]],
    [
      "with credentials for a timer",
      withUnit({ name: "a.timer", credentials: { a: { secret: "a" } } }),
      ["units[0] only-services"],
    ],
    [
      "with logs of no unit",
      withFields({ logs: [{ paths: ["var/log"] }] }),
      ["logs[0].unit missing", "logs[0].paths[0] path-not-absolute"],
    ],
    ["with drift that mends", withFields({ drift: { every: "5m", do: "repair" } }), ["drift.do unknown-word"]],
    [
      "with a secret in a Vault that is not described",
      withFields({ secrets: { a: "vault://v:8200/kv/a?version=1#f" } }),
      ["secrets.a vault-missing"],
    ],
    [
      "with a Vault over http",
      withFields({ vaults: [{ address: "http://v:8200", role: "web" }] }),
      ["vaults[0].address not-an-address"],
    ],
    ["with an owner of three parts", withFile({ owner: "a:b:c" }), ["files[0].owner owner-malformed"]],
    ["with a format nobody knows", withFile({ format: "yml" }), ["files[0].format unknown-format"]],
    [
      "with a source outside of its folder",
      withFields({ files: [{ path: "/a", source: "../b" }] }),
      ["files[0].source not-a-source"],
    ],
    [
      "with a path twice",
      withFields({ files: [{ path: "/a", content: "" }], directories: [{ path: "/a" }] }),
      ["directories[0].path path-twice"],
    ],
    [
      "with a file below a file",
      withFields({
        files: [
          { path: "/a", content: "" },
          { path: "/a/b/c", content: "" },
        ],
      }),
      ["files[1].path path-under-file"],
    ],
    [
      "with two accounts of the host name",
      withFields({ host: { name: "a" }, files: [{ path: "/etc/hostname", content: "" }] }),
      ["files[0].path path-twice"],
    ],
    ["with a unit without its kind", withFields({ units: ["web"] }), ["units[0] not-a-unit"]],
    [
      "with two questions for readiness",
      withFields({ ready: { tcp: "a:1", http: "http://a" } }),
      ["ready exactly-one"],
    ],
    ["with readiness over https", withFields({ ready: { http: "https://a" } }), ["ready.http not-a-url"]],
    ["with a command that is a text", withFields({ ready: { command: "/bin/true" } }), ["ready.command not-a-list"]],
    ["with a duration without its unit", withFields({ drift: { every: "5" } }), ["drift.every not-a-duration"]],
    [
      "with a secret by alias",
      withFields({ secrets: { a: "projects/p/secrets/s/versions/latest" } }),
      ["secrets.a not-a-version"],
    ],
    [
      "with a number that JSON has rounded",
      findings('{"manifest": 1, "values": {"a": [9007199254740993]}}'),
      ["values.a not-a-value"],
    ],
    ["with a number that is none", findings('{"manifest": 1, "values": {"a": 1e999}}'), ["values.a not-a-value"]],
    [
      "with values in too many values",
      findings(`{"manifest": 1, "values": {"a": ${"[".repeat(18)}${"]".repeat(18)}}}`),
      ["values.a not-a-value"],
    ],
    [
      "for everything at once",
      withFields({ units: ["web"], files: [{ path: "a", content: 1 }] }),
      ["files[0].path path-not-absolute", "files[0].content not-a-text", "units[0] not-a-unit"],
    ],
  ])("%s", (_sentence, found, expected) => {
    expect(found).toEqual(expected);
  });
});

test("findings point at the value they are about", () => {
  const text = '{\n  "manifest": 1,\n  "files": [\n    { "path": "/a", "content": "",\n      "mode": "9" }\n  ]\n}';
  expect(validateManifest(readJson("manifest", text)).findings).toMatchObject([
    { line: 5, column: 15, path: "files[0].mode" },
  ]);
});

test("a format left out goes by the ending of what is rendered, and only of that", () => {
  const files = [
    { path: "/a.yml", template: "t" },
    { path: "/b.json", source: "s" },
    { path: "/c", content: "" },
    { path: "/d.json", content: "", format: "text" },
  ];
  const { manifest } = validateManifest(readJson("manifest", JSON.stringify({ manifest: 1, files })));
  expect(manifest.files.map(({ format }) => format)).toEqual(["yaml", "text", "text", "text"]);
});

describe("owners", () => {
  const accounts = {
    passwd: "root:x:0:0::/root:/bin/sh\nweb:x:990:991::/:/bin/false\n",
    group: "root:x:0:\nadm:x:4:\n",
  };
  const root = { uid: 0, gid: 0, groups: [0] };
  const someone = { uid: 990, gid: 991, groups: [4] };
  const none = { passwd: undefined, group: undefined };
  test.each([
    ["a user brings its own group", "web", accounts, root, [990, 991]],
    ["user and group are two names", "web:adm", accounts, root, [990, 4]],
    ["numbers need no files", "12:34", none, root, [12, 34]],
    ["one number is looked up for its group", "990", accounts, root, [990, 991]],
    ["left out it is the agent's own", undefined, accounts, someone, [990, 991]],
    ["a group alone is for the agent's own user", ":adm", accounts, someone, [990, 4]],
    ["an agent that is not root may name itself and its groups", "web:adm", accounts, someone, [990, 4]],
  ])("%s", (_sentence, owner, files, self, expected) => {
    const found = resolveOwner(owner, files, self);
    expect(typeof found === "string" ? found : [found.uid, found.gid]).toEqual(expected);
  });
  test.each([
    ["a name nobody has", "nobody", accounts, root],
    ["a group nobody has", "web:nobody", accounts, root],
    ["a name without the image's files", "web", none, root],
    ["root, when the agent is not", "root", accounts, someone],
  ])("%s is a finding", (_sentence, owner, files, self) => {
    expect(resolveOwner(owner, files, self)).toEqual(expect.any(String));
  });
});

describe("the instance", () => {
  test("keeps ids beyond 2^53 as they are", () => {
    const text = JSON.stringify({
      instance: {
        id: "@",
        zone: "projects/1/zones/us-central1-a",
        attributes: { note: '{"id": 5184363046278950541}' },
      },
      project: { numericProjectId: 123456789012 },
    });
    const instance = readInstance(text.replace('"@"', "5184363046278950541"));
    expect(instance).toMatchObject({
      id: "5184363046278950541",
      zone: "us-central1-a",
      region: "us-central1",
      projectNumber: "123456789012",
      ip: undefined,
    });
    expect(instance.attributes.note).toBe('{"id": 5184363046278950541}');
  });
  test("numbers inside texts and short numbers are left alone", () => {
    expect(
      longNumbersAsText('{"a":"\\"1234567890123456789","b":1234567890123456789,"c":-1,"d":0.1234567890123456789}'),
    ).toBe('{"a":"\\"1234567890123456789","b":"1234567890123456789","c":-1,"d":0.1234567890123456789}');
  });
});

test("canonical JSON sorts keys at every depth and holds no white space", () => {
  expect(canonicalJson({ b: [{ d: 1, c: null }], a: "é" })).toBe('{"a":"é","b":[{"c":null,"d":1}]}');
  expect(sha256("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});
