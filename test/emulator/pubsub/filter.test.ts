import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ApiError } from "../../../emulator/frame/errors.ts";
import { parseFilter } from "../../../emulator/pubsub/filter.ts";

type Row = [filter: string, attributes: Record<string, string>, passes: boolean];

describe("a subscription's filter", () => {
  const rows: Row[] = [
    [`attributes:color`, { color: "red" }, true],
    [`attributes:color`, { shape: "round" }, false],
    [`attributes:"iana.org/language_tag"`, { "iana.org/language_tag": "en" }, true],
    [`attributes.color = "red"`, { color: "red" }, true],
    [`attributes.color = "red"`, { color: "Red" }, false],
    [`attributes.color != "red"`, { color: "blue" }, true],
    [`attributes.color != "red"`, {}, true],
    [`attributes."a b" = 'single'`, { "a b": "single" }, true],
    [`hasPrefix(attributes.color, "re")`, { color: "red" }, true],
    [`hasPrefix(attributes.color, "re")`, {}, false],
    [`NOT attributes:color`, {}, true],
    [`-attributes:color`, { color: "red" }, false],
    [`attributes:a AND attributes:b`, { a: "1" }, false],
    [`attributes:a OR attributes:b`, { a: "1" }, true],
    [`attributes:a AND (attributes:b OR attributes:c)`, { a: "1", c: "1" }, true],
    [`(attributes:a AND attributes:b) OR NOT attributes:c`, { c: "1" }, false],
    [`NOT (attributes:a OR attributes:b)`, { b: "1" }, false],
    [String.raw`attributes.q = "say \"hi\""`, { q: `say "hi"` }, true],
    [`attributes:ce-type`, { "ce-type": "x" }, true],
    [`attributes:toString`, {}, false],
  ];
  it.each(rows)("%s on %o gives %s", (filter, attributes, passes) => {
    expect(parseFilter(filter)(attributes)).toBe(passes);
  });

  const invalid = [
    "",
    "color",
    "attributes",
    "attributes.color",
    `attributes.color = red`,
    `attributes.color > "red"`,
    `attributes:a AND attributes:b OR attributes:c`,
    `attributes:a and attributes:b`,
    `attributes:a attributes:b`,
    `(attributes:a`,
    `attributes:a)`,
    `hasPrefix(attributes.a)`,
    `hasSuffix(attributes.a, "b")`,
    `attributes.a = "unclosed`,
    `data = "x"`,
    `attributes:${"x".repeat(300)}`,
  ];
  it.each(invalid)("%s is an INVALID_ARGUMENT", (filter) => {
    expect(() => parseFilter(filter)).toThrow(ApiError);
  });

  it("says at which position it stopped to understand", () => {
    expect(() => parseFilter(`attributes:a AND data:b`)).toThrow(/position 18/);
  });

  it("never fails otherwise than with an ApiError", () => {
    const word = fc.constantFrom(
      "attributes",
      ".",
      ":",
      "a",
      `"b"`,
      "=",
      "!=",
      "(",
      ")",
      "AND",
      "OR",
      "NOT",
      "-",
      " ",
      "hasPrefix",
      ",",
      "\\",
      `"`,
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 60 }), (words) => {
        try {
          parseFilter(words.join(""))({ a: "b" });
        } catch (problem) {
          expect(problem).toBeInstanceOf(ApiError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
