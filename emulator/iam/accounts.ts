import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { ApiError } from "../frame/errors.ts";
import type { World } from "../frame/world.ts";

export interface AccountKey {
  id: string;
  /** Public half, PEM (SPKI). The private one is given out once and not kept. */
  publicPem: string;
  origin: "GOOGLE_PROVIDED" | "USER_PROVIDED";
  createdAt: number;
  expiresAt: number;
}

export interface Account {
  email: string;
  displayName?: string;
  description?: string;
  disabled?: true;
  policy?: { version: number; bindings: unknown[]; revision: number };
}

export interface SavedAccounts {
  accounts: Account[];
  keys: [string, AccountKey[]][];
  signers: string[];
}

/** The end of time, as the real service writes it for keys that do not end. */
const NEVER = Date.UTC(9999, 11, 31, 23, 59, 59);
const TWO_YEARS_MS = 2 * 365 * 86_400_000;
const MOST_KEYS = 10;

/** A service account's number, 21 digits: the same one for the same address. */
export function uniqueIdOf(email: string): string {
  const number = BigInt(`0x${createHash("sha256").update(email).digest("hex").slice(0, 16)}`);
  return `1${String(number).padStart(20, "0").slice(-20)}`;
}

/** Service accounts of the project and the public halves of their keys. */
export class Accounts {
  readonly #world: World;
  readonly #byEmail = new Map<string, Account>();
  readonly #keys = new Map<string, AccountKey[]>();
  /** Accounts that had this emulator sign for them. */
  readonly #signers = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Those every project has: Compute's and App Engine's. */
  #defaults(): Account[] {
    const { project, projectNumber } = this.#world;
    return [
      {
        email: `${projectNumber}-compute@developer.gserviceaccount.com`,
        displayName: "Compute Engine default service account",
      },
      { email: `${project}@appspot.gserviceaccount.com`, displayName: "App Engine default service account" },
    ];
  }

  list(): Account[] {
    const made = [...this.#byEmail.values()];
    const known = new Set(made.map(({ email }) => email));
    return [...this.#defaults().filter(({ email }) => !known.has(email)), ...made].sort((a, b) =>
      a.email < b.email ? -1 : 1,
    );
  }

  /** By address or number. Throws 404. */
  get(id: string): Account {
    const found = this.list().find(({ email }) => email === id || uniqueIdOf(email) === id);
    if (!found) throw new ApiError(404, `Unknown service account: ${id}`);
    return found;
  }

  create(id: unknown, settings: Pick<Account, "displayName" | "description">): Account {
    if (typeof id !== "string" || !/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/.test(id)) {
      throw new ApiError(
        400,
        `The service account ID "${String(id)}" does not have a length between 6 and 30 or does not match [a-z]([-a-z0-9]*[a-z0-9]).`,
      );
    }
    const email = `${id}@${this.#world.project}.iam.gserviceaccount.com`;
    if (this.#byEmail.has(email)) {
      throw new ApiError(409, `Service account ${id} already exists within project projects/${this.#world.project}.`);
    }
    return this.keep({ email, ...settings });
  }

  keep(account: Account): Account {
    this.#byEmail.set(account.email, account);
    this.#world.changed();
    return account;
  }

  delete(email: string): void {
    this.#byEmail.delete(email);
    this.#keys.delete(email);
    this.#signers.delete(email);
    this.#world.changed();
  }

  keys(email: string): AccountKey[] {
    return this.#keys.get(email) ?? [];
  }

  /** Throws 404. */
  key(email: string, id: string): AccountKey {
    const found = this.keys(email).find((key) => key.id === id);
    if (!found) throw new ApiError(404, `Service account key ${id} does not exist.`);
    return found;
  }

  /** A new pair; the private half as PEM (PKCS #8). */
  makeKey(email: string): { key: AccountKey; privatePem: string } {
    this.#requireRoom(email);
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const now = this.#world.clock.now();
    const key: AccountKey = {
      id: this.#world.ids.hex(40),
      publicPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
      origin: "GOOGLE_PROVIDED",
      createdAt: now,
      expiresAt: NEVER,
    };
    this.#keys.set(email, [...this.keys(email), key]);
    this.#world.changed();
    return { key, privatePem: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
  }

  /** A key whose private half somebody else has: an X.509 certificate in PEM. Throws 400. */
  uploadKey(email: string, pem: string): AccountKey {
    this.#requireRoom(email);
    const now = this.#world.clock.now();
    let uploaded: X509Certificate;
    try {
      uploaded = new X509Certificate(pem);
    } catch {
      throw new ApiError(400, "Invalid value at 'public_key_data': it must be an X.509 certificate in PEM.");
    }
    const key: AccountKey = {
      id: this.#world.ids.hex(40),
      publicPem: uploaded.publicKey.export({ type: "spki", format: "pem" }).toString(),
      origin: "USER_PROVIDED",
      createdAt: now,
      expiresAt: Math.max(Date.parse(uploaded.validTo), now + TWO_YEARS_MS),
    };
    this.#keys.set(email, [...this.keys(email), key]);
    this.#world.changed();
    return key;
  }

  #requireRoom(email: string): void {
    if (this.keys(email).length >= MOST_KEYS) {
      throw new ApiError(400, `A service account may have at most ${MOST_KEYS} keys.`, {
        status: "FAILED_PRECONDITION",
      });
    }
  }

  deleteKey(email: string, id: string): void {
    const gone = this.key(email, id);
    this.#keys.set(
      email,
      this.keys(email).filter((key) => key !== gone),
    );
    this.#world.changed();
  }

  /** Notes that the emulator's own key signs for this account. */
  signs(email: string): void {
    if (this.#signers.has(email)) return;
    this.#signers.add(email);
    this.#world.changed();
  }

  /** What the account's signatures can be checked with; none for one whose keys nobody here has seen. */
  publicKeys(email: string, own: () => KeyObject): KeyObject[] {
    return [
      ...this.keys(email).map(({ publicPem }) => createPublicKey(publicPem)),
      ...(this.#signers.has(email) ? [own()] : []),
    ];
  }

  save(): SavedAccounts {
    return { accounts: [...this.#byEmail.values()], keys: [...this.#keys], signers: [...this.#signers] };
  }

  load({ accounts, keys, signers }: SavedAccounts): void {
    for (const account of accounts) this.#byEmail.set(account.email, account);
    for (const [email, held] of keys) this.#keys.set(email, held);
    for (const email of signers) this.#signers.add(email);
  }
}
