// How the agent is bundled: one file with what every boot needs, beside it what only some boots need (a machine that is
// being configured, secrets, --exec), and the commands for people. docs/decisions/0007-two-bundles.md says why.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const agent = fileURLToPath(new URL("../agent/", import.meta.url));
const shared = "moult:";

const common = {
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node18",
  minify: true,
  legalComments: "none",
  logLevel: "warning",
  absWorkingDir: agent,
};

const boot = { ...common, entryPoints: ["main.ts"], define: { MOULT_ONE_FILE: "false" } };

/**
 * Writes moult-agent.cjs, moult-more.cjs and moult-tools.cjs. What is in the first is not in the second again: it asks
 * the first for it, by names like `moult:outcome.ts`, so that there is one copy of every class.
 */
export async function buildAgent(folder) {
  const { metafile } = await build({ ...boot, metafile: true, write: false });
  const [output] = Object.values(metafile.outputs);
  const first = new Set(
    Object.entries(output.inputs).flatMap(([name, { bytesInOutput }]) => (bytesInOutput > 0 ? [name] : [])),
  );
  const asked = new Set();
  const askFirst = {
    name: "ask the first bundle",
    setup({ onResolve, resolve }) {
      onResolve({ filter: /^\./ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
        if (pluginData === shared) return undefined;
        const found = await resolve(path, { importer, resolveDir, kind, pluginData: shared });
        const name = found.path.slice(agent.length);
        if (!first.has(name)) return undefined;
        asked.add(name);
        return { path: shared + name, external: true };
      });
    },
  };
  await build({
    ...common,
    entryPoints: ["more.ts"],
    outfile: `${folder}/moult-more.cjs`,
    plugins: [askFirst],
    // In brackets, which has V8 compile it at once: without them it would read all of it twice.
    banner: { js: "module.exports=(function(require){const module={};" },
    footer: { js: "return module.exports});" },
  });
  const names = [...asked].sort();
  const offer = [
    `import {offered} from "./load-more.ts";`,
    ...names.map((name, i) => `import * as m${i} from "./${name}";`),
    `Object.assign(offered,{${names.map((name, i) => `"${shared}${name}":m${i}`).join(",")}});`,
  ].join("\n");
  const offering = {
    name: "offer what the second bundle asks for",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^moult:offer$/ }, () => ({ path: "offer", namespace: shared }));
      onLoad({ filter: /./, namespace: shared }, () => ({ contents: offer, loader: "ts", resolveDir: agent }));
    },
  };
  const { entryPoints: _, ...options } = boot;
  await Promise.all([
    build({
      ...options,
      stdin: { contents: `import "moult:offer";import "./main.ts";`, resolveDir: agent, loader: "ts" },
      outfile: `${folder}/moult-agent.cjs`,
      plugins: [offering],
    }),
    build({ ...common, entryPoints: ["tools/main.ts"], outfile: `${folder}/moult-tools.cjs` }),
  ]);
}

/** Options of esbuild for the same in one file, for an executable that has no folder. */
export const agentInOne = (file) => ({
  ...common,
  entryPoints: ["main.ts"],
  outfile: file,
  define: { MOULT_ONE_FILE: "true" },
});
