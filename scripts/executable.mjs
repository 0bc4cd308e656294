// The boot agent as one executable, for images without Node (docs/decisions/0004-single-executable.md).
//   node scripts/executable.mjs [KIND] [FILE]
// KIND: node (chosen; into dist/agent/moult-agent when no file is given), node-cached (with V8's code cache), bun.
// Linux on this machine's processor. What it needs is pinned in scripts/executable and test/agent/nodes.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { agentInOne } from "./bundles.mjs";
import { installedNodes, installPinned } from "./matrix.mjs";

const tools = fileURLToPath(new URL("executable", import.meta.url));
const cache = fileURLToPath(new URL("../.cache", import.meta.url));
/** Where postject puts the program, and where Node looks for it. */
const fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

function tool(path) {
  const file = join(tools, "node_modules", path);
  const trouble = existsSync(file) ? undefined : installPinned(tools);
  if (!existsSync(file)) throw new Error(`scripts/executable cannot be installed: ${trouble ?? "npm left it out"}`);
  return file;
}

const quiet = { stdio: ["ignore", "ignore", "inherit"] };

function withNode(bundle, scratch, useCodeCache) {
  const node = installedNodes().at(-1)?.binary;
  if (!node) throw new Error("no Node of test/agent/nodes is installed");
  const made = join(scratch, "moult-agent");
  const flags = { disableExperimentalSEAWarning: true, useSnapshot: false, useCodeCache };
  // As the unit starts Node: the system's roots. NODE_OPTIONS is not read: a root agent takes nothing from the environment.
  const options = { execArgv: ["--use-openssl-ca"], execArgvExtension: "none" };
  // Names without a folder: the path of its program stands in the executable, and every build shall be the same bytes.
  const settings = { main: basename(bundle), output: "blob", ...flags, ...options };
  writeFileSync(join(scratch, "sea.json"), JSON.stringify(settings));
  execFileSync(node, ["--experimental-sea-config", "sea.json"], { cwd: scratch, stdio: ["ignore", "ignore", "pipe"] });
  copyFileSync(node, made);
  chmodSync(made, 0o755);
  const postject = tool("postject/dist/cli.js");
  // Its warnings about notes of the linker are known and mean nothing here.
  execFileSync(node, [postject, made, "NODE_SEA_BLOB", join(scratch, "blob"), "--sentinel-fuse", fuse], {
    stdio: "ignore",
  });
  return made;
}

function withBun(bundle, scratch) {
  const bun = tool(`@oven/bun-linux-${process.arch === "arm64" ? "aarch64" : "x64"}/bin/bun`);
  const made = join(scratch, "moult-agent");
  // Without the first two it would read .env and bunfig.toml of whatever folder it is started in, as root.
  const closed = [
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    "--compile-exec-argv=--use-openssl-ca",
  ];
  const kind = ["--compile", "--bytecode", "--format=cjs", "--minify", ...closed];
  execFileSync(bun, ["build", ...kind, `--outfile=${made}`, bundle], quiet);
  return made;
}

const makers = {
  node: (bundle, scratch) => withNode(bundle, scratch, false),
  "node-cached": (bundle, scratch) => withNode(bundle, scratch, true),
  bun: withBun,
};

/** Builds one kind into `file`, whole or not at all. */
export async function buildExecutable(kind, file) {
  const make = makers[kind];
  if (!make) throw new Error(`KIND is one of ${Object.keys(makers).join(", ")}`);
  mkdirSync(cache, { recursive: true });
  mkdirSync(dirname(file), { recursive: true });
  const scratch = mkdtempSync(join(cache, "executable-"));
  try {
    const bundle = join(scratch, "moult-agent.cjs");
    await build(agentInOne(bundle));
    renameSync(make(bundle, scratch), file);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [kind = "node", file = "dist/agent/moult-agent"] = process.argv.slice(2);
  await buildExecutable(kind, resolve(file));
  const version = execFileSync(resolve(file), ["--version"], { encoding: "utf8" }).trim();
  console.log(`${file}: ${kind}, version ${version}`);
}
