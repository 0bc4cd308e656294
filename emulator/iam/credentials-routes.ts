import { ApiError } from "../frame/errors.ts";
import { durationSeconds, type Json, readFields, type Shape } from "../frame/fields.ts";
import type { Call } from "../frame/http.ts";
import type { Route } from "../frame/router.ts";
import { utc } from "../frame/time.ts";
import type { World } from "../frame/world.ts";
import { type Accounts, uniqueIdOf } from "./accounts.ts";
import type { SigningKey } from "./keys.ts";
import type { Tokens } from "./tokens.ts";

const SIGN_BLOB: Shape = { delegates: "strings", payload: "bytes" };
const SIGN_JWT: Shape = { delegates: "strings", payload: "string" };
const ACCESS: Shape = { delegates: "strings", scope: "strings", lifetime: "duration" };
const IDENTITY: Shape = {
  delegates: "strings",
  audience: "string",
  includeEmail: "boolean",
  organizationNumberIncluded: "boolean",
};
const LONGEST_SECONDS = 3600;

/**
 * What may be done in a service account's name without its key. Any account's name will do: who may is decided by deny
 * rules, as everywhere here. https://cloud.google.com/iam/docs/reference/credentials/rest
 */
export function credentialsRoutes(world: World, accounts: Accounts, key: SigningKey, tokens: Tokens): Route[] {
  const route = (
    verb: string,
    permission: string,
    shape: Shape,
    run: (email: string, request: Json) => Json,
  ): Route => ({
    id: `iamcredentials.projects.serviceAccounts.${verb}`,
    method: "POST",
    path: `/v1/projects/{project}/serviceAccounts/{account}:${verb}`,
    run: (call: Call) => {
      const { project, account = "" } = call.params;
      if (project !== "-") throw new ApiError(400, "The project in the name of a service account must be -.");
      const email = accounts.list().find((one) => uniqueIdOf(one.email) === account)?.email ?? account;
      const caller = world.doors.principal(call.headers);
      if (!world.doors.allowed(caller, `iam.serviceAccounts.${permission}`, `projects/-/serviceAccounts/${email}`)) {
        throw new ApiError(
          403,
          `Permission 'iam.serviceAccounts.${permission}' denied on resource (or it may not exist).`,
        );
      }
      return { json: run(email, readFields(shape, call.json(), world.loose)) };
    },
  });
  return [
    route("signBlob", "signBlob", SIGN_BLOB, (email, { payload = "" }) => {
      accounts.signs(email);
      const { keyId, signature } = key.signBytes(Buffer.from(String(payload), "base64"));
      return { keyId, signedBlob: signature.toString("base64") };
    }),
    route("signJwt", "signJwt", SIGN_JWT, (email, { payload = "" }) => {
      accounts.signs(email);
      let claims: unknown;
      try {
        claims = JSON.parse(String(payload));
      } catch {
        claims = undefined;
      }
      if (typeof claims !== "object" || claims === null) {
        throw new ApiError(400, "The payload of a JWT must be a JSON object of claims.");
      }
      return { keyId: key.id, signedJwt: key.sign({ ...claims }) };
    }),
    route("generateAccessToken", "getAccessToken", ACCESS, (email, { scope, lifetime = "3600s" }) => {
      if (!Array.isArray(scope) || scope.length === 0) throw new ApiError(400, "The field scope is required.");
      const seconds = durationSeconds(String(lifetime), "lifetime");
      if (seconds <= 0 || seconds > LONGEST_SECONDS) {
        throw new ApiError(400, `The lifetime must be between 1s and ${LONGEST_SECONDS}s.`);
      }
      const { token, expiresInSeconds } = tokens.accessToken(email);
      const until = world.clock.now() + Math.min(seconds, expiresInSeconds) * 1000;
      return { accessToken: token, expireTime: utc(until) };
    }),
    route("generateIdToken", "getOpenIdToken", IDENTITY, (email, { audience, includeEmail }) => {
      if (typeof audience !== "string" || audience === "") throw new ApiError(400, "The field audience is required.");
      const sub = uniqueIdOf(email);
      const claims = { aud: audience, azp: sub, sub, ...(includeEmail === true && { email, email_verified: true }) };
      return { token: tokens.identityToken(claims) };
    }),
  ];
}
