import type { Answer } from "../edge/http.ts";
import { Failure } from "../outcome.ts";
import type { ManifestVault } from "../plan/manifest.ts";
import type { Reference } from "../plan/reference.ts";

/** One field of one version, with its whole reference for people. */
export type VaultVersion = Extract<Reference, { kind: "vault" }> & { text: string };

interface Wire {
  auth?: { client_token?: unknown; token_type?: unknown; lease_duration?: unknown } | null;
  data?: { data?: { [field: string]: unknown } | null; metadata?: { version?: unknown; destroyed?: unknown } } | null;
}

function read(text: string): Wire {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

/** `seconds` are those the token is good for; 0 on the wire is for ever. Batch tokens are not kept, and not taken back. */
export function readLogin(body: Buffer): { token: string | undefined; kept: boolean; seconds: number } {
  const { auth } = read(body.toString());
  const token = auth?.client_token;
  return {
    token: typeof token === "string" && /^[\x21-\x7e]+$/.test(token) ? token : undefined,
    kept: auth?.token_type !== "batch",
    seconds: Number(auth?.lease_duration) || Number.POSITIVE_INFINITY,
  };
}

/** The bytes of a text; of anything else its JSON, with every digit. */
export function fieldOf(body: Buffer, { text, version, mount, field }: VaultVersion): Buffer {
  const json = body.toString();
  const { data, metadata } = read(json).data ?? {};
  if (!data || String(metadata?.version) !== version)
    throw new Failure("secret-refused", `${text}: ${mount} is not a KV engine of version 2`);
  if (!Object.hasOwn(data, field)) throw new Failure("secret-missing", `${text}: this version has no such field`);
  const value = data[field];
  if (typeof value === "string") return Buffer.from(value);
  // JSON.parse would round numbers, so they pass it as marked texts.
  const marked = json.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/gs, (token) =>
    token[0] === '"' ? token : `"\\u0000${token}"`,
  );
  return Buffer.from(JSON.stringify(read(marked).data?.data?.[field]).replace(/"\\u0000([^"]*)"/g, "$1"));
}

export function readRefused({ status, body }: Answer, version: VaultVersion, { role, auth }: ManifestVault): Failure {
  const { text, mount, path } = version;
  if (status === 403) {
    const right = `a policy that reads ${mount}/data/${path}`;
    return new Failure("secret-refused", `Vault refuses ${text}: give role ${role} of auth/${auth} ${right}`);
  }
  if (status !== 404) return new Failure("secret-refused", `Vault answers ${text} with status ${status}`);
  const metadata = read(body.toString()).data?.metadata;
  if (!metadata && body.includes("no handler for route"))
    return new Failure(
      "secret-missing",
      `${text}: nothing is mounted at ${mount}; a mount of several levels has %2F between them`,
    );
  if (!metadata) return new Failure("secret-missing", `${text} does not exist`);
  return new Failure("secret-unusable", `${text} is ${metadata.destroyed === true ? "destroyed" : "deleted"}`);
}

export function loginRefused({ status }: Answer, { address, role, auth, namespace }: ManifestVault): Failure {
  const method = `auth/${auth}${namespace === undefined ? "" : ` of namespace ${namespace}`}`;
  const why =
    status === 404
      ? `there is no ${method}`
      : status === 400 || status === 403
        ? `${method} has no role ${role}, or one that is not bound to this instance`
        : `status ${status}`;
  return new Failure("secret-refused", `${address} refuses the login: ${why}`);
}
