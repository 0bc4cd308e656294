import { rootOf } from "../commandline.ts";
import { realDisk } from "../place/disk.ts";
import { octal } from "../report/compose.ts";
import { readSeal, type Seal } from "../seal/seal.ts";
import type { Tool } from "./tool.ts";

export const status: Tool = {
  help: `moult-agent status [--root DIR] [--json]
    show what is sealed: for which instance, of which release, whose keys signed it, and every path with its mode,
    owner and digest

Nothing is compared (verify does that) and nobody is asked. What a secret is part of has no digest.
exit: 0 also when nothing is sealed, 14 the seal cannot be read`,
  grammar: { switches: "json", valued: "root" },
  run(given, say) {
    const seal = readSeal(realDisk, rootOf(given.value("root")));
    if (given.has("json")) say(JSON.stringify(seal ? document(seal) : { sealed: false }));
    else if (!seal) say("not sealed");
    else for (const line of listing(seal)) say(line);
    return 0;
  },
};

function listing(seal: Seal): string[] {
  const { sealedAt, instance, agent, release, fleet, directories, files, secretFiles, links, disks, units } = seal;
  const rows = [
    ...directories.map(({ path, mode, owner }) => ({ path, mode: octal(mode), owner, what: "directory" })),
    ...files.map(({ path, mode, owner, sha256 }) => ({ path, mode: octal(mode), owner, what: sha256.slice(0, 12) })),
    ...secretFiles.map(({ path, target, mode, owner }) => ({
      path: path === target ? path : `${path} -> ${target}`,
      mode: octal(mode),
      owner,
      what: "in memory",
    })),
    ...links.map(({ path, to }) => ({ path: `${path} -> ${to}`, mode: "link", owner: "", what: "link" })),
  ].sort((a, b) => (a.path < b.path ? -1 : 1));
  const width = Math.max(0, ...rows.map(({ owner }) => owner.length));
  return [
    `sealed ${sealedAt} for instance ${instance} by moult-agent ${agent}`,
    release === "" ? "without a release" : `release ${release.slice(0, 12)} of fleet ${fleet}`,
    ...(seal.signedBy ?? []).map(({ key, name }) => `signed by ${name} (${key.slice(0, 12)})`),
    ...rows.map(({ path, mode, owner, what }) => `${mode} ${owner.padEnd(width)} ${what.padEnd(12)} ${path}`),
    ...disks.map(({ device, mount }) => `disk ${device} at ${mount}`),
    ...(units.length > 0 ? [`units ${units.join(", ")}`] : []),
    ...Object.entries(seal.secrets).map(([name, version]) => `secret ${name} = ${version}`),
  ];
}

function document(seal: Seal): unknown {
  const { instance, release, fleet, agent, bootedAt, sealedAt, links, units, secrets, signedBy } = seal;
  const shown = <T extends { mode: number }>({ mode, ...rest }: T) => ({ ...rest, mode: octal(mode) });
  return {
    sealed: true,
    instance,
    release,
    fleet,
    agent,
    bootedAt,
    sealedAt,
    ...(signedBy && { signedBy }),
    directories: seal.directories.map(({ path, owner, mode }) => shown({ path, owner, mode })),
    files: seal.files.map(({ path, owner, mode, sha256, size }) => shown({ path, owner, mode, sha256, size })),
    secretFiles: seal.secretFiles.map(({ path, target, owner, mode }) => shown({ path, target, owner, mode })),
    links,
    disks: seal.disks.map(({ device, mount }) => ({ device, mount })),
    units,
    secrets,
  };
}
