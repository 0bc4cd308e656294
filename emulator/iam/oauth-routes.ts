import type { Answer, Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import type { World } from "../frame/world.ts";
import { claimsOf, type SigningKey } from "./keys.ts";
import { OWNER, type Tokens } from "./tokens.ts";

const CERTIFICATE_DAYS = 14;
const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/** An error as RFC 6749 §5.2 wants it, not as Google's APIs do. */
function refused(error: string, description: string): Answer {
  return { status: 400, json: { error, error_description: description } };
}

/** The token endpoint. Signatures of assertions are not checked: the public halves of the keys are not here. */
function exchange(tokens: Tokens, call: Call): Answer {
  const isForm = !(call.headers["content-type"] ?? "").includes("json");
  const fields = isForm
    ? Object.fromEntries(new URLSearchParams(call.bytes.toString("utf8")))
    : call.json<Record<string, string>>();
  if (fields.grant_type === "refresh_token") {
    const { token, expiresInSeconds } = tokens.accessToken(OWNER);
    // For who asked it: what `gcloud functions call` and `auth print-identity-token` send on.
    const claims = { aud: fields.client_id, azp: fields.client_id, sub: OWNER, email: OWNER, email_verified: true };
    return {
      json: {
        access_token: token,
        expires_in: expiresInSeconds,
        token_type: "Bearer",
        id_token: tokens.identityToken(claims),
      },
    };
  }
  if (fields.grant_type !== JWT_BEARER) {
    return refused("unsupported_grant_type", `Invalid grant_type: ${fields.grant_type ?? ""}`);
  }
  const claims = claimsOf(fields.assertion ?? "");
  if (!claims) return refused("invalid_grant", "Invalid JWT: it must have three parts and a JSON payload.");
  if (typeof claims.iss !== "string" || claims.iss === "") {
    return refused("invalid_grant", "Invalid JWT: the issuer (iss) is missing.");
  }
  const account = typeof claims.sub === "string" && claims.sub ? claims.sub : claims.iss;
  if (claims.target_audience !== undefined) {
    const token = tokens.identityToken({
      aud: claims.target_audience,
      azp: account,
      sub: account,
      email: account,
      email_verified: true,
    });
    return { json: { id_token: token } };
  }
  const { token, expiresInSeconds } = tokens.accessToken(account);
  return { json: { access_token: token, expires_in: expiresInSeconds, token_type: "Bearer" } };
}

/** Who holds a token, for clients that ask: `oauth2.tokeninfo`. */
function tokenInfo(world: World, call: Call): Answer {
  const fields = new URLSearchParams(call.bytes.toString("utf8"));
  const token = call.query.get("access_token") ?? fields.get("access_token");
  if (!token) return refused("invalid_token", "Invalid Value");
  try {
    const email = world.doors.principal({ authorization: `Bearer ${token}` });
    return {
      json: { email, email_verified: "true", scope: "https://www.googleapis.com/auth/cloud-platform" },
    };
  } catch {
    return refused("invalid_token", "Invalid Value");
  }
}

export function oauthRoutes(world: World, key: SigningKey, tokens: Tokens): Route[] {
  const cached = { "cache-control": "public, max-age=3600, must-revalidate" };
  const now = () => world.clock.now();
  return [
    { id: "oauth2.certs", method: "GET", path: "/oauth2/v3/certs", run: () => ({ json: key.jwks(), headers: cached }) },
    {
      id: "oauth2.certificates",
      method: "GET",
      path: "/oauth2/v1/certs",
      run: () => ({
        json: key.certificates(now() - 3_600_000, now() + CERTIFICATE_DAYS * 86_400_000),
        headers: cached,
      }),
    },
    // As keys name it now, and as older clients have it built in.
    ...["/token", "/oauth2/v4/token", "/o/oauth2/token"].map((path): Route => {
      return { id: "oauth2.token", method: "POST", path, coverage: "partly", run: (call) => exchange(tokens, call) };
    }),
    ...(["GET", "POST"] as const).map(
      (method): Route => ({
        id: "oauth2.tokeninfo",
        method,
        path: "/tokeninfo",
        coverage: "partly",
        run: (call) => tokenInfo(world, call),
      }),
    ),
  ];
}
