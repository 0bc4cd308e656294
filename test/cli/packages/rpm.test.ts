import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RPM } from "../../../cli/packages/rpmversion.ts";

// What rpm-version(7) says and what rpm's own suite (tests/rpmvercmp.at of rpm-software-management/rpm) holds true, as facts.

/** Each older than the one after it. */
const ordered: [string, string[]][] = [
  ["numbers are numbers", ["1.0", "2.0"]],
  ["more segments are newer", ["2.0", "2.0.1", "2.0.1a"]],
  ["letters and digits part without a separator", ["5.5p1", "5.5p2", "5.5p10", "5.6p1", "6.5p1"]],
  ["a number is newer than letters", ["10xyz", "10.1xyz"]],
  ["wherever they stand", ["xyz10", "xyz10.1", "2"]],
  ["and however small it is", ["xyz.4", "8"]],
  ["a candidate without a tilde is newer than the version", ["6.0", "6.0.rc1"]],
  ["letters by code", ["10a1", "10a2", "10b1", "10b2"]],
  ["longer letters are newer", ["1.0a", "1.0aa"]],
  ["leading zeros say nothing", ["10.0001", "10.0039"]],
  ["nor do nines", ["4.999.9", "5.0"]],
  ["dates are numbers", ["20101121", "20101122"]],
  ["a tilde is older than the end", ["1.0~rc1~git123", "1.0~rc1", "1.0~rc2", "1.0"]],
  ["a caret is newer than the end", ["1.0", "1.0^", "1.0^git1", "1.0^git2", "1.0.1"]],
  ["and older than a further segment", ["1.0^git1", "1.01"]],
  ["also when digits follow it", ["1.0", "1.0^20160101", "1.0^20160101^git1", "1.0^20160102", "1.0.1"]],
  ["both together", ["1.0~rc1", "1.0~rc1^git1", "1.0"]],
  ["the other way round", ["1.0^git1~pre", "1.0^git1"]],
  ["letters after a number that ends there", ["1b.fc17", "1.fc17", "1g.fc17"]],
  ["the epoch comes first", ["9.9-9", "1:0.1-1", "2:0.1-1"]],
  ["the release comes last", ["1.0.2k-12.el7", "1.0.2k-12.el7_1", "1.0.2k-13.el7", "1.1.0-1.el7"]],
  ["OpenSSL as Enterprise Linux 7 had it", ["1:1.0.1e-60.el7", "1:1.0.2k-8.el7"]],
  ["a long number is not rounded", ["1.20260101123456789012", "1.20260101123456789013"]],
];

const equal: [string, string][] = [
  ["1.0", "1.0"],
  ["10.0001", "10.1"],
  ["2_0", "2.0"],
  ["a+", "a_"],
  ["+a", "_a"],
  ["_+", "+_"],
  ["+", "_"],
  ["1.0^", "1.0^"],
  ["1.0~rc1^git1", "1.0~rc1^git1"],
  ["1.0-1", "0:1.0-1"],
  ["1.1.α", "1.1.β"],
  ["1.1.αα", "1.1.α"],
];

describe("RPM's order", () => {
  it.each(ordered)("%s: %j", (_, versions) => {
    for (const [i, a] of versions.entries())
      for (const [j, b] of versions.entries())
        expect([a, b, Math.sign(RPM.compare(a, b))]).toEqual([a, b, Math.sign(i - j)]);
  });

  it.each(equal)("%s and %s are the same version", (a, b) => {
    expect(RPM.compare(a, b)).toBe(0);
    expect(RPM.compare(b, a)).toBe(0);
  });

  it("is an order: of any three, and in both directions", () => {
    const version = fc.string({ unit: fc.constantFrom(..."01a~^.b"), minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        const [oldest = "", middle = "", newest = ""] = [a, b, c].sort(RPM.compare);
        expect(RPM.compare(oldest, newest)).toBeLessThanOrEqual(0);
        expect(RPM.compare(oldest, middle)).toBeLessThanOrEqual(0);
        expect(Math.sign(RPM.compare(a, b))).toBe(0 - Math.sign(RPM.compare(b, a)));
      }),
      { numRuns: 2_000 },
    );
  });
});
