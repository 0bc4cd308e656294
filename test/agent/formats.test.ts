import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import type { FormatName, Scalar } from "../../agent/plan/manifest.ts";
import { readTemplate, renderTemplate } from "../../agent/render/template.ts";
import { readInAnyShape } from "./reading.ts";

/** The finished text, or the code of the first finding. */
function render(format: FormatName, text: string, x: Scalar): { text: string } | { code: string } {
  const read = readInAnyShape("t", text, format);
  const first = read.findings[0];
  if (first) return { code: first.code };
  const { text: finished, findings } = renderTemplate(read.template, (name) => (name === "x" ? x : undefined));
  return findings[0] ? { code: findings[0].code } : { text: finished };
}

const rows: [sentence: string, format: FormatName, template: string, value: Scalar, expected: string][] = [
  ["JSON: in quotes a value is text", "json", '{"a": "b{{x}}"}', 'q"\\\n', '{"a": "bq\\"\\\\\\n"}'],
  ["JSON: alone a text brings its quotes", "json", '{"a": {{x}}}', "q", '{"a": "q"}'],
  ["JSON: a text of digits stays a text", "json", '{"a": {{x}}}', "12", '{"a": "12"}'],
  ["JSON: alone a number is a number", "json", "[{{x}}]", 8080, "[8080]"],
  ["JSON: alone a boolean is a boolean", "json", "[1, {{x}}]", true, "[1, true]"],
  ["JSON: space is kept as it is", "json", '["{{x}}"]', " a ", '[" a "]'],
  ["JSON: text that looks like an escape stays itself", "json", '["{{x}}"]', "\\u0020", '["\\\\u0020"]'],
  ["JSON: not in a key", "json", '{"{{x}}": 1}', "a", "placeholder-misplaced"],
  ["JSON: not in an escape", "json", '["\\u00{{x}}"]', "41", "placeholder-misplaced"],
  ["JSON: not beside other characters", "json", "[1{{x}}]", 2, "placeholder-misplaced"],
  ["JSON: a template that is not JSON is found out", "json", '{"a": {{x}},}', 1, "not-in-format"],
  ["YAML: in double quotes a value is text", "yaml", 'a: "b {{x}}"', 'q"\n: #', 'a: "b q\\"\\n: #"'],
  ["YAML: alone a text brings its quotes", "yaml", "a: {{x}}", "yes", 'a: "yes"'],
  ["YAML: alone in a list", "yaml", "- {{x}}\n- 2", "- a", '- "- a"\n- 2'],
  ["YAML: alone in a flow list", "yaml", "[a, {{x}}, {b: {{x}}}]", 3, "[a, 3, {b: 3}]"],
  ["YAML: not in single quotes", "yaml", "a: '{{x}}'", "a", "placeholder-misplaced"],
  ["YAML: not inside unquoted text", "yaml", "a: http://{{x}}/", "a", "placeholder-misplaced"],
  ["YAML: not after quotes inside unquoted text", "yaml", 'a: it is "{{x}}"', "a", "placeholder-misplaced"],
  ["YAML: not in unquoted text that goes on", "yaml", 'a: b\n  "{{x}}"', "a", "placeholder-misplaced"],
  ["YAML: not in a key", "yaml", '"{{x}}": 1', "a", "placeholder-misplaced"],
  ["YAML: not as a key", "yaml", "{{x}}: 1", "a", "placeholder-misplaced"],
  ["YAML: not in a comment", "yaml", "a: 1 # {{x}}", "a", "placeholder-misplaced"],
  ["YAML: not in a block text", "yaml", "a: |\n  {{x}}\nb: 1", "a", "placeholder-misplaced"],
  ["YAML: after a block text", "yaml", "a: |\n  it's {\nb: {{x}}", "a", 'a: |\n  it\'s {\nb: "a"'],
  [
    "YAML: after a block text in an item of a list",
    "yaml",
    "- run: |\n    it's {\n\n    x\n  env: {{x}}",
    "a",
    '- run: |\n    it\'s {\n\n    x\n  env: "a"',
  ],
  ["YAML: not in a block text that says its depth", "yaml", "a: |1\n   b\n  {{x}}", "a", "placeholder-misplaced"],
  ["YAML: not in a block text of the whole document", "yaml", "|\n{{x}}", "a", "placeholder-misplaced"],
  ["YAML: nor in one after ---", "yaml", "--- |\n{{x}}", "a", "placeholder-misplaced"],
  ["YAML: after --- alone", "yaml", "---\na: {{x}}", "a", '---\na: "a"'],
  ["YAML: nor in one that begins on a line of its own", "yaml", "a:\n    |\n  {{x}}", "a", "placeholder-misplaced"],
  ["YAML: not in a map as a key", "yaml", "{ {b: {{x}} }: 1}", "a", "placeholder-misplaced"],
  ["YAML: not in a list as a key", "yaml", "[{{x}}]: 1", "a", "placeholder-misplaced"],
  ["YAML: not in an explicit key", "yaml", "? [{{x}}]\n: 1", "a", "placeholder-misplaced"],
  ["YAML: not in a key without a value", "yaml", "{ {{x}}, b }", "a", "placeholder-misplaced"],
  ["YAML: in maps of a list", "yaml", '- a: "{{x}}"\n  b: {{x}}', "v", '- a: "v"\n  b: "v"'],
  ["YAML: after an apostrophe in unquoted text", "yaml", "a: it's\nb: {{x}}", "a", 'a: it\'s\nb: "a"'],
  ["YAML: a value on the next line", "yaml", 'a:\n  "{{x}}"', "b", 'a:\n  "b"'],
  ["YAML: not in quotes that go over lines", "yaml", 'a: "b\n  {{x}}\n  c"', "", "placeholder-misplaced"],
  ["TOML: not in quotes that go over lines", "toml", 'a = """{{x}}\nb"""', "", "placeholder-misplaced"],
  ["TOML: in three quotes on one line", "toml", 'a = """{{x}}"""', '"""', 'a = """\\"\\"\\""""'],
  ["TOML: in double quotes a value is text", "toml", 'a = "{{x}}"', 'q"\n', 'a = "q\\"\\n"'],
  ["TOML: alone a text brings its quotes", "toml", "a = {{x}} # c", "1", 'a = "1" # c'],
  ["TOML: alone in an array over lines", "toml", "a = [\n  {{x}},\n]", 1, "a = [\n  1,\n]"],
  ["TOML: not in a table's name", "toml", "[{{x}}]", 1, "placeholder-misplaced"],
  ["TOML: not in a key", "toml", '"{{x}}" = 1', "a", "placeholder-misplaced"],
  ["TOML: not in a dotted key of an inline table", "toml", 'a = {"{{x}}" = 1}', "a", "placeholder-misplaced"],
  ["TOML: not in single quotes", "toml", "a = '{{x}}'", "a", "placeholder-misplaced"],
  ["TOML: has no null", "toml", "a = {{x}}", null, "value-unfit"],
  ["env: alone a plain word stays plain", "env", "A={{x}}", "a-b_c.1", "A=a-b_c.1"],
  ["env: alone anything else is quoted", "env", "A={{x}}", 'a "b" $c', 'A="a \\"b\\" \\$c"'],
  ["env: in double quotes it is escaped", "env", 'A="{{x}} \\`"', "$(id)", 'A="\\$(id) \\`"'],
  ["env: not in what a shell would run", "env", 'A="$(echo {{x}})"', "a", "placeholder-misplaced"],
  ["env: nor after it", "env", 'A=`echo "`\nB={{x}}', "a", "placeholder-misplaced"],
  ["env: nor after a quote that only a shell sees", "env", "A=it's\nB={{x}}", "a", "placeholder-misplaced"],
  ["env: not where a shell sees a command", "env", "A=b {{x}}", "reboot", "placeholder-misplaced"],
  ["env: not after a space, where a shell sees a command", "env", "A= {{x}}", "reboot", "placeholder-misplaced"],
  ["env: after an escaped dollar", "env", 'A="\\${{x}}"', "HOME", 'A="\\$HOME"'],
  ["env: beside other text only plain words", "env", "A=http://{{x}}/", "a b", "value-unfit"],
  ["env: no line breaks", "env", "A={{x}}", "a\nB=c", "value-unfit"],
  ["env: not in a name", "env", "{{x}}=1", "A", "placeholder-misplaced"],
  ["env: not in a comment", "env", "# {{x}}", "A", "placeholder-misplaced"],
  ["INI: a value as it is", "ini", "[s]\na = {{x}}/b", "it is", "[s]\na = it is/b"],
  ["INI: nothing that starts a comment", "ini", "a = {{x}}", "b ; c", "value-unfit"],
  ["INI: no line breaks", "ini", "a = {{x}}", "b\n[t]", "value-unfit"],
  ["INI: not in a section", "ini", "[{{x}}]", "s", "placeholder-misplaced"],
  ["XML: in text", "xml", "<a>{{x}}</a>", "<b>&", "<a>&lt;b&gt;&amp;</a>"],
  ["XML: in an attribute", "xml", "<a b='{{x}}'/>", "'\n", "<a b='&apos;&#10;'/>"],
  ["XML: not in a comment", "xml", "<!-- {{x}} -->", "a", "placeholder-misplaced"],
  ["XML: not in a tag", "xml", "<{{x}}/>", "a", "placeholder-misplaced"],
  ["XML: no control characters", "xml", "<a>{{x}}</a>", "\u0001", "value-unfit"],
  ["shell: alone it is one word", "shell", "A={{x}}", "it's $(id)", "A='it'\\''s $(id)'"],
  ["shell: in double quotes it is escaped", "shell", 'A="${HOME} {{x}}"', '"$(id)`', 'A="${HOME} \\"\\$(id)\\`"'],
  ["shell: # after an escaped space begins no comment", "shell", "echo \\ #'\n{{x}}'", "a", "echo \\ #'\na'"],
  ["shell: # after a line that goes on begins one", "shell", "echo \\\n# it's\nA={{x}}", "a", "echo \\\n# it's\nA='a'"],
  ["shell: # after a space that is none for a shell", "shell", "\u00a0#'\n{{x}}'", "a", "\u00a0#'\na'"],
  [
    "XML: not after declarations in a DTD",
    "xml",
    "<!DOCTYPE a [<!-- > -->]><a>{{x}}</a>",
    "a",
    "placeholder-misplaced",
  ],
  ["XML: not in an entity", "xml", "<a>&x-{{x}};</a>", "a", "placeholder-misplaced"],
  ["TOML: after three quotes that end in four", "toml", 'a = """x""""\nb = "{{x}}"', '"', 'a = """x""""\nb = "\\""'],
  ["shell: in single quotes too", "shell", "A='{{x}}'", "'", "A=''\\'''"],
  ["shell: not in a comment", "shell", "# {{x}}", "a", "placeholder-misplaced"],
  ["shell: not in a substitution", "shell", 'A="$(echo {{x}})"', "a", "placeholder-misplaced"],
  ["shell: not in a here-document", "shell", "cat <<E\n{{x}}\nE", "a", "placeholder-misplaced"],
  ["shell: not right after a dollar", "shell", '"${{x}}"', "HOME", "placeholder-misplaced"],
  ["text: as it is", "text", "a {{x}}", "<b>", "a <b>"],
  ["text: no line breaks", "text", "a {{x}}", "b\nc", "value-unfit"],
  ["braces are written as a text", "text", '{{ "{{" }} {{ x }}', "a", "{{ a"],
  ["a text may hold closing braces", "text", '{{ "}}" }}', "a", "}}"],
  ["an open placeholder is a fault", "text", "a {{ x", "a", "placeholder-open"],
  ["a block is closed", "text", "{{ if x }}", "a", "block-open"],
];

test.each(rows)("%s", (_sentence, format, template, value, expected) => {
  const found = render(format, template, value);
  expect("text" in found ? found.text : found.code).toBe(expected);
});

test("an unknown name says where it stands", () => {
  const { template } = readTemplate("a.conf", "x\n  {{ y.z }}", "text");
  expect(renderTemplate(template, () => undefined).findings).toMatchObject([{ where: "a.conf", line: 2, column: 3 }]);
});

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({
    unit: fc.constantFrom(
      '"',
      "'",
      "\\",
      "\n",
      "\r",
      " ",
      "\t",
      "#",
      ":",
      "-",
      "{",
      "}",
      "[",
      "]",
      ",",
      "$",
      "`",
      ";",
      "=",
      "%",
      "!",
      "&",
      "|",
      "\0",
      "\u2028",
      "\u0085",
      "é",
      "a",
      "1",
    ),
  }),
);

describe("no value changes what a file means", () => {
  const holds = (
    format: FormatName,
    template: string,
    parse: (text: string) => unknown,
    expected: (x: string) => unknown,
    refusable: boolean,
  ) =>
    fc.assert(
      fc.property(anyText, (x) => {
        const found = render(format, template, x);
        if ("code" in found) {
          if (!refusable) throw new Error("refused");
          expect(found.code).toBe("value-unfit");
        } else expect(parse(found.text)).toEqual(expected(x));
      }),
      { numRuns: 500 },
    );

  test("JSON", () => {
    holds(
      "json",
      '{"a": "<{{x}}>", "b": {{x}}, "c": [{{x}}]}',
      JSON.parse,
      (x) => ({ a: `<${x}>`, b: x, c: [x] }),
      false,
    );
  });

  test("YAML", () => {
    const template = 'a: "<{{x}}>"\nb: {{x}}\nc:\n  - {{x}}\n  - "{{x}}"\nd: {e: {{x}}, f: ["{{x}}"]}\nh: 1\n';
    const expected = (x: string) => ({ a: `<${x}>`, b: x, c: [x, x], d: { e: x, f: [x] }, h: 1 });
    holds("yaml", template, (text) => parseYaml(text), expected, false);
    holds("yaml", template, (text) => parseYaml(text, { version: "1.1" }), expected, false);
  });

  test("env, as a line-by-line reader with quotes sees it", () => {
    const parse = (text: string) =>
      text.split("\n").map((line) => {
        const [, name, value = ""] = /^(\w+)=(.*)$/s.exec(line) ?? [];
        return [name, value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/gs, "$1") : value];
      });
    holds(
      "env",
      'A="<{{x}}>"\nB={{x}}\nC=1',
      parse,
      (x) => [
        ["A", `<${x}>`],
        ["B", x],
        ["C", "1"],
      ],
      true,
    );
  });

  test("INI, as a strict reader sees it", () => {
    const parse = (text: string) =>
      text.split(/\r\n|[\n\r]/).map((line) => {
        const bare = line.replace(/[;#].*$/, "").trim();
        const [, name, value = ""] = /^([^=]*?)\s*=\s*(.*)$/s.exec(bare) ?? [bare, bare];
        return [name, value];
      });
    holds(
      "ini",
      "[s]\na = {{x}}\nb = <{{x}}>\nc = 1",
      parse,
      (x) => [
        ["[s]", ""],
        ["a", x],
        ["b", `<${x}>`],
        ["c", "1"],
      ],
      true,
    );
  });

  test("env and shell, as sh itself reads them", () => {
    const values = fc.sample(anyText, { numRuns: 60, seed: 7 });
    for (const x of values)
      for (const [format, template] of [
        ["env", 'A={{x}}\nB="{{x}}"\nC=end'],
        ["shell", "A={{x}}\nB=\"{{x}}\"\nC='end'"],
        ["shell", "A='{{x}}'\nB={{x}}\nC=end"],
      ] as const) {
        const found = render(format, template, x);
        if ("code" in found) continue;
        const script = `${found.text}\nprintf '%s\\0%s\\0%s' "$A" "$B" "$C"`;
        expect(execFileSync("/bin/sh", ["-c", script], { env: {} }).toString()).toBe(`${x}\0${x}\0end`);
      }
  });
});
