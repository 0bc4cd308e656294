import type { ReleaseMetadata, Signer } from "../../wire/moult.d.ts";
import { sha256 } from "../edge/sha256.ts";
import { inMemory, memoryOf } from "../place/memory.ts";
import type { Entry, Ground, Placement } from "../place/place.ts";
import type { Survey } from "../place/survey.ts";
import type { Value } from "../plan/manifest.ts";
import { type Names, nameIn, secretOf } from "../plan/names.ts";
import type { Plan, PlannedFile } from "../plan/plan.ts";
import type { Rendered } from "../render/files.ts";
import type { Template } from "../render/template.ts";
import { version } from "../version.ts";
import { hardwareOf } from "./hardware.ts";
import { renderSealed } from "./kept.ts";
import { onDisk, type Seal, type SealedSecret, type SealedTemplate } from "./seal.ts";
import { watch } from "./watch.ts";

/** What to place for a rendered plan: bytes of secrets in memory, then plain files, then links, also those to secrets. */
export function placementOf(plan: Plan, rendered: Rendered): Placement {
  const files: Entry[] = [];
  const memory: Entry[] = [];
  const links: Entry[] = rendered.links.map(({ path, to, existing }) => ({ path, link: to, existing }));
  for (const { path, bytes, owner, mode, secret, existing } of rendered.files) {
    const entry = { bytes, uid: owner.uid, gid: owner.gid, mode };
    if (secret) {
      const { target, link } = memoryOf(path);
      memory.push({ path: target, ...entry });
      if (link !== undefined) links.push({ path, link, ...(existing === "replace" ? {} : { existing }) });
    } else files.push({ path, ...entry, existing });
  }
  const folders = plan.directories
    .filter(({ path }) => !onDisk(plan, path))
    .map(({ path, owner, mode }) => ({ path, uid: owner.uid, gid: owner.gid, mode }));
  return { entries: [...memory, ...files, ...links], folders };
}

export interface Sealing {
  instance: string;
  release: ReleaseMetadata | undefined;
  names: Names;
  /** Full version names of the secrets that are needed. */
  versions: ReadonlyMap<string, string>;
  signedBy: Signer[] | undefined;
  surveyed: Survey;
  bootedAt: string;
  sealedAt: string;
}

/** What holds once the placement is done. Reads what is kept and watched, as it is now. */
export function composeSeal(ground: Ground, plan: Plan, rendered: Rendered, about: Sealing): Seal {
  const { release, names } = about;
  const { kept, made } = about.surveyed;
  const stays = ({ path }: { path: string }) => !kept.has(path);
  const files = rendered.files.filter(stays);
  const links = rendered.links.filter(stays);
  const placed = new Set([...files, ...links].map(({ path }) => path));
  return {
    seal: 1,
    instance: about.instance,
    hardware: hardwareOf(ground.root),
    release: release?.release ?? "",
    fleet: release?.fleet ?? "",
    reports: release?.reports ?? null,
    ...(about.signedBy && { signedBy: about.signedBy }),
    agent: version,
    bootedAt: about.bootedAt,
    sealedAt: about.sealedAt,
    files: files
      .filter(({ secret }) => !secret)
      .map(({ path, bytes, owner, mode }) => ({
        ...sealed(path, owner, mode),
        sha256: sha256(bytes),
        size: bytes.length,
      })),
    secretFiles: files.filter(({ secret }) => secret).map((file) => sealSecret(file, names)),
    directories: plan.directories.map(({ path, owner, mode }) => sealed(path, owner, mode)),
    made: made.filter((path) => !inMemory(path)),
    secrets: Object.fromEntries(about.versions),
    vaults: plan.vaults,
    links: links.map(({ path, to }) => ({ path, to })),
    disks: plan.disks,
    units: plan.units,
    start: plan.start,
    reload: plan.reload,
    environment: Object.fromEntries(
      [...plan.environment].map(([name, template]) => [name, sealTemplate(template, names)]),
    ),
    ready: rendered.ready ?? null,
    drift: plan.drift ?? null,
    watched: watch(ground, plan.drift?.paths ?? [], kept, placed),
    logs: plan.logs,
  };
}

function sealed(path: string, owner: { uid: number; gid: number; text: string }, mode: number) {
  return { path, uid: owner.uid, gid: owner.gid, owner: owner.text, mode };
}

function sealSecret({ path, content, owner, mode }: PlannedFile, names: Names): SealedSecret {
  const common = { ...sealed(path, owner, mode), ...memoryOf(path) };
  if ("secret" in content) return { ...common, content };
  // A credential that is no secret: its bytes are kept, for the file they came from may change.
  if ("bytes" in content) return { ...common, content: { base64: content.bytes.toString("base64") } };
  return { ...common, content: sealTemplate(content.template, names) };
}

function sealTemplate({ text, where, format, names: used }: Template, names: Names): SealedTemplate {
  const kept = [...used].flatMap((name): [string, Value][] => {
    const value = secretOf(name) === undefined ? nameIn(names, name) : undefined;
    return value === undefined ? [] : [[name, value]];
  });
  return { template: text, where, format, names: Object.fromEntries(kept) };
}

/** What to place in memory at a later boot of a sealed instance. */
export function secretPlacement(seal: Seal, secrets: ReadonlyMap<string, Buffer>): Placement {
  const entries = seal.secretFiles.map(({ target, content, uid, gid, mode }): Entry => {
    if ("secret" in content)
      return { path: target, bytes: secrets.get(content.secret) ?? Buffer.alloc(0), uid, gid, mode };
    if ("base64" in content) return { path: target, bytes: Buffer.from(content.base64, "base64"), uid, gid, mode };
    return { path: target, bytes: Buffer.from(renderSealed(content, secrets)), uid, gid, mode };
  });
  return { entries, folders: [] };
}
