import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EXIT } from "../../cli/failure.ts";
import { COMMANDS } from "../../cli/registry.ts";

const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "cli.md"), "utf8");

describe("docs/cli.md", () => {
  for (const { name, load } of COMMANDS) {
    it(`has moult ${name} as it is typed`, async () => {
      const command = await load();
      expect(command.name).toBe(name);
      const words = command.words.map(({ name: word, optional }) => (optional ? ` [${word}]` : ` ${word}`)).join("");
      expect(page).toContain(`moult ${name}${words}`);
      expect(command.examples.length).toBeGreaterThan(0);
    });
  }

  it("has every flag of the emulator", async () => {
    const command = await COMMANDS.find(({ name }) => name === "emulator")?.load();
    for (const flag of Object.keys(command?.flags ?? {})) expect(page).toContain(`--${flag}`);
  });

  it("has every exit code", () => {
    for (const code of Object.values(EXIT)) expect(page).toMatch(new RegExp(`^\\| ${code} +\\|`, "m"));
  });
});
