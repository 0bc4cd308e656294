import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { buildAgent } from "../../../scripts/bundles.mjs";

const root = join(import.meta.dirname, "..", "..", "..");
/** In the checkout, so that what is left outside the bundles is found. */
const folder = join(root, ".cache", `bench-rollout-${process.pid}`);

export interface Bundles {
  agent: string;
  /** All functions in one process, as the local cloud runs them. */
  functions: string;
  /** What is deployed: everything inside but the framework. */
  deployed: string;
  /** Of its chunks: those that every start reads, and all. */
  startBytes: number;
  allBytes: number;
}

const common = { bundle: true, platform: "node", target: "node20", logLevel: "error", metafile: true } as const;

/** Built by the bench itself, so that it measures the tree it lies in. */
export async function buildBundles(): Promise<Bundles> {
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(folder, { recursive: true });
  const functions = join(folder, "functions.mjs");
  const deployed = join(folder, "deployed", "index.js");
  const [, , { metafile }] = await Promise.all([
    buildAgent(join(folder, "agent")),
    build({
      ...common,
      entryPoints: [join(root, "functions", "serve.ts")],
      outfile: functions,
      format: "esm",
      packages: "external",
    }),
    build({
      ...common,
      entryPoints: [join(root, "functions", "index.ts")],
      outdir: join(folder, "deployed"),
      entryNames: "index",
      format: "esm",
      splitting: true,
      minify: true,
      external: ["@google-cloud/functions-framework"],
      // Google's clients are CommonJS and require Node's own modules.
      banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    }),
  ]);
  writeFileSync(join(folder, "deployed", "package.json"), JSON.stringify({ type: "module", main: "index.js" }));
  const { outputs } = metafile;
  const first = Object.keys(outputs).find((name) => outputs[name]?.entryPoint?.endsWith("functions/index.ts")) ?? "";
  const started = new Set([first]);
  // A set grows while it is gone through.
  for (const name of started)
    for (const { path, kind } of outputs[name]?.imports ?? []) if (kind === "import-statement") started.add(path);
  const sum = (names: Iterable<string>) => [...names].reduce((total, name) => total + (outputs[name]?.bytes ?? 0), 0);
  return {
    agent: join(folder, "agent", "moult-agent.cjs"),
    functions,
    deployed,
    startBytes: sum(started),
    allBytes: sum(Object.keys(outputs)),
  };
}
