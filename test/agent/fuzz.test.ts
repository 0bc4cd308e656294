import { randomInt } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readInstance } from "../../agent/identify/instance.ts";
import { Failure } from "../../agent/outcome.ts";
import { realDisk } from "../../agent/place/disk.ts";
import { Checker } from "../../agent/plan/checker.ts";
import { duration, owner } from "../../agent/plan/fields.ts";
import { type JsonDocument, readJson } from "../../agent/plan/json.ts";
import { formats } from "../../agent/plan/manifest.ts";
import { resolveOwner } from "../../agent/plan/owner.ts";
import { canonicalJson, openPack, sha256 } from "../../agent/plan/pack.ts";
import { readReference } from "../../agent/plan/reference.ts";
import { readRelease } from "../../agent/plan/release.ts";
import { renderTemplate } from "../../agent/render/template.ts";
import { readSeal, sealPath } from "../../agent/seal/seal.ts";
import { readYaml } from "../../cli/manifest/yaml.ts";
import { exampleSources, exampleYaml, planOf } from "./example.ts";
import { boundSeconds, documents, repeated, templates } from "./large.ts";
import { mutated } from "./mutations.ts";
import { randomFrom } from "./random.ts";
import { readInAnyShape } from "./reading.ts";

const seed = Number(process.env.MOULT_FUZZ_SEED ?? randomInt(2 ** 31));
const rounds = 10_000;
console.log(`fuzz: MOULT_FUZZ_SEED=${seed} repeats these inputs`);

/** Stands in values of every input, and must not stand in anything that is said of it. */
const marker = "SeNtInEl";
/** Longest time for one input, on a machine that others use as well. */
const patienceMs = 5_000;

/** What was said of an input: findings, or a Failure. Anything else that is thrown is a crash. */
function said(read: () => unknown): string {
  const started = performance.now();
  let words: string;
  try {
    words = JSON.stringify(read()) ?? "";
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    words = `${error.message} ${JSON.stringify(error.findings)}`;
  }
  if (performance.now() - started > patienceMs) throw new Error(`it takes over ${patienceMs} ms`);
  return words;
}

const root = mkdtempSync(join(tmpdir(), "moult-fuzz-"));
mkdirSync(join(root, "var/lib/moult"), { recursive: true });
writeFileSync(root + sealPath, "");
afterAll(() => rmSync(root, { recursive: true, force: true }));

test(`${rounds} manifests that are nearly right: no crash, no hang, no value in a finding`, () => {
  const random = randomFrom(seed);
  const { value } = readYaml("manifest", exampleYaml);
  let refused = 0;
  for (let i = 0; i < rounds; i++) {
    const document = mutated(value, random, marker);
    const text = JSON.stringify(document, null, 1) ?? "null";
    const words = said(() => planOf(readJson("manifest", text), exampleSources).findings);
    if (words.includes(marker)) throw new Error(`a value of round ${i} is in: ${words}`);
    if (words !== "[]") refused++;
  }
  // Neither all right nor all wrong, or the mutations would say little.
  expect(refused).toBeGreaterThan(rounds / 4);
  expect(refused).toBeLessThan(rounds);
}, 180_000);

const commit = { tree: { a: sha256(marker) }, manifest: { manifest: 1, values: { a: marker } }, message: marker };
const pack = canonicalJson({ commit, blobs: { [sha256(marker)]: Buffer.from(marker).toString("base64") } });
const commitDigest = sha256(canonicalJson(commit));
const release = JSON.stringify({
  release: "0".repeat(64),
  fleet: marker,
  image: { name: marker, id: "1" },
  config: { bucket: "bucket", commit: "0".repeat(64) },
  secrets: { a: `projects/p/secrets/${marker}/versions/1` },
});
const metadata = JSON.stringify({
  instance: { id: 5184363046278950, attributes: { a: marker }, zone: "projects/1/zones/a-b-c", hostname: marker },
  project: { projectId: "p", numericProjectId: 1 },
});
const seal = JSON.stringify({ seal: 1, instance: marker, files: [], secrets: { a: marker } });
const template = `{"a": "{{ values.a }}", {{ if values.b == "${marker}" }}"b": {{ values.c | json }}{{ else }}"c": 1{{ end }},
  "d": [{{ for x in values.d }}{{ x }}{{ if not last }}, {{ end }}{{ end }}], "e": "{{ secrets.x | default("${marker}") }}"}`;

const finding = (read: (check: Checker, value: string) => unknown) => (text: string) => {
  const check = new Checker(readJson("manifest", JSON.stringify(text)));
  read(check, text);
  return check.findings;
};

/** Without the paths: they say keys, which random bytes may make of anything. */
const pathless = (manifest: JsonDocument) => planOf(manifest).findings.map(({ path: _, ...finding }) => finding);

/** What reads bytes from outside, with an input that it takes; what is said of an input is what they give back. */
const parsers: [name: string, valid: string, read: (text: string, bytes: Buffer) => unknown][] = [
  ["JSON", metadata, (text) => readJson("manifest", text).findings],
  [
    "manifest in JSON",
    JSON.stringify({ manifest: 1, values: { a: marker }, files: [{ path: "/a", content: marker }] }),
    (text) => pathless(readJson("manifest", text)),
  ],
  [
    "manifest in YAML",
    `manifest: 1\nvalues: { a: &a ${marker}, b: *a }\nfiles:\n  - path: /a\n    content: |\n      ${marker}\n`,
    (text) => pathless(readYaml("manifest", text)),
  ],
  ["moult-release", release, (text) => void readRelease(text)],
  ["pack", pack, (_text, bytes) => pathless(openPack(bytes, commitDigest).manifest)],
  ["pack that its digest fits", pack, (text) => openDigested(text)],
  ["seal", seal, (_text, bytes) => void readSeal(Object.assign({}, realDisk, { readFileSync: () => bytes }), root)],
  ["metadata answer", metadata, (text) => void readInstance(text)],
  ...formats.map((format): (typeof parsers)[number] => [
    `template in ${format}`,
    template,
    (text) => {
      const read = readInAnyShape("a", text, format);
      // Values in place of all names, so that writing them is tried as well.
      return [
        ...read.findings,
        ...(read.findings.length > 0 ? [] : renderTemplate(read.template, () => marker).findings),
      ];
    },
  ]),
  ["reference", "vault://vault.acme:8200/secret/a/b?version=3#field", (text) => void readReference(text)],
  [
    "owner",
    "web:web",
    finding((check, value) => {
      owner(check, "", value);
      const found = resolveOwner(
        value,
        { passwd: `web:x:1:1:${marker}`, group: undefined },
        { uid: 0, gid: 0, groups: [] },
      );
      if (typeof found === "string") check.fail("", "owner", found);
    }),
  ],
  ["duration", "500ms", finding((check, value) => duration(check, "", value))],
];

/** So that what is behind the digest is reached as well. */
function openDigested(text: string): unknown {
  let pack: Buffer;
  let digest = "";
  try {
    const read = JSON.parse(text);
    digest = sha256(canonicalJson(read.commit ?? null));
    pack = Buffer.from(canonicalJson(read));
  } catch {
    return [];
  }
  return pathless(openPack(pack, digest).manifest);
}

/** Seconds of the processor, because others may use the machine as well. */
function secondsOf(read: () => unknown): number {
  const before = process.cpuUsage();
  try {
    read();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

describe("what is large and odd takes time that grows as it does", () => {
  test.each(parsers)(
    "%s",
    (name, _valid, read) => {
      const yaml = name.includes("YAML");
      const inputs = { ...(yaml ? {} : repeated), ...(name.startsWith("template") ? templates : documents) };
      const slow = Object.entries(inputs).flatMap(([input, text]) => {
        const bytes = Buffer.from(text);
        // Twice, because once may be when the runtime compiles or tidies up.
        const seconds = () => secondsOf(() => read(text, bytes));
        return seconds() < bound(name) || seconds() < bound(name) ? [] : [input];
      });
      expect(slow).toEqual([]);
    },
    600_000,
  );
});

/** No machine reads YAML. The library that does for people makes an error for each wrong sign. */
const bound = (name: string) => boundSeconds * (name.includes("YAML") ? 6 : 1);

describe(`${rounds} random inputs: no crash, no hang, no value in a message`, () => {
  test.each(parsers)(
    "%s",
    (name, valid, read) => {
      const random = randomFrom(seed + name.length);
      for (let i = 0; i < rounds; i++) {
        const bytes = i % 2 === 0 ? random.bytes(marker) : random.damaged(Buffer.from(valid));
        const words = said(() => read(bytes.toString(), bytes));
        if (words.includes(marker)) throw new Error(`a value of round ${i} is in: ${words}`);
      }
    },
    180_000,
  );
});
