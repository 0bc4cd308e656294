import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Finding, printFinding } from "../../agent/finding.ts";
import { type FormatName, formats, type Value } from "../../agent/plan/manifest.ts";
import { type Names, nameIn } from "../../agent/plan/names.ts";
import type { Plan } from "../../agent/plan/plan.ts";
import { environmentTemplate, readText } from "../../agent/render/environment.ts";
import { lookupIn, lookupKept, renderPlan } from "../../agent/render/files.ts";
import { readTemplate, renderTemplate, type Template, unknownNames } from "../../agent/render/template.ts";
import { readInAnyShape } from "./reading.ts";

const names: Names = {
  instance: { name: "web-1", zone: "z" },
  attributes: { b: "2", a: "1", debug: "true", mode: "blue" },
  values: {
    peers: ["p1", "p2", "p3"],
    hosts: [
      { name: "h1", tls: true, tags: ["x", "y"] },
      { name: "h2", tags: [] },
    ],
    tuning: { z: 1, a: { deep: [1, null, "é\u2028"] } },
    none: [],
    zero: 0,
    empty: "",
    nothing: null,
    port: 8080,
    lines: "one\ntwo\nthree",
    breaks: "\n".repeat(30_000),
  },
};
const secrets = new Map([
  ["db", Buffer.from('p"w')],
  ["bytes", Buffer.from([0xff, 0xfe, 0x00])],
  ["pem", Buffer.from("-----BEGIN\nabc\n-----END\n")],
]);

const short = ({ line, column, code }: Finding) => `${line}:${column} ${code}`;

/** The finished text, or each finding as `line:column code`. */
function render(format: FormatName, text: string): string {
  const read = readInAnyShape("t", text, format);
  if (read.findings.length > 0) return read.findings.map(short).join(", ");
  const known = (name: string) =>
    name === "secrets" ||
    (name.startsWith("secrets.") ? secrets.has(name.slice(8)) : nameIn(names, name) !== undefined);
  const unknown = unknownNames(read.template, known);
  if (unknown.length > 0) return unknown.map(short).join(", ");
  const { text: finished, findings } = renderTemplate(read.template, lookupIn(names, secrets));
  return findings.length > 0 ? findings.map(short).join(", ") : finished;
}

type Row = [sentence: string, template: string, expected: string, format?: FormatName];

describe("conditions", () => {
  const rows: Row[] = [
    ["what is there holds", "{{ if instance.name }}a{{ end }}", "a"],
    ["what an instance may have may be absent", "{{ if attributes.x }}a{{ else }}b{{ end }}", "b"],
    ["but its group must be known", "{{ if attribute.x }}a{{ end }}", "1:1 unknown-name"],
    ["not turns it around", "{{ if not attributes.x }}a{{ end }}", "a"],
    ["null does not hold", "{{ if values.nothing }}a{{ else }}b{{ end }}", "b"],
    [
      "nothing, zero and an empty text or list do not hold",
      "{{ if values.zero }}a{{ end }}{{ if values.empty }}b{{ end }}{{ if values.none }}c{{ end }}",
      "",
    ],
    ["a map with something in it holds", "{{ if values.tuning }}a{{ end }}", "a"],
    ["equal texts", '{{ if attributes.mode == "blue" }}a{{ end }}', "a"],
    ["unequal texts", '{{ if attributes.mode != "blue" }}a{{ else }}b{{ end }}', "b"],
    ["an attribute is compared with a boolean as it is written", "{{ if attributes.debug == true }}a{{ end }}", "a"],
    ["an attribute is compared with a number as it is written", "{{ if attributes.b == 2 }}a{{ end }}", "a"],
    ["a number is compared with a text as it is written", '{{ if values.port == "8080" }}a{{ end }}', "a"],
    ["what is absent equals null", "{{ if attributes.x == null }}a{{ end }}", "a"],
    ["what is absent equals no text", '{{ if attributes.x == "null" }}a{{ else }}b{{ end }}', "b"],
    ["null is no text", '{{ if values.nothing == "null" }}a{{ else }}b{{ end }}', "b"],
    ["a list is not compared", '{{ if values.peers == "p1" }}a{{ end }}', "1:1 value-unfit"],
    [
      "the first branch that holds",
      '{{ if attributes.mode == "red" }}r{{ else if attributes.mode == "blue" }}b{{ else if instance.name }}n{{ else }}e{{ end }}',
      "b",
    ],
    ["else when none does", '{{ if attributes.mode == "red" }}r{{ else if attributes.x }}b{{ else }}e{{ end }}', "e"],
    ["in one another", "{{ if instance.name }}{{ if attributes.x }}a{{ else }}b{{ end }}c{{ end }}", "bc"],
    ["who asks first may use what may be absent", "{{ if attributes.x }}{{ attributes.x }}{{ end }}", ""],
    ["also parts of it", "{{ if values.x }}{{ values.x.y }}{{ end }}", ""],
    ["also the other way round", "{{ if not attributes.x }}-{{ else }}{{ attributes.x }}{{ end }}", "-"],
    ["who does not may not", "{{ if attributes.y }}{{ attributes.x }}{{ end }}", "1:22 unknown-name"],
    ["nor after the end", "{{ if attributes.x }}{{ end }}{{ attributes.x }}", "1:31 unknown-name"],
    [
      "who asks and uses it where it is not is told when it is rendered",
      "{{ if not attributes.x }}{{ attributes.x }}{{ end }}",
      "1:26 value-unfit",
    ],
    ["a secret that is pinned holds", "{{ if secrets.db }}a{{ end }}", "a"],
    ["a secret that is not pinned does not", "{{ if secrets.no }}{{ secrets.no }}{{ else }}b{{ end }}", "b"],
    ["a secret is not compared", '{{ if secrets.db == "a" }}a{{ end }}', "1:1 secret-opaque"],
    ["nor under a loop's name", '{{ for n, v in secrets }}{{ if v != "a" }}a{{ end }}{{ end }}', "1:26 secret-opaque"],
    ["not compares nothing", '{{ if not attributes.mode == "a" }}a', "1:1 placeholder-malformed"],
    ["a condition ends", "a\n {{ if instance.name }}", "2:2 block-open"],
    ["an end belongs to something", "a{{ end }}", "1:2 block-stray"],
    ["an else belongs to something", "{{ else }}", "1:1 block-stray"],
    ["there is one else", "{{ if instance.name }}{{ else }}{{ else }}{{ end }}", "1:33 block-stray"],
    [
      "and nothing after it",
      "{{ if instance.name }}{{ else }}{{ else if instance.name }}{{ end }}",
      "1:33 block-stray",
    ],
    ["a loop has no else", "{{ for x in values.peers }}{{ else }}{{ end }}", "1:28 block-stray"],
    [
      "a word of blocks is no name",
      "{{ if }}{{ for }}{{ not instance.name }}",
      "1:1 placeholder-malformed, 1:9 placeholder-malformed, 1:18 placeholder-malformed",
    ],
    [
      "all faults at once",
      "{{ x. }}{{ end }}{{ instance.name | up }}",
      "1:1 placeholder-malformed, 1:9 block-stray, 1:18 filter-unknown",
    ],
    ["blocks stand eight deep", `${"{{ if instance.name }}".repeat(8)}a${"{{ end }}".repeat(8)}`, "a"],
    ["and no deeper", `${"{{ if instance.name }}".repeat(9)}a${"{{ end }}".repeat(9)}`, "1:177 block-deep"],
  ];
  test.each(rows)("%s", (_sentence, template, expected, format = "text") => {
    expect(render(format, template)).toBe(expected);
  });
});

describe("loops", () => {
  const rows: Row[] = [
    ["over a list", "{{ for p in values.peers }}<{{ p }}>{{ end }}", "<p1><p2><p3>"],
    ["over maps in a list", "{{ for h in values.hosts }}{{ h.name }},{{ end }}", "h1,h2,"],
    ["over a map by key", "{{ for k, v in attributes }}{{ k }}={{ v }};{{ end }}", "a=1;b=2;debug=true;mode=blue;"],
    ["one name for a map is the key", "{{ for k in attributes }}{{ k }},{{ end }}", "a,b,debug,mode,"],
    ["two names for a list count", "{{ for i, p in values.peers }}{{ i }}{{ p }} {{ end }}", "0p1 1p2 2p3 "],
    ["with separators", "{{ for p in values.peers }}{{ p }}{{ if not last }}, {{ end }}{{ end }}", "p1, p2, p3"],
    ["first and index", "{{ for p in values.peers }}{{ if first }}^{{ end }}{{ index }}{{ end }}", "^012"],
    ["index can be compared", "{{ for p in values.peers }}{{ if index == 1 }}{{ p }}{{ end }}{{ end }}", "p2"],
    ["over nothing", "a{{ for p in values.none }}{{ p }}{{ end }}b", "ab"],
    [
      "in one another, each with its own last",
      "{{ for h in values.hosts }}{{ h.name }}{{ for t in h.tags }}{{ t }}{{ if not last }}+{{ end }}{{ end }}{{ if not last }}|{{ end }}{{ end }}",
      "h1x+y|h2",
    ],
    [
      "an item may lack something that is asked for first",
      "{{ for h in values.hosts }}{{ if h.tls }}T{{ else }}-{{ end }}{{ end }}",
      "T-",
    ],
    ["an item that lacks something is told", "{{ for h in values.hosts }}{{ h.tls }}{{ end }}", "1:28 value-unfit"],
    ["once, however many lack it", "{{ for p in values.peers }}{{ p.x }}{{ end }}", "1:28 value-unfit"],
    [
      "a loop's name covers others",
      "{{ for instance in values.hosts }}{{ instance.name }}{{ end }}{{ instance.name }}",
      "h1h2web-1",
    ],
    ["and ends with the loop", "{{ for p in values.peers }}{{ end }}{{ p }}", "1:37 unknown-name"],
    ["a text is no list", "{{ for p in instance.name }}a{{ end }}", "1:1 value-unfit"],
    ["what is absent is no list", "{{ for p in values.x }}a{{ end }}", "1:1 unknown-name"],
    ["unless it is asked for first", "{{ if values.x }}{{ for p in values.x }}a{{ end }}{{ end }}", ""],
    ["words of blocks are no names of loops", "{{ for last in values.peers }}{{ end }}", "1:1 placeholder-malformed"],
    ["two names are two", "{{ for a, a in attributes }}{{ end }}", "1:1 placeholder-malformed"],
    ["first, last and index are of loops", "{{ index }}", "1:1 placeholder-malformed"],
    ["over secrets go names", "{{ for s in secrets }}{{ s }} {{ end }}", "bytes db pem "],
    [
      "and values",
      "{{ for s, v in secrets }}{{ s }}={{ v | base64 }} {{ end }}",
      "bytes=//4A db=cCJ3 pem=LS0tLS1CRUdJTgphYmMKLS0tLS1FTkQK ",
    ],
    ["a secret has no parts", "{{ for s, v in secrets }}{{ v.length }}{{ end }}", "1:26 secret-opaque"],
    ["a secret is no list", "{{ for c in secrets.db }}{{ c }}{{ end }}", "1:1 secret-opaque"],
    ["all secrets are no value", "{{ secrets | json }}", "1:1 secret-opaque"],
    [
      "a list with a separator is JSON",
      '[{{ for p in values.peers }}"{{ p }}"{{ if not last }}, {{ end }}{{ end }}]',
      '["p1", "p2", "p3"]',
      "json",
    ],
    [
      "one without is found in its source",
      '{\n  "a": [{{ for p in values.peers }}"{{ p }}" {{ end }}]}',
      "2:36 not-in-format",
      "json",
    ],
  ];
  test.each(rows)("%s", (_sentence, template, expected, format = "text") => {
    expect(render(format, template)).toBe(expected);
  });

  test("what grows too large is refused before it has", () => {
    const ten = `{{ for a in values.ten }}`;
    const around = { values: { ten: Array(10).fill("0123456789") } };
    const text = `${ten.repeat(8)}x${"{{ end }}".repeat(8)}`;
    const { template, findings } = readTemplate("t", text, "text");
    expect(findings).toEqual([]);
    expect(renderTemplate(template, lookupIn(around, new Map())).findings.map(short)).toEqual([
      "1:1 template-too-large",
    ]);
    const slots = readTemplate("t", "{{ for a in values.ten }}{{ secrets.s }}{{ end }}", "text");
    const big = new Map([["s", Buffer.alloc(1 << 19, "a")]]);
    expect(renderTemplate(slots.template, lookupIn(around, big)).findings.map(short)).toEqual([
      "1:1 template-too-large",
    ]);
  });
});

describe("filters", () => {
  const rows: Row[] = [
    ["default for what is absent", '{{ attributes.x | default("a") }}', "a"],
    ["default for null", "{{ values.nothing | default(7) }}", "7"],
    ["no default for what is empty", '{{ values.empty | default("a") }}', ""],
    ["default is a number in JSON", "[{{ attributes.x | default(7) }}]", "[7]", "json"],
    ["default for a secret that is not pinned", '{{ secrets.no | default("a") }}', "a"],
    ["default of an unknown group", '{{ attribute.x | default("a") }}', "1:1 unknown-name"],
    ["default comes first", '{{ values.port | json | default("a") }}', "1:1 filter-unknown"],
    ["default has a value", "{{ values.port | default }}", "1:1 filter-unknown"],
    ["an unknown filter", "{{ values.port | upper }}", "1:1 filter-unknown"],
    ["an argument too many", "{{ values.port | json(1) }}", "1:1 filter-unknown"],
    ["indent by a number", '{{ values.lines | indent("a") }}', "1:1 filter-unknown"],
    ["nothing after the bar", "{{ values.port | }}", "1:1 filter-unknown"],
    ["a map as JSON", "{{ values.tuning | json }}", '{"z":1,"a":{"deep":[1,null,"é\\u2028"]}}'],
    [
      "a map as JSON in JSON",
      '{"a": {{ values.tuning | json }}}',
      '{"a": {"z":1,"a":{"deep":[1,null,"é\\u2028"]}}}',
      "json",
    ],
    ["a list as JSON in YAML", "a: {{ values.peers | json }}", 'a: ["p1","p2","p3"]', "yaml"],
    ["JSON in quotes is a text", '{"a": "{{ values.peers | json }}"}', '{"a": "[\\"p1\\",\\"p2\\",\\"p3\\"]"}', "json"],
    ["JSON in TOML is a text", "a = {{ values.peers | json }}", 'a = "[\\"p1\\",\\"p2\\",\\"p3\\"]"', "toml"],
    ["JSON in a shell is one word", "A={{ values.peers | json }}", `A='["p1","p2","p3"]'`, "shell"],
    ["JSON in base64", "{{ values.peers | json | base64 }}", "WyJwMSIsInAyIiwicDMiXQ=="],
    ["a secret as JSON", "[{{ secrets.db | json }}]", '["p\\"w"]', "json"],
    ["a list in text", "{{ values.peers }}", "1:1 value-unfit"],
    ["a map in text", "{{ attributes }}", "1:1 value-unfit"],
    ["a list joined", '{{ values.peers | join(", ") }}', "p1, p2, p3"],
    ["a list joined and escaped", '{"a": "{{ values.peers | join("\\"") }}"}', '{"a": "p1\\"p2\\"p3"}', "json"],
    ["what is joined are no lists", '{{ values.hosts | join(",") }}', "1:1 value-unfit"],
    ["a text is not joined", '{{ instance.name | join(",") }}', "1:1 value-unfit"],
    ["join has a separator", "{{ values.peers | join }}", "1:1 filter-unknown"],
    ["bytes in base64", "{{ secrets.bytes | base64 }}", "//4A"],
    ["bytes without", "{{ secrets.bytes }}", "1:1 value-unfit"],
    ["bytes as JSON", "{{ secrets.bytes | json }}", "1:1 value-unfit"],
    ["a number in base64", "{{ values.port | base64 }}", "ODA4MA=="],
    ["a list in base64", "{{ values.peers | base64 }}", "1:1 value-unfit"],
    ["lines indented in a text", "a:\n  {{ values.lines | indent(2) }}\n", "a:\n  one\n  two\n  three\n"],
    ["lines not indented in a text", "{{ values.lines }}", "1:1 value-unfit"],
    ["indented only before something else", "{{ values.lines | indent(2) | json }}", '"one\\n  two\\n  three"'],
    ["lines indented in JSON are one text", '["{{ values.lines | indent(1) }}"]', '["one\\n two\\n three"]', "json"],
    ["a secret indented", "x\n {{ secrets.pem | indent(1) }}", "x\n -----BEGIN\n abc\n -----END\n "],
    ["four filters", '{{ "a" | base64 | base64 | base64 | base64 }}', "VjFaRk9WQlJQVDA9"],
    ["and no more", '{{ "a" | json | json | json | json | json }}', "1:1 filter-unknown"],
    [
      "what a filter makes too large is refused",
      "{{ values.breaks | indent(99) | indent(99) }}{{ values.breaks | indent(99) | indent(99) | indent(99) }}",
      "1:1 value-unfit, 1:46 value-unfit",
    ],
    ["a filter on a text", '{{ "a" | base64 }}', "YQ=="],
    ["close together", '{{attributes.x|default("}}")|json}}', '"}}"'],
  ];
  test.each(rows)("%s", (_sentence, template, expected, format = "text") => {
    expect(render(format, template)).toBe(expected);
  });
});

describe("a block's tag alone on its line takes the line with it", () => {
  const rows: Row[] = [
    [
      "in a list",
      "a:\n{{ for p in values.peers }}\n  - {{ p }}\n{{ end }}\nb: 1\n",
      'a:\n  - "p1"\n  - "p2"\n  - "p3"\nb: 1\n',
      "yaml",
    ],
    [
      "indented",
      "[\n  {{ for p in values.peers }}\n  {{ p }}{{ if not last }},{{ end }}\n  {{ end }}\n]\n",
      '[\n  "p1",\n  "p2",\n  "p3"\n]\n',
      "json",
    ],
    ["with line breaks of two characters", "a\r\n{{ if instance.name }}\r\nb\r\n{{ end }}\r\nc", "a\r\nb\r\nc"],
    ["on the last line", "a\n{{ if instance.name }}\nb\n{{ end }}", "a\nb\n"],
    ["two on one line do not", "{{ if instance.name }}{{ end }}\nb", "\nb"],
    ["nor one beside a text", "a {{ if instance.name }}\nb\n{{ end }}", "a \nb\n"],
    ["a placeholder does not", "a\n{{ instance.name }}\nb", "a\nweb-1\nb"],
  ];
  test.each(rows)("%s", (_sentence, template, expected, format = "text") => {
    expect(render(format, template)).toBe(expected);
  });
});

describe("a template is looked at in every shape before there is an instance", () => {
  const rows: Row[] = [
    [
      "when the condition holds",
      '{"a": {{ if attributes.x }}1{{ attributes.x }}{{ else }}2{{ end }}}',
      "1:29 placeholder-misplaced",
      "json",
    ],
    [
      "when it does not",
      '{"a": {{ if attributes.x }}1{{ else }}2{{ attributes.y }}{{ end }}}',
      "1:40 placeholder-misplaced",
      "json",
    ],
    ["with two rounds", "[{{ for p in values.p }}{{ p }}{{ end }}]", "1:25 placeholder-misplaced", "json"],
    [
      "with none",
      '{"a": 1, {{ for p in values.p }}"b": {{ p }}{{ end }}}',
      "1:38 placeholder-misplaced, 1:54 not-in-format",
      "json",
    ],
    [
      "when one alone is missing",
      "[{{ if values.a }}1,{{ end }}{{ if values.b }}2{{ end }}]",
      "1:57 not-in-format",
      "json",
    ],
    [
      "when one alone is there",
      "a: {{ if values.a }}x{{ end }}{{ if values.b }}y {{ values.b }}{{ end }}",
      "1:50 placeholder-misplaced",
      "yaml",
    ],
    [
      "by each value that is compared",
      '{"a": {{ if values.m == "a" }}1{{ else if values.m == "b" }}x{{ else }}2{{ end }}}',
      "1:61 not-in-format",
      "json",
    ],
    [
      "what cannot be together is not held against it",
      '{{ if values.m == "a" }}[1]{{ end }}{{ if values.m != "a" }}[2]{{ end }}',
      "[2]",
      "json",
    ],
    [
      "what goes together neither",
      "{{ if instance.name }}[{{ else }}{{ end }}1{{ if instance.name }}]{{ end }}",
      "[1]",
      "json",
    ],
    [
      "each branch may close a quote",
      '{"a": "{{ if instance.name }}"{{ else }}{{ instance.zone }}"{{ end }}}',
      '{"a": ""}',
      "json",
    ],
    ["each place once", '["{{ for p in values.peers }}\\u{{ p }}{{ end }}"]', "1:32 placeholder-misplaced", "json"],
  ];
  test.each(rows)("%s", (_sentence, template, expected, format = "text") => {
    expect(render(format, template)).toBe(expected);
  });
});

describe("what a template asks for", () => {
  const asked = (text: string) => {
    const { template } = readTemplate("t", text, "text");
    return { names: [...template.names].sort(), optional: [...template.optionalNames].sort(), secret: template.secret };
  };
  const rows: [sentence: string, template: string, names: string[], optional: string[], secret: boolean][] = [
    ["names", "{{ attributes.a }}{{ secrets.db }}", ["attributes.a", "secrets.db"], [], true],
    ["under a default", '{{ attributes.a | default("") }}', ["attributes.a"], ["attributes.a"], false],
    ["under a default and without", '{{ attributes.a | default("") }}{{ attributes.a }}', ["attributes.a"], [], false],
    ["in a condition", "{{ if secrets.db }}x{{ end }}", ["secrets.db"], ["secrets.db"], false],
    ["what a loop goes over", "{{ for p in values.peers }}{{ p.x }}{{ index }}{{ end }}", ["values.peers"], [], false],
    ["all secrets by name", "{{ for s in secrets }}{{ s }}{{ end }}", ["secrets"], [], false],
    ["all secrets", "{{ for s, v in secrets }}{{ v }}{{ end }}", ["secrets"], [], true],
    [
      "a loop's name that looks like secrets",
      "{{ for secrets in values.a }}{{ secrets.b }}{{ end }}",
      ["values.a"],
      [],
      false,
    ],
  ];
  test.each(rows)("%s", (_sentence, template, names, optional, secret) => {
    expect(asked(template)).toEqual({ names, optional, secret });
  });

  test("where no secrets are allowed, none can be had by a default, condition or loop", () => {
    for (const text of [
      '{{ secrets.db | default("") }}',
      "{{ if secrets.db }}{{ secrets.db }}{{ end }}",
      "{{ for s, v in secrets }}{{ v }}{{ end }}",
    ]) {
      const { template } = readTemplate("t", text, "text");
      const found = unknownNames(template, (name) => !name.startsWith("secrets") && nameIn(names, name) !== undefined);
      expect(found.map(({ code }) => code)).toContain("unknown-name");
    }
  });
});

describe("a seal keeps what a template asked for", () => {
  /** As seal/compose.ts does it. */
  const keep = (template: Template): Record<string, Value> =>
    Object.fromEntries(
      [...template.names].flatMap((name): [string, Value][] => {
        const value = name.startsWith("secrets.") ? undefined : nameIn(names, name);
        return value === undefined ? [] : [[name, value]];
      }),
    );
  test.each([
    "{{ instance.name }} {{ secrets.db }}",
    '{{ attributes.x | default("none") }} {{ secrets.db | base64 }}',
    "{{ if secrets.db }}{{ secrets.db }}{{ end }}{{ if secrets.no }}no{{ else }}-{{ end }}",
    "{{ for s, v in secrets }}{{ s }}={{ v | base64 }},{{ end }}",
    "{{ for h in values.hosts }}{{ h.name }}{{ if h.tls }}{{ secrets.db }}{{ end }}{{ if not last }},{{ end }}{{ end }}",
    '{{ for k, v in attributes }}{{ k }}{{ if v == "1" }}{{ secrets.db }}{{ end }}{{ end }}',
    "{{ values.tuning | json }}{{ values.nothing | json }}{{ if values.none }}{{ else }}n{{ end }}{{ secrets.db }}",
  ])("%s", (text) => {
    const first = readTemplate("t", text, "text").template;
    const kept: Record<string, Value> = JSON.parse(JSON.stringify(keep(first)));
    const rendered = renderTemplate(first, lookupIn(names, secrets));
    expect(rendered.findings).toEqual([]);
    const again = renderTemplate(readTemplate("t", first.text, "text").template, lookupKept(kept, secrets));
    expect(again).toEqual(rendered);
  });
});

describe("a file of environment variables", () => {
  const fill = (variables: Record<string, string>) => {
    const { template, findings } = environmentTemplate("units[0].environment", new Map(Object.entries(variables)));
    if (findings.length > 0) return findings.map(printFinding);
    const rendered = renderTemplate(template, lookupIn(names, secrets));
    return rendered.findings.length > 0 ? rendered.findings.map(printFinding) : rendered.text;
  };
  test("holds the values as they are", () => {
    expect(fill({ A: 'q"$HOME`\\', B: "a {{ secrets.db }} b", C: "" })).toBe(
      'A="q\\"\\$HOME\\`\\\\"\nB="a p\\"w b"\nC=""\n',
    );
  });
  test("a dollar before a placeholder is a dollar", () => {
    expect(fill({ A: `$${"{{ instance.name }}"}` })).toBe('A="\\$web-1"\n');
  });
  test("texts inside of tags are not escaped twice", () => {
    expect(fill({ A: '{{ "$" }}{{ attributes.x | default("}}\\"") }}' })).toBe('A="\\$}}\\""\n');
  });
  test("no block goes from one into the next, and findings say which and where", () => {
    expect(fill({ A: "x{{ if instance.name }}", B: "{{ end }}" })).toEqual([
      "units[0].environment.A:1:2 block-open: {{ if }} without {{ end }}.",
      "units[0].environment.B:1:1 block-stray: No block is open that it belongs to.",
    ]);
  });
  test("a value with line breaks is refused", () => {
    expect(fill({ A: "{{ secrets.pem }}" })).toMatchObject([expect.stringMatching(/value-unfit/)]);
  });
});

describe("what is no file", () => {
  const plan: Plan = {
    files: [],
    directories: [],
    links: [],
    disks: [],
    hostName: undefined,
    ready: undefined,
    units: [],
    start: [],
    reload: false,
    environment: new Map(),
    secrets: new Set(),
    vaults: [],
    drift: undefined,
    logs: [],
  };
  const fill = (more: Partial<Plan>) => renderPlan({ ...plan, ...more }, names, secrets, { uid: 0, gid: 0 });
  const raw = (text: string) => readText("t", text).template;

  test("a variable of a command holds line breaks, and nothing is escaped", () => {
    const environment = new Map([
      ["A", raw("a\n$b {{ secrets.pem }}")],
      ["B", raw("{{ for p in values.peers }}{{ p }} {{ end }}")],
    ]);
    const { rendered, findings } = fill({ environment });
    expect(findings).toEqual([]);
    expect([...rendered.environment]).toEqual([
      ["A", `a\n$b ${secrets.get("pem")}`],
      ["B", "p1 p2 p3 "],
    ]);
  });
  test("but no NUL, and no bytes that are no text", () => {
    const zero = { environment: new Map([["A", raw("{{ secrets.z }}")]]) };
    expect(
      renderPlan({ ...plan, ...zero }, names, new Map([["z", Buffer.from("a\0")]]), { uid: 0, gid: 0 }).findings.map(
        short,
      ),
    ).toEqual(["1:1 value-unfit"]);
    expect(fill({ environment: new Map([["A", raw("{{ secrets.bytes }}")]]) }).findings.map(short)).toEqual([
      "1:1 value-unfit",
    ]);
  });
  test.each([
    ["../{{ instance.name }}/x", "../web-1/x"],
    ["{{ values.lines }}", "1:1 not-a-target"],
    ["{{ values.empty }}", "1:1 not-a-target"],
    ["{{ values.peers }}", "1:1 value-unfit"],
  ])("a link to %s", (to, expected) => {
    const { rendered, findings } = fill({ links: [{ path: "/a", to: raw(to), existing: "keep" }] });
    if (findings.length > 0) expect(findings.map(short)).toEqual([expected]);
    else expect(rendered.links).toEqual([{ path: "/a", to: expected, existing: "keep" }]);
  });
});

test("no finding holds a value", () => {
  const value = "c0ffee-value";
  const around: Names = { values: { a: value, list: [value], map: { [value]: value } } };
  const bytes = new Map([
    ["s", Buffer.from(`${value}\n\0`)],
    ["b", Buffer.concat([Buffer.from(value), Buffer.from([0xff])])],
  ]);
  const texts = [
    "{{ values.list }}",
    "{{ values.map }}",
    '{{ values.a | join(",") }}',
    '{{ values.map | join(",") }}',
    "{{ for x in values.a }}{{ end }}",
    '{{ if values.list == "a" }}{{ end }}',
    "{{ secrets.s }}",
    "{{ secrets.b }}",
    "{{ secrets.b | json }}",
    "{{ for k, v in values.map }}{{ v.x }}{{ end }}",
    "{{ for k, v in secrets }}{{ v }}{{ end }}",
  ];
  for (const text of texts) {
    const { template } = readTemplate("t", text, "ini");
    const { findings, text: finished } = renderTemplate(template, lookupIn(around, bytes));
    expect([text, findings.length > 0, finished]).toEqual([text, true, ""]);
    expect(JSON.stringify(findings)).not.toContain(value);
  }
});

describe("docs/manifest.md shows examples that are so", () => {
  const page = readFileSync(new URL("../../docs/manifest.md", import.meta.url), "utf8");
  const table = page.slice(page.indexOf("### Examples"));
  const rows = [...table.matchAll(/^\| (\w+) \| `(.+?)` \| (`?)(.+?)\3 \|$/gm)].map(
    ([, format = "", template = "", , gives = ""]) => ({ format, template: template.replaceAll("\\|", "|"), gives }),
  );
  const around: Names = {
    instance: { name: "web-1" },
    attributes: {},
    network: {},
    values: { port: 8080, peers: ["a", "b"], tuning: { workers: 4 }, lines: "x\ny" },
  };
  const lookup = lookupIn(around, new Map([["db", Buffer.from('p"w')]]));
  test("in every format", () => {
    expect(new Set(rows.map(({ format }) => format))).toEqual(new Set(formats));
  });
  test.each(rows)("$format: $template", ({ format, template: text, gives }) => {
    const name = formats.find((known) => known === format) ?? "text";
    const { template, findings } = readInAnyShape("t", text, name);
    findings.push(...unknownNames(template, (asked) => lookup(asked) !== undefined));
    const rendered = renderTemplate(template, lookup);
    const all = findings.length > 0 ? findings : rendered.findings;
    expect(all.length > 0 ? all.map(({ code }) => code).join() : rendered.text).toBe(gives);
  });
});
