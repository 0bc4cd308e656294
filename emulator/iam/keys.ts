import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { certificate } from "./certificate.ts";

interface Pair {
  privateKey: KeyObject;
  publicKey: KeyObject;
  kid: string;
}

function pairOf(privateKey: KeyObject): Pair {
  const publicKey = createPublicKey(privateKey);
  const kid = createHash("sha1")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");
  return { privateKey, publicKey, kid };
}

/** The key that signs identity tokens: RSA-2048, made at first use (it costs about a tenth of a second) and kept. */
export class SigningKey {
  #pair: Pair | undefined;
  readonly #onMade: () => void;

  constructor(onMade: () => void) {
    this.#onMade = onMade;
  }

  #made(): Pair {
    if (this.#pair) return this.#pair;
    const made = pairOf(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey);
    this.#pair = made;
    this.#onMade();
    return made;
  }

  /** A JWT over these claims. */
  sign(claims: Record<string, unknown>): string {
    const { privateKey, kid } = this.#made();
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const signed = `${part({ alg: "RS256", kid, typ: "JWT" })}.${part(claims)}`;
    return `${signed}.${sign("RSA-SHA256", Buffer.from(signed), privateKey).toString("base64url")}`;
  }

  /** A signature over any bytes (RSASSA-PKCS1-v1_5 with SHA-256). */
  signBytes(bytes: Buffer): { keyId: string; signature: Buffer } {
    const { privateKey, kid } = this.#made();
    return { keyId: kid, signature: sign("RSA-SHA256", bytes, privateKey) };
  }

  get id(): string {
    return this.#made().kid;
  }

  get publicKey(): KeyObject {
    return this.#made().publicKey;
  }

  /** True when this key signed the JWT; times are not looked at. */
  signed(jwt: string): boolean {
    const [header, payload, signature] = jwt.split(".");
    if (!this.#pair || !header || !payload || !signature) return false;
    const text = Buffer.from(`${header}.${payload}`);
    return verify("RSA-SHA256", text, this.#pair.publicKey, Buffer.from(signature, "base64url"));
  }

  /** The public key as a JSON Web Key Set. */
  jwks(): object {
    const { publicKey, kid } = this.#made();
    const { n, e } = publicKey.export({ format: "jwk" });
    return { keys: [{ kid, alg: "RS256", use: "sig", kty: "RSA", n, e }] };
  }

  /** The public key in a self-signed X.509 certificate (PEM) under its key id. `from` and `to` in ms. */
  certificates(from: number, to: number): Record<string, string> {
    const { privateKey, publicKey, kid } = this.#made();
    return { [kid]: certificate(privateKey, publicKey, "federated-signon.system.gserviceaccount.com", from, to) };
  }

  save(): string | undefined {
    return this.#pair?.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  }

  load(pem: string): void {
    this.#pair = pairOf(createPrivateKey(pem));
  }
}

/** The claims of a JWT without looking at its signature; undefined when it is not one. */
export function claimsOf(jwt: string): Record<string, unknown> | undefined {
  const payload = jwt.split(".")[1];
  if (jwt.split(".").length !== 3 || !payload) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    return typeof claims === "object" && claims !== null ? (claims as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
