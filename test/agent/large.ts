/**
 * Large and odd inputs, name → text: where a reader that goes back, copies or counts again takes minutes, or all memory.
 * MOULT_TEST_LARGE=1 makes them as large as they are named, and takes minutes itself; else they are an eighth of that.
 */
const part = process.env.MOULT_TEST_LARGE ? 1 : 8;

/** Seconds of the processor for one of them; few take a tenth of it. */
export const boundSeconds = part === 1 ? 2 : 0.5;

const size = (1 << 20) / part;
const full = (text: string) => text.repeat(Math.floor(size / text.length));
const times = (count: number, text: string) => text.repeat(count / part);
const each = (count: number, text: (i: number) => string) =>
  Array.from({ length: count / part }, (_, i) => text(i)).join("");

/** Of one sign or line over and over; any format, and most parsers. */
export const repeated = Object.fromEntries(
  [
    ..."\"'\\{}[]<>&$`#;:,=-?!|@% \n\t\0a1",
    "{{",
    "{{\n",
    "}}",
    '"a"\n',
    '"\\a',
    "\\\n",
    "\r\n",
    "<!--",
    "<![CDATA[",
    "&a",
    "- ",
    "? ",
    ": ",
    "a: |\n b\n",
    "- |\n\n\n",
    '"""',
    "'''",
    "a=b\n",
    "a=$" + "{b}\n",
    "a: b\n",
    "[a]\n",
    '{"a":',
    '"a":1,',
    "\ud800",
    "a.",
    "a/",
  ].map((unit) => [`${JSON.stringify(unit)} over and over`, full(unit)]),
);

const slots = times(100_000, "{{ a }},");

/** With tags, blocks and values. */
export const templates: Record<string, string> = {
  "100,000 placeholders in one line": slots,
  "100,000 names": each(100_000, (i) => `{{ a${i} }} `),
  "100,000 wrong placeholders": times(100_000, "{{ a! }}"),
  "50,000 conditions that never end": times(50_000, "{{ if a }}"),
  "50,000 conditions in one another": times(50_000, "{{ if a }}") + times(50_000, "{{ end }}"),
  "30,000 conditions after one another": each(30_000, (i) => `{{ if a${i} == ${i} }}{{ b }}{{ end }}\n`),
  "50,000 branches": `{{ if a }}${each(50_000, (i) => `{{ else if a${i} }}{{ b }}`)}{{ end }}`,
  "50,000 loops that never end": each(50_000, (i) => `{{ for a${i} in b }}`),
  "a loop around 50,000 placeholders": `{{ for a in b }}${times(50_000, "{{ a }}")}{{ end }}`,
  "brackets around 100,000 placeholders": `${times(100_000, "[")}${slots}${times(100_000, "]: ")}`,
  "small and large lists as keys": `${times(20_000, "[")}${slots}${times(20_000, "]: [{{ a }}]: ")}`,
  "a placeholder before 1 MiB of space": `a: {{ a }}${full(" ")}b`,
  "a placeholder after an entity that never ends": `<a b="${full("&a")}{{ a }}`,
  "a name of 500,000 parts": `{{ ${full("a.")}a }}`,
  "a text of 1 MiB in a tag": `{{ "${full("\\u0041")}" }}`,
  "a tag of spaces": `{{ if${full(" ")}! }}{{ for a${full(" ")}! }}`,
  "100,000 filters": `{{ a${full(" | json")} }}`,
  "lines that stand deeper and deeper": each(1_400, (i) => `${" ".repeat(i)}a:\n`),
  "5 MiB": full("a\n").repeat(5),
};

/** Manifests, and what only looks like one. */
export const documents: Record<string, string> = {
  "50,000 wrong items": `{"manifest":1,"files":[${times(48_000, '{"paht":1},')}{}],"values":{"a":1}}`,
  "50,000 wrong fields": `{"manifest":1,${each(48_000, (i) => `"a${i}":1,`)}"values":{}}`,
  "50,000 files": `{"manifest":1,"files":[${each(48_000, (i) => `{"path":"/a/${i}","content":""},`)}{}]}`,
  "a path of 1 MiB": `{"manifest":1,"files":[{"path":"${full("/a")}","content":""}]}`,
  "100,000 lists in one another": times(96_000, "[") + times(96_000, "]"),
  "100,000 aliases": `a: &a 1\nb: [${times(96_000, "*a,")}]`,
};
