import { describe, expect, it } from "vitest";
import { APK } from "../../../cli/packages/apkversion.ts";

// apk-package(5), and pairs that apk-tools' own suite (test/version.data) orders so.

/** Each older than the one after it. */
const ordered: [string, string[]][] = [
  ["numbers are numbers", ["0.9.12", "0.9.13", "0.12", "1.0"]],
  ["further numbers are newer", ["0.9.28", "0.9.28-r1", "0.9.28-r2", "0.9.28.1"]],
  ["what begins with zero is a fraction", ["1.02.07", "1.02.10-r1", "1.03-r1", "1.1", "1.12"]],
  ["except the first number", ["1.06-r6", "006", "013", "014-r1"]],
  ["a letter is newer than none", ["1.7", "1.7b", "1.8.4-r3"]],
  ["and older than a further number", ["2.5.1-r8", "2.5.1a-r1", "2.5.2"]],
  [
    "before and after the version itself",
    ["1_alpha", "1_beta", "1_pre", "1_rc", "1", "1_cvs", "1_svn", "1_git", "1_hg", "1_p"],
  ],
  ["suffixes count", ["0.1.0_alpha", "0.1.0_alpha2", "0.1.3_alpha"]],
  ["a suffix of a suffix", ["0.1.0_alpha_pre2", "0.1.0_alpha"]],
  ["counts are numbers", ["1.0_p9-r0", "1.0_p10-r0"]],
  ["also long ones", ["1.0.0_pre20191002222144-r0", "1.0.0_pre20210530193627-r0"]],
  ["before, although a revision follows", ["1.3_pre1-r1", "1.3-r0", "1.3.1-r0", "1.3.2"]],
  ["the revision comes last", ["9.3.4", "9.3.4-r2", "9.3.4-r10"]],
  ["a patch is newer than its revision", ["4.5_p1", "4.5_p1-r1", "4.5_p2"]],
  ["a hash is between version and revision", ["1.0-r1", "1.0~0abc", "1.0_p1"]],
];

describe("Alpine's order", () => {
  it.each(ordered)("%s: %j", (_, versions) => {
    for (const [i, a] of versions.entries())
      for (const [j, b] of versions.entries())
        expect([a, b, Math.sign(APK.compare(a, b))]).toEqual([a, b, Math.sign(i - j)]);
  });
});
