import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cycloneDxOf, readCycloneDx } from "../../../cli/packages/cyclonedx.ts";
import { type Package, type PackageList, sortPackages, tsvOf } from "../../../cli/packages/list.ts";
import { purlOf, readPurl } from "../../../cli/packages/purl.ts";

const ABOUT = { time: "2026-11-20T12:00:00Z", moult: "1.2.3" };
const DEBIAN = { id: "debian", version: "12" };
it.each([
  [
    "deb",
    { name: "openssl", version: "3.0.11-1~deb12u2", arch: "amd64" },
    "pkg:deb/debian/openssl@3.0.11-1~deb12u2?arch=amd64&distro=debian-12",
  ],
  [
    "deb",
    { name: "attr", version: "1:2.4.47-2+b1", arch: "amd64" },
    "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64&distro=debian-12",
  ],
  [
    "deb",
    { name: "libstdc++6", version: "1", arch: "amd64" },
    "pkg:deb/debian/libstdc%2B%2B6@1?arch=amd64&distro=debian-12",
  ],
  [
    "rpm",
    { name: "openssl", version: "1:1.0.2k-8.el7", arch: "x86_64" },
    "pkg:rpm/debian/openssl@1.0.2k-8.el7?arch=x86_64&distro=debian-12&epoch=1",
  ],
] as const)("the package URL of %s %j is %s", (kind, one, purl) => {
  expect(purlOf(kind, DEBIAN, one)).toBe(purl);
  expect(readPurl(purl)).toEqual({ type: kind, ...one });
});

/** Keys that CycloneDX 1.6's schema has in these places (bom-1.6.schema.json); each place takes no other. */
const SCHEMA = {
  bom: ["$schema", "bomFormat", "specVersion", "serialNumber", "version", "metadata", "components"],
  metadata: ["timestamp", "lifecycles", "tools", "component", "properties"],
  component: ["type", "bom-ref", "name", "version", "purl", "properties"],
};

describe("the document", () => {
  const letters = (text: string, least: number) =>
    fc.string({ unit: fc.constantFrom(...text), minLength: least, maxLength: 8 });
  const one: fc.Arbitrary<Package> = fc
    .record({
      name: letters("ab+-.0", 1),
      version: letters("01.~^+-", 1).map((v) => `1${v}`),
      arch: fc.constantFrom("amd64", "all"),
      source: fc.option(letters("abc", 1)),
      epoch: fc.constantFrom("", "1:"),
    })
    .map(({ name, version, arch, source, epoch }) => ({
      name,
      version: epoch + version,
      arch,
      ...(source !== null && { source }),
    }));
  const list: fc.Arbitrary<PackageList> = fc.record({
    type: fc.constantFrom("deb", "rpm", "apk"),
    distribution: fc.constantFrom(DEBIAN, { id: "arch", version: "" }),
    packages: fc.array(one, { maxLength: 6 }),
  });

  it("reads back as the list it was made of, and is the same bytes in whatever order that was", () => {
    fc.assert(
      fc.property(list, (given) => {
        const text = cycloneDxOf(given, ABOUT);
        expect(readCycloneDx(text)).toEqual({
          list: { ...given, packages: sortPackages(given.packages) },
          time: ABOUT.time,
        });
        expect(cycloneDxOf({ ...given, packages: [...given.packages].reverse() }, ABOUT)).toBe(text);
      }),
    );
  });

  it("has the fields CycloneDX 1.6 requires and no other than it allows, and no reference twice", () => {
    fc.assert(
      fc.property(list, (given) => {
        const bom = JSON.parse(cycloneDxOf(given, ABOUT)) as Record<
          string,
          Record<string, unknown> & Record<string, unknown>[]
        >;
        expect(bom).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.6", version: 1 });
        expect(Object.keys(bom).filter((key) => !SCHEMA.bom.includes(key))).toEqual([]);
        expect(Object.keys(bom.metadata ?? {}).filter((key) => !SCHEMA.metadata.includes(key))).toEqual([]);
        const components = bom.components ?? [];
        expect(new Set(components.map((component) => component["bom-ref"])).size).toBe(given.packages.length);
        for (const component of components) {
          expect(component).toMatchObject({
            type: "library",
            name: expect.stringMatching(/./),
            version: expect.stringMatching(/./),
          });
          expect(Object.keys(component).filter((key) => !SCHEMA.component.includes(key))).toEqual([]);
        }
      }),
    );
  });

  it("refers to a package that is there twice by two names", () => {
    const twice = { name: "a", version: "1", arch: "x86_64" };
    const text = cycloneDxOf({ type: "rpm", distribution: DEBIAN, packages: [twice, twice] }, ABOUT);
    expect([...text.matchAll(/"bom-ref": "pkg:([^"]*)"/g)].map(([, ref]) => ref)).toEqual([
      "rpm/debian/a@1?arch=x86_64&distro=debian-12",
      "rpm/debian/a@1?arch=x86_64&distro=debian-12#2",
    ]);
  });

  it("has a listing beside it with a line a package", () => {
    expect(
      tsvOf({
        type: "deb",
        distribution: DEBIAN,
        packages: [
          { name: "b", version: "1", arch: "all" },
          { name: "a", version: "1:2", arch: "amd64" },
        ],
      }),
    ).toBe("a\t1:2\tamd64\nb\t1\tall\n");
  });

  const good = JSON.parse(
    cycloneDxOf({ type: "deb", distribution: DEBIAN, packages: [{ name: "a", version: "1", arch: "all" }] }, ABOUT),
  ) as { components: object[]; metadata: object };
  const damaged: [string, string, RegExp][] = [
    ["half of it", JSON.stringify(good).slice(0, 90), /not JSON/],
    ["another format", '{"spdxVersion": "SPDX-2.3"}', /not CycloneDX/],
    ["nobody's distribution", JSON.stringify({ ...good, metadata: {} }), /of which distribution/],
    [
      "a component that is no package",
      JSON.stringify({
        ...good,
        components: [{ type: "library", name: "left-pad", version: "1", purl: "pkg:npm/left-pad@1" }],
      }),
      /left-pad/,
    ],
    [
      "a component that contradicts itself",
      JSON.stringify({ ...good, components: [{ ...good.components[0], version: "2" }] }),
      /agrees with it/,
    ],
    ["null", "null", /not CycloneDX/],
  ];
  it.each(damaged)("is refused when it is %s", (_, text, why) => {
    expect(readCycloneDx(text).problem).toMatch(why);
  });
});
