import { createPublicKey } from "node:crypto";
import { matching } from "../clean/find.ts";
import { manifestOf } from "./agent.ts";
import type { Image } from "./image.ts";
import type { Rule } from "./rule.ts";

const keys = "/usr/lib/moult/keys";
const quadlet = /\.(container|volume|network|kube|pod|image|build)$/;

/** Whether the programs the agent works with are there, and new enough. Nothing is started to find out. */
export const runtime: readonly Rule[] = [
  {
    id: "node",
    severity: "error",
    why: "the agent runs on Node 18 and newer",
    cure: "install a newer Node, or the agent's single executable",
    find: (image) => {
      const program = /^ExecStart=[-@:+!|]*(\S+)/m.exec(image.unit("moult-agent.service") ?? "")?.[1];
      if (program === undefined) return [];
      if (!image.has(program)) return [`${program} is missing`];
      if (!/\/node(js)?$/.test(program)) return [];
      const major = nodeMajor(image);
      return major !== undefined && major < 18 ? [`${program} is of version ${major}`] : [];
    },
  },
  {
    id: "systemd",
    severity: "error",
    why: "LoadCredential= came with systemd 247",
    cure: "a newer base image",
    find: (image) => {
      const { units } = manifestOf(image);
      const version = systemdVersion(image);
      return version !== undefined && version < 247 && units.some(({ credentials }) => credentials.size > 0)
        ? [`systemd ${version}`]
        : [];
    },
  },
  {
    id: "podman",
    severity: "error",
    why: "units of containers need podman 4.4 or newer, which brings a generator for systemd",
    cure: "install podman 4.4 or newer",
    find: (image) => {
      const wanted = [
        ...manifestOf(image).units.flatMap(({ name }) => (quadlet.test(name) ? [name] : [])),
        ...image.names("/etc/containers/systemd").filter((name) => quadlet.test(name)),
      ];
      const generator = ["/usr/lib", "/lib", "/usr/local/lib", "/etc"].some((folder) =>
        image.has(`${folder}/systemd/system-generators/podman-system-generator`),
      );
      return generator ? [] : wanted;
    },
  },
  {
    id: "public-key",
    severity: "error",
    why: "the agent believes no configuration, because a key cannot be read",
    cure: "a PEM file (SPKI) with one Ed25519 public key",
    find: (image) =>
      image
        .names(keys)
        .flatMap((name) =>
          name.endsWith(".pem") && !isEd25519(image.read(`${keys}/${name}`) ?? "") ? [`${keys}/${name}`] : [],
        ),
  },
];

function isEd25519(pem: string): boolean {
  try {
    return /-----BEGIN PUBLIC KEY-----/.test(pem) && createPublicKey(pem).asymmetricKeyType === "ed25519";
  } catch {
    return false;
  }
}

/** From dpkg, or the headers that come with Node; undefined when neither is there. */
function nodeMajor(image: Image): number | undefined {
  const text =
    image.packageVersion("nodejs") ??
    ["/usr/include/node", "/usr/local/include/node", "/usr/include/nodejs/src"]
      .map((folder) => /^#define NODE_MAJOR_VERSION (\d+)/m.exec(image.read(`${folder}/node_version.h`) ?? "")?.[1])
      .find((found) => found !== undefined);
  return text === undefined ? undefined : Number.parseInt(text, 10);
}

/** The name of its shared library holds it. */
function systemdVersion(image: Image): number | undefined {
  for (const path of [
    "lib/systemd",
    "lib/*/systemd",
    "usr/lib/systemd",
    "usr/lib/*/systemd",
    "usr/lib64/systemd",
  ].flatMap((folder) => matching(image.root, `/${folder}/libsystemd-shared-*.so`))) {
    const version = /-(\d+)[^/]*$/.exec(path)?.[1];
    if (version !== undefined) return Number(version);
  }
  return undefined;
}
