import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "../args.ts";
import { changeSettings, isFolder, STORE } from "../config/folder.ts";
import { FILES, MANIFEST } from "../config/worktree.ts";
import { EXIT } from "../failure.ts";
import { JSON_FLAG } from "../jsonflag.ts";

const FIRST_MANIFEST = `# What a machine receives. docs/manifest.md of moult shows every field; moult config check says what is wrong.
manifest: 1

# What templates may ask for as values.NAME. A file in values/ says what is different in one environment.
values:
  greeting: hello

files:
  - { path: /etc/motd, template: motd.tmpl, format: text }
`;
const FIRST_TEMPLATE = "{{ values.greeting }} from {{ instance.name }}\n";
const FIRST_VALUES = `# moult config commit --ref prod --message TEXT --values values/prod.yaml
greeting: good day
`;

export const command: Command = {
  name: "config init",
  summary: "make a configuration folder with a small valid manifest",
  words: [{ name: "FOLDER", optional: true }],
  flags: {
    bucket: { value: "B", help: "the configuration bucket that moult config push goes to" },
    project: { value: "P", help: "the project that holds the fleets' state" },
    ...JSON_FLAG,
  },
  details: `Writes manifest.yaml, files/ and values/ where there are none, and .moult/, which holds the commits. In a folder that
is one already, nothing changes but what the flags say. .moult/ does not belong into git.`,
  examples: ["moult config init web-config", "moult config init --bucket acme-moult-config"],
  run: async (given, { out }) => {
    const folder = resolve(given.words[0] ?? ".");
    const made: string[] = [];
    const write = (name: string, text: string) => {
      const file = join(folder, name);
      if (existsSync(file)) return;
      mkdirSync(join(file, ".."), { recursive: true });
      writeFileSync(file, text);
      made.push(name);
    };
    const known = isFolder(join(folder, STORE));
    if (!existsSync(join(folder, MANIFEST)) && !known) {
      write(MANIFEST, FIRST_MANIFEST);
      write(`${FILES}/motd.tmpl`, FIRST_TEMPLATE);
      write("values/prod.yaml", FIRST_VALUES);
    }
    const [bucket, project] = [given.text("bucket"), given.text("project")];
    const settings = await changeSettings(folder, (before) => ({
      ...before,
      ...(bucket && { bucket }),
      ...(project && { project }),
    }));
    if (!known) write(`${STORE}/.gitignore`, "*\n");
    if (given.has("json")) out.write(`${JSON.stringify({ folder, made, bucket: settings.bucket ?? null })}\n`);
    else {
      out.write(`${folder} is ${known ? "still" : "now"} a configuration folder\n`);
      if (made.length > 0) out.write(`made ${made.filter((name) => !name.startsWith(STORE)).join(", ")}\n`);
    }
    return EXIT.ok;
  },
};
