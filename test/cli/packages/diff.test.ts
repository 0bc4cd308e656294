import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { diffPackages, isEmpty } from "../../../cli/packages/diff.ts";
import type { Package, PackageList } from "../../../cli/packages/list.ts";
import { diffText } from "../../../cli/packages/text.ts";

const of = (type: PackageList["type"], ...lines: string[]): PackageList => ({
  type,
  distribution: { id: "x", version: "1" },
  packages: lines.map((line): Package => {
    const [name = "", version = "", arch = "amd64"] = line.split(" ");
    return { name, version, arch };
  }),
});
const told = (a: PackageList, b: PackageList) => diffText(diffPackages(a, b), (_style, text) => text);

describe("what changed", () => {
  const rows: [string, string[], string[], string][] = [
    ["nothing", ["a 1"], ["a 1"], ""],
    ["a package of another architecture is the same package", ["a 1 amd64"], ["a 2 all"], "upgraded 1\n  a  1 → 2\n"],
    ["also in the same version", ["a 1 amd64"], ["a 1 all"], "changed 1\n  a  1 → 1 (architecture amd64 before)\n"],
    ["each architecture by itself", ["a 1 amd64", "a 1 i386"], ["a 2 amd64", "a 1 i386"], "upgraded 1\n  a  1 → 2\n"],
    ["one architecture goes", ["a 1 amd64", "a 1 i386"], ["a 1 amd64"], "removed 1\n  a  1\n"],
    [
      "of two kernels the newest is the newest's successor",
      ["k 1", "k 9"],
      ["k 10", "k 9"],
      "upgraded 1\n  k  1 → 10\n",
    ],
    ["a third one has come", ["k 1"], ["k 2", "k 10"], "upgraded 1\n  k  1 → 10\nadded 1\n  k  2\n"],
    [
      "names are in line",
      ["long 1", "b 2"],
      ["long 2", "b 1"],
      "upgraded 1\n  long  1 → 2\ndowngraded 1\n  b  2 → 1\n",
    ],
  ];
  it.each(rows)("%s", (_, a, b, text) => {
    expect(told(of("deb", ...a), of("deb", ...b))).toBe(text);
  });

  it("is read in the order of the distribution", () => {
    // Of dpkg's characters + is the newer; to rpm it only separates.
    expect(told(of("deb", "a 1.0"), of("deb", "a 1.0+"))).toContain("upgraded 1");
    expect(told(of("rpm", "a 1.0"), of("rpm", "a 1.0+"))).toContain(
      "changed 1\n  a  1.0 → 1.0+ (the same version, written otherwise)",
    );
    expect(told(of("rpm", "a 1.0"), of("apk", "a 2.0"))).toContain("have no order");
  });

  it("says every package once, whichever way it is read", () => {
    const one = fc.constantFrom("a 1", "a 2", "a 2 all", "a 10", "b 1", "b 1 all", "c 1", "c 1~", "c 1-0");
    const list = fc.uniqueArray(one, { maxLength: 9 }).map((lines) => of("deb", ...lines));
    fc.assert(
      fc.property(list, list, (a, b) => {
        const forward = diffPackages(a, b);
        const back = diffPackages(b, a);
        const moved = forward.upgraded.length + forward.downgraded.length + forward.changed.length;
        expect(a.packages.length - forward.removed.length - moved).toBe(
          b.packages.length - forward.added.length - moved,
        );
        expect([forward.added.length, forward.removed.length]).toEqual([back.removed.length, back.added.length]);
        expect([forward.upgraded.length, forward.downgraded.length]).toEqual([
          back.downgraded.length,
          back.upgraded.length,
        ]);
        expect(isEmpty(diffPackages(a, a))).toBe(true);
      }),
    );
  });
});
