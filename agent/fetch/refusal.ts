import type { Instance } from "../identify/instance.ts";

/** What was asked for, so that a refusal can say what to grant. */
export interface Wanted {
  /** As an operator would name it. */
  resource: string;
  role: string;
  /** Any of these access scopes is enough. */
  scopes: readonly string[];
}

const cloudPlatform = "https://www.googleapis.com/auth/cloud-platform";
export const secretScopes = [cloudPlatform];
export const storageReadScopes = [
  cloudPlatform,
  "https://www.googleapis.com/auth/cloud-platform.read-only",
  ...["read_only", "read_write", "full_control"].map((right) => `https://www.googleapis.com/auth/devstorage.${right}`),
];

/**
 * Says what a 403 lacks. Scopes and roles are separate locks on the same door: scopes belong to the instance and cannot
 * change while it runs, roles belong to the service account. Google's text is read for its kind only, never repeated.
 */
export function explainForbidden(body: Buffer, instance: Instance, wanted: Wanted): string {
  const text = body.toString();
  const account = instance.serviceAccount?.email ?? "the instance's service account";
  if (/SERVICE_DISABLED|accessNotConfigured/.test(text))
    return `the API is not enabled in the project that ${wanted.resource} is billed to`;
  const scopes = instance.serviceAccount?.scopes;
  const scopeMissing =
    /ACCESS_TOKEN_SCOPE_INSUFFICIENT|insufficient authentication scopes|insufficientPermissions/.test(text) ||
    (scopes !== undefined && !scopes.some((scope) => wanted.scopes.includes(scope)));
  if (scopeMissing)
    return `the instance's access scopes do not allow ${account} to read ${wanted.resource}: give the instance template the scope ${cloudPlatform}`;
  return `${account} may not read ${wanted.resource} (or it does not exist): grant it the role ${wanted.role}`;
}
