import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { World } from "../frame/world.ts";
import type { ServiceConfig } from "./model.ts";

/** What a function may not read, or what is not there. */
export class SecretProblem extends Error {}

/** A version's payload, asked for over HTTP as the function's own account: deny rules and faults hold for it. */
async function access(
  world: World,
  account: string,
  [project, secret, version]: [project: string, secret: string, version: string],
  closing: AbortSignal,
): Promise<Buffer> {
  const name = `projects/${project || world.project}/secrets/${secret}/versions/${version}`;
  const { token } = world.doors.accessToken(account);
  const answer = await fetch(`${world.origin}/v1/${name}:access`, {
    headers: { authorization: `Bearer ${token}` },
    signal: closing,
  });
  const body = (await answer.json()) as { payload?: { data?: string }; error?: { message: string } };
  if (answer.ok) return Buffer.from(body.payload?.data ?? "", "base64");
  if (answer.status === 403) {
    throw new SecretProblem(
      `Permission denied on secret: ${name} for Revision service account ${account}. The service account used must be granted the 'Secret Manager Secret Accessor' role (roles/secretmanager.secretAccessor) at the secret, project or higher level.`,
    );
  }
  throw new SecretProblem(body.error?.message ?? `Secret ${name} was not found`);
}

export async function secretVariables(
  world: World,
  config: ServiceConfig,
  closing: AbortSignal,
): Promise<Record<string, string>> {
  const account = config.serviceAccountEmail ?? "";
  const wanted = config.secretEnvironmentVariables ?? [];
  const pairs = wanted.map(async ({ key = "", projectId = "", secret = "", version = "" }) => {
    const bytes = await access(world, account, [projectId, secret, version], closing);
    return [key, bytes.toString("utf8")] as const;
  });
  return Object.fromEntries(await Promise.all(pairs));
}

/**
 * Writes the secrets of volumes under `folder` and returns where each mount path really is. A volume without versions has
 * the newest one in a file of the secret's name. They are read when an instance starts; the real service reads them anew
 * at every access.
 */
export async function secretMounts(
  world: World,
  config: ServiceConfig,
  folder: string,
  closing: AbortSignal,
): Promise<[string, string][]> {
  const account = config.serviceAccountEmail ?? "";
  const mounts: [string, string][] = [];
  for (const [n, { mountPath = "", projectId = "", secret = "", versions = [] }] of (
    config.secretVolumes ?? []
  ).entries()) {
    const place = join(folder, String(n));
    rmSync(place, { recursive: true, force: true });
    const files = versions.length > 0 ? versions : [{ version: "latest", path: secret }];
    for (const { version = "latest", path } of files) {
      const file = join(place, path || secret);
      const bytes = await access(world, account, [projectId, secret, version], closing);
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(file, bytes, { mode: 0o400 });
    }
    mounts.push([mountPath.replace(/\/+$/, ""), place]);
  }
  return mounts;
}
