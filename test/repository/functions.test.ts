import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Metafile } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildFunctions, type FunctionsBundle, MOST_BYTES } from "../../scripts/functions-bundle.mjs";

const root = join(import.meta.dirname, "..", "..");
/** In the checkout, so that packages are found. */
const folder = join(root, ".cache", `functions-${process.pid}`);

let bundle: FunctionsBundle;
beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  bundle = await buildFunctions(join(folder, "built"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A small module of its own, built as a part of the functions is. */
async function built(name: string, text: string): Promise<unknown> {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, text);
  await buildFunctions(join(folder, name), { entryPoints: { [name]: file } });
  return import(pathToFileURL(join(folder, name, `${name}.js`)).href);
}

/** What is in the chunks that are read before the first event. */
function atStart({ outputs }: Metafile): string[] {
  const names = new Set(Object.keys(outputs).filter((name) => outputs[name]?.entryPoint === "functions/index.ts"));
  for (const name of names)
    for (const { path, kind } of outputs[name]?.imports ?? []) if (kind === "import-statement") names.add(path);
  return [...names].flatMap((name) => Object.keys(outputs[name]?.inputs ?? {}));
}

describe("the functions' bundle", () => {
  it("has at most 1.5 MB", () => {
    expect(MOST_BYTES).toBe(1_500_000);
    expect(bundle.allBytes).toBeGreaterThan(bundle.startBytes);
    expect(bundle.allBytes).toBeLessThanOrEqual(MOST_BYTES);
  });

  it("is refused when it is larger, and says what it is made of", async () => {
    const over = buildFunctions(join(folder, "over"), { most: 100_000 });
    await expect(over).rejects.toThrow(/has \d+ bytes, at most 100000 are allowed .*\n {2}\d+ \S+/);
  });

  it.each([
    ["gRPC", /node_modules\/@grpc\//],
    ["generated classes", /\/protos\/protos\.js$/],
    ["the client of Compute", /@google-cloud\/compute\//],
    ["the framework, which starts it", /@google-cloud\/functions-framework\//],
    ["the subscriber and what is around it", /@google-cloud\/pubsub\//],
  ])("holds nothing of %s", (_what, pattern) => {
    const inputs = Object.values(bundle.metafile.outputs).flatMap((output) => Object.keys(output.inputs));
    expect(inputs.length).toBeGreaterThan(100);
    expect(inputs.filter((name) => pattern.test(name))).toEqual([]);
  });

  it("reads Storage's client at every start, and those of Pub/Sub and Secret Manager at first use", () => {
    const inputs = atStart(bundle.metafile);
    const among = (pattern: RegExp) => inputs.some((name) => pattern.test(name));
    expect(among(/@google-cloud\/storage\//)).toBe(true);
    expect(among(/pubsub-api|secret-manager|google-gax|protobufjs/)).toBe(false);
  });

  it("names what has to be installed beside it, in the version of the lock file", () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const name = "@google-cloud/functions-framework";
    expect(JSON.parse(readFileSync(join(folder, "built", "package.json"), "utf8"))).toEqual({
      type: "module",
      main: "index.js",
      dependencies: { [name]: dependencies[name] },
    });
  });
});

describe("what is left out", () => {
  it("is taken along without harm and says so when it is used", async () => {
    const module = await built(
      "absent",
      `import gax from "google-gax"; export const use = () => gax.fallback.operationsProtos.google.longrunning;`,
    );
    const { use } = module as { use(): unknown };
    expect(use).toThrow("google-gax/build/protos/operations.js is not in this bundle: scripts/google-clients.mjs");
  });

  it.each([
    ["google-auth-library", "GoogleAuth"],
    ["https-proxy-agent", "HttpsProxyAgent"],
    ["mime", "default"],
    ["p-limit", "default"],
  ])("is nothing of what import() gives: of %s the name %s", async (name, part) => {
    const { load } = Object(
      await built(`import-${name}`, `export const load = async () => (await import("${name}")).${part};`),
    );
    expect(["function", "object"]).toContain(typeof (await load()));
  });

  it("cannot be a name of a CommonJS package that is loaded by import()", async () => {
    const building = built("nameless", `export const load = () => import("lodash.camelcase");`);
    await expect(building).rejects.toThrow(/lodash\.camelcase\/index\.js is loaded by import\(\): write out its names/);
  });
});
