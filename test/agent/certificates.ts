import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate authority in a folder of its own, and certificates by it. */
export class Authority {
  readonly folder = mkdtempSync(join(tmpdir(), "moult-ca-"));
  /** PEM file of its own certificate. */
  readonly file = join(this.folder, "ca.pem");
  #issued = 0;

  constructor(name = "moult test authority") {
    writeFileSync(join(this.folder, "index.txt"), "");
    writeFileSync(join(this.folder, "index.txt.attr"), "unique_subject = no\n");
    writeFileSync(
      join(this.folder, "ca.cnf"),
      `[ca]\ndefault_ca=own\n[own]\ndatabase=${this.folder}/index.txt\nnew_certs_dir=${this.folder}\nrand_serial=yes\ndefault_md=sha256\npolicy=any\ncopy_extensions=copy\n[any]\ncommonName=supplied\n`,
    );
    this.#openssl("req", "-x509", ...this.#key("ca.key"), "-days", "20000", "-subj", `/CN=${name}`, "-out", this.file);
  }

  /** Its own certificate. */
  get pem(): string {
    return readFileSync(this.file, "utf8");
  }

  /** @param from and `to`: days from now. */
  issue({ cn = "127.0.0.1", san = "IP:127.0.0.1", from = -1, to = 2 } = {}): { key: Buffer; cert: Buffer } {
    const [key, csr, cert] = ["key", "csr", "pem"].map((end) => `${this.#issued}.${end}`);
    this.#issued++;
    if (!key || !csr || !cert) throw new Error("no names");
    this.#openssl(
      "req",
      "-new",
      ...this.#key(key),
      "-subj",
      `/CN=${cn}`,
      "-addext",
      `subjectAltName=${san}`,
      "-out",
      csr,
    );
    const dates = ["-startdate", stamp(from), "-enddate", stamp(to)];
    const signer = ["-cert", this.file, "-keyfile", "ca.key"];
    this.#openssl("ca", "-batch", "-notext", "-config", "ca.cnf", ...signer, ...dates, "-in", csr, "-out", cert);
    return { key: readFileSync(join(this.folder, key)), cert: readFileSync(join(this.folder, cert)) };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #key(file: string): string[] {
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", file];
  }

  #openssl(...args: string[]): void {
    execFileSync("openssl", args, { cwd: this.folder, stdio: ["ignore", "ignore", "pipe"] });
  }
}

/** `YYYYMMDDHHMMSSZ` */
function stamp(days: number): string {
  return `${new Date(Date.now() + days * 86_400_000).toISOString().replace(/\D/g, "").slice(0, 14)}Z`;
}
