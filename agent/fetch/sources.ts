import type { Google } from "../edge/google.ts";
import type { Instance } from "../identify/instance.ts";
import { Failure } from "../outcome.ts";
import type { ManifestVault } from "../plan/manifest.ts";
import { readReference } from "../plan/reference.ts";
import { fetchSecret, secretHost } from "./secrets.ts";
import { Vault, type VaultAround } from "./vault.ts";

/** Every place that secrets come from, by their references. */
export class Sources {
  readonly #google: Google;
  readonly #around: VaultAround;
  readonly #open = new Map<ManifestVault, Vault>();
  readonly #asked = new Map<string, Promise<Buffer>>();
  #vaults: readonly ManifestVault[] = [];

  constructor(google: Google, around: VaultAround) {
    this.#google = google;
    this.#around = around;
  }

  /** No Vault is asked that these, of the manifest or the seal, do not name. */
  trust(vaults: readonly ManifestVault[]): void {
    this.#vaults = vaults;
  }

  /** Connects, and logs in to Vaults, before there is anything to ask. */
  open(references: Iterable<string>): void {
    for (const text of references) {
      const reference = readReference(text);
      if (reference?.kind === "vault") this.#vault(reference.host);
      else this.#google.open("secretmanager", secretHost(text));
    }
  }

  /** Asks for those that need no Vault, before anything says which of them are needed. */
  ask(references: Iterable<string>, instance: Instance): void {
    for (const text of references)
      if (readReference(text)?.kind === "google") this.fetch(text, instance).catch(() => {});
  }

  /** The payload of one version, asked for once however many want it. */
  fetch(text: string, instance: Instance): Promise<Buffer> {
    const coming = this.#asked.get(text) ?? this.#fetch(text, instance);
    this.#asked.set(text, coming);
    return coming;
  }

  async #fetch(text: string, instance: Instance): Promise<Buffer> {
    const reference = readReference(text);
    if (reference?.kind !== "vault") return fetchSecret(this.#google, instance, text, this.#around.deadline);
    const vault = this.#vault(reference.host);
    if (!vault) throw new Failure("manifest-invalid", `${text}: the manifest's vaults do not name this host`);
    return vault.fetch({ ...reference, text });
  }

  /** Nothing more will be fetched. */
  async leave(): Promise<void> {
    await Promise.all([...this.#open.values()].map((vault) => vault.leave()));
  }

  close(): void {
    for (const vault of this.#open.values()) vault.close();
  }

  #vault(host: string): Vault | undefined {
    const named = this.#vaults.find(({ address }) => {
      const { host: own, protocol } = new URL(address);
      return own === new URL(`${protocol}//${host}`).host;
    });
    if (!named) return undefined;
    const vault = this.#open.get(named) ?? new Vault(named, this.#around);
    this.#open.set(named, vault);
    return vault;
  }
}
