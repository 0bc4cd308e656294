import { stringify } from "yaml";
import type { Finding } from "../../../agent/finding.ts";
import { anyInstance } from "../../../agent/plan/anywhere.ts";
import { makePlan } from "../../../agent/plan/plan.ts";
import { readYaml } from "../yaml.ts";
import type { Reading } from "./reading.ts";
import { noteSecret } from "./secretive.ts";

/** In the order of a printed manifest. */
const sections = ["directories", "links", "files", "disks", "units"] as const;
export type Section = (typeof sections)[number];
export type Fields = Record<string, unknown>;

interface Candidate {
  section: Section;
  /** Where it is from in the foreign document. */
  from: string;
  fields: Fields;
}

export interface Translated {
  manifest: Fields;
  yaml: string;
  /** Of the manifest, at their place in `yaml`. Only files that are to be found: everything else was left out. */
  findings: Finding[];
  /** Name in files/ → bytes. */
  sources: Map<string, Buffer>;
}

export type Origin = { content: string; format: "text" } | { source: string } | { secret: string };

/** Of a text that is shown in the manifest itself, in characters. */
const mostInline = 2_048;

/** A manifest that grows, entry by entry. What moult's own rules refuse is left out of it, with their reason. */
export class Draft {
  readonly #reading: Reading;
  readonly #sources = new Map<string, Buffer>();
  /** Name of a secret → the file that is to be it. */
  readonly #secrets = new Map<string, string>();
  #candidates: Candidate[] = [];

  constructor(reading: Reading) {
    this.#reading = reading;
  }

  /** What is a secret is given by moult's rules for secrets: nothing for others, and it always replaces. */
  add(section: Section, from: string, given: Fields): void {
    const { existing, mode, ...rest } = given;
    const narrow = typeof mode === "string" ? { mode: withoutOthers(mode) } : {};
    const fields = given.secret === undefined ? given : { ...rest, ...narrow };
    this.#candidates.push({ section, from, fields });
  }

  /**
   * What gives a file these bytes: the text itself when it is short and plain, otherwise a file of files/. `at` is where they are
   * from. Bytes that look like a secret are not written anywhere: the manifest names what a person has to provide, which is said.
   */
  origin(at: string, name: string, bytes: Buffer): Origin {
    const kind = noteSecret(this.#reading, at, bytes);
    if (kind === "key") return { secret: this.#secretName(name) };
    const text = bytes.toString();
    const plain = text.length <= mostInline && isPlain(text) && Buffer.from(text).equals(bytes);
    if (plain && kind === "none") return { content: text, format: "text" };
    if (kind === "line") return { source: name };
    // Of two entries for one path, which one stays is not known yet.
    let free = name;
    while (!(this.#sources.get(free)?.equals(bytes) ?? true)) free += "-2";
    this.#sources.set(free, bytes);
    return { source: free };
  }

  finish(title: string): Translated {
    for (;;) {
      const translated = this.#print(title);
      const dropped = new Map<Candidate, Finding>();
      for (const finding of translated.findings) {
        const candidate = finding.code === "source-missing" ? undefined : this.#candidateOf(finding);
        if (candidate && !dropped.has(candidate)) dropped.set(candidate, finding);
      }
      if (dropped.size === 0) return translated;
      for (const [{ from, section }, { code, sentence }] of dropped)
        this.#reading.leave(
          from,
          code,
          sentence,
          `A manifest cannot have this under ${section}; docs/manifest.md has the rule.`,
        );
      this.#candidates = this.#candidates.filter((candidate) => !dropped.has(candidate));
    }
  }

  /** `etc/web/tls.key` becomes `etc-web-tls-key`. */
  #secretName(file: string): string {
    const plain = file.replace(/[^A-Za-z0-9_]+/g, "-");
    let name = /^[A-Za-z]/.test(plain) ? plain : `secret${plain.startsWith("-") ? "" : "-"}${plain}`;
    while ((this.#secrets.get(name) ?? file) !== file) name += "-2";
    this.#secrets.set(name, file);
    return name;
  }

  #of(section: Section): Candidate[] {
    return this.#candidates.filter((candidate) => candidate.section === section);
  }

  #candidateOf({ where, path = "" }: Finding): Candidate | undefined {
    const place = where.startsWith("manifest ") ? where.slice("manifest ".length) : path;
    const [, section, index] = /^(\w+)\[(\d+)\]/.exec(place) ?? [];
    return this.#of(sections.find((name) => name === section) ?? "files")[Number(section && index)];
  }

  #print(title: string): Translated {
    const manifest: Fields = { manifest: 1 };
    for (const section of sections) {
      const entries = this.#of(section).map(({ fields }) => fields);
      if (entries.length > 0) manifest[section] = entries;
    }
    const yaml = `# ${title}\n${stringify(manifest, { lineWidth: 0 })}`;
    const used = new Set(this.#candidates.map(({ fields }) => fields.source));
    const sources = new Map([...this.#sources].filter(([name]) => used.has(name)));
    const source = (name: string) => sources.get(name);
    const { findings } = makePlan({ manifest: readYaml("manifest", yaml), source }, anyInstance);
    return { manifest, yaml, findings, sources };
  }
}

/** A file of the machine, as a name in files/. */
export function sourceName(path: string): string {
  return path.slice(1);
}

function withoutOthers(mode: string): string {
  return (Number.parseInt(mode, 8) & 0o770).toString(8).padStart(4, "0");
}

/** Braces of a template as they stand. */
export function literally(text: string): string {
  return text.replaceAll("{{", '{{ "{{" }}');
}

/** Without characters that an editor hides, and without a template's braces. */
function isPlain(text: string): boolean {
  return !/[^\P{Cc}\t\n]|[\p{Cf}\p{Zl}\p{Zp}]|\{\{/u.test(text);
}
