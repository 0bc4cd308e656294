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
const withFile = (file: object) => withFields({ files: [{ path: "/a", content: "", ...file }] });

describe("a manifest is refused", () => {
  test.each<[sentence: string, found: string[], expected: string[]]>([
    ["when it is not JSON", findings('{"manifest": 1,}'), [" not-json"]],
    ["when it is a list", findings("[]"), [" not-an-object"]],
    ["without its version", findings("{}"), ["manifest manifest-version"]],
    ["with a key twice", findings('{"manifest": 1, "units": [], "units": []}'), ["units duplicate-key"]],
    ["with a field nobody knows", withFields({ disks: [] }), ["disks unknown-field"]],
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
    ["with set-id bits", withFile({ mode: "4755" }), ["files[0].mode mode-not-octal"]],
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
    ["with a value that is a list", withFields({ values: { a: [] } }), ["values.a not-a-scalar"]],
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
