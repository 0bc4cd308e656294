import type { Finding } from "../finding.ts";
import type { Existing, Value } from "../plan/manifest.ts";
import { type Names, nameIn, secretOf } from "../plan/names.ts";
import type { Plan, PlannedFile } from "../plan/plan.ts";
import { type Lookup, renderTemplate, type Template } from "./template.ts";

export interface RenderedFile extends PlannedFile {
  bytes: Buffer;
}

export interface Rendered {
  files: RenderedFile[];
  links: { path: string; to: string; existing: Existing }[];
  ready: { kind: "http" | "tcp" | "command"; words: string[]; withinMs: number } | undefined;
  /** For the command of `boot --exec`. Holds secrets. */
  environment: Map<string, string>;
}

/** `secrets`: payloads by the name the manifest uses, of all that are needed. */
export function lookupIn(names: Names, secrets: ReadonlyMap<string, Buffer>): Lookup {
  return (name) => {
    const secret = secretOf(name);
    if (secret !== undefined) return secrets.get(secret);
    return name === "secrets" ? [...secrets.keys()].sort() : nameIn(names, name);
  };
}

/** The same from what a seal has kept: names as the template writes them. */
export function lookupKept(kept: Record<string, Value>, secrets: ReadonlyMap<string, Buffer>): Lookup {
  const fetched = lookupIn({}, secrets);
  return (name) => (Object.hasOwn(kept, name) ? kept[name] : fetched(name));
}

/** Makes the bytes of every file in memory. With findings nothing is to be placed. */
export function renderPlan(
  plan: Plan,
  names: Names,
  secrets: ReadonlyMap<string, Buffer>,
  self: { uid: number; gid: number },
): { rendered: Rendered; findings: Finding[] } {
  const findings: Finding[] = [];
  const lookup = lookupIn(names, secrets);
  const fill = (template: Template): string => {
    const { text, findings: more } = renderTemplate(template, lookup);
    findings.push(...more);
    return text;
  };
  /** Some texts can only be judged when they are finished. */
  const fillAs = (template: Template, fits: (text: string) => boolean, code: string, sentence: string): string => {
    const known = findings.length;
    const text = fill(template);
    if (findings.length === known && !fits(text))
      findings.push({ where: template.where, line: 1, column: 1, code, sentence });
    return text;
  };
  const files = plan.files.map((file) => {
    const { content } = file;
    const bytes =
      "bytes" in content
        ? content.bytes
        : "secret" in content
          ? (secrets.get(content.secret) ?? Buffer.alloc(0))
          : Buffer.from(fill(content.template));
    return { ...file, bytes };
  });
  if (plan.hostName) {
    const name = fillAs(plan.hostName, isHostName, "not-a-host-name", "The finished text is not a host name.");
    const owner = { ...self, text: `${self.uid}:${self.gid}` };
    files.push({
      path: "/etc/hostname",
      content: { template: plan.hostName },
      owner,
      mode: 0o644,
      secret: false,
      existing: "replace",
      bytes: Buffer.from(`${name}\n`),
    });
  }
  const links = plan.links.map(({ path, to, existing }) => ({
    path,
    existing,
    to: fillAs(to, isTarget, "not-a-target", "The finished text cannot stand in a link."),
  }));
  const fits = { http: isHttpUrl, tcp: isAddress, command: () => true };
  const ready = plan.ready && {
    ...plan.ready,
    words: plan.ready.words.map((word) =>
      fillAs(word, fits[plan.ready?.kind ?? "command"], "not-an-address", "The finished text cannot be asked."),
    ),
  };
  const environment = new Map([...plan.environment].map(([name, template]) => [name, fill(template)]));
  return { rendered: { files, links, ready, environment }, findings };
}

/** Linux takes 4095 bytes. */
function isTarget(text: string): boolean {
  return text !== "" && !/\p{Cc}/u.test(text) && Buffer.byteLength(text) < 4096;
}

function isHttpUrl(text: string): boolean {
  try {
    const url = new URL(text);
    return url.protocol === "http:" && url.username === "" && url.password === "";
  } catch {
    return false;
  }
}

function isAddress(text: string): boolean {
  const port = Number(/^(?:\[[0-9a-f:.]+\]|[\w.-]+):(\d{1,5})$/i.exec(text)?.[1]);
  return port > 0 && port < 65_536;
}

/** Linux takes 64 characters; labels as in RFC 1123. */
function isHostName(name: string): boolean {
  return name.length <= 64 && name.split(".").every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(label));
}
