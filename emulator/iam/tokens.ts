import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { ApiError } from "../frame/errors.ts";
import type { World } from "../frame/world.ts";
import { claimsOf, type SigningKey } from "./keys.ts";

/** Whoever calls without a token of ours: the person at the keyboard, who owns the project. */
export const OWNER = "owner@example.com";

const PREFIX = "ya29.moult-";
const ACCESS_SECONDS = 3599;
const IDENTITY_SECONDS = 3600;

function unauthenticated(): ApiError {
  return new ApiError(
    401,
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
    {
      reason: "authError",
      locationType: "header",
      location: "Authorization",
      headers: { "www-authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"' },
    },
  );
}

/**
 * Makes and reads tokens. An access token holds its account and its end, sealed with a key of this emulator, so that
 * ten thousand of them need no memory and they outlive a restart.
 */
export class Tokens {
  readonly #world: World;
  readonly #key: SigningKey;
  seal: Buffer = randomBytes(32);

  constructor(world: World, key: SigningKey) {
    this.#world = world;
    this.#key = key;
  }

  #mac(text: string): Buffer {
    return createHmac("sha256", this.seal).update(text).digest();
  }

  accessToken(email: string): { token: string; expiresInSeconds: number } {
    const until = this.#world.clock.now() + ACCESS_SECONDS * 1000;
    const content = Buffer.from(JSON.stringify([email, until, this.#world.ids.hex(8)])).toString("base64url");
    const token = `${PREFIX}${content}.${this.#mac(content).toString("base64url")}`;
    return { token, expiresInSeconds: ACCESS_SECONDS };
  }

  identityToken(claims: Record<string, unknown>): string {
    const now = Math.floor(this.#world.clock.now() / 1000);
    return this.#key.sign({ iss: "https://accounts.google.com", iat: now, exp: now + IDENTITY_SECONDS, ...claims });
  }

  /** The claims of an identity token of ours that has not expired. */
  verifyIdentity(token: string): Record<string, unknown> | undefined {
    const claims = claimsOf(token);
    if (!claims || !this.#key.signed(token) || Number(claims.exp) * 1000 <= this.#world.clock.now()) return undefined;
    return claims;
  }

  /**
   * Who holds this bearer token. Throws 401 for a token that claims to be ours and is forged or expired; a token we
   * know nothing about (gcloud's fixed ones) belongs to the owner.
   */
  holder(bearer: string): string {
    if (bearer.startsWith(PREFIX)) return this.#accessHolder(bearer.slice(PREFIX.length));
    const claims = claimsOf(bearer);
    if (!claims) return OWNER;
    if (this.#key.signed(bearer)) {
      if (Number(claims.exp) * 1000 <= this.#world.clock.now()) throw unauthenticated();
      return String(claims.email ?? claims.sub ?? OWNER);
    }
    // A service account's key signs such a token itself (iss = sub); nobody here knows its public half.
    return typeof claims.iss === "string" && claims.iss === claims.sub ? claims.iss : OWNER;
  }

  #accessHolder(text: string): string {
    const [content = "", mac = ""] = text.split(".");
    const given = Buffer.from(mac, "base64url");
    const wanted = this.#mac(content);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) throw unauthenticated();
    const [email, until] = JSON.parse(Buffer.from(content, "base64url").toString("utf8")) as [string, number];
    if (until <= this.#world.clock.now()) throw unauthenticated();
    return email;
  }
}
