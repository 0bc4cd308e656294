import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Certificates } from "./certificates.ts";
import type { Prepared, Program } from "./measure.ts";
import type { Ports } from "./server.ts";

/** Where the job is done: the server's ports and the trust in it. */
export interface Place {
  scratch: string;
  /** The Node that programs run on: not the file the bench itself runs from, which is never out of the page cache. */
  node: string;
  certificates: Certificates;
  ports: Ports;
}

export const versionOf = (n: number): string => `projects/acme/secrets/s${n}/versions/3`;

const template = `{
  "instance": "{{ instance.name }}",
  "zone": "{{ instance.zone }}",
  "role": "{{ attributes.role }}",
  "listen": "{{ network.ip }}:8080",
  "password": "@secret@",
  "workers": 8
}
`;

/**
 * The standard job: 8 secrets, 12 files. Six are rendered (four of them with a secret), four are secrets as they are, two are
 * copied. With `secrets: 0` the same files without any, with more the others are files of their own.
 */
export function manifestOf(secrets: number): { manifest: unknown; sources: Record<string, string> } {
  const sources: Record<string, string> = { "motd.txt": "Replaced, never changed.\n".repeat(40) };
  const files: unknown[] = [];
  for (let n = 0; n < 6; n++) {
    const secret = n < 4 && n < secrets ? `{{ secrets.s${n} }}` : "none";
    sources[`app${n}.json.tmpl`] = template.replace("@secret@", secret);
    files.push({ path: `/etc/app/app${n}.json`, template: `app${n}.json.tmpl`, format: "json", mode: "0640" });
  }
  const direct = Math.max(4, secrets - 4);
  for (let n = 4; n < 4 + direct; n++)
    files.push(
      n < secrets
        ? { path: `/etc/app/keys/s${n}`, secret: `s${n}`, mode: "0400" }
        : { path: `/etc/app/keys/s${n}`, source: "motd.txt" },
    );
  for (let n = 0; n < 2; n++) files.push({ path: `/etc/app/motd${n}`, source: "motd.txt" });
  const named = Object.fromEntries(Array.from({ length: secrets }, (_, n) => [`s${n}`, versionOf(n)]));
  return {
    manifest: {
      manifest: 1,
      attributes: { role: { type: "text" } },
      files,
      ...(secrets > 0 ? { secrets: named } : {}),
    },
    sources,
  };
}

export function newRoot(scratch: string): string {
  const root = mkdtempSync(join(scratch, "root-"));
  mkdirSync(join(root, "etc"));
  mkdirSync(join(root, "run"));
  return root;
}

export function bake(root: string, secrets: number): void {
  const { manifest, sources } = manifestOf(secrets);
  mkdirSync(join(root, "usr/lib/moult/files"), { recursive: true });
  writeFileSync(join(root, "usr/lib/moult/manifest.json"), JSON.stringify(manifest, null, 2));
  for (const [name, text] of Object.entries(sources)) writeFileSync(join(root, "usr/lib/moult/files", name), text);
}

/** Every file the job is about is there, and the rendered ones hold what they should. */
export function checkFiles(root: string, folder = "etc/app", count = 12): void {
  const found = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(root, folder, name)).isFile(),
  );
  if (found.length < count) throw new Error(`${found.length} of ${count} files are there`);
  const rendered: unknown = JSON.parse(readFileSync(join(root, folder, "app0.json"), "utf8"));
  if (typeof rendered !== "object" || rendered === null || !("zone" in rendered)) throw new Error("not rendered");
}

/** How the agent is started: by which Node, or as an executable of its own. */
export interface Agent {
  command: string;
  /** Before `boot`. */
  args: readonly string[];
  env: (certificates: Certificates) => Record<string, string>;
}

/** As the unit of systemd starts it: with the system's roots, which OpenSSL looks up by hash. */
export const agentOn = (node: string, bundle: string): Agent => ({
  command: node,
  args: ["--use-openssl-ca", bundle],
  env: ({ hashed }) => ({ SSL_CERT_DIR: hashed }),
});

export function bootProgram(agent: Agent, root: string, { ports, certificates }: Place): Program {
  return {
    command: agent.command,
    args: [
      ...agent.args,
      ...["boot", "--root", root, "--metadata", `127.0.0.1:${ports.metadata}`],
      ...["--endpoint", `secretmanager=https://127.0.0.1:${ports.secure}`, "--deadline", "60"],
    ],
    env: agent.env(certificates),
  };
}

/** A boot of a machine that was never configured. */
export function freshBoot(agent: Agent, place: Place, secrets = 8): Prepared {
  const root = newRoot(place.scratch);
  bake(root, secrets);
  return {
    program: bootProgram(agent, root, place),
    check: () => checkFiles(root),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
