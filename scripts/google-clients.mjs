// What of Google's clients goes into the functions' bundle: the two that are called, over REST. The rest of their packages
// (other clients, other versions, gRPC, generated classes) is 3 MB. docs/decisions/0009-functions-bundle.md says why.
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { reachableFrom } from "./protos.mjs";

const SPACE = "moult:google-clients";

/** Packages of which a few names are used, as modules of just these, which lie where the package's own main file lies. */
const reduced = {
  "@google-cloud/pubsub": `import { PublisherClient } from "@google-cloud/pubsub-api/build/src/v1/publisher_client.js";
export const v1 = { PublisherClient };`,
  "@google-cloud/secret-manager": `export { SecretManagerServiceClient } from "./v1/secret_manager_service_client.js";`,
  // `fallback` is the REST transport; of all else the generated clients take only these two names.
  "google-gax": `exports.fallback = require("./fallback.js");
exports.loggingUtils = require("google-logging-utils");
exports.decodeAnyProtosInArray = require("./util.js").decodeAnyProtosInArray;`,
};

/** CommonJS that is loaded by `import()`, which in a bundle gives only the names that are written out. */
const named = {
  "google-auth-library": `export { GoogleAuth } from "google-auth-library";`,
  "https-proxy-agent": `export { HttpsProxyAgent } from "https-proxy-agent";`,
  mime: `export { default } from "mime";`,
  "p-limit": `export { default } from "p-limit";`,
};

/** Files that what is left requires and hands on but never uses. */
const absent = [
  // Classes of the same types whose JSON is used. Only long-running operations make any of them.
  /\/google-gax\/build\/protos\/(iam_service|locations|operations)\.js$/,
  // Node has had web streams since 18.
  /\/web-streams-polyfill\/dist\/ponyfill\.es2018\.js$/,
];

/** The types of a whole API in all its versions, and the one service of it that is called. */
const services = [
  [/\/pubsub-api\/build\/protos\/protos\.json$/, "google.pubsub.v1.Publisher"],
  [/\/secret-manager\/build\/protos\/protos\.json$/, "google.cloud.secretmanager.v1.SecretManagerService"],
];

/** Stands in for a file that is left out. Taking it along is fine; using it throws. */
const throwing = (path) => `const gone = () => {
  throw new Error(${JSON.stringify(`${path.replace(/^.*\/node_modules\//, "")} is not in this bundle: scripts/google-clients.mjs leaves it out`)});
};
module.exports = new Proxy({}, { get: (_, name) => (name === "__esModule" ? true : gone()) });`;

const anyOf = (patterns) => new RegExp(patterns.map(({ source }) => source).join("|"));

/** A plugin of esbuild. */
export const googleClients = {
  name: SPACE,
  setup({ onResolve, onLoad, onEnd, resolve }) {
    onResolve({ filter: /^[@a-z]/ }, async ({ path, kind, namespace, resolveDir, pluginData }) => {
      const replaced = path in reduced || (path in named && kind === "dynamic-import");
      if (!replaced || pluginData === SPACE || namespace === SPACE) return undefined;
      const { path: main, errors } = await resolve(path, { kind, resolveDir, pluginData: SPACE });
      return errors.length > 0 ? { errors } : { path, namespace: SPACE, pluginData: dirname(main) };
    });
    onLoad({ filter: /./, namespace: SPACE }, ({ path, pluginData }) => ({
      contents: reduced[path] ?? named[path],
      resolveDir: pluginData,
    }));
    for (const [filter, service] of services)
      onLoad({ filter }, async ({ path }) => ({
        contents: JSON.stringify(reachableFrom(JSON.parse(await readFile(path, "utf8")), service)),
        loader: "json",
      }));
    onLoad({ filter: anyOf(absent) }, ({ path }) => ({ contents: throwing(path) }));
    onEnd(({ metafile }) => ({ errors: nameless(metafile).map((text) => ({ text })) }));
  },
};

/** `import()` of CommonJS that `named` does not know: whoever asks such a chunk for a name gets undefined. */
function nameless({ inputs, outputs }) {
  return Object.values(outputs).flatMap(({ entryPoint = "" }) =>
    inputs[entryPoint]?.format === "cjs"
      ? [`${entryPoint} is loaded by import(): write out its names in scripts/google-clients.mjs`]
      : [],
  );
}
