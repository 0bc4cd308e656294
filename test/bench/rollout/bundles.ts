import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildAgent } from "../../../scripts/bundles.mjs";
import { buildFunctions } from "../../../scripts/functions-bundle.mjs";

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

/** Built by the bench itself, so that it measures the tree it lies in. */
export async function buildBundles(): Promise<Bundles> {
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(folder, { recursive: true });
  const served = join(folder, "served");
  const deployed = join(folder, "deployed");
  const [, , { startBytes, allBytes }] = await Promise.all([
    buildAgent(join(folder, "agent")),
    // However large: the bench says so.
    buildFunctions(served, { entryPoints: { serve: "functions/serve.ts" }, most: Number.POSITIVE_INFINITY }),
    buildFunctions(deployed, { most: Number.POSITIVE_INFINITY }),
  ]);
  return {
    agent: join(folder, "agent", "moult-agent.cjs"),
    functions: join(served, "serve.js"),
    deployed: join(deployed, "index.js"),
    startBytes,
    allBytes,
  };
}
