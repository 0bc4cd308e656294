import { expect, it } from "vitest";
import type { PackageList } from "../../../cli/packages/list.ts";
import { type Compared, differences } from "../../../cli/packages/same.ts";

const DEBIAN = { id: "debian", version: "12" };
const list = (versions: Record<string, string>, distribution = DEBIAN): PackageList => ({
  type: "deb",
  distribution,
  packages: Object.entries(versions).map(([name, version]) => ({ name, version, arch: "amd64" })),
});
const image = { name: "web-1", architecture: "X86_64", diskSizeGb: "10" };
const one = (more: Partial<Compared> = {}): Compared => ({
  image,
  list: list({ a: "1", b: "1" }),
  application: "aa",
  ...more,
});

const rows: [string, Partial<Compared>, Partial<Compared>, string[]][] = [
  ["the same", {}, {}, []],
  ["the same in another order", { list: list({ b: "1", a: "1" }) }, {}, []],
  ["of another architecture", { image: { ...image, architecture: "ARM64" } }, {}, ["architecture ARM64, not X86_64"]],
  ["of another size", { image: { ...image, diskSizeGb: "20" } }, {}, ["disk size in GB 20, not 10"]],
  ["of another application", { application: "bb" }, {}, ["application bb, not aa"]],
  [
    "beside one whose application nobody knows",
    {},
    { application: undefined },
    ["web-1 has no label application, so its application is not known"],
  ],
  ["beside one whose packages nobody knows", {}, { list: undefined }, ["there is no package list of web-1"]],
  [
    "of a newer distribution",
    { list: list({ a: "1", b: "1" }, { id: "debian", version: "13" }) },
    {},
    ["distribution debian 13, not debian 12"],
  ],
  ["with a version written otherwise", { list: list({ a: "1-0", b: "1" }) }, {}, ["packages: 1 changed"]],
  [
    "with nothing alike",
    { application: "bb", list: list({ a: "2", c: "1" }) },
    {},
    ["application bb, not aa", "packages: 1 added, 1 removed, 1 upgraded"],
  ],
];

it.each(rows)("an image is told apart from one that is %s", (_, fresh, old, told) => {
  expect(differences(one(fresh), one(old))).toEqual(told);
});
