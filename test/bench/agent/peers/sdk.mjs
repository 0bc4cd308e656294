// The standard job with Google's own libraries for Node, as their guides show it. ROOT, SECURE (port), REST=1 for the
// fallback without gRPC; GCE_METADATA_HOST as the libraries read it.
import { chmod, mkdir, open, readFile, rename } from "node:fs/promises";
import { SecretManagerServiceClient } from "@google-cloud/secret-manager";
import * as metadata from "gcp-metadata";

const { ROOT, SECURE, REST } = process.env;
const folder = `${ROOT}/etc/app`;
const client = new SecretManagerServiceClient({
  apiEndpoint: "127.0.0.1",
  port: Number(SECURE),
  fallback: REST === "1",
});

async function place(path, bytes, mode) {
  const temporary = `${path}.new`;
  const file = await open(temporary, "wx", 0o600);
  await file.writeFile(bytes);
  await file.sync();
  await file.close();
  await chmod(temporary, mode);
  await rename(temporary, path);
}

const [about, ...secrets] = await Promise.all([
  metadata.instance({ params: { recursive: "true" } }),
  ...Array.from({ length: 8 }, async (_, n) => {
    const [version] = await client.accessSecretVersion({ name: `projects/acme/secrets/s${n}/versions/3` });
    return Buffer.from(version.payload.data);
  }),
]);
await mkdir(`${folder}/keys`, { recursive: true });
const motd = await readFile(`${ROOT}/usr/lib/moult/files/motd.txt`);
for (let n = 0; n < 6; n++) {
  const document = {
    instance: about.name,
    zone: about.zone.split("/").at(-1),
    role: about.attributes.role,
    listen: `${about.networkInterfaces[0].ip}:8080`,
    password: n < 4 ? secrets[n].toString() : "none",
    workers: 8,
  };
  await place(`${folder}/app${n}.json`, JSON.stringify(document, null, 2), 0o640);
}
for (let n = 4; n < 8; n++) await place(`${folder}/keys/s${n}`, secrets[n], 0o400);
for (let n = 0; n < 2; n++) await place(`${folder}/motd${n}`, motd, 0o644);
for (const path of [folder, `${folder}/keys`]) {
  const file = await open(path);
  await file.sync();
  await file.close();
}
