import { describe, expect, it } from "vitest";
import { entryOf } from "../../../emulator/functions/logs.ts";

const trace = "projects/p/traces/0123";

describe("a line that a function writes", () => {
  it.each<[string, string, object]>([
    ["of text is its text", "hello", { textPayload: "hello" }],
    ["that only begins as JSON is text", "{hello", { textPayload: "{hello" }],
    ["of JSON that is no object is text", "[1]", { textPayload: "[1]" }],
    [
      "with nothing but a message is that text",
      '{"message":"m","severity":"error"}',
      { severity: "ERROR", textPayload: "m" },
    ],
    ["ends where its text does", '{"message":"m\\n"}', { textPayload: "m" }],
    ["with more is structured", '{"message":"m","n":1}', { jsonPayload: { message: "m", n: 1 } }],
    ["may name its severity by number", '{"severity":450,"a":1}', { severity: "WARNING", jsonPayload: { a: 1 } }],
    ["keeps a severity that is none", '{"severity":"loud"}', { jsonPayload: { severity: "loud" } }],
    [
      "moves special fields to where they belong",
      JSON.stringify({
        message: "m",
        "logging.googleapis.com/trace": trace,
        "logging.googleapis.com/labels": { a: "b" },
      }),
      { textPayload: "m", trace, labels: { a: "b" } },
    ],
  ])("%s", (_, line, entry) => {
    expect(entryOf(line)).toEqual(entry);
  });
});
