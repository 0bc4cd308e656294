import { exits, Failure } from "./outcome.ts";
import { realDisk } from "./place/disk.ts";
import type { Shown } from "./print.ts";
import { octal } from "./report/compose.ts";
import { readSeal } from "./seal/seal.ts";
import { type Difference, differences } from "./seal/verify.ts";

/** Compares the disk with its seal, without any request. */
export function verifySeal(root: string): Difference[] {
  const seal = readSeal(realDisk, root);
  if (!seal) throw new Failure("seal-broken", "There is no seal");
  return differences(realDisk, root, seal);
}

export function showDifferences(found: readonly Difference[]): Shown {
  const exit = found.length > 0 ? exits["seal-broken"] : 0;
  const lines = exit === 0 ? ["the seal holds"] : found.map(({ path, what }) => `${path} differs: ${what}`);
  return { exit, lines, document: { holds: exit === 0, differences: found } };
}

export function showStatus(root: string): Shown {
  const seal = readSeal(realDisk, root);
  if (!seal) return { exit: 0, lines: ["not sealed"], document: { sealed: false } };
  const { instance, release, fleet, agent, sealedAt, bootedAt, files, secretFiles, directories, secrets, units } = seal;
  const document = {
    sealed: true,
    instance,
    release,
    fleet,
    agent,
    bootedAt,
    sealedAt,
    files,
    directories,
    secrets,
    units,
  };
  const lines = [
    `sealed ${sealedAt} for instance ${instance} by moult-agent ${agent}`,
    release === "" ? "without a release" : `release ${release.slice(0, 12)} of fleet ${fleet}`,
    ...files.map(({ path, mode, owner, sha256 }) => `${octal(mode)} ${owner} ${sha256.slice(0, 12)} ${path}`),
    ...secretFiles.map(({ path, mode, owner, target }) => `${octal(mode)} ${owner} in memory    ${path} -> ${target}`),
    ...Object.entries(secrets).map(([name, version]) => `secret ${name} = ${version}`),
  ];
  return {
    exit: 0,
    lines,
    document: {
      ...document,
      secretFiles: secretFiles.map(({ path, target, mode, owner }) => ({ path, target, mode, owner })),
    },
  };
}
