import { createPublicKey, type KeyObject, verify } from "node:crypto";

export interface InstanceIdentity {
  instanceId: string;
  instanceName: string;
  projectId: string;
  zone: string;
}

export type Verified = { identity: InstanceIdentity } | { problem: string };

export interface IdentityCheck {
  token: string;
  audience: string;
  /** When the statement it covers was stored, ms since the epoch: the token must have been valid then, whenever it is read. */
  storedAt: number;
}

/** Clocks of Google's services agree within this. */
const SKEW_MS = 60_000;
const ISSUERS = new Set(["https://accounts.google.com", "accounts.google.com"]);
const KEYS_LIVE_MS = 3_600_000;

/**
 * Checks an instance identity token: signature by one of Google's keys, issuer, audience, freshness, and that it names an
 * instance. https://cloud.google.com/compute/docs/instances/verifying-instance-identity
 */
export function makeIdentityVerifier(certsUrl: string, now: () => number): (check: IdentityCheck) => Promise<Verified> {
  let keys = new Map<string, KeyObject>();
  let read = 0;

  async function keyOf(kid: string): Promise<KeyObject | undefined> {
    // An unknown key id means Google rotated its keys, or a forger: ask again, but not for every forgery.
    if (!keys.has(kid) && now() - read > 10_000) read = 0;
    if (now() - read > KEYS_LIVE_MS) {
      const response = await fetch(certsUrl, { signal: AbortSignal.timeout(10_000) });
      const { keys: found } = (await response.json()) as { keys: { kid: string }[] };
      keys = new Map(found.map((key) => [key.kid, createPublicKey({ key, format: "jwk" })]));
      read = now();
    }
    return keys.get(kid);
  }

  return async ({ token, audience, storedAt }) => {
    const [head = "", body = "", signature = ""] = token.split(".");
    const header = decode<{ alg?: string; kid?: string }>(head);
    const claims = decode<Claims>(body);
    if (!header || !claims) return { problem: "the token is not a JWT" };
    if (header.alg !== "RS256") return { problem: "the token is not signed with RS256" };
    const key = await keyOf(header.kid ?? "");
    if (!key) return { problem: "the token is signed by an unknown key" };
    if (!verify("RSA-SHA256", Buffer.from(`${head}.${body}`), key, Buffer.from(signature, "base64url")))
      return { problem: "the token's signature does not hold" };
    if (!ISSUERS.has(claims.iss ?? "")) return { problem: "the token was not issued by Google" };
    if (claims.aud !== audience) return { problem: "the token was made for something else than this report" };
    const from = Number(claims.iat ?? 0) * 1000 - SKEW_MS;
    const until = Number(claims.exp ?? 0) * 1000 + SKEW_MS;
    if (storedAt < from || storedAt > until) return { problem: "the token was not valid when the report was stored" };
    const instance = claims.google?.compute_engine;
    if (!instance?.instance_id) return { problem: "the token does not name an instance" };
    return {
      identity: {
        instanceId: String(instance.instance_id),
        instanceName: instance.instance_name ?? "",
        projectId: instance.project_id ?? "",
        zone: instance.zone ?? "",
      },
    };
  };
}

interface Claims {
  iss?: string;
  aud?: string;
  iat?: number;
  exp?: number;
  google?: { compute_engine?: { instance_id?: string; instance_name?: string; project_id?: string; zone?: string } };
}

function decode<T>(part: string): T | undefined {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString("utf8")) as T;
  } catch {
    return undefined;
  }
}
