import { dirname } from "node:path";
import { printFinding } from "./finding.ts";
import { exits, Failure } from "./outcome.ts";
import { errorCode, realDisk } from "./place/disk.ts";
import { describedBy } from "./plan/baked.ts";
import type { Manifest } from "./plan/manifest.ts";
import { makePlan } from "./plan/plan.ts";
import { octal } from "./report/compose.ts";
import { readSeal } from "./seal/seal.ts";
import { differences } from "./seal/verify.ts";

/** What a command that changes nothing has to say. */
export interface Shown {
  exit: number;
  lines: string[];
  document: unknown;
}

/** Validates a manifest and its sources in `files/` beside it, for an instance nobody knows yet. */
export function checkFile(file: string): Shown {
  let described: ReturnType<typeof describedBy>;
  try {
    described = describedBy(file, `${dirname(file)}/files`);
  } catch (error) {
    throw new Failure("usage", `${file} cannot be read: ${errorCode(error)}`);
  }
  if (!described) throw new Failure("usage", `${file} is not there`);
  const { findings } = makePlan(described, {
    knows: couldBeKnown,
    pins: () => true,
    owner: (text) => ({ uid: 0, gid: 0, text: text ?? "" }),
  });
  const exit = findings.length > 0 ? exits["manifest-invalid"] : 0;
  return {
    exit,
    lines: exit === 0 ? ["valid"] : findings.map(printFinding),
    document: { valid: exit === 0, findings },
  };
}

const everywhere =
  /^(instance\.(id|name|zone|region|hostname|machineType)|network\.(ip|externalIp)|project\.(id|number)|release\.(id|fleet|image\.(name|id))|attributes\.[\w-]+)$/;

/** Whether some instance may have a value for it. */
function couldBeKnown(name: string, { values }: Manifest): boolean {
  return everywhere.test(name) || (name.startsWith("values.") && values.has(name.slice("values.".length)));
}

/** Compares the disk with its seal, without any request. */
export function verifySeal(root: string): Shown {
  const seal = readSeal(realDisk, root);
  if (!seal) throw new Failure("seal-broken", "There is no seal");
  const found = differences(realDisk, root, seal);
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
