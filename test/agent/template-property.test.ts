import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import type { FormatName } from "../../agent/plan/manifest.ts";
import { lookupIn } from "../../agent/render/files.ts";
import { renderTemplate } from "../../agent/render/template.ts";
import { readInAnyShape } from "./reading.ts";

/**
 * For each format, random templates are filled in twice: with harmless markers, and with random secrets. What every real
 * parser makes of the second must be what it makes of the first, with the markers exchanged, or the render is refused.
 * MOULT_TEST_SEED repeats a run; MOULT_TEST_RUNS makes it longer.
 */

const seed = Number(process.env.MOULT_TEST_SEED ?? Date.now() % 1_000_000_000);
const runs = Number(process.env.MOULT_TEST_RUNS ?? 2_000);
/** So many documents at a time, which keeps memory bounded and is one process for each parser. The next has the next seed. */
const batch = 2_000;

/** One name for each way to write a value, so that a marker tells which way it went. */
const markers = ["Mka0", "Mkb1", "Mkc2", "Mkd3"];
const slots = [
  "{{ secrets.s0 }}",
  '{{ secrets.s0 | default("x") }}',
  "{{ secrets.s1 | json }}",
  "{{ secrets.s2 | base64 }}",
  "{{ secrets.s3 | indent(2) }}",
  "{{ if secrets.s0 }}{{ secrets.s0 }}{{ end }}",
  "{{ for n, v in secrets }}{{ if first }}{{ v | base64 }}{{ end }}{{ end }}",
];
const slot = fc.constantFrom(...slots);

const nasty = fc.string({
  unit: fc.constantFrom(
    ..."\"'\\\n\r \t#:-{}[],$`;=%!&|<>()*@\0\u2028\u0085\u00a0\ufeffé😀a1~?^/.",
    "{{",
    "}}",
    "]]>",
    "-->",
    "$(",
    "\\u00",
    "Mk",
  ),
  maxLength: 12,
});
const bytes = fc.oneof(
  { weight: 5, arbitrary: nasty.map((text) => Buffer.from(text)) },
  { weight: 3, arbitrary: fc.string({ unit: "binary", maxLength: 8 }).map((text) => Buffer.from(text)) },
  {
    weight: 2,
    arbitrary: fc.string({ unit: fc.constantFrom(..."aZ09_-./: "), maxLength: 8 }).map((text) => Buffer.from(text)),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 8 }).map((array) => Buffer.from(array)) },
);

const names = {
  values: { yes: true, no: false, mode: "b", none: [], one: ["i"], three: ["i", "j", "k"], map: { x: 1, y: "2" } },
};
/** Blocks around texts of a format, and loops with a separator. */
const either = (a: fc.Arbitrary<string>) =>
  fc
    .tuple(
      fc.constantFrom(
        "values.yes",
        "values.no",
        "not values.no",
        'values.mode == "b"',
        "secrets.s1",
        "secrets.none",
        "values.maybe",
      ),
      a,
      a,
    )
    .map(([condition, yes, no]) => `{{ if ${condition} }}${yes}{{ else }}${no}{{ end }}`);
const each = (a: fc.Arbitrary<string>, separator: string) =>
  fc
    .tuple(
      fc.constantFrom("i in values.none", "i in values.one", "i in values.three", "i, v in values.map", "n in secrets"),
      a,
    )
    .map(([over, text]) => `{{ for ${over} }}${text}{{ if not last }}${separator}{{ end }}{{ end }}`);
const joined = (a: fc.Arbitrary<string>, separator: string, maxLength = 3) =>
  fc.array(a, { minLength: 1, maxLength }).map((parts) => parts.join(separator));

/** undefined for a text that is not in the format. */
type Reader = (texts: string[]) => unknown[] | Promise<unknown[]>;

type Grammar = {
  template: fc.Arbitrary<string>;
  /** What is put in at random places. */
  tokens: string[];
  readers: Record<string, Reader>;
  /** How its readers change every text, like taking space at its ends away. */
  normal?(text: string): string;
};

interface Case {
  template: string;
  secrets: Buffer[];
}

function casesOf({ template, tokens }: Grammar, numRuns: number, seed: number): Case[] {
  const change = fc.tuple(fc.nat({ max: 1_000_000 }), fc.oneof(slot, fc.constantFrom(...tokens)), fc.boolean());
  const changed = fc.tuple(template, fc.array(change, { maxLength: 3 })).map(([text, changes]) =>
    changes.reduce((changed, [where, token, instead]) => {
      const at = where % (changed.length + 1);
      return changed.slice(0, at) + token + changed.slice(at + (instead ? 1 : 0));
    }, text),
  );
  const soup = fc.array(fc.oneof(slot, fc.constantFrom(...tokens)), { maxLength: 14 }).map((parts) => parts.join(""));
  const any = fc.oneof(
    { weight: 4, arbitrary: template },
    { weight: 4, arbitrary: changed },
    { weight: 1, arbitrary: soup },
  );
  const secrets = fc.array(bytes, { minLength: 4, maxLength: 4 });
  return fc.sample(fc.record({ template: any, secrets }), { numRuns, seed });
}

/** The text, "misread" for a template that is no good, "refused" for values that cannot stand there. */
function render(format: FormatName, text: string, secrets: Buffer[]): { text: string } | "misread" | "refused" {
  const { template, findings } = readInAnyShape("t", text, format);
  if (findings.length > 0) return "misread";
  const lookup = lookupIn(names, new Map(secrets.map((payload, i) => [`s${i}`, payload])));
  const rendered = renderTemplate(template, lookup);
  if (rendered.findings.length === 0) return { text: rendered.text };
  expect(rendered.text).toBe("");
  return "refused";
}

const jsonOf = (text: string) =>
  JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** What the parser found with markers, as it must find it with secrets. */
function exchanged(found: unknown, secrets: Buffer[], normal: (text: string) => string): unknown {
  const texts = secrets.map((payload) => payload.toString());
  const forms = new Map<string, string>();
  markers.forEach((marker, i) => {
    const text = texts[i] ?? "";
    forms.set(marker, i === 3 ? text.replaceAll("\n", "\n  ") : text);
    forms.set(Buffer.from(marker).toString("base64"), (secrets[i] ?? Buffer.alloc(0)).toString("base64"));
  });
  forms.set(`"${markers[1]}"`, jsonOf(texts[1] ?? ""));
  const pattern = new RegExp([...forms.keys()].sort((a, b) => b.length - a.length).join("|"), "g");
  const walk = (value: unknown): unknown => {
    if (typeof value === "string") {
      const text = value.replace(pattern, (form) => forms.get(form) ?? "");
      // What has no marker is the author's, and stays as it is.
      return text === value ? text : normal(text);
    }
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner)]));
  };
  return walk(found);
}

interface Pair {
  at: Case;
  marked: string;
  filled: string;
}

/** @param least that are read alike, of 1,000 runs: so that a parser or reader that refuses everything is found. */
async function holds(format: FormatName, grammar: Grammar, least: number): Promise<void> {
  const count = { misread: 0, refused: 0 };
  const held: Record<string, number> = {};
  for (let done = 0; done < runs; done += batch) {
    const pairs: Pair[] = [];
    for (const at of casesOf(grammar, Math.min(batch, runs - done), seed + done / batch)) {
      const marked = render(
        format,
        at.template,
        markers.map((marker) => Buffer.from(marker)),
      );
      const filled = typeof marked === "string" ? marked : render(format, at.template, at.secrets);
      if (typeof marked === "string") count.misread++;
      else if (typeof filled === "string") count.refused++;
      else pairs.push({ at, marked: marked.text, filled: filled.text });
    }
    await Promise.all(
      Object.entries(grammar.readers).map(async ([name, read]) => {
        held[name] = (held[name] ?? 0) + (await readAlike(pairs, grammar, read, seed + done / batch));
      }),
    );
  }
  console.log(`${format}: ${runs} runs with seed ${seed}: ${JSON.stringify({ ...count, held })}`);
  for (const alike of Object.values(held)) expect(alike).toBeGreaterThan((least * runs) / 1_000);
  expect(count.refused).toBeGreaterThan(0);
}

/** @returns how many were. */
async function readAlike(pairs: Pair[], grammar: Grammar, read: Reader, seed: number): Promise<number> {
  const [before, after] = await Promise.all([
    read(pairs.map(({ marked }) => marked)),
    read(pairs.map(({ filled }) => filled)),
  ]);
  let held = 0;
  for (const [i, { at, marked, filled }] of pairs.entries()) {
    if (before[i] === undefined) continue;
    const found = exchanged(before[i], at.secrets, grammar.normal ?? ((text) => text));
    if (JSON.stringify(after[i]) !== JSON.stringify(found)) {
      const secrets = at.secrets.map((secret) => secret.toString("latin1"));
      const about = { seed, template: at.template, secrets, marked, filled };
      console.log(about);
      expect({ ...about, found: after[i] }).toEqual({ ...about, found });
    }
    held++;
  }
  return held;
}

const attempt = (parse: (text: string) => unknown) => (texts: string[]) =>
  texts.map((text) => {
    try {
      return parse(text);
    } catch {
      return undefined;
    }
  });

/** Values and texts of JSON, which YAML and in part TOML know too. */
const quoted = fc
  .tuple(fc.constantFrom("", "a", " ", "\\\\", "\\u0041"), slot, fc.constantFrom("", "b", " ", ": "))
  .map(([a, b, c]) => `"${a}${b}${c}"`);
const scalar = fc.oneof(slot, slot, quoted, quoted, fc.constantFrom("1", "true", '"x"', "[]"));
const flow = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar,
    either(tie("value")),
    fc.oneof(joined(tie("value"), ", "), each(tie("value"), ", ")).map((items) => `[${items}]`),
    fc.tuple(tie("value"), tie("value")).map(([a, b]) => `{"a": ${a}, "b": ${b}}`),
  ),
})).value;

const json: Grammar = {
  template: flow,
  tokens: ['"', "\\", "{", "}", "[", "]", ",", ":", " ", "\n", "1", "\\u00", "a"],
  readers: { "JSON.parse": attempt((text) => JSON.parse(text)) },
};

const indented = (text: string) => text.replace(/^/gm, "  ");
const yamlBlock = fc.letrec<{ block: string }>((tie) => ({
  block: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.tuple(flow, flow).map(([a, b]) => `a: ${a}\nb: ${b} # it's\nc: it's {`),
    joined(flow, "\n- ").map((items) => `- ${items}`),
    each(
      flow.map((value) => `\n- ${value}\n`),
      "",
    ).map((items) => `- 1${items}`),
    fc.tuple(tie("block"), tie("block")).map(([a, b]) => `x:\n${indented(a)}\ny:\n${indented(b)}`),
    fc.tuple(flow, flow).map(([a, b]) => `a: |\n  te"xt\n  k: v\nb: ${a}\n'c': ${b}\n"d":\n  ${a}`),
    flow,
  ),
})).block;
const yaml: Grammar = {
  template: yamlBlock,
  tokens: [
    '"',
    "'",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ": ",
    ":",
    "- ",
    "? ",
    "# ",
    "|\n",
    ">\n",
    "&a ",
    "*a",
    "!t ",
    "%",
    "@",
    " ",
    "  ",
    "\n",
    "\n  ",
    "\n---\n",
    "a",
    "1",
    "\r\n",
    "\t",
  ],
  readers: {},
};
for (const version of ["1.2", "1.1"] as const)
  yaml.readers[version] = attempt((text) => {
    const found: unknown = parseYaml(text, { version, logLevel: "error", maxAliasCount: 10 });
    return found === undefined ? null : found;
  });

const runsPython = (script: string) => {
  try {
    execFileSync("python3", ["-c", script], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};
const python = runsPython("import tomllib, configparser, xml.etree.ElementTree");
if (!python) console.log("skipped: TOML, INI and XML need python3 with tomllib (3.11 or newer) as their parser");

/** `read(text)` in Python gives something that JSON can hold. */
const pythonParse =
  (read: string): Reader =>
  async (texts) => {
    const script = `
import sys, json
${read}
out = []
for text in json.load(sys.stdin):
    try:
        out.append([read(text)])
    except Exception:
        out.append([])
json.dump(out, sys.stdout, default=str)
`;
    const asked = promisify(execFile)("python3", ["-c", script], { maxBuffer: 1 << 28, timeout: 180_000 });
    asked.child.stdin?.end(JSON.stringify(texts));
    const found: unknown[][] = JSON.parse((await asked).stdout);
    return found.map(([value]) => value);
  };
// libyaml where PyYAML has it, because that is what most of its users get and it is ten times as fast.
if (runsPython("import yaml"))
  yaml.readers.PyYAML = pythonParse(`
import yaml
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
def read(text): return yaml.load(text, Loader)
`);
else console.log("skipped: python3 has no yaml to read YAML with as well");

const tomlValue = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar,
    either(tie("value")),
    fc.oneof(joined(tie("value"), ",\n  "), each(tie("value"), ", ")).map((items) => `[${items}]`),
    fc.tuple(tie("value"), tie("value")).map(([a, b]) => `{ a = ${a}, "b" = ${b} }`),
    slot.map((text) => `"""${text}"""`),
  ),
})).value;
const toml: Grammar = {
  template: fc
    .tuple(tomlValue, tomlValue, tomlValue)
    .map(([a, b, c]) => `a = ${a} # it's\nl = 'x"'\n[t]\nb = ${b}\n[[u]]\n"c" = ${c}\n`),
  tokens: ['"', "'", '"""', "'''", "\\", "{", "}", "[", "]", ",", "=", ".", "#", " ", "\n", "a", "1", "\r\n"],
  readers: { tomllib: pythonParse("import tomllib\ndef read(text): return tomllib.loads(text)") },
};

const iniLine = fc
  .tuple(fc.constantFrom("", "p", "p q "), slot, fc.constantFrom("", "s", " r"))
  .chain(([a, b, c]) => fc.constantFrom(`${a}${b}${c}`, `"${a}${b}${c}"`));
const ini: Grammar = {
  template: fc
    .tuple(iniLine, iniLine, either(iniLine))
    .map(([a, b, c]) => `[s]\na = ${a}\n; it's\nb=${b}\n[t]\nc : ${c}\n{{ if values.yes }}\nd = 1\n{{ end }}\n`),
  tokens: ['"', "'", "\\", "[", "]", ";", "#", "=", ":", " ", "\n", "a", "\n ", "%", "\r\n"],
  readers: {
    configparser: pythonParse(`
import configparser
def read(text):
    found = []
    for more in [{}, {"inline_comment_prefixes": (";", "#")}, {"allow_no_value": True, "empty_lines_in_values": False}]:
        parser = configparser.ConfigParser(interpolation=None, **more)
        try:
            parser.read_string(text)
            found.append([[section, parser.items(section)] for section in parser.sections()])
        except configparser.Error:
            found.append(None)
    if all(one is None for one in found): raise ValueError()
    return found
`),
  },
  normal: (text) => text.trim(),
};

const xmlNode = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    slot,
    fc.tuple(slot, fc.constantFrom("'", '"'), slot).map(([a, q, b]) => `<e a=${q}x ${a}${q} b="2">${b}</e>`),
    fc.tuple(tie("node"), tie("node")).map(([a, b]) => `<f>${a} &amp; <!-- it's --><g/>${b}</f>`),
    either(tie("node")),
    each(tie("node"), " "),
  ),
})).node;
const xml: Grammar = {
  template: xmlNode.map((inner) => `<?xml version="1.0"?>\n<r>${inner}</r>`),
  tokens: [
    "<",
    ">",
    "/",
    "<a>",
    "</a>",
    "<b/>",
    '"',
    "'",
    "=",
    "&",
    ";",
    "&amp;",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?x ",
    "?>",
    "<!DOCTYPE r [",
    "]>",
    " ",
    "\n",
    "a",
  ],
  readers: {
    ElementTree: pythonParse(`
import xml.etree.ElementTree as tree
def read(text):
    def node(one): return [one.tag, one.attrib, one.text or "", one.tail or "", [node(inner) for inner in one]]
    return node(tree.fromstring(text))
`),
  },
};

/** A, B and C, and how many words were given to a command, after a shell has read the text as its own script without an error. */
const shellParse =
  (shell: string): Reader =>
  async (texts) => {
    const folder = mkdtempSync(join(tmpdir(), "moult-shell-"));
    try {
      texts.forEach((text, i) => {
        writeFileSync(join(folder, `${i}`), text);
      });
      const split = "\u0001split-7c1e\u0001";
      const script = `i=0
while [ $i -lt ${texts.length} ]; do
  (A= B= C= W=; words() { W="$#:$1:$2"; }; . ./$i; printf '%s\\0%s\\0%s\\0%s\\0whole' "$A" "$B" "$C" "$W") 2>errors </dev/null
  [ -s errors ] && printf 'and errors'
  printf '${split}'
  i=$((i + 1))
done`;
      const asked = promisify(execFile)(shell, ["-c", script], {
        cwd: folder,
        env: { PATH: "/nowhere", LC_ALL: "C.UTF-8" },
        maxBuffer: 1 << 28,
        timeout: 180_000,
      });
      asked.child.stdin?.end();
      // A script may print where it runs.
      return (await asked).stdout
        .replaceAll(folder, "folder")
        .split(split)
        .slice(0, -1)
        .map((text) => (text.endsWith("\0whole") ? text.split("\0") : undefined));
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
const shells = Object.fromEntries(
  ["/bin/sh", "/bin/bash"].flatMap((path) => {
    try {
      execFileSync(path, ["-c", ":"], { stdio: "ignore" });
      return [[path, shellParse(path)]];
    } catch {
      console.log(`skipped: ${path} is not here`);
      return [];
    }
  }),
);
const literal = fc.constantFrom("", "x", "x/y", ".");
const word = fc.oneof(
  fc.tuple(literal, slot, literal).map((parts) => parts.join("")),
  fc
    .tuple(literal, slot, fc.constantFrom("", " ", " $Z ", `$${"{Z}"}`, "\\$", "\\\\", "'"))
    .map(([a, b, c]) => `"${a}${b}${c}${b}"`),
  fc.tuple(literal, slot, fc.constantFrom("", " ", "$", '"', "\\")).map(([a, b, c]) => `'${a}${b}${c}'`),
);
const shell: Grammar = {
  template: fc
    .tuple(word, either(word), each(word, " "), word)
    .map(
      ([a, b, c, d]) =>
        `# it's\nA=${a} # "\nB=${b};words ${c}\n{{ if values.yes }}\nif [ -n ${d} ]; then C=${d}; fi\n{{ end }}\n`,
    ),
  tokens: [
    '"',
    "'",
    "\\",
    "\\\n",
    "$",
    "${",
    "}",
    "$(",
    ")",
    "(",
    "`",
    "#",
    " #",
    " ",
    "\n",
    ";",
    "|",
    "=",
    "A=",
    "B=",
    "<<x\n",
    "$'",
    "{",
    "é",
    "\u00a0",
    "\r",
    "~",
    "!",
  ],
  readers: shells,
};
const envValue = fc.oneof(
  slot,
  fc.tuple(fc.constantFrom("x", "x/"), slot, literal).map((parts) => parts.join("")),
  fc
    .tuple(fc.constantFrom("", "x ", "\\$", "\\\\"), slot, fc.constantFrom("", " y", "\\`"))
    .map(([a, b, c]) => `"${a}${b}${c}"`),
);
const env: Grammar = {
  template: fc
    .tuple(envValue, either(envValue), envValue)
    .map(([a, b, c]) => `# it's\nA=${a}\nB=${b}\n{{ if values.yes }}\nC=${c}\n{{ end }}\n`),
  tokens: [
    '"',
    "'",
    "\\",
    "\\\n",
    "$",
    "${",
    "}",
    "$(",
    ")",
    "`",
    "#",
    " #",
    " ",
    "\n",
    ";",
    "=",
    "A=",
    "\nB=",
    "{",
    "\r",
  ],
  readers: { ...shells, systemd: attempt(systemdReads) },
};

/** systemd.exec(5), EnvironmentFile=: the states that its reader has. */
function systemdReads(text: string): Record<string, string> | undefined {
  const found: Record<string, string> = {};
  let i = 0;
  while (i < text.length) {
    const [blank = ""] = /^\s*/.exec(text.slice(i)) ?? [];
    i += blank.length;
    if (/[#;]/.test(text[i] ?? "")) {
      i += /^(?:\\[\s\S]|[^\n])*/.exec(text.slice(i))?.[0].length ?? 0;
      continue;
    }
    const [name = ""] = /^[^=\n]*/.exec(text.slice(i)) ?? [];
    i += name.length;
    if (text[i] !== "=") continue;
    i += 1 + (/^[ \t\r]*/.exec(text.slice(i + 1))?.[0].length ?? 0);
    let value = "";
    let quote = "";
    let begun = false;
    let kept = 0;
    for (; i < text.length; i++) {
      const c = text[i] ?? "";
      if (quote === "'" || quote === '"') {
        if (c === quote) quote = "closed";
        else if (quote === '"' && c === "\\") {
          const next = text[++i] ?? "";
          value += next === "\n" ? "" : /["\\$`]/.test(next) ? next : `\\${next}`;
        } else value += c;
        kept = value.length;
      } else if (c === "\n" || c === "\r") break;
      else if (/["']/.test(c) && (quote === "closed" || !begun)) quote = c;
      else if (c === "\\") {
        const next = text[++i] ?? "";
        if (next !== "\n") value += next;
        kept = value.length;
        begun = true;
      } else if (!(quote === "closed" && /\s/.test(c))) {
        value += c;
        begun = true;
        if (/\S/.test(c)) kept = value.length;
      }
    }
    if (quote === "'" || quote === '"') return undefined;
    found[name.trim()] = value.slice(0, kept);
  }
  return found;
}

describe.concurrent("no secret, whatever its bytes, changes what a parser finds", {
  timeout: Math.max(180_000, runs * 60),
}, () => {
  test("JSON", () => holds("json", json, 320));
  test("YAML", () => holds("yaml", yaml, 240));
  test.skipIf(!python)("TOML", () => holds("toml", toml, 240));
  test.skipIf(!python)("INI", () => holds("ini", ini, 120));
  test.skipIf(!python)("XML", () => holds("xml", xml, 200));
  test.skipIf(Object.keys(shells).length === 0)("shell", () => holds("shell", shell, 240));
  test("env", () => holds("env", env, 120));
});
