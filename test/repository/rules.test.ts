import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MOVES } from "../../functions/core/phases.ts";
import { REASON_WORDS } from "../../functions/core/reasons.ts";

const root = join(import.meta.dirname, "..", "..");
const tracked = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => file && !file.startsWith("test/fixtures/"));
const read = (file: string) => readFileSync(join(root, file), "utf8");

/** Lines of code, without comments and texts, that match. */
function offending(files: string[], pattern: RegExp): string[] {
  return files.flatMap((file) =>
    read(file)
      .split("\n")
      .flatMap((line, i) => (pattern.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : [])),
  );
}

describe("core decides without the world", () => {
  const core = tracked.filter((file) => file.startsWith("functions/core/") && file.endsWith(".ts"));

  it("has no clock and no randomness", () => {
    expect(core.length).toBeGreaterThan(10);
    expect(offending(core, /Date\.now|new Date\(\)|Math\.random|performance\./)).toEqual([]);
  });

  it("imports only itself and types of the wire", () => {
    const outside = core.flatMap((file) =>
      [...read(file).matchAll(/^(?:import|export|\}) [^"\n]*from "([^"]+)"/gm)]
        .map(([, target = ""]) => ({ target, place: target.startsWith(".") ? join(file, "..", target) : target }))
        .filter(({ place }) => !/^(functions\/core|wire)\//.test(place))
        .map(({ target }) => `${file}: ${target}`),
    );
    expect(outside).toEqual([]);
  });
});

describe("the agent alone has no runtime dependency", () => {
  it("imports itself, node: and types of the wire", () => {
    const agent = tracked.filter((file) => file.startsWith("agent/") && file.endsWith(".ts"));
    expect(agent.length).toBeGreaterThan(5);
    expect(offending(agent, /^(import|export) .* from "(?!\.|node:)/)).toEqual([]);
  });
});

describe("what lands on every machine stays small", () => {
  it.each([
    ["what every boot reads is at most 48 KiB", "moult-agent.cjs", 48],
    ["what only some boots read is at most 80 KiB", "moult-more.cjs", 80],
  ])("%s", (_what, file, most) => {
    expect(statSync(join(root, "dist/agent", file)).size).toBeLessThanOrEqual(most * 1024);
  });
});

describe("nothing of a workplace is committed", () => {
  const texts = tracked.filter((file) =>
    /\.(ts|mjs|cjs|js|json|md|yaml|yml|sh|tf|hcl|service|tmpl|toml)$|^\.ci\/|^\.npmrc$/.test(file),
  );

  it("no path of a machine", () => {
    // Written apart, so that this line does not find itself.
    const paths = new RegExp(["/wo" + "rk/", "/ro" + "ot/[a-z.]", "/ho" + "me/[a-z]+/"].join("|"));
    expect(offending(texts, paths)).toEqual([]);
  });

  it("no address of a registry in the lock file", () => {
    expect(read("package-lock.json")).not.toMatch(/"resolved"/);
  });
});

describe("documents that a test reads", () => {
  it("docs/why.md explains every reason word, and none that does not exist", () => {
    const words = [...read("docs/why.md").matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, word]) => word);
    expect(words.sort()).toEqual([...REASON_WORDS].sort());
  });

  it("docs/rollout.md draws every move of a rollout, and none that does not exist", () => {
    const [, picture = ""] = /```mermaid\n([\s\S]*?)```/.exec(read("docs/rollout.md")) ?? [];
    const drawn = [...picture.matchAll(/^ *([a-z_]+) --> ([a-z_]+)$/gm)].map(([, from = "", to = ""]) =>
      `${from} ${to}`.replaceAll("_", "-"),
    );
    const moves = Object.entries(MOVES).flatMap(([from, all]) => all.map((to) => `${from} ${to}`));
    expect(drawn.sort()).toEqual(moves.sort());
  });

  it(".ci/run calls exactly the README's test command", () => {
    const [, command] = /^(npm ci && npm test)$/m.exec(read("README.md")) ?? [];
    expect(command).toBeDefined();
    expect(read(".ci/run")).toContain(command);
  });
});
