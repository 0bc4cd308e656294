// How the functions are bundled for Google Cloud: one folder, ready to deploy.
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { googleClients } from "./google-clients.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const FRAMEWORK = "@google-cloud/functions-framework";
const ENTRY = "functions/index.ts";

export const MOST_BYTES = 1_500_000;

/**
 * Writes index.js, its chunks and a package.json to `folder`, which is emptied first. Other `entryPoints` are built as parts
 * of it are. Throws when all of it has more than `most` bytes.
 */
export async function buildFunctions(folder, { entryPoints = { index: ENTRY }, most = MOST_BYTES } = {}) {
  const page = await readFile(join(root, "functions/controller/status/page.html"), "utf8");
  const { dependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  // Chunks are named by what they hold: those of older builds would stay for ever.
  await rm(folder, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: root,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    splitting: true,
    minify: true,
    legalComments: "none",
    logLevel: "warning",
    metafile: true,
    entryPoints,
    outdir: folder,
    chunkNames: "chunks/[name]-[hash]",
    external: [FRAMEWORK],
    plugins: [googleClients],
    // Google's clients are CommonJS and require Node's own modules.
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    // The status page travels inside: all of it is deployed as one folder without the sources.
    define: { MOULT_STATUS_PAGE: JSON.stringify(page) },
  });
  const deployed = { type: "module", main: "index.js", dependencies: { [FRAMEWORK]: dependencies[FRAMEWORK] } };
  await writeFile(join(folder, "package.json"), `${JSON.stringify(deployed, null, 2)}\n`);
  const { outputs } = metafile;
  const allBytes = bytes(outputs, Object.keys(outputs));
  if (allBytes > most)
    throw new Error(
      `the functions' bundle has ${allBytes} bytes, at most ${most} are allowed (scripts/functions-bundle.mjs). Most of it:\n${largest(outputs)}`,
    );
  return { metafile, startBytes: bytes(outputs, started(outputs)), allBytes };
}

/** Chunks that are read before the first event. */
function started(outputs) {
  const names = new Set(Object.keys(outputs).filter((name) => outputs[name].entryPoint === ENTRY));
  // A set grows while it is gone through.
  for (const name of names)
    for (const { path, kind } of outputs[name]?.imports ?? []) if (kind === "import-statement") names.add(path);
  return [...names];
}

const bytes = (outputs, names) => names.reduce((total, name) => total + (outputs[name]?.bytes ?? 0), 0);

function largest(outputs) {
  return Object.values(outputs)
    .flatMap(({ inputs }) => Object.entries(inputs).map(([name, { bytesInOutput }]) => [bytesInOutput, name]))
    .sort(([a], [b]) => b - a)
    .slice(0, 12)
    .map(([size, name]) => `  ${size} ${name}`)
    .join("\n");
}
