import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, it } from "vitest";
import { readJson } from "../../../agent/plan/json.ts";
import { type Beside, nothingBeside } from "../../../cli/manifest/from/beside.ts";
import type { Translated } from "../../../cli/manifest/from/draft.ts";
import { translateIgnition } from "../../../cli/manifest/from/ignition.ts";
import { minorOf } from "../../../cli/manifest/from/ignitionVersions.ts";
import { translateKolla } from "../../../cli/manifest/from/kolla.ts";
import type { Reading } from "../../../cli/manifest/from/reading.ts";
import { placedBy } from "./foreign.ts";

/** Everything that is asked of any translation, whatever came in. */
function expectSound({ manifest, findings, reading }: Translated & { reading: Reading }): void {
  expect(manifest.manifest).toBe(1);
  expect(findings.filter(({ code }) => code !== "source-missing")).toEqual([]);
  for (const { line, column, why, instead } of reading.untranslated()) {
    expect(line).toBeGreaterThan(0);
    expect(column).toBeGreaterThan(0);
    expect(why.length * instead.length).toBeGreaterThan(0);
  }
}

const documentOf = (value: unknown) => readJson("configuration", JSON.stringify(value));
const ignition = (value: unknown, minor = 6) => translateIgnition(documentOf(value), minor, "config.ign");
const kolla = (value: unknown, beside: Beside = nothingBeside) =>
  translateKolla(documentOf(value), beside, "config.json");

/** Keys that mean something, so that arbitrary documents get deep. */
const odd = fc.oneof(
  fc.constantFrom(
    "/etc/x",
    "/etc/x/y",
    "/",
    "etc",
    "",
    "/run/moult/a",
    "{{ x }}",
    "a.service",
    "a.conf",
    "data:,a%7B%7B",
    "gzip",
    "/dev/disk/by-id/google-a",
    "ext4",
    "0600",
    "web:web",
    "[Install]\nWantedBy=a.target b.target",
  ),
  fc.string({ unit: "binary" }),
);
const jsonOf = (keys: readonly string[]) =>
  fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 7, depthSize: "large" },
      odd,
      fc.constantFrom(true, false, null),
      fc.integer(),
      fc.double({ noDefaultInfinity: true, noNaN: true }),
      tie("list"),
      tie("map"),
    ),
    list: fc.array(tie("value"), { maxLength: 4 }),
    map: fc.dictionary(
      fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...keys) }, { weight: 1, arbitrary: fc.string() }),
      tie("value"),
      { maxKeys: 7 },
    ),
  })).map;

const ignitionKeys = [
  "ignition",
  "version",
  "config",
  "merge",
  "replace",
  "source",
  "storage",
  "files",
  "directories",
  "links",
  "filesystems",
  "disks",
  "path",
  "contents",
  "append",
  "mode",
  "user",
  "group",
  "id",
  "name",
  "overwrite",
  "target",
  "hard",
  "device",
  "format",
  "systemd",
  "units",
  "enabled",
  "mask",
  "dropins",
  "passwd",
  "users",
  "kernelArguments",
  "compression",
  "verification",
  "hash",
  "__proto__",
] as const;
const kollaKeys = [
  "command",
  "config_files",
  "permissions",
  "directories",
  "files",
  "source",
  "dest",
  "owner",
  "perm",
  "path",
  "optional",
  "merge",
  "preserve_properties",
  "recurse",
  "exclude",
  "__proto__",
] as const;

it("no JSON makes Ignition's reader throw, or a manifest that a machine would refuse", () => {
  fc.assert(
    fc.property(jsonOf(ignitionKeys), fc.integer({ min: 0, max: 6 }), (value, minor) => {
      expect(() => minorOf(documentOf(value))).not.toThrow();
      expectSound(ignition(value, minor));
    }),
    { numRuns: 400 },
  );
});

it("no JSON makes Kolla's reader throw, or a manifest that a machine would refuse", () => {
  fc.assert(
    fc.property(jsonOf(kollaKeys), (value) => expectSound(kolla(value))),
    { numRuns: 400 },
  );
});

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const segment = fc.oneof(fc.constantFrom("a", "b", "x.conf", "y.json"), fc.stringMatching(/^[A-Za-z0-9._ -]{1,9}$/));
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => `/srv/${parts.join("/")}`);
const bytes = fc.oneof(
  fc.string({ unit: "binary" }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 60 }).map((each) => Buffer.from(each)),
  fc
    .constantFrom(
      "{{ instance.name }}",
      '{"a": 1}',
      "{",
      "a: [",
      "\n\n  x\n",
      " ",
      "\t#",
      "%",
      "'\"",
      "\ufeffa",
      "x".repeat(3_000),
    )
    .map((text) => Buffer.from(text)),
);
const account = fc.oneof(fc.record({ id: fc.integer({ min: 0, max: 60_000 }) }), fc.constantFrom({ name: "web" }, {}));
/** A file, and what Ignition would write. */
const file = fc
  .record({
    path,
    bytes,
    zipped: fc.boolean(),
    percent: fc.boolean(),
    tail: maybe(bytes),
    mode: maybe(fc.integer({ min: 0, max: 0o777 })),
    user: maybe(account),
    group: maybe(account),
    overwrite: maybe(fc.boolean()),
  })
  .map(({ bytes, zipped, percent, tail, ...rest }) => {
    const raw = zipped ? gzipSync(bytes) : bytes;
    const source = percent
      ? `data:,${[...raw].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("")}`
      : `data:;base64,${raw.toString("base64")}`;
    const contents = { source, ...(zipped ? { compression: "gzip" } : {}) };
    const append = tail ? [{ source: `data:;base64,${tail.toString("base64")}` }] : undefined;
    return { given: { ...rest, contents, append }, expected: Buffer.concat([bytes, tail ?? Buffer.alloc(0)]) };
  });

it("every file of Ignition's is placed byte for byte, or its place is told", () => {
  fc.assert(
    fc.property(fc.array(file, { maxLength: 5 }), (given) => {
      const translated = ignition({
        ignition: { version: "3.6.0" },
        storage: { files: given.map((each) => each.given) },
      });
      expectSound(translated);
      const placed = placedBy(translated);
      const said = new Set(
        translated.reading
          .untranslated()
          .filter(({ kind }) => kind !== "assumed")
          .map(({ path }) => /^storage\.files\[\d+\]/.exec(path)?.[0]),
      );
      given.forEach(({ given: { path }, expected }, i) => {
        if (!said.has(`storage.files[${i}]`)) expect(placed.get(path)).toEqual(expected);
      });
      // A path of its own, with plain names, has no reason to be left out.
      for (const [
        i,
        {
          given: { path },
        },
      ] of given.entries()) {
        const alone = given.every(
          (other, j) =>
            j === i ||
            !(`${other.given.path}/`.startsWith(`${path}/`) || `${path}/`.startsWith(`${other.given.path}/`)),
        );
        if (alone && !/\/\.{1,2}(\/|$)/.test(path) && !secretive(given[i]?.expected))
          expect([...placed.keys()]).toContain(path);
      }
    }),
    { numRuns: 300 },
  );
});

const secretive = (content: Buffer | undefined) =>
  /pass|secret|token|key|cred|:\/\//i.test(String(content?.toString("latin1")));

/** A folder, and copies out of it. */
const kollaFile = fc.record({
  name: fc.stringMatching(/^[a-z]{1,6}\.conf$/),
  bytes,
  dest: path,
  perm: fc.constantFrom("0600", "644", "0o755"),
  owner: fc.constantFrom("web", "web:", "web:www"),
});

it("every file of Kolla's is placed byte for byte, or its place is told", () => {
  fc.assert(
    fc.property(fc.array(kollaFile, { maxLength: 5 }), (given) => {
      const contents = new Map(given.map((each) => [each.name, each.bytes]));
      const beside: Beside = {
        ...nothingBeside,
        kind: (name) => (contents.has(name) ? "file" : undefined),
        read: (name) => contents.get(name),
        names: () => [...contents.keys()].sort(),
      };
      const config_files = given.map(({ name, dest, perm, owner }) => ({
        source: `/var/lib/kolla/config_files/${name}`,
        dest,
        perm,
        owner,
      }));
      const translated = kolla({ command: "web", config_files }, beside);
      expectSound(translated);
      const placed = placedBy(translated);
      const said = new Set(
        translated.reading
          .untranslated()
          .filter(({ kind }) => kind !== "assumed")
          .map(({ path }) => path),
      );
      given.forEach(({ name, dest }, i) => {
        const last = given.findLastIndex((each) => each.dest === dest) === i;
        if (last && !said.has(`config_files[${i}]`)) expect(placed.get(dest)).toEqual(contents.get(name));
      });
    }),
    { numRuns: 300 },
  );
});
