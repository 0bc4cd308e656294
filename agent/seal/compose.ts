import type { ReleaseMetadata } from "../../wire/moult.d.ts";
import { Failure } from "../outcome.ts";
import { inMemory } from "../place/memory.ts";
import type { Entry, Placement } from "../place/place.ts";
import type { Value } from "../plan/manifest.ts";
import { type Names, nameIn, secretOf } from "../plan/names.ts";
import { sha256 } from "../plan/pack.ts";
import type { Plan, PlannedFile } from "../plan/plan.ts";
import type { Rendered } from "../render/files.ts";
import { lookupKept } from "../render/files.ts";
import { readTemplate, renderTemplate } from "../render/template.ts";
import { version } from "../version.ts";
import type { Seal, SealedSecret } from "./seal.ts";

/** What to place for a rendered plan: bytes of secrets in memory, then plain files, then the links. */
export function placementOf(plan: Plan, rendered: Rendered): Placement {
  const files: Entry[] = [];
  const memory: Entry[] = [];
  const links: Entry[] = [];
  for (const { path, bytes, owner, mode, secret } of rendered.files) {
    const entry = { bytes, uid: owner.uid, gid: owner.gid, mode };
    if (secret) {
      const { target, link } = inMemory(path);
      memory.push({ path: target, ...entry });
      links.push({ path, link });
    } else files.push({ path, ...entry });
  }
  const folders = plan.directories.map(({ path, owner, mode }) => ({ path, uid: owner.uid, gid: owner.gid, mode }));
  return { entries: [...memory, ...files, ...links], folders };
}

export interface Sealing {
  instance: string;
  release: ReleaseMetadata | undefined;
  names: Names;
  /** Full version names of the secrets that are needed. */
  versions: ReadonlyMap<string, string>;
  made: string[];
  bootedAt: string;
  sealedAt: string;
}

export function composeSeal(plan: Plan, rendered: Rendered, about: Sealing): Seal {
  const { release } = about;
  return {
    seal: 1,
    instance: about.instance,
    release: release?.release ?? "",
    fleet: release?.fleet ?? "",
    reports: release?.reports ?? null,
    agent: version,
    bootedAt: about.bootedAt,
    sealedAt: about.sealedAt,
    files: rendered.files
      .filter(({ secret }) => !secret)
      .map(({ path, bytes, owner, mode }) => ({ ...sealed(path, owner, mode), sha256: sha256(bytes) })),
    secretFiles: plan.files.filter(({ secret }) => secret).map((file) => sealSecret(file, about.names)),
    directories: plan.directories.map(({ path, owner, mode }) => sealed(path, owner, mode)),
    made: about.made,
    secrets: Object.fromEntries(about.versions),
    vaults: plan.vaults,
    links: [],
    disks: plan.disks,
    units: plan.units,
    start: plan.start,
    reload: plan.reload,
    environment: {},
    ready: rendered.ready ?? null,
    drift: plan.drift ?? null,
    watched: [],
    logs: plan.logs,
  };
}

function sealed(path: string, owner: { uid: number; gid: number; text: string }, mode: number) {
  return { path, uid: owner.uid, gid: owner.gid, owner: owner.text, mode };
}

function sealSecret({ path, content, owner, mode }: PlannedFile, names: Names): SealedSecret {
  const common = { ...sealed(path, owner, mode), ...inMemory(path) };
  if ("secret" in content) return { ...common, content };
  if (!("template" in content)) throw new Failure("bug", `${path} holds no secret`);
  const { text, where, format, names: used } = content.template;
  const kept = [...used].flatMap((name): [string, Value][] => {
    const value = secretOf(name) === undefined ? nameIn(names, name) : undefined;
    return value === undefined ? [] : [[name, value]];
  });
  return { ...common, content: { template: text, where, format, names: Object.fromEntries(kept) } };
}

/** What to place in memory at a later boot of a sealed instance. */
export function secretPlacement(seal: Seal, secrets: ReadonlyMap<string, Buffer>): Placement {
  const entries = seal.secretFiles.map(({ target, content, uid, gid, mode }): Entry => {
    if ("secret" in content)
      return { path: target, bytes: secrets.get(content.secret) ?? Buffer.alloc(0), uid, gid, mode };
    const { template } = readTemplate(content.where, content.template, content.format);
    const { text, findings } = renderTemplate(template, lookupKept(content.names, secrets));
    if (findings.length > 0)
      throw new Failure("value-unfit", "A secret cannot be written where it was before", findings);
    return { path: target, bytes: Buffer.from(text), uid, gid, mode };
  });
  return { entries, folders: [] };
}
