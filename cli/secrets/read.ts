import type { Cloud } from "../../functions/controller/cloud.ts";
import { type Need, readNeeds } from "../../functions/controller/needs.ts";
import { secretPath } from "../../functions/core/secretname.ts";
import { isFailure } from "../../functions/google/failure.ts";
import { readCommit } from "../config/commit.ts";
import { NAMES } from "../config/objects.ts";
import { type KnownSecret, type Pin, pinsOf, splitVersion, type Use } from "./pins.ts";

export interface Pins {
  pins: Pin[];
  /** What could not be read and may need any version. */
  unread: string[];
}

/** Every secret that a fleet, a release, a template, a commit or a machine names, or only `wanted`, a secret's own name. */
export async function readPins(cloud: Cloud, wanted: string | undefined): Promise<Pins> {
  const { needs, records, unread } = await readNeeds(cloud);
  const uses = needs.flatMap(usesOf);
  uses.push(...(await usesOfCommits(cloud, needs, unread)));
  const names = new Set(uses.map(({ secret }) => secret));
  for (const { fleet, policy } of records) {
    if (!policy) continue;
    const gates = policy.gates.flatMap((gate) => (gate.kind === "webhook" ? [gate.secret] : []));
    for (const ref of [...Object.values(policy.secrets), ...gates]) names.add(secretPath(ref));
    for (const [what, refs] of [
      ["the fleet file of", Object.values(policy.secrets)],
      ["a webhook gate of", gates],
    ] as const)
      for (const ref of refs)
        if (typeof ref.version === "number")
          uses.push({
            secret: secretPath(ref),
            version: ref.version,
            weight: what.startsWith("a webhook") ? "runs" : "next",
            by: `${what} ${fleet}`,
            live: false,
          });
  }
  const secrets = [...names].sort().filter((name) => wanted === undefined || name.endsWith(`/secrets/${wanted}`));
  const known = await Promise.all(secrets.map((secret) => readSecret(cloud, secret, unread)));
  return { pins: pinsOf(uses, known, unread), unread };
}

function usesOf({ weight, by, live, secrets }: Need): Use[] {
  return Object.values(secrets).flatMap((name) => {
    const version = splitVersion(name);
    return version ? [{ ...version, weight, by, live }] : [];
  });
}

/** A commit's manifest may name versions of its own, apart from those of the release. */
async function usesOfCommits(cloud: Cloud, needs: readonly Need[], unread: string[]): Promise<Use[]> {
  const byCommit = new Map<string, Need[]>();
  for (const need of needs)
    if (need.configCommit !== null) byCommit.set(need.configCommit, [...(byCommit.get(need.configCommit) ?? []), need]);
  const uses = await Promise.all(
    [...byCommit].map(async ([commit, users]) => {
      const object = NAMES.commit(commit);
      const what = `gs://${cloud.settings.configBucket}/${object}`;
      try {
        const stored = await cloud.config.read(object);
        if (!stored) {
          unread.push(`${what}, which is not there`);
          return [];
        }
        const secrets = secretsOf(readCommit(what, commit, Buffer.from(stored.text)).manifest);
        return users.flatMap((need) => usesOf({ ...need, secrets }));
      } catch (problem) {
        if (!(problem instanceof Error)) throw problem;
        unread.push(problem.message);
        return [];
      }
    }),
  );
  return uses.flat();
}

function secretsOf(manifest: unknown): Record<string, string> {
  const secrets =
    typeof manifest === "object" && manifest !== null && "secrets" in manifest ? manifest.secrets : undefined;
  return Object.fromEntries(
    Object.entries(typeof secrets === "object" && secrets !== null ? secrets : {}).flatMap(
      ([name, version]: [string, unknown]) => (typeof version === "string" ? [[name, version]] : []),
    ),
  );
}

async function readSecret(cloud: Cloud, secret: string, unread: string[]): Promise<KnownSecret> {
  try {
    return { secret, versions: await cloud.secrets.versions(secret) };
  } catch (problem) {
    if (isFailure(problem, "missing")) return { secret, versions: [] };
    if (!isFailure(problem)) throw problem;
    unread.push(problem.message);
    return { secret, versions: undefined };
  }
}
