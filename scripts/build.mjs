// Bundles what runs without the source tree: the agent (one CommonJS file without dependencies) and the command line.
import { chmod, rm } from "node:fs/promises";
import { build } from "esbuild";

const common = { bundle: true, platform: "node", logLevel: "warning" };

// Chunks are named by what they hold: those of older builds would stay for ever.
await rm("dist/cli/chunks", { recursive: true, force: true });

await Promise.all([
  build({
    ...common,
    entryPoints: ["agent/main.ts"],
    outfile: "dist/agent/moult-agent.cjs",
    format: "cjs",
    target: "node18",
    minify: true,
    legalComments: "none",
  }),
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
  }),
]);
await chmod("dist/cli/moult.mjs", 0o755);
