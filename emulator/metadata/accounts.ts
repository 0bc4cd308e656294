import { createHash } from "node:crypto";
import type { Answer } from "../frame/http.ts";
import type { World } from "../frame/world.ts";
import { ok, refusal } from "./replies.ts";
import type { InstanceView } from "./tree.ts";

/** The real server gives out the same token until it is about to expire. */
const RENEW_BEFORE_MS = 300_000;

const EVERYTHING = "https://www.googleapis.com/auth/cloud-platform";

function isYes(value: string): boolean {
  return /^(true|1|yes|y)$/i.test(value);
}

type Account = { email: string; scopes: string[] };

/** A service account's numeric id: 21 digits, always the same for an account. */
function uniqueId(email: string): string {
  const digits = BigInt(`0x${createHash("sha256").update(email).digest("hex")}`).toString();
  return `1${digits.slice(0, 20)}`;
}

/** Tokens of an instance's service account. */
export class Tokens {
  readonly #world: World;
  readonly #known = new Map<string, { token: string; expires: number }>();

  constructor(world: World) {
    this.#world = world;
  }

  /** `enforce_scopes=true` limits the token to `scopes`, which must be among the instance's own. */
  access(view: InstanceView, { email, scopes }: Account, query: URLSearchParams): Answer {
    const wanted = (query.get("scopes") ?? "").split(",").filter((scope) => scope !== "");
    const enforce = query.get("enforce_scopes");
    if (enforce !== null && !isYes(enforce)) return refusal(400, "enforce_scopes must be true when it is given.");
    const key = "enable-access-token-enforce-scopes";
    const enforced = enforce !== null || isYes(view.attributes()[key] ?? view.projectAttributes()[key] ?? "");
    const beyond = enforced ? wanted.filter((scope) => !scopes.includes(scope)) : [];
    if (beyond.length > 0 && !scopes.includes(EVERYTHING)) {
      return refusal(400, `The instance does not have the scopes ${beyond.join(", ")}.`);
    }
    const now = this.#world.clock.now();
    let known = this.#known.get(email);
    if (!known || known.expires - now < RENEW_BEFORE_MS) {
      const { token, expiresInSeconds } = this.#world.doors.accessToken(email);
      known = { token, expires: now + expiresInSeconds * 1000 };
      this.#known.set(email, known);
    }
    const expires = Math.max(0, Math.floor((known.expires - now) / 1000));
    return ok(JSON.stringify({ access_token: known.token, expires_in: expires, token_type: "Bearer" }), "json");
  }

  /**
   * A signed identity token. `format=full` adds what the machine is.
   * https://cloud.google.com/compute/docs/instances/verifying-instance-identity
   */
  identity(view: InstanceView, { email }: Account, query: URLSearchParams, bornAt: number): Answer {
    const audience = query.get("audience") ?? "";
    if (audience === "") return refusal(400, "non-empty audience parameter required");
    const format = (query.get("format") ?? "standard").toLowerCase();
    if (format !== "standard" && format !== "full") return refusal(400, "format must be standard or full");
    const licenses = (query.get("licenses") ?? "false").toLowerCase() === "true";
    const machine = {
      instance_creation_timestamp: Math.floor((view.createdAt ?? bornAt) / 1000),
      instance_id: view.id,
      instance_name: view.name,
      project_id: this.#world.project,
      project_number: Number(this.#world.projectNumber),
      zone: view.zone.slice(view.zone.lastIndexOf("/") + 1),
      ...(licenses && { license_id: [] }),
    };
    return ok(
      this.#world.doors.identityToken({
        aud: audience,
        azp: uniqueId(email),
        sub: uniqueId(email),
        email,
        email_verified: true,
        ...(format === "full" && { google: { compute_engine: machine } }),
      }),
      "html",
    );
  }
}
