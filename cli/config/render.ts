import type { Finding } from "../../agent/finding.ts";
import { anyInstance } from "../../agent/plan/anywhere.ts";
import { oneInstance } from "../../agent/plan/here.ts";
import { knownNames } from "../../agent/plan/names.ts";
import { makePlan } from "../../agent/plan/plan.ts";
import { renderMasked } from "../../agent/tools/render/masked.ts";
import type { Described } from "./described.ts";
import { madeUpInstance, type Sample } from "./sample.ts";

/** One file, link or folder as an instance would receive it. */
export interface Received {
  path: string;
  /** Rights, owner and kind in one line, like `file 0640 web:web`. */
  head: string;
  /** Secrets masked; undefined where there is no content. */
  bytes: Buffer | undefined;
}

/** Everything that is wrong with a description: for an instance nobody knows, then for each of these. */
export function judge(described: Described, samples: readonly Sample[]): Finding[] {
  if (described.findings.length > 0) return described.findings;
  const { manifest, findings } = makePlan(described, anyInstance);
  if (findings.length > 0) return placed(described, findings);
  return [madeUpInstance(manifest), ...samples].flatMap((sample) => receive(described, sample).findings);
}

/** What one instance would receive. Nothing is known of its image: what that could have, it has. With findings it is nothing. */
export function receive(described: Described, sample: Sample): { received: Received[]; findings: Finding[] } {
  if (described.findings.length > 0) return { received: [], findings: described.findings };
  const { instance, release } = sample;
  const around = {
    ...oneInstance("", instance, release, anyInstance.owner),
    // Which secrets a fleet pins is not decided here, and need not be so yet.
    pinned: undefined,
    image: anyInstance.image,
  };
  const { plan, manifest, findings } = makePlan(described, around);
  const of = (found: readonly Finding[]) =>
    placed(described, found).map((each) => ({ ...each, sentence: `${each.sentence} (On ${sample.name}.)` }));
  if (findings.length > 0) return { received: [], findings: of(findings) };
  const { rendered, findings: more } = renderMasked(plan, knownNames(instance, release, manifest));
  if (more.length > 0) return { received: [], findings: of(more) };
  const received: Received[] = [
    ...plan.directories.map(({ path, mode, owner }) => ({
      path,
      head: head("folder", mode, owner.text),
      bytes: undefined,
    })),
    ...rendered.links.map(({ path, to }) => ({ path, head: `link to ${to}`, bytes: undefined })),
    ...rendered.files.map(({ path, mode, owner, secret, bytes }) => ({
      path,
      head: head(secret ? "secret file" : "file", mode, owner.text),
      bytes,
    })),
  ];
  const { ready, environment } = rendered;
  if (ready)
    received.push({
      path: "ready",
      head: `asked by ${ready.kind}, ${ready.withinMs / 1000} s`,
      bytes: lines(ready.words),
    });
  if (environment.size > 0) {
    const variables = [...environment].map(([name, value]) => `${name}=${value}`);
    received.push({ path: "environment of boot --exec", head: "variables", bytes: lines(variables) });
  }
  return { received: received.sort((a, b) => (a.path < b.path ? -1 : 1)), findings: [] };
}

function lines(texts: readonly string[]): Buffer {
  return Buffer.from(texts.map((text) => `${text}\n`).join(""));
}

function head(kind: string, mode: number, owner: string): string {
  return `${kind} ${mode.toString(8).padStart(4, "0")} ${owner}`.trimEnd();
}

/** Findings about values at the place in the file that has them. */
function placed({ placeOf }: Described, findings: readonly Finding[]): Finding[] {
  return findings.map((finding) => {
    const place = finding.where === "manifest" && finding.path ? placeOf(finding.path) : undefined;
    return place ? { ...finding, ...place } : finding;
  });
}
