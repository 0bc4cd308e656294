import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Certificates {
  folder: string;
  /** PEM of the root alone. */
  root: string;
  /** A folder as OpenSSL wants it, and Debian has it: each root under the hash of its subject. */
  hashed: string;
}

/** A chain of the shape Google serves: RSA-4096 root, RSA-2048 intermediate, P-256 leaf (chain.pem, leaf.key). */
export function makeCertificates(folder: string): Certificates {
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) =>
    execFileSync("openssl", args, { cwd: folder, encoding: "utf8", stdio: "pipe" });
  mkdirSync(folder, { recursive: true });
  writeFileSync(file("authority.ext"), "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n");
  writeFileSync(
    file("leaf.ext"),
    "subjectAltName=IP:127.0.0.1,DNS:localhost\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n",
  );
  openssl("req", "-newkey", "rsa:4096", "-nodes", "-keyout", "root.key", "-out", "root.csr", "-subj", "/CN=Bench Root");
  const days = ["-days", "30"];
  openssl(
    "x509",
    "-req",
    "-in",
    "root.csr",
    "-signkey",
    "root.key",
    "-extfile",
    "authority.ext",
    ...days,
    "-out",
    "root.pem",
  );
  const sign = (name: string, by: string, extensions: string) =>
    openssl(
      ...["x509", "-req", "-in", `${name}.csr`, "-CA", `${by}.pem`, "-CAkey", `${by}.key`, "-CAcreateserial"],
      ...["-extfile", extensions, ...days, "-out", `${name}.pem`],
    );
  openssl(
    "req",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-keyout",
    "middle.key",
    "-out",
    "middle.csr",
    "-subj",
    "/CN=Bench CA",
  );
  sign("middle", "root", "authority.ext");
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  openssl("req", ...curve, "-nodes", "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=127.0.0.1");
  sign("leaf", "middle", "leaf.ext");
  writeFileSync(file("chain.pem"), `${readFileSync(file("leaf.pem"))}${readFileSync(file("middle.pem"))}`);
  mkdirSync(file("hashed"), { recursive: true });
  const hash = openssl("x509", "-noout", "-hash", "-in", "root.pem").trim();
  copyFileSync(file("root.pem"), join(folder, "hashed", `${hash}.0`));
  return { folder, root: file("root.pem"), hashed: file("hashed") };
}
