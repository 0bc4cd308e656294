// Bundles what runs without the source tree: the agent (CommonJS files without dependencies), the functions as they are
// deployed, and the command line.
import { chmod, copyFile, readFile, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { buildAgent } from "./bundles.mjs";
import { buildFunctions } from "./functions-bundle.mjs";

const common = { bundle: true, platform: "node", logLevel: "warning" };

// Chunks are named by what they hold: those of older builds would stay for ever.
await rm("dist/cli/chunks", { recursive: true, force: true });

await Promise.all([
  buildAgent(fileURLToPath(new URL("../dist/agent", import.meta.url))),
  buildFunctions(fileURLToPath(new URL("../dist/functions", import.meta.url))),
  build({
    ...common,
    entryPoints: { moult: "cli/main.ts", functions: "functions/serve.ts" },
    outdir: "dist/cli",
    outExtension: { ".js": ".mjs" },
    format: "esm",
    target: "node20",
    packages: "external",
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    // The status page travels inside the functions: they are deployed as one file.
    define: { MOULT_STATUS_PAGE: JSON.stringify(await readFile("functions/controller/status/page.html", "utf8")) },
  }),
]);
await chmod("dist/cli/moult.mjs", 0o755);
await copyFile("emulator/admin/page.html", "dist/cli/page.html");
