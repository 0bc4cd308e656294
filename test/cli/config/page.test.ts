import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readArgs } from "../../../cli/args.ts";
import { COMMANDS } from "../../../cli/registry.ts";
import { type } from "../screen.ts";
import { commit, freshFolder, on, text } from "./folders.ts";

const page = readFileSync(join(import.meta.dirname, "../../../docs/config.md"), "utf8");
const typed = [...page.matchAll(/^\$ (moult config .+?)(?: &&.*)?$/gm)].map(([, line = ""]) => line);

describe("docs/config.md", () => {
  it.each(typed)("types %s as the command line takes it", async (line) => {
    const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "").slice(1);
    const entry = COMMANDS.find(({ name }) => name === words.slice(0, 2).join(" "));
    expect(entry).toBeDefined();
    const command = await entry?.load();
    // Throws when a flag or word is not one that it takes.
    if (command) readArgs(command, words.slice(2));
  });

  it("names every command that works on the folder", () => {
    const names = COMMANDS.map(({ name }) => name).filter((name) => name.startsWith("config "));
    for (const name of names) expect(page).toContain(`\`${name.slice("config ".length)}`);
    expect(typed.length).toBeGreaterThan(8);
  });

  it("begins with a folder that is valid as init makes it, and commits", async () => {
    const folder = join(freshFolder(), "web-config");
    expect((await type(["config", "init", folder])).code).toBe(0);
    expect(await on(folder, "check")).toMatchObject({ code: 0, err: "" });
    const dev = await commit(folder, "web/dev");
    const prod = await commit(folder, "web/prod", "--values", "values/prod.yaml");
    expect(dev.added).toBe(2);
    expect((await on(folder, "diff", dev.commit, prod.commit)).out).toContain(
      "-  greeting: hello\n+  greeting: good day\n",
    );
    // Once more changes nothing but what the flags say.
    await type(["config", "init", folder, "--bucket", "acme"]);
    expect((await commit(folder, "web/prod")).new).toBe(false);
    expect(JSON.parse(text(folder, ".moult/config.json")).bucket).toBe("acme");
  });
});
