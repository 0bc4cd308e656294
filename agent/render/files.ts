import type { Finding } from "../finding.ts";
import type { Value } from "../plan/manifest.ts";
import { type Names, nameIn, secretOf } from "../plan/names.ts";
import type { Plan, PlannedFile } from "../plan/plan.ts";
import { type Lookup, renderTemplate, type Template } from "./template.ts";

export interface RenderedFile extends PlannedFile {
  bytes: Buffer;
}

export interface Rendered {
  files: RenderedFile[];
  ready: { kind: "http" | "tcp" | "command"; words: string[]; withinMs: number } | undefined;
}

/** `secrets`: payloads by the name the manifest uses. */
export function lookupIn(names: Names, secrets: ReadonlyMap<string, Buffer>): Lookup {
  return (name) => {
    const secret = secretOf(name);
    return secret === undefined ? nameIn(names, name) : decodeSecret(secrets.get(secret));
  };
}

/** The same from what a seal has kept: names as the template writes them. */
export function lookupKept(kept: Record<string, Value>, secrets: ReadonlyMap<string, Buffer>): Lookup {
  const fetched = lookupIn({}, secrets);
  return (name) => (Object.hasOwn(kept, name) ? kept[name] : fetched(name));
}

/** A payload inside a text must be UTF-8; as a file of its own it may be anything. */
function decodeSecret(payload: Buffer | undefined): string | undefined {
  const text = payload?.toString();
  return text !== undefined && payload && Buffer.from(text).equals(payload) ? text : undefined;
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
    const name = fill(plan.hostName);
    const known = findings.length;
    if (known === 0 && !isHostName(name))
      findings.push({
        where: plan.hostName.where,
        line: 1,
        column: 1,
        code: "not-a-host-name",
        sentence: "The finished text is not a host name.",
      });
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
  const ready = plan.ready && {
    kind: plan.ready.kind,
    withinMs: plan.ready.withinMs,
    words: plan.ready.words.map(fill),
  };
  if (ready && findings.length === 0) checkTarget(ready, findings);
  return { rendered: { files, ready }, findings };
}

/** Only the finished text can be judged: host and port may come from the instance. */
function checkTarget(ready: { kind: string; words: string[] }, findings: Finding[]): void {
  const [first = ""] = ready.words;
  const fits = ready.kind === "http" ? isHttpUrl(first) : ready.kind === "tcp" ? isAddress(first) : true;
  const sentence = "The finished text cannot be asked.";
  if (!fits)
    findings.push({ where: `manifest ready.${ready.kind}`, line: 1, column: 1, code: "not-an-address", sentence });
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
