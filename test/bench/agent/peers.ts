import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { bake, checkFiles, manifestOf, newRoot, type Place, versionOf } from "./job.ts";
import type { Program, Row } from "./measure.ts";
import type { Served } from "./server.ts";

/** A program that does the job or part of it; `row` is undefined where it is not installed. */
export interface Peer {
  id: string;
  title: string;
  /** What of the job it does not do. */
  without: string;
  version: () => string;
  row: ((place: Place) => Row) | undefined;
}

const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
export function found(program: string): string | undefined {
  return path
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((file) => existsSync(file));
}
const firstLine = (command: string, ...args: string[]): string => {
  const [line = ""] = execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).split("\n");
  return line.replace(/ \(.*/, "").trim();
};
const here = (name: string): string => join(import.meta.dirname, "peers", name);

function inRoot(id: string, title: string, place: Place, program: (root: string) => Program): Row {
  return {
    id,
    title,
    prepare: () => {
      const root = newRoot(place.scratch);
      bake(root, 8);
      return {
        program: program(root),
        check: () => checkFiles(root),
        remove: () => rmSync(root, { recursive: true, force: true }),
      };
    },
  };
}

function script(secrets: "one-by-one" | "together"): Peer {
  const [id, title] = [
    `script-${secrets}`,
    `curl and jq, secrets ${secrets === "together" ? "together" : "one by one"}`,
  ];
  const there = found("curl") && found("jq");
  return {
    id,
    title,
    without: "not all or nothing, no CRC",
    version: () =>
      `${firstLine("curl", "--version").split(" ").slice(0, 2).join(" ")}, ${firstLine("jq", "--version")}`,
    row: there
      ? (place) =>
          inRoot(id, title, place, (ROOT) => ({
            command: "/bin/sh",
            args: [here("startup.sh")],
            env: {
              ...{ PATH: path, ROOT, SECRETS: secrets, CURL_CA_BUNDLE: place.certificates.root },
              ...{ META: `127.0.0.1:${place.ports.metadata}`, API: `127.0.0.1:${place.ports.secure}` },
            },
          }))
      : undefined,
  };
}

function sdk(rest: boolean): Peer {
  const [id, title] = rest ? ["sdk-rest", "Google's Node SDK, REST"] : ["sdk", "Google's Node SDK, gRPC"];
  const manifest = new URL("../../../node_modules/@google-cloud/secret-manager/package.json", import.meta.url);
  return {
    id,
    title,
    without: "not all or nothing",
    version: () => `@google-cloud/secret-manager ${JSON.parse(readFileSync(manifest, "utf8")).version}`,
    row: existsSync(manifest)
      ? (place) =>
          inRoot(id, title, place, (ROOT) => ({
            command: place.node,
            args: ["--use-openssl-ca", here("sdk.mjs")],
            env: {
              ...{ ROOT, REST: rest ? "1" : "", SECURE: String(place.ports.secure), HOME: place.scratch },
              ...{ SSL_CERT_DIR: place.certificates.hashed, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: place.certificates.root },
              ...{ GOOGLE_CLOUD_PROJECT: "acme", GCE_METADATA_HOST: `127.0.0.1:${place.ports.metadata}` },
            },
          }))
      : undefined,
  };
}

/** Debian's build relabels for SELinux, so it wants a configuration of that and a program `setfiles`. */
function ignitionRow(binary: string, place: Place): Row {
  const folder = join(place.scratch, "ignition");
  mkdirSync(folder, { recursive: true });
  const setfiles = join(folder, "setfiles");
  if (!existsSync(setfiles)) symlinkSync("/bin/true", setfiles);
  const data = (text: string) => `data:;base64,${Buffer.from(text).toString("base64")}`;
  const config = join(folder, `config-${place.ports.secure}.json`);
  const files = Array.from({ length: 12 }, (_, n) => {
    const source =
      n < 8 ? `https://127.0.0.1:${place.ports.secure}/files/${versionOf(n)}` : data("written\n".repeat(8));
    return { path: `/etc/app/file${n}`, mode: 0o640, contents: { source } };
  });
  const authority = { source: data(readFileSync(place.certificates.root, "utf8")) };
  const security = { tls: { certificateAuthorities: [authority] } };
  writeFileSync(config, JSON.stringify({ ignition: { version: "3.3.0", security }, storage: { files } }));
  const stages = `"$1" --platform file --root "$2" --config-cache "$2/cache" --state-file "$2/state" --stage fetch &&
exec "$1" --platform file --root "$2" --config-cache "$2/cache" --state-file "$2/state" --stage files`;
  return {
    id: "ignition",
    title: "Ignition",
    prepare: () => {
      const root = newRoot(place.scratch);
      mkdirSync(join(root, "etc/selinux/targeted/contexts/files"), { recursive: true });
      writeFileSync(join(root, "etc/selinux/config"), "SELINUX=permissive\nSELINUXTYPE=targeted\n");
      writeFileSync(join(root, "etc/selinux/targeted/contexts/files/file_contexts"), "");
      return {
        program: {
          command: "/bin/sh",
          args: ["-c", stages, "sh", binary, root],
          env: { PATH: `${folder}:${path}`, IGNITION_CONFIG_FILE: config },
        },
        check: () => {
          for (let n = 0; n < 12; n++)
            if (readFileSync(join(root, `etc/app/file${n}`)).length !== 64) throw new Error("a file is not as asked");
        },
        remove: () => rmSync(root, { recursive: true, force: true }),
      };
    },
  };
}

function ignition(): Peer {
  const binary = ["/usr/lib/dracut/modules.d/30ignition/ignition", "/usr/bin/ignition"].find((file) =>
    existsSync(file),
  );
  return {
    id: "ignition",
    title: "Ignition, 8 files by https, 4 inline",
    without: "no token, no secrets, nothing rendered, one fsync",
    version: () => firstLine("dpkg-query", "-W", "-f", "$" + "{Package} $" + "{Version}\n", "ignition"),
    row: binary ? (place) => ignitionRow(binary, place) : undefined,
  };
}

function gcloud(): Peer {
  const binary = found("gcloud");
  return {
    id: "gcloud",
    title: "gcloud secrets versions access, once",
    without: "one secret, no file",
    version: () => firstLine("gcloud", "--version"),
    row: binary
      ? (place) => ({
          id: "gcloud",
          title: "gcloud",
          prepare: () => {
            const token = join(place.scratch, "token");
            writeFileSync(token, "ya29.bench");
            const configuration = {
              CLOUDSDK_CONFIG: join(place.scratch, "gcloud"),
              CLOUDSDK_CORE_PROJECT: "acme",
              CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: "1",
              CLOUDSDK_CORE_CHECK_GCE_METADATA: "0",
              CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK: "1",
              CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE: place.certificates.root,
              CLOUDSDK_AUTH_ACCESS_TOKEN_FILE: token,
              CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER: `https://127.0.0.1:${place.ports.secure}/`,
            };
            const args = ["secrets", "versions", "access", "3", "--secret", "s0", "--quiet"];
            return { program: { command: binary, args, env: { PATH: path, HOME: place.scratch, ...configuration } } };
          },
        })
      : undefined,
  };
}

/**
 * cloud-init in mount and network namespaces of its own, in which only the loopback exists: its metadata server is a
 * second one of ours, its folders are in memory, and the machine is said to be Google's.
 */
export async function cloudInit(certificates: string): Promise<{ peer: Peer; end: () => void }> {
  const binary = found("cloud-init");
  const about: Omit<Peer, "row"> = {
    id: "cloud-init",
    title: "cloud-init, its four stages, 12 write_files",
    without: "no secrets, nothing rendered, no fsync",
    version: () => firstLine("dpkg-query", "-W", "-f", "$" + "{Package} $" + "{Version}\n", "cloud-init"),
  };
  if (!binary || process.getuid?.() !== 0 || !found("unshare") || !found("nsenter"))
    return { peer: { ...about, row: undefined }, end: () => {} };
  const target = "/run/cloud-init-bench";
  const text = manifestOf(0).sources["motd.txt"] ?? "";
  const userData = `#cloud-config\n${JSON.stringify({
    write_files: Array.from({ length: 12 }, (_, n) => ({
      path: `${target}/file${n}`,
      permissions: "0640",
      content: text,
    })),
  })}`;
  const cell = spawn(
    "unshare",
    [
      "-m",
      "-n",
      "--propagation",
      "private",
      "sh",
      here("cell.sh"),
      process.execPath,
      join(import.meta.dirname, "server.ts"),
      certificates,
    ],
    { stdio: ["pipe", "pipe", "inherit"], env: { PATH: path, BENCH_USER_DATA: userData } },
  );
  const served = await ports(cell);
  const inside = (...command: string[]) => ["-t", String(cell.pid), "-m", "-n", "--", ...command];
  const configuration = {
    datasource_list: ["GCE"],
    datasource: { GCE: { metadata_url: `http://127.0.0.1:${served[0].metadata}/computeMetadata/v1/` } },
    network: { config: "disabled" },
    disable_root: false,
    preserve_hostname: true,
    cloud_init_modules: ["write-files"],
    cloud_config_modules: [],
    cloud_final_modules: [],
  };
  execFileSync("nsenter", inside("sh", "-c", "cat > /etc/cloud/cloud.cfg"), { input: JSON.stringify(configuration) });
  const clean = `rm -rf ${target} /var/lib/cloud/* /run/cloud-init`;
  const stages = ["init --local", "init", "modules --mode=config", "modules --mode=final"];
  const command = stages.map((stage) => `"$1" ${stage}`).join(" && ");
  const row: Row = {
    id: about.id,
    title: about.title,
    prepare: () => {
      execFileSync("nsenter", inside("sh", "-c", clean));
      return {
        program: {
          command: "/usr/bin/nsenter",
          args: inside("sh", "-c", command, "sh", binary),
          env: { PATH: `/run/bench:${path}` },
        },
        check: () => {
          const listed = execFileSync("nsenter", inside("ls", target), { encoding: "utf8" }).trim().split("\n");
          if (listed.length !== 12) throw new Error(`${listed.length} of 12 files are there`);
        },
      };
    },
  };
  return { peer: { ...about, row: () => row }, end: () => cell.stdin?.end() };
}

export async function ports(server: ChildProcess): Promise<Served> {
  return new Promise((resolve, reject) => {
    server.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    server.stdout?.once("data", (line) => resolve(JSON.parse(String(line))));
  });
}

/** Without cloud-init, which needs a place of its own. */
export const peers: readonly Peer[] = [
  ignition(),
  script("one-by-one"),
  script("together"),
  sdk(false),
  sdk(true),
  gcloud(),
];

/** A floor: the same requests by curl alone, and what they answer thrown away. */
export function curlFloor(place: Place): Row {
  const meta = `http://127.0.0.1:${place.ports.metadata}/computeMetadata/v1`;
  const secrets = Array.from(
    { length: 8 },
    (_, n) => `https://127.0.0.1:${place.ports.secure}/v1/${versionOf(n)}:access`,
  );
  const urls = [`${meta}/?recursive=true&alt=json`, `${meta}/instance/service-accounts/default/token`, ...secrets];
  return {
    id: "curl",
    title: "curl -Z, the same ten requests",
    prepare: () => ({
      program: {
        command: found("curl") ?? "curl",
        args: ["-sSf", "-Z", "-H", "Metadata-Flavor: Google", ...urls.flatMap((url) => ["-o", "/dev/null", url])],
        env: { CURL_CA_BUNDLE: place.certificates.root },
      },
    }),
  };
}
